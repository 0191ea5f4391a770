//! A client that is written from `PROTOCOL.md` only: it shares no code with the daemon.

use anyhow::{Context, Result, bail};
use crewboard_testkit::is_dead;
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// The timeout for a reply.
const REPLY_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection to a daemon.
#[derive(Debug)]
pub(crate) struct Connection(BufReader<UnixStream>);

impl Connection {
    pub(crate) fn open(socket: &Path) -> Result<Self> {
        let stream = UnixStream::connect(socket).context("cannot connect to the daemon")?;
        stream.set_read_timeout(Some(REPLY_TIMEOUT))?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Sends a line.
    pub(crate) fn send(&mut self, line: &str) -> Result<()> {
        let stream = self.0.get_mut();
        stream.write_all(line.as_bytes())?;
        Ok(stream.write_all(b"\n")?)
    }

    /// Returns the next line.
    pub(crate) fn read_line(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.0.read_line(&mut line).context("the daemon did not reply in time")? == 0 {
            bail!("the daemon closed the connection");
        }
        Ok(line)
    }

    /// Sends a request and returns the first reply of a type.
    pub(crate) fn request(&mut self, request: &str, reply_type: &str) -> Result<Value> {
        self.send(request)?;
        loop {
            let reply: Value = serde_json::from_str(&self.read_line()?)?;
            if reply["type"] == reply_type {
                return Ok(reply);
            }
            if reply["type"] == "error" {
                bail!("{request}: {reply}");
            }
        }
    }

    /// Stops the daemon and waits for the end of its process, which may still touch files in its folder.
    /// Returns its `hello`.
    pub(crate) fn stop_daemon(mut self) -> Result<Value> {
        let hello = self.request(r#"{"type":"hello"}"#, "hello")?;
        let pid = u32::try_from(hello["pid"].as_u64().context("hello has no pid")?)?;
        self.send(r#"{"type":"stop"}"#)?;
        let start = Instant::now();
        while !is_dead(pid) {
            if start.elapsed() > REPLY_TIMEOUT {
                bail!("the daemon (pid {pid}) does not exit after `stop`");
            }
            // No event announces the end of a process that is no child of this process.
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(hello)
    }
}

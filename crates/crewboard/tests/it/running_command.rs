//! A command that runs in the background of a test.

use crewboard_testkit::{TIMEOUT, World};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Stdio};

/// A running command and its standard output.
pub(crate) struct Running {
    pub(crate) child: Child,
    /// Its standard output, which is a socket so that reads can have a timeout.
    pub(crate) lines: Option<BufReader<UnixStream>>,
}

impl Running {
    pub(crate) fn start<const N: usize>(world: &World, words: [&str; N]) -> Self {
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_read_timeout(Some(TIMEOUT)).unwrap();
        let mut command = world.command(words);
        command.stdout(OwnedFd::from(theirs)).stderr(Stdio::null());
        Self { child: command.spawn().unwrap(), lines: Some(BufReader::new(ours)) }
    }

    #[track_caller]
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        let read = self.lines.as_mut().unwrap().read_line(&mut line);
        assert_ne!(read.expect("a line within patience"), 0, "it ended");
        line
    }

    #[track_caller]
    pub(crate) fn wait_for(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let value: Value = serde_json::from_str(&self.line()).unwrap();
            if wanted(&value) {
                return value;
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

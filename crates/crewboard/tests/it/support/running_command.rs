//! A command that runs in the background of a test.

use crewboard_testkit::{TIMEOUT, World};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::Child;

/// A running command and its output. It is killed when this value is dropped, before a daemon that it would restart.
pub(crate) struct RunningCommand {
    pub(crate) child: Child,
    /// Its standard output and standard error, which are sockets so that reads can have a timeout.
    stdout: Option<BufReader<UnixStream>>,
    stderr: BufReader<UnixStream>,
}

impl RunningCommand {
    /// Starts `crewboard` with these arguments.
    pub(crate) fn start(world: &World, arguments: &[&str]) -> Self {
        let mut command = world.command(arguments);
        let output = || {
            let (ours, theirs) = UnixStream::pair().unwrap();
            ours.set_read_timeout(Some(TIMEOUT)).unwrap();
            (BufReader::new(ours), OwnedFd::from(theirs))
        };
        let ((stdout, to_stdout), (stderr, to_stderr)) = (output(), output());
        command.stdout(to_stdout).stderr(to_stderr);
        Self { child: command.spawn().unwrap(), stdout: Some(stdout), stderr }
    }

    /// Returns the next line of the output, with its end.
    #[track_caller]
    pub(crate) fn next_line(&mut self) -> String {
        next_line(self.stdout.as_mut().unwrap())
    }

    /// Reads JSON lines until one is as wanted. Returns that line. `what` describes the wanted line.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, what: &str, is_wanted: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        loop {
            let mut line = String::new();
            let read = self.stdout.as_mut().unwrap().read_line(&mut line);
            assert!(read.is_ok_and(|read| read > 0), "no {what}; the last line is {last}");
            last = serde_json::from_str(&line).unwrap();
            if is_wanted(&last) {
                return last;
            }
        }
    }

    /// Reads lines until one contains `text`.
    #[track_caller]
    pub(crate) fn wait_for_text(&mut self, text: &str) {
        while !self.next_line().contains(text) {}
    }

    /// Reads lines of standard error until one contains `text`.
    #[track_caller]
    pub(crate) fn wait_for_error(&mut self, text: &str) {
        while !next_line(&mut self.stderr).contains(text) {}
    }

    /// Closes the reading end of standard output.
    pub(crate) fn close_output(&mut self) {
        self.stdout = None;
    }
}

#[track_caller]
fn next_line(reader: &mut BufReader<UnixStream>) -> String {
    let mut line = String::new();
    let read = reader.read_line(&mut line).expect("no line within the timeout");
    assert_ne!(read, 0, "the command has ended");
    line
}

impl Drop for RunningCommand {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

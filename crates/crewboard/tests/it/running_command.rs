//! A command that runs while a test goes on.

use crewboard_testkit::{PATIENCE, World};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Stdio};

/// A command that is running, and what it prints.
pub(crate) struct Running {
    pub(crate) child: Child,
    /// The other end of its standard output; a socket, for it can be read with a bound.
    pub(crate) lines: Option<BufReader<UnixStream>>,
}

impl Running {
    pub(crate) fn start<const N: usize>(world: &World, words: [&str; N]) -> Self {
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_read_timeout(Some(PATIENCE)).unwrap();
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
    pub(crate) fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
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

//! Signals, as something to wait for.

use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM, SIGTSTP, SIGWINCH};
use signal_hook::flag;
use signal_hook::low_level::pipe;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What was caught, and a pipe that tells when there is something.
pub(crate) struct Signals {
    pipe: UnixStream,
    leave: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
    went_on: Arc<AtomicBool>,
}

/// What was caught since the last look.
pub(crate) struct Caught {
    pub(crate) leave: bool,
    pub(crate) stop: bool,
    pub(crate) went_on: bool,
}

/// Becomes readable when one was caught.
impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }
}

impl Signals {
    pub(crate) fn catch() -> io::Result<Self> {
        let (pipe, writer) = UnixStream::pair()?;
        pipe.set_nonblocking(true)?;
        let (leave, stop, went_on) = Default::default();
        let signals = Self { pipe, leave, stop, went_on };
        flag::register(SIGTSTP, Arc::clone(&signals.stop))?;
        flag::register(SIGCONT, Arc::clone(&signals.went_on))?;
        for signal in [SIGTERM, SIGHUP, SIGINT] {
            flag::register(signal, Arc::clone(&signals.leave))?;
        }
        for signal in [SIGTERM, SIGHUP, SIGINT, SIGTSTP, SIGCONT, SIGWINCH] {
            pipe::register(signal, writer.try_clone()?)?;
        }
        Ok(signals)
    }

    pub(crate) fn take(&mut self) -> Caught {
        let mut buffer = [0; 64];
        while matches!(self.pipe.read(&mut buffer), Ok(count) if count > 0) {}
        Caught {
            leave: self.leave.swap(false, Ordering::Relaxed),
            stop: self.stop.swap(false, Ordering::Relaxed),
            went_on: self.went_on.swap(false, Ordering::Relaxed),
        }
    }
}

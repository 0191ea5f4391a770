//! Catches signals and makes them pollable.

use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM, SIGTSTP, SIGWINCH};
use signal_hook::flag;
use signal_hook::low_level::pipe;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The signals that were caught, and a pipe that becomes readable at each.
pub(crate) struct Signals {
    pipe: UnixStream,
    quit: Arc<AtomicBool>,
    suspend: Arc<AtomicBool>,
    continued: Arc<AtomicBool>,
}

/// The signals since the last [`Signals::take`].
pub(crate) struct CaughtSignals {
    pub(crate) quit: bool,
    pub(crate) suspend: bool,
    pub(crate) continued: bool,
}

/// The descriptor becomes readable when a signal was caught.
impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }
}

impl Signals {
    pub(crate) fn register() -> io::Result<Self> {
        let (pipe, writer) = UnixStream::pair()?;
        pipe.set_nonblocking(true)?;
        let (quit, suspend, continued) = Default::default();
        let signals = Self { pipe, quit, suspend, continued };
        flag::register(SIGTSTP, Arc::clone(&signals.suspend))?;
        flag::register(SIGCONT, Arc::clone(&signals.continued))?;
        for signal in [SIGTERM, SIGHUP, SIGINT] {
            flag::register(signal, Arc::clone(&signals.quit))?;
        }
        for signal in [SIGTERM, SIGHUP, SIGINT, SIGTSTP, SIGCONT, SIGWINCH] {
            pipe::register(signal, writer.try_clone()?)?;
        }
        Ok(signals)
    }

    pub(crate) fn take(&mut self) -> CaughtSignals {
        let mut buffer = [0; 64];
        while matches!(self.pipe.read(&mut buffer), Ok(count) if count > 0) {}
        CaughtSignals {
            quit: self.quit.swap(false, Ordering::Relaxed),
            suspend: self.suspend.swap(false, Ordering::Relaxed),
            continued: self.continued.swap(false, Ordering::Relaxed),
        }
    }
}

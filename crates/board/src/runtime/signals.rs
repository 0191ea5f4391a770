//! Catches signals and makes them pollable.

use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM, SIGTSTP, SIGWINCH};
use signal_hook::iterator::backend::SignalDelivery;
use signal_hook::iterator::exfiltrator::SignalOnly;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

/// The signals that were caught, and a descriptor that becomes readable at each.
pub(crate) struct Signals(SignalDelivery<UnixStream, SignalOnly>);

/// The signals since the last [`Signals::take`].
#[derive(Default)]
pub(crate) struct CaughtSignals {
    pub(crate) quit: bool,
    pub(crate) suspend: bool,
    pub(crate) continued: bool,
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.get_read().as_fd()
    }
}

impl Signals {
    pub(crate) fn register() -> io::Result<Self> {
        let (read, write) = UnixStream::pair()?;
        let signals = [SIGTERM, SIGHUP, SIGINT, SIGTSTP, SIGCONT, SIGWINCH];
        SignalDelivery::with_pipe(read, write, SignalOnly, signals).map(Self)
    }

    pub(crate) fn take(&mut self) -> CaughtSignals {
        let mut caught = CaughtSignals::default();
        for signal in self.0.pending() {
            match signal {
                SIGTERM | SIGHUP | SIGINT => caught.quit = true,
                SIGTSTP => caught.suspend = true,
                SIGCONT => caught.continued = true,
                _ => {}
            }
        }
        caught
    }
}

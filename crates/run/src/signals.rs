//! Catches signals and makes them pollable.

use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH};
use signal_hook::iterator::backend::SignalDelivery;
use signal_hook::iterator::exfiltrator::SignalOnly;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

/// The signals to catch. Those that this crate does not act on are passed on to the program.
const SIGNALS: [i32; 8] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT];

/// The signals that were caught, and a descriptor that becomes readable at each.
#[derive(Debug)]
pub(crate) struct Signals {
    delivery: SignalDelivery<UnixStream, SignalOnly>,
    caught: Vec<i32>,
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.delivery.get_read().as_fd()
    }
}

impl Signals {
    pub(crate) fn register() -> io::Result<Self> {
        let (read, write) = UnixStream::pair()?;
        let delivery = SignalDelivery::with_pipe(read, write, SignalOnly, SIGNALS)?;
        Ok(Self { delivery, caught: Vec::with_capacity(SIGNALS.len()) })
    }

    /// Empties the descriptor, and keeps each signal once, until [`Signals::take`].
    pub(crate) fn collect(&mut self) {
        for signal in self.delivery.pending() {
            if !self.caught.contains(&signal) {
                self.caught.push(signal);
            }
        }
    }

    /// Returns the signals since the last call.
    pub(crate) fn take(&mut self) -> Vec<i32> {
        self.collect();
        std::mem::take(&mut self.caught)
    }

    /// Forgets that this process was continued.
    pub(crate) fn forget_continued(&mut self) {
        self.collect();
        self.caught.retain(|signal| *signal != SIGCONT);
    }
}

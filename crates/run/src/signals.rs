//! Catches signals and makes them pollable.

use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH};
use signal_hook::flag;
use signal_hook::low_level::pipe;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The signals that are passed on to the program.
const PASSED_ON: [i32; 6] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2];

/// The signals that were caught, and a descriptor that becomes readable at each.
#[derive(Debug)]
pub(crate) struct Signals {
    pipe: UnixStream,
    passed_on: Vec<(i32, Arc<AtomicBool>)>,
    resized: Arc<AtomicBool>,
    continued: Arc<AtomicBool>,
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }
}

impl Signals {
    pub(crate) fn register() -> io::Result<Self> {
        let (pipe, writer) = UnixStream::pair()?;
        pipe.set_nonblocking(true)?;
        let passed_on = PASSED_ON.map(|signal| (signal, Arc::default())).into();
        let signals = Self { pipe, passed_on, resized: Arc::default(), continued: Arc::default() };
        let others = [(SIGWINCH, &signals.resized), (SIGCONT, &signals.continued)];
        let known = signals.passed_on.iter().map(|(signal, caught)| (*signal, caught));
        for (signal, caught) in known.chain(others) {
            flag::register(signal, Arc::clone(caught))?;
            pipe::register(signal, writer.try_clone()?)?;
        }
        Ok(signals)
    }

    /// Empties the descriptor. The signals come next.
    pub(crate) fn drain(&mut self) {
        let mut buffer = [0; 64];
        while matches!(self.pipe.read(&mut buffer), Ok(count) if count > 0) {}
    }

    /// Returns the signals for the program since the last call.
    pub(crate) fn take_passed_on(&self) -> impl Iterator<Item = i32> + '_ {
        let caught = self.passed_on.iter().filter(|(_, caught)| take(caught));
        caught.map(|(signal, _)| *signal)
    }

    /// Returns true if the size of the user's terminal has changed since the last call.
    pub(crate) fn take_resized(&self) -> bool {
        take(&self.resized)
    }

    /// Returns true if this process was continued since the last call.
    pub(crate) fn take_continued(&self) -> bool {
        take(&self.continued)
    }
}

fn take(caught: &AtomicBool) -> bool {
    caught.swap(false, Ordering::Relaxed)
}

//! Turns signals into a descriptor to poll.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::io;
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// Becomes readable, and stays so, after a signal or a call of [`Interrupt::interrupt`].
#[derive(Debug)]
pub(crate) struct Interrupt {
    receiver: UnixStream,
    sender: UnixStream,
}

impl Interrupt {
    /// Catches the signals that end a program.
    pub(crate) fn catch() -> io::Result<Self> {
        let (receiver, sender) = UnixStream::pair()?;
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            signal_hook::low_level::pipe::register(signal, sender.try_clone()?)?;
        }
        Ok(Self { receiver, sender })
    }

    /// Interrupts all waits, in every thread.
    pub(crate) fn interrupt(&self) {
        // A closed stream stays readable for every waiter; a byte would be read only once.
        let _ = self.sender.shutdown(Shutdown::Write);
    }

    /// Waits until `until`, or without limit. Returns false as soon as it is interrupted.
    pub(crate) fn sleep_until(&self, until: Option<Instant>) -> io::Result<bool> {
        loop {
            let remaining = until.map(|until| until.saturating_duration_since(Instant::now()));
            let mut descriptors = [PollFd::new(&self.receiver, PollFlags::IN)];
            if wait(&mut descriptors, remaining)? {
                return Ok(false);
            }
            if remaining.is_some_and(|remaining| remaining.is_zero()) {
                return Ok(true);
            }
        }
    }

    /// Waits until `stream` can be read. Returns false if it is interrupted or the reader of `output` has closed it.
    pub(crate) fn readable(&self, stream: &impl AsFd, output: &impl AsFd) -> io::Result<bool> {
        loop {
            let mut descriptors = [
                PollFd::new(&self.receiver, PollFlags::IN),
                PollFd::new(output, PollFlags::empty()),
                PollFd::new(stream, PollFlags::IN),
            ];
            if wait(&mut descriptors, None)? {
                let [receiver, output, _] = descriptors;
                return Ok(receiver.revents().is_empty() && output.revents().is_empty());
            }
        }
    }
}

/// Returns true if a descriptor is ready, and false on a timeout or a signal.
fn wait(descriptors: &mut [PollFd<'_>], at_most: Option<Duration>) -> io::Result<bool> {
    let timeout = at_most.map(|limit| Timespec {
        tv_sec: i64::try_from(limit.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: limit.subsec_nanos().into(),
    });
    match poll(descriptors, timeout.as_ref()) {
        Ok(ready) => Ok(ready > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

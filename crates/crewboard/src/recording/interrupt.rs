//! Being told to leave, by a signal or by ourselves, as something to wait for.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::io;
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// Readable, and for ever, once it is time to leave.
#[derive(Debug)]
pub(crate) struct Interrupt {
    told: UnixStream,
    teller: UnixStream,
}

impl Interrupt {
    /// From now on the signals that end a program tell us, and do not end it.
    pub(crate) fn catch() -> io::Result<Self> {
        let (told, teller) = UnixStream::pair()?;
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            signal_hook::low_level::pipe::register(signal, teller.try_clone()?)?;
        }
        Ok(Self { told, teller })
    }

    /// Tells whoever waits, in any thread.
    pub(crate) fn tell(&self) {
        // Not a byte: the other end must be readable for all who look.
        let _ = self.teller.shutdown(Shutdown::Write);
    }

    /// Waits until `until`, for ever where there is none; false as soon as it is time to leave.
    pub(crate) fn sleep_until(&self, until: Option<Instant>) -> io::Result<bool> {
        loop {
            let rest = until.map(|until| until.saturating_duration_since(Instant::now()));
            let mut descriptors = [PollFd::new(&self.told, PollFlags::IN)];
            if wait(&mut descriptors, rest)? {
                return Ok(false);
            }
            if rest.is_some_and(|rest| rest.is_zero()) {
                return Ok(true);
            }
        }
    }

    /// Waits until `stream` can be read or nobody reads `output` any more; false as soon as it is
    /// time to leave, for that or another reason.
    pub(crate) fn readable(&self, stream: &impl AsFd, output: &impl AsFd) -> io::Result<bool> {
        loop {
            let mut descriptors = [
                PollFd::new(&self.told, PollFlags::IN),
                PollFd::new(output, PollFlags::empty()),
                PollFd::new(stream, PollFlags::IN),
            ];
            if wait(&mut descriptors, None)? {
                let [told, output, _] = descriptors;
                return Ok(told.revents().is_empty() && output.revents().is_empty());
            }
        }
    }
}

/// Whether one of them is ready; a signal may end the wait early.
fn wait(descriptors: &mut [PollFd<'_>], at_most: Option<Duration>) -> io::Result<bool> {
    let timeout = at_most.map(|rest| Timespec {
        tv_sec: i64::try_from(rest.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: rest.subsec_nanos().into(),
    });
    match poll(descriptors, timeout.as_ref()) {
        Ok(ready) => Ok(ready > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

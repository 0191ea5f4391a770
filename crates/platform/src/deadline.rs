use rustix::buffer::spare_capacity;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::io;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Microseconds by which the waits of this process have ended too late.
static OVERSLEPT: AtomicU64 = AtomicU64::new(0);

/// Maximum delay of a wait on an idle machine. The kernel rounds times.
const ROUNDING: Duration = Duration::from_millis(1);

/// The longest single wait for a descriptor. Its delay shows how busy the machine is.
const SLICE: Duration = Duration::from_millis(5);

/// The time at which a process stops waiting.
///
/// The deadline moves back by the time for which the machine had no processor for this process. A busy machine also
/// slows the program that is waited for, so that program gets the same chance.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    at: Instant,
    /// The value of [`OVERSLEPT`] when the deadline was set.
    overslept: u64,
}

impl Deadline {
    /// Returns the deadline `duration` from now.
    pub fn after(duration: Duration) -> Self {
        let overslept = OVERSLEPT.load(Ordering::Relaxed);
        Self { at: Instant::now() + duration, overslept }
    }

    /// Returns the same deadline, `duration` earlier.
    #[must_use]
    pub fn earlier_by(self, duration: Duration) -> Self {
        Self { at: self.at.checked_sub(duration).unwrap_or(self.at), ..self }
    }

    /// Returns the same deadline, `duration` later.
    #[must_use]
    pub fn later_by(self, duration: Duration) -> Self {
        Self { at: self.at + duration, ..self }
    }

    /// Returns the time until the deadline; zero if it has passed.
    pub fn remaining(self) -> Duration {
        let overslept = OVERSLEPT.load(Ordering::Relaxed).saturating_sub(self.overslept);
        (self.at + Duration::from_micros(overslept)).saturating_duration_since(Instant::now())
    }

    /// Returns true if the deadline has passed.
    pub fn has_passed(self) -> bool {
        self.remaining().is_zero()
    }

    /// Sleeps for `duration`, or until the deadline if that is sooner. Returns false if the deadline has passed.
    pub fn pause(self, duration: Duration) -> bool {
        let (begin, requested) = (Instant::now(), duration.min(self.remaining()));
        std::thread::sleep(requested);
        add_delay(begin, requested);
        !self.has_passed()
    }
}

/// Adds the delay of a wait of `requested` that began at `begin` and has just timed out.
fn add_delay(begin: Instant, requested: Duration) {
    let late = begin.elapsed().saturating_sub(requested);
    if late > ROUNDING {
        OVERSLEPT.fetch_add(u64::try_from(late.as_micros()).unwrap_or(0), Ordering::Relaxed);
    }
}

/// Bytes of the first buffer of a read. Most payloads are smaller, and a larger buffer costs page faults.
const FIRST_READ: usize = 8 << 10;

/// Bytes of the second buffer. A pipe holds at most this many.
const NEXT_READ: usize = 64 << 10;

/// The events that end the wait for input.
#[cfg(target_os = "linux")]
const READABLE: PollFlags = PollFlags::IN.union(PollFlags::RDHUP);
#[cfg(not(target_os = "linux"))]
const READABLE: PollFlags = PollFlags::IN;

/// The events that show that the writer has closed its end.
#[cfg(target_os = "linux")]
const CLOSED: PollFlags = PollFlags::HUP.union(PollFlags::RDHUP);
#[cfg(not(target_os = "linux"))]
const CLOSED: PollFlags = PollFlags::HUP;

/// Waits until `descriptor` is ready, and returns what it is ready for. Returns `None` if the deadline passes first.
/// Polls at least once.
pub(crate) fn ready(
    descriptor: &impl AsFd,
    flags: PollFlags,
    deadline: Deadline,
) -> io::Result<Option<PollFlags>> {
    let mut polled = [PollFd::new(descriptor, flags)];
    let is_ready = any_ready(&mut polled, SLICE, deadline)?;
    Ok(is_ready.then(|| polled[0].revents()))
}

/// Waits until one of the descriptors is ready. Returns false if the deadline passes first. Polls at least once. The delay
/// of each wait of `slice` shows how busy the machine is.
pub(crate) fn any_ready(
    polled: &mut [PollFd<'_>],
    slice: Duration,
    deadline: Deadline,
) -> io::Result<bool> {
    loop {
        let (begin, requested) = (Instant::now(), deadline.remaining().min(slice));
        let timeout = Timespec { tv_sec: 0, tv_nsec: requested.subsec_nanos().into() };
        match poll(polled, Some(&timeout)) {
            Ok(0) => {
                add_delay(begin, requested);
                if deadline.has_passed() {
                    return Ok(false);
                }
            }
            Ok(_) => return Ok(true),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Reads until the end of the input, `limit` bytes or the deadline, and returns the bytes so far.
///
/// Never blocks after the deadline. Does not change the descriptor's flags, which other processes may share.
pub fn read_within(descriptor: &impl AsFd, limit: usize, deadline: Deadline) -> Vec<u8> {
    let mut bytes: Vec<u8> = Vec::with_capacity(FIRST_READ.min(limit));
    let mut has_ended = false;
    while bytes.len() < limit {
        // After the writer has closed its end, a read does not wait.
        if !has_ended {
            match ready(descriptor, READABLE, deadline) {
                Ok(Some(flags)) => has_ended = flags.intersects(CLOSED),
                Ok(None) | Err(_) => break,
            }
        }
        if bytes.len() == bytes.capacity() {
            bytes.reserve_exact(bytes.len().clamp(NEXT_READ, limit));
        }
        match rustix::io::read(descriptor, spare_capacity(&mut bytes)) {
            Ok(0) => break,
            Ok(_) => {}
            Err(Errno::INTR | Errno::AGAIN) => has_ended = false,
            Err(_) => break,
        }
    }
    bytes.truncate(limit);
    bytes
}

/// Writes all of `bytes` to a socket before the deadline.
pub fn write_within(
    descriptor: &impl AsFd,
    mut bytes: &[u8],
    deadline: Deadline,
) -> io::Result<()> {
    use rustix::net::{SendFlags, send};
    while !bytes.is_empty() {
        match send(descriptor, bytes, SendFlags::DONTWAIT) {
            Ok(count) => bytes = &bytes[count..],
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                if ready(descriptor, PollFlags::OUT, deadline)?.is_none() {
                    return Err(io::ErrorKind::TimedOut.into());
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    #[test]
    fn read_stops_at_end_limit_or_deadline() {
        let (mut writer, reader) = UnixStream::pair().unwrap();
        writer.write_all(b"hello").unwrap();
        let soon = || Deadline::after(Duration::from_millis(30));
        assert_eq!(read_within(&reader, 3, soon()), b"hel");
        assert_eq!(read_within(&reader, 100, soon()), b"lo");
        drop(writer);
        assert_eq!(read_within(&reader, 100, Deadline::after(Duration::from_secs(60))), b"");
    }

    #[test]
    fn passed_deadline_still_allows_io_that_does_not_wait() {
        let passed = Deadline::after(Duration::ZERO);
        assert!(passed.has_passed());
        let (mut writer, reader) = UnixStream::pair().unwrap();
        writer.write_all(&vec![b'x'; 100_000]).unwrap();
        assert_eq!(read_within(&reader, 1 << 20, passed).len(), 100_000);
        write_within(&writer, b"hello", passed).unwrap();
        assert_eq!(read_within(&reader, 1 << 20, passed), b"hello");
    }

    #[test]
    fn deadline_moves_back_by_the_delay_of_a_wait() {
        let deadline = Deadline::after(Duration::from_secs(10));
        let requested = Duration::from_millis(2);
        // As if a wait of 2 ms had taken 3 s: only those 2 ms count.
        add_delay(Instant::now().checked_sub(Duration::from_secs(3)).unwrap(), requested);
        assert!(deadline.remaining() > Duration::from_secs(12), "{:?}", deadline.remaining());
        let fresh = Deadline::after(Duration::from_secs(10));
        assert!(fresh.remaining() <= Duration::from_secs(10) + Duration::from_secs(1));
        assert!(fresh.later_by(Duration::from_secs(5)).remaining() > Duration::from_secs(10));
    }

    #[test]
    fn write_to_a_full_socket_ends_at_the_deadline() {
        let (writer, _reader) = UnixStream::pair().unwrap();
        let bytes = vec![b'x'; 4 << 20];
        let error = write_within(&writer, &bytes, Deadline::after(Duration::from_millis(30)));
        assert_eq!(error.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::io;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Microseconds by which this process's waits ended later than they should have.
static OVERSLEPT: AtomicU64 = AtomicU64::new(0);

/// What a wait may end late on a machine that is not busy: the kernel rounds times.
const ROUNDING: Duration = Duration::from_millis(1);

/// The longest single wait for a descriptor. How late it ends tells how busy the machine is.
const SLICE: Duration = Duration::from_millis(5);

/// A moment by which a process stops waiting.
///
/// It is put off by the time for which the machine had no processor for this process: a busy machine
/// makes everything slower, the program that is waited for too, and takes nobody's chance away.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    at: Instant,
    /// The value of [`OVERSLEPT`] when the deadline was set.
    overslept: u64,
}

impl Deadline {
    /// `duration` from now.
    pub fn after(duration: Duration) -> Self {
        let overslept = OVERSLEPT.load(Ordering::Relaxed);
        Self { at: Instant::now() + duration, overslept }
    }

    /// The same deadline, `duration` sooner.
    #[must_use]
    pub fn earlier_by(self, duration: Duration) -> Self {
        Self { at: self.at.checked_sub(duration).unwrap_or(self.at), ..self }
    }

    /// The same deadline, `duration` later.
    #[must_use]
    pub fn later_by(self, duration: Duration) -> Self {
        Self { at: self.at + duration, ..self }
    }

    /// How long until then; zero once it has passed.
    pub fn remaining(self) -> Duration {
        let overslept = OVERSLEPT.load(Ordering::Relaxed).saturating_sub(self.overslept);
        (self.at + Duration::from_micros(overslept)).saturating_duration_since(Instant::now())
    }

    /// Whether it has come.
    pub fn has_passed(self) -> bool {
        self.remaining().is_zero()
    }

    /// Sleeps for `duration`, or until the deadline if that is sooner. False once it has passed.
    pub fn pause(self, duration: Duration) -> bool {
        let (begun, asked) = (Instant::now(), duration.min(self.remaining()));
        std::thread::sleep(asked);
        note_wait(begun, asked);
        !self.has_passed()
    }
}

/// Takes in that a wait of `asked`, which began at `begun`, has ended by itself.
fn note_wait(begun: Instant, asked: Duration) {
    let late = begun.elapsed().saturating_sub(asked);
    if late > ROUNDING {
        OVERSLEPT.fetch_add(u64::try_from(late.as_micros()).unwrap_or(0), Ordering::Relaxed);
    }
}

/// Waits until `descriptor` is ready; false if the deadline came first. It looks at least once.
pub(crate) fn ready(
    descriptor: &impl AsFd,
    flags: PollFlags,
    deadline: Deadline,
) -> io::Result<bool> {
    loop {
        let (begun, asked) = (Instant::now(), deadline.remaining().min(SLICE));
        let timeout = Timespec { tv_sec: 0, tv_nsec: asked.subsec_nanos().into() };
        match poll(&mut [PollFd::new(descriptor, flags)], Some(&timeout)) {
            Ok(0) => {
                note_wait(begun, asked);
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

/// Reads to the end, at most `limit` bytes, at most until the deadline: what has come by then.
///
/// Never blocks beyond it, and leaves the descriptor's flags alone: they are shared with others.
pub fn read_within(descriptor: &impl AsFd, limit: usize, deadline: Deadline) -> Vec<u8> {
    let mut bytes: Vec<u8> = Vec::with_capacity(4096);
    // A pipe holds no more. A buffer that is cleared for each read costs more than the reading.
    let mut chunk = vec![0; 64 << 10];
    while bytes.len() < limit {
        if !matches!(ready(descriptor, PollFlags::IN, deadline), Ok(true)) {
            break;
        }
        let room = chunk.len().min(limit - bytes.len());
        match rustix::io::read(descriptor, &mut chunk[..room]) {
            Ok(0) => break,
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(_) => break,
        }
    }
    bytes
}

/// Writes all of `bytes` to a socket before the deadline, or says why not.
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
                if !ready(descriptor, PollFlags::OUT, deadline)? {
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
    fn reading_ends_at_the_end_the_limit_or_the_deadline() {
        let (mut writer, reader) = UnixStream::pair().unwrap();
        writer.write_all(b"hello").unwrap();
        let soon = || Deadline::after(Duration::from_millis(30));
        assert_eq!(read_within(&reader, 3, soon()), b"hel");
        assert_eq!(read_within(&reader, 100, soon()), b"lo");
        drop(writer);
        assert_eq!(read_within(&reader, 100, Deadline::after(Duration::from_secs(60))), b"");
    }

    #[test]
    fn a_passed_deadline_skips_no_try_that_does_not_wait() {
        let passed = Deadline::after(Duration::ZERO);
        assert!(passed.has_passed());
        let (mut writer, reader) = UnixStream::pair().unwrap();
        writer.write_all(&vec![b'x'; 100_000]).unwrap();
        assert_eq!(read_within(&reader, 1 << 20, passed).len(), 100_000);
        write_within(&writer, b"hello", passed).unwrap();
        assert_eq!(read_within(&reader, 1 << 20, passed), b"hello");
    }

    #[test]
    fn a_deadline_is_put_off_by_what_a_wait_ends_late() {
        let deadline = Deadline::after(Duration::from_secs(10));
        let asked = Duration::from_millis(2);
        // As if a wait of 2 ms had taken 3 s: only those 2 ms count.
        note_wait(Instant::now().checked_sub(Duration::from_secs(3)).unwrap(), asked);
        assert!(deadline.remaining() > Duration::from_secs(12), "{:?}", deadline.remaining());
        let fresh = Deadline::after(Duration::from_secs(10));
        assert!(fresh.remaining() <= Duration::from_secs(10) + Duration::from_secs(1));
        assert!(fresh.later_by(Duration::from_secs(5)).remaining() > Duration::from_secs(10));
    }

    #[test]
    fn writing_to_one_who_does_not_read_ends_at_the_deadline() {
        let (writer, _reader) = UnixStream::pair().unwrap();
        let much = vec![b'x'; 4 << 20];
        let error = write_within(&writer, &much, Deadline::after(Duration::from_millis(30)));
        assert_eq!(error.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}

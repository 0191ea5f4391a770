use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// A moment by which something must be over, whatever happens.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(Instant);

impl Deadline {
    /// `duration` from now.
    pub fn after(duration: Duration) -> Self {
        Self(Instant::now() + duration)
    }

    /// The same deadline, `duration` sooner.
    #[must_use]
    pub fn earlier_by(self, duration: Duration) -> Self {
        Self(self.0.checked_sub(duration).unwrap_or(self.0))
    }

    /// How long until then; zero once it has passed.
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Whether it has come.
    pub fn has_passed(self) -> bool {
        self.remaining().is_zero()
    }

    /// Sleeps for `duration`, or until the deadline if that is sooner. False once it has passed.
    pub fn pause(self, duration: Duration) -> bool {
        std::thread::sleep(duration.min(self.remaining()));
        !self.has_passed()
    }
}

/// Waits until `descriptor` is ready; false if the deadline came first.
pub(crate) fn ready(
    descriptor: &impl AsFd,
    flags: PollFlags,
    deadline: Deadline,
) -> io::Result<bool> {
    loop {
        let remaining = deadline.remaining();
        let timeout = Timespec {
            tv_sec: i64::try_from(remaining.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: remaining.subsec_nanos().into(),
        };
        match poll(&mut [PollFd::new(descriptor, flags)], Some(&timeout)) {
            Ok(0) => return Ok(false),
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
    while bytes.len() < limit {
        if bytes.len() == bytes.capacity() {
            bytes.reserve(bytes.capacity().min(1 << 20));
        }
        if !matches!(ready(descriptor, PollFlags::IN, deadline), Ok(true)) {
            break;
        }
        let room = (bytes.capacity() - bytes.len()).min(limit - bytes.len());
        let length = bytes.len();
        bytes.resize(length + room, 0);
        match rustix::io::read(descriptor, &mut bytes[length..]) {
            Ok(count) => {
                bytes.truncate(length + count);
                if count == 0 {
                    break;
                }
            }
            Err(Errno::INTR | Errno::AGAIN) => bytes.truncate(length),
            Err(_) => {
                bytes.truncate(length);
                break;
            }
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
    fn writing_to_one_who_does_not_read_ends_at_the_deadline() {
        let (writer, _reader) = UnixStream::pair().unwrap();
        let much = vec![b'x'; 4 << 20];
        let error = write_within(&writer, &much, Deadline::after(Duration::from_millis(30)));
        assert_eq!(error.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}

//! Looking at what stands to be read, and leaving it there for somebody else.

use crate::Deadline;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, fstat};
use rustix::net::{RecvFlags, recv};
use std::os::fd::AsFd;

/// Between two looks at what has not come to its end yet. Nothing announces that more has come to what was
/// there already.
const LOOK_AGAIN: Timespec = Timespec { tv_sec: 0, tv_nsec: 1_000_000 };

/// What stands in a socket or pipe to be read, at most `limit` bytes of it, without taking any: what has
/// come by the time its writer is done, or by the deadline. Of anything else nothing.
pub fn peek_within(descriptor: &impl AsFd, limit: usize, deadline: Deadline) -> Vec<u8> {
    let Ok(stat) = fstat(descriptor) else { return Vec::new() };
    let look: fn(&_, usize) -> Vec<u8> = match FileType::from_raw_mode(stat.st_mode) {
        FileType::Socket => peek_socket,
        FileType::Fifo => peek_pipe,
        _ => return Vec::new(),
    };
    loop {
        let is_whole = is_done(descriptor);
        let bytes = look(descriptor, limit);
        if is_whole || bytes.len() >= limit || deadline.has_passed() {
            return bytes;
        }
    }
}

/// Whether nothing more will come; waits a moment for that.
fn is_done(descriptor: &impl AsFd) -> bool {
    #[cfg(target_os = "linux")]
    let (flags, done) = (PollFlags::RDHUP, PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR);
    #[cfg(not(target_os = "linux"))]
    let (flags, done) = (PollFlags::empty(), PollFlags::HUP | PollFlags::ERR);
    let mut descriptors = [PollFd::new(descriptor, flags)];
    match poll(&mut descriptors, Some(&LOOK_AGAIN)) {
        Ok(_) => descriptors[0].revents().intersects(done | PollFlags::NVAL),
        Err(_) => false,
    }
}

fn peek_socket<D: AsFd>(descriptor: &D, limit: usize) -> Vec<u8> {
    let mut bytes = vec![0; limit];
    let count = recv(descriptor, &mut bytes, RecvFlags::PEEK | RecvFlags::DONTWAIT);
    bytes.truncate(count.map_or(0, |(_, count)| count));
    bytes
}

#[cfg(target_os = "linux")]
fn peek_pipe<D: AsFd>(descriptor: &D, limit: usize) -> Vec<u8> {
    use rustix::pipe::{PipeFlags, SpliceFlags, pipe_with, tee};
    let copy = || {
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)?;
        let count = tee(descriptor, &writer, limit, SpliceFlags::NONBLOCK)?;
        let mut bytes = vec![0; count];
        let count = rustix::io::read(&reader, &mut bytes)?;
        bytes.truncate(count);
        Ok::<_, rustix::io::Errno>(bytes)
    };
    copy().unwrap_or_default()
}

/// Nothing looks into a pipe here.
#[cfg(not(target_os = "linux"))]
fn peek_pipe<D: AsFd>(_descriptor: &D, _limit: usize) -> Vec<u8> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write, pipe};
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

    fn soon() -> Deadline {
        Deadline::after(Duration::from_millis(20))
    }

    /// What was looked at, and what is read after it.
    fn both(mut reader: impl Read + AsFd, mut writer: impl Write) -> (Vec<u8>, Vec<u8>) {
        writer.write_all(b"one ").unwrap();
        writer.write_all(b"two").unwrap();
        let open = peek_within(&reader, 100, soon());
        drop(writer);
        let done = peek_within(&reader, 100, Deadline::after(Duration::from_secs(60)));
        assert_eq!(open, done);
        assert_eq!(peek_within(&reader, 4, soon()), b"one ");
        let mut rest = Vec::new();
        reader.read_to_end(&mut rest).unwrap();
        (done, rest)
    }

    #[test]
    fn what_is_looked_at_stays_to_be_read() {
        let (reader, writer) = UnixStream::pair().unwrap();
        let said = (b"one two".to_vec(), b"one two".to_vec());
        assert_eq!(both(reader, writer), said);
        let (reader, writer) = pipe().unwrap();
        assert_eq!(both(reader, writer), said);
    }

    #[test]
    fn of_nothing_nothing_is_seen() {
        let (reader, _writer) = UnixStream::pair().unwrap();
        assert_eq!(peek_within(&reader, 100, soon()), b"");
        let (reader, _writer) = pipe().unwrap();
        assert_eq!(peek_within(&reader, 100, soon()), b"");
        let file = std::fs::File::open("/dev/zero").unwrap();
        assert_eq!(peek_within(&file, 100, soon()), b"");
    }
}

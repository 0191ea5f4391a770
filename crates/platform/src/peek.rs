//! Reads the bytes in a socket or pipe without consuming them.

use crate::Deadline;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, fstat};
use rustix::net::{RecvFlags, recv};
use std::os::fd::AsFd;

/// Time between two reads. `poll` does not report that more bytes have arrived after the first ones.
const PEEK_INTERVAL: Timespec = Timespec { tv_sec: 0, tv_nsec: 1_000_000 };

/// Returns at most `limit` bytes that are in a socket or pipe, without consuming them. Waits until the writer has
/// closed its end, or until the deadline. Returns nothing for another kind of file.
pub fn peek_within(descriptor: &impl AsFd, limit: usize, deadline: Deadline) -> Vec<u8> {
    let Ok(stat) = fstat(descriptor) else { return Vec::new() };
    let peek: fn(&_, usize) -> Vec<u8> = match FileType::from_raw_mode(stat.st_mode) {
        FileType::Socket => peek_socket,
        FileType::Fifo => peek_pipe,
        _ => return Vec::new(),
    };
    loop {
        let is_complete = wait_for_end(descriptor);
        let bytes = peek(descriptor, limit);
        if is_complete || bytes.len() >= limit || deadline.has_passed() {
            return bytes;
        }
    }
}

/// Waits up to [`PEEK_INTERVAL`] for the end of the input. Returns true if no more bytes will arrive.
fn wait_for_end(descriptor: &impl AsFd) -> bool {
    #[cfg(target_os = "linux")]
    let (flags, done) = (PollFlags::RDHUP, PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR);
    #[cfg(not(target_os = "linux"))]
    let (flags, done) = (PollFlags::empty(), PollFlags::HUP | PollFlags::ERR);
    let mut descriptors = [PollFd::new(descriptor, flags)];
    match poll(&mut descriptors, Some(&PEEK_INTERVAL)) {
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

/// Returns nothing: this system cannot read a pipe without consuming it.
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

    /// Returns the bytes that were peeked, and the bytes that are read after that.
    fn peek_then_read(mut reader: impl Read + AsFd, mut writer: impl Write) -> (Vec<u8>, Vec<u8>) {
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
    fn peeked_bytes_can_still_be_read() {
        let (reader, writer) = UnixStream::pair().unwrap();
        let expected = (b"one two".to_vec(), b"one two".to_vec());
        assert_eq!(peek_then_read(reader, writer), expected);
        let (reader, writer) = pipe().unwrap();
        assert_eq!(peek_then_read(reader, writer), expected);
    }

    #[test]
    fn empty_input_gives_no_bytes() {
        let (reader, _writer) = UnixStream::pair().unwrap();
        assert_eq!(peek_within(&reader, 100, soon()), b"");
        let (reader, _writer) = pipe().unwrap();
        assert_eq!(peek_within(&reader, 100, soon()), b"");
        let file = std::fs::File::open("/dev/zero").unwrap();
        assert_eq!(peek_within(&file, 100, soon()), b"");
    }
}

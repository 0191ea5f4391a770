use rustix::buffer::spare_capacity;
use rustix::fs::{Mode, OFlags, open};
use rustix::io::{Errno, read};
use std::io;

/// Initial capacity in bytes, enough for most files in `/proc`, also for `status` with its 1,400 bytes.
const CAPACITY: usize = 2048;

/// Reads at most `max` bytes of a file in `/proc`.
///
/// The kernel reports no size for such a file, so `std::fs::read` needs eight system calls where three are enough: the
/// kernel fills the buffer as long as the file has more bytes, so a read that leaves room has reached the end.
pub(crate) fn read_kernel_file(path: &str, max: u64) -> io::Result<Vec<u8>> {
    let max = usize::try_from(max).unwrap_or(usize::MAX);
    let file = open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let mut bytes = Vec::with_capacity(CAPACITY.min(max));
    while bytes.len() < max {
        match read(&file, spare_capacity(&mut bytes)) {
            Ok(_) if bytes.len() < bytes.capacity() => break,
            Ok(_) => bytes.reserve(bytes.len().min(max - bytes.len().min(max))),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    bytes.truncate(max);
    Ok(bytes)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::process::{Command, Stdio};

    #[test]
    fn kernel_file_is_read_up_to_max() {
        let mut command = Command::new("cat");
        command.env("LONG", "x".repeat(3 * CAPACITY));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        // The kernel shows the environment of a program only after its start, which the echo proves.
        child.stdin.as_mut().unwrap().write_all(b"x").unwrap();
        child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        let path = format!("/proc/{}/environ", child.id());
        let read = read_kernel_file(&path, 1 << 20).unwrap();
        assert!(read.len() > 3 * CAPACITY, "only {} bytes of the file were read", read.len());
        assert_eq!(read, std::fs::read(&path).unwrap());
        drop(child.stdin.take());
        child.wait().unwrap();
        let whole = std::fs::read("/proc/self/cmdline").unwrap();
        assert_eq!(read_kernel_file("/proc/self/cmdline", 1 << 20).unwrap(), whole);
        assert_eq!(read_kernel_file("/proc/self/cmdline", 3).unwrap(), whole[..3]);
        assert!(read_kernel_file("/proc/self/no-such", 3).is_err());
    }
}

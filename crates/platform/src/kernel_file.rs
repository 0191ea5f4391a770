use std::fs::File;
use std::io::{self, Read};

/// Room for a file that the kernel makes up, in bytes: most are shorter.
const USUAL: usize = 1024;

/// Reads a file that the kernel makes up when it is read, at most `max` bytes of it.
///
/// The kernel gives such a file no size, so `std::fs::read` asks for it in vain and then reads in pieces that begin
/// with 32 bytes: eight system calls where three do. A hook reads four of these files.
pub(crate) fn read_kernel_file(path: &str, max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(USUAL);
    File::open(path)?.take(max).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn kernel_file_is_read_as_far_as_asked() {
        let whole = std::fs::read("/proc/self/cmdline").unwrap();
        assert_eq!(read_kernel_file("/proc/self/cmdline", 1 << 20).unwrap(), whole);
        assert_eq!(read_kernel_file("/proc/self/cmdline", 3).unwrap(), whole[..3]);
        assert!(read_kernel_file("/proc/self/no-such", 3).is_err());
    }
}

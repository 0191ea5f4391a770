use std::fs::File;
use std::io::{self, Read};

/// Initial capacity in bytes, enough for most files in `/proc`.
const CAPACITY: usize = 1024;

/// Reads at most `max` bytes of a file in `/proc`.
///
/// The kernel reports no size for such a file, so `std::fs::read` needs eight system calls where three are enough.
/// A hook reads four of these files.
pub(crate) fn read_kernel_file(path: &str, max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(CAPACITY);
    File::open(path)?.take(max).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn kernel_file_is_read_up_to_max() {
        let whole = std::fs::read("/proc/self/cmdline").unwrap();
        assert_eq!(read_kernel_file("/proc/self/cmdline", 1 << 20).unwrap(), whole);
        assert_eq!(read_kernel_file("/proc/self/cmdline", 3).unwrap(), whole[..3]);
        assert!(read_kernel_file("/proc/self/no-such", 3).is_err());
    }
}

//! The memory of a process.

/// Returns the memory of a process that is its own, in bytes: resident pages that no file backs. Returns `None` if the
/// system does not say.
#[cfg(target_os = "linux")]
pub fn memory_of(pid: u32) -> Option<u64> {
    let status = crate::kernel_file::read_kernel_file(&format!("/proc/{pid}/status"), 1 << 16);
    let status = String::from_utf8(status.ok()?).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(not(target_os = "linux"))]
pub fn memory_of(_pid: u32) -> Option<u64> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn memory_is_known_for_a_process_that_runs() {
        let before = memory_of(std::process::id()).unwrap();
        let filled = std::hint::black_box(vec![1_u8; 16 << 20]);
        let after = memory_of(std::process::id()).unwrap();
        assert!(after >= before + (8 << 20), "{before} {after} {}", filled.len());
        assert_eq!(memory_of(u32::MAX), None);
    }
}

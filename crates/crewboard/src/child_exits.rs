//! Makes the exits of children visible to a process whose parent ignored the signal SIGCHLD.
//!
//! A program inherits ignored signals. While SIGCHLD is ignored, the kernel discards the exit status of each child, so every
//! command would look like one that never exits.

use signal_hook::consts::SIGCHLD;
use signal_hook::flag;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Stops ignoring SIGCHLD. Programs that this process starts do not ignore it either.
pub(crate) fn keep_exit_statuses() {
    if is_ignored(&fs::read_to_string("/proc/self/status").unwrap_or_default()) {
        // A handler is not inherited. Where it cannot be set, commands fail as before.
        let _ = flag::register(SIGCHLD, Arc::new(AtomicBool::new(false)));
    }
}

/// Returns true if the kernel's description of a process shows that it ignores SIGCHLD.
fn is_ignored(status: &str) -> bool {
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let signals = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    signals >> (SIGCHLD - 1) & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_signal_is_read_from_the_mask() {
        for (status, expected) in [
            ("Name:\tcrewboard\nSigIgn:\t0000000001011000\nSigCgt:\t0\n", true),
            ("SigIgn:\t0000000001001000\nSigCgt:\t0000000000010000\n", false),
            ("SigIgn:\tx\n", false),
            ("", false),
        ] {
            assert_eq!(is_ignored(status), expected, "{status}");
        }
    }
}

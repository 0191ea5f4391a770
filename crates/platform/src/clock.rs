use crate::kernel_file::read_kernel_file;
use crewboard_core::{Now, Stamp, Timestamp};
use rustix::fs::{CWD, readlinkat_raw};
use rustix::time::{ClockId, clock_gettime};
use std::sync::OnceLock;

/// Maximum bytes read from a file. The files have two or three short lines.
const MAX_FILE: u64 = 1024;

/// The machine's two clocks: the wall clock, and the clock that orders events.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    boot: u32,
}

impl Clock {
    /// Creates a clock with the id of the current boot.
    pub fn new() -> Self {
        Self { boot: boot_id() }
    }

    /// Returns the current time of the clock that orders events.
    pub fn stamp(self) -> Stamp {
        let own = i128::from(micros_of(ORDERING_CLOCK));
        let micros = own - i128::from(own_nanoseconds_ahead() / 1000);
        Stamp { boot: self.boot, micros: u64::try_from(micros).unwrap_or(0) }
    }

    /// Returns the current time of both clocks.
    pub fn now(self) -> Now {
        Now { wall: Timestamp(micros_of(ClockId::Realtime) / 1000), stamp: self.stamp() }
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

/// This clock runs while the machine sleeps, so an hour of waiting counts as an hour.
#[cfg(target_os = "linux")]
const ORDERING_CLOCK: ClockId = ClockId::Boottime;
/// On macOS `CLOCK_MONOTONIC` runs while the machine sleeps.
#[cfg(not(target_os = "linux"))]
const ORDERING_CLOCK: ClockId = ClockId::Monotonic;

fn micros_of(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanoseconds = u64::try_from(time.tv_nsec).unwrap_or(0);
    seconds * 1_000_000 + nanoseconds / 1000
}

/// Returns by how many nanoseconds the boot clock of this process is ahead of the machine's boot clock. A time
/// namespace shifts it, and times of shifted clocks cannot be compared.
pub(crate) fn own_nanoseconds_ahead() -> i64 {
    static OWN: OnceLock<i64> = OnceLock::new();
    // A running process keeps its time namespace.
    *OWN.get_or_init(|| if is_in_first_time_namespace() { 0 } else { nanoseconds_ahead("self") })
}

/// Returns true if the kernel created the time namespace of this process at boot. That one shifts no clock.
fn is_in_first_time_namespace() -> bool {
    // The number is part of the kernel's interface (`enum init_ns_ino` of `linux/nsfs.h`).
    const FIRST: &[u8] = b"time:[4026531834]";
    let mut name = [0; FIRST.len() + 1];
    let read = readlinkat_raw(CWD, "/proc/self/ns/time", &mut name[..]);
    read.is_ok_and(|length| name[..length] == *FIRST)
}

/// Returns by how many nanoseconds the boot clock of `process` is ahead; 0 if the kernel has no time namespaces.
pub(crate) fn nanoseconds_ahead(process: &str) -> i64 {
    let offsets = read_kernel_file(&format!("/proc/{process}/timens_offsets"), MAX_FILE);
    let ahead = parse_boottime(&String::from_utf8_lossy(&offsets.unwrap_or_default()));
    // The file describes the time namespace of future children, which may differ from that of the process.
    let namespace = |name| std::fs::read_link(format!("/proc/{process}/ns/{name}")).ok();
    let is_own = ahead != 0 && namespace("time") == namespace("time_for_children");
    if is_own { ahead } else { 0 }
}

/// Parses the line of the boot clock, `boottime 86400 0` (seconds and nanoseconds), into nanoseconds.
fn parse_boottime(offsets: &str) -> i64 {
    let line = offsets.lines().find_map(|line| line.strip_prefix("boottime"));
    let mut numbers = line.unwrap_or_default().split_whitespace().map(str::parse::<i64>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(seconds)), Some(Ok(nanoseconds))) => {
            seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds)
        }
        _ => 0,
    }
}

/// Returns the first 32 bits of the kernel's random boot id; 0 if the kernel has none.
fn boot_id() -> u32 {
    #[cfg(target_os = "linux")]
    {
        let id = read_kernel_file("/proc/sys/kernel/random/boot_id", MAX_FILE).unwrap_or_default();
        let first = id.get(..8).and_then(|digits| std::str::from_utf8(digits).ok());
        first.and_then(|digits| u32::from_str_radix(digits, 16).ok()).unwrap_or(0)
    }
    #[cfg(not(target_os = "linux"))]
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_of_two_clocks_compare() {
        let first = Clock::new().stamp();
        let second = Clock::new().stamp();
        assert_eq!(first.boot, second.boot);
        assert!(!second.is_before(first));
    }

    #[test]
    fn boottime_offset_is_parsed() {
        for (offsets, ahead) in [
            ("monotonic           0         0\nboottime            0         0\n", 0),
            ("monotonic 7 0\nboottime        86400         5\n", 86_400_000_000_005),
            ("boottime -2 500000000\n", -1_500_000_000),
            ("boottime soon 0\n", 0),
            ("", 0),
        ] {
            assert_eq!(parse_boottime(offsets), ahead, "{offsets}");
        }
    }
}

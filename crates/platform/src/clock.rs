use crewboard_core::{Now, Stamp, Timestamp};
use rustix::time::{ClockId, clock_gettime};

/// The machine's two clocks: one to show, one to order by.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    boot: u32,
}

impl Clock {
    /// Asks which boot this is, once.
    pub fn new() -> Self {
        Self { boot: boot_id() }
    }

    /// The present moment on the clock that orders events.
    pub fn stamp(self) -> Stamp {
        Stamp { boot: self.boot, micros: micros_of(ORDERING_CLOCK) }
    }

    /// The present moment on both clocks.
    pub fn now(self) -> Now {
        Now { wall: Timestamp(micros_of(ClockId::Realtime) / 1000), stamp: self.stamp() }
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

/// Runs on while the machine sleeps, so that an hour's wait is an hour.
#[cfg(target_os = "linux")]
const ORDERING_CLOCK: ClockId = ClockId::Boottime;
/// On macOS `CLOCK_MONOTONIC` counts sleep.
#[cfg(not(target_os = "linux"))]
const ORDERING_CLOCK: ClockId = ClockId::Monotonic;

fn micros_of(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanoseconds = u64::try_from(time.tv_nsec).unwrap_or(0);
    seconds * 1_000_000 + nanoseconds / 1000
}

/// The leading 32 bits of the kernel's random boot id; zero where there is none.
fn boot_id() -> u32 {
    #[cfg(target_os = "linux")]
    {
        let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        u32::from_str_radix(id.get(..8).unwrap_or_default(), 16).unwrap_or(0)
    }
    #[cfg(not(target_os = "linux"))]
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_of_two_readers_compare() {
        let first = Clock::new().stamp();
        let second = Clock::new().stamp();
        assert_eq!(first.boot, second.boot);
        assert!(!second.is_before(first));
    }
}

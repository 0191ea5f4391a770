//! Measured values of processes and daemons.

use super::rounds;
use crewboard_testkit::{TIMEOUT, World};
use std::time::{Duration, Instant};

/// Returns a value of `/proc/PID/status`, in its own unit.
pub(crate) fn status_of(pid: u32, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.unwrap().split_whitespace().next().unwrap().parse().unwrap()
}

/// Returns how often a process has been switched to or from a processor.
pub(crate) fn wake_ups(pid: u32) -> u64 {
    status_of(pid, "voluntary_ctxt_switches") + status_of(pid, "nonvoluntary_ctxt_switches")
}

/// Returns the processor time of a process in hundredths of a second.
pub(crate) fn processor_time(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let fields: Vec<&str> = fields.split(' ').collect();
    fields[11..13].iter().map(|field| field.parse::<u64>().unwrap()).sum()
}

/// Returns how many events each daemon of a world has logged as served.
pub(crate) fn served_events(world: &World) -> Vec<u64> {
    let log = world.log();
    let counts = log.lines().filter_map(|line| {
        let (_, after) = line.split_once("served ")?;
        after.split(' ').next()?.parse().ok()
    });
    counts.collect()
}

/// Asserts that the daemon does not wake for some seconds.
pub(crate) fn assert_never_wakes(daemon: u32) {
    // The daemon may still handle the ends of hooks and the requests of the test.
    let rest = Duration::from_secs(rounds(5).clamp(5, 600) as u64);
    let (mut seen, mut since) = (wake_ups(daemon), Instant::now());
    let started = Instant::now();
    while since.elapsed() < rest {
        // There is no event to await: the test shows that nothing happens.
        std::thread::sleep(Duration::from_millis(50));
        if wake_ups(daemon) != seen {
            (seen, since) = (wake_ups(daemon), Instant::now());
            assert!(
                started.elapsed() < rest + TIMEOUT / 2,
                "the daemon wakes although nothing happens"
            );
        }
    }
    assert_eq!(status_of(daemon, "Threads"), 1);
}

/// Returns the private memory of a process in kilobytes.
pub(crate) fn memory_of(pid: u32) -> u64 {
    status_of(pid, "RssAnon")
}

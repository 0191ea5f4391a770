//! Waiting for events and for states, with one timeout for all tests.

use std::time::{Duration, Instant};

/// The time that a test waits for an event before it fails.
pub const TIMEOUT: Duration = Duration::from_secs(20);

/// The time between two polls of a state that no event announces, such as the end of a process.
const POLL_INTERVAL: Duration = Duration::from_millis(2);

/// Polls a state that no event announces until it `holds`. Fails the test after [`TIMEOUT`].
#[track_caller]
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + TIMEOUT;
    while !holds() {
        assert!(Instant::now() < deadline, "{what}: not within {TIMEOUT:?}");
        std::thread::sleep(POLL_INTERVAL);
    }
}

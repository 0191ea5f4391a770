//! The delays between attempts to connect to the daemon.

use std::time::{Duration, Instant};

/// The first delay. A daemon that restarts is back at once.
const MIN: Duration = Duration::from_millis(100);

/// The longest delay. A connection that has lasted as long shows that the daemon serves, and the next delay is short
/// again. A daemon that closes each connection at once is asked once in this time.
const MAX: Duration = Duration::from_secs(60);

/// The delay before the next attempt, twice as long as the last one.
#[derive(Debug)]
pub(crate) struct RetryDelay {
    next: Duration,
    connected_at: Option<Instant>,
}

impl Default for RetryDelay {
    fn default() -> Self {
        Self { next: MIN, connected_at: None }
    }
}

impl RetryDelay {
    /// Notes that an attempt has succeeded.
    pub(crate) fn note_connection(&mut self, now: Instant) {
        self.connected_at = Some(now);
    }

    /// Returns the time of the next attempt, as an attempt has failed or the connection has ended.
    pub(crate) fn next_attempt(&mut self, now: Instant) -> Instant {
        if self.connected_at.take().is_some_and(|at| now.duration_since(at) >= MAX) {
            self.next = MIN;
        }
        let at = now + self.next;
        self.next = (self.next * 2).min(MAX);
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delay_grows_until_a_connection_lasts() {
        let mut delay = RetryDelay::default();
        let mut now = Instant::now();
        let mut wait = |connection: Option<Duration>| {
            if let Some(lasted) = connection {
                delay.note_connection(now);
                now += lasted;
            }
            let at = delay.next_attempt(now);
            let waited = at - now;
            now = at;
            waited
        };
        assert_eq!([wait(None), wait(None), wait(None)], [MIN, 2 * MIN, 4 * MIN]);
        assert_eq!(wait(Some(MAX)), MIN);
        // A daemon that closes each connection at once is not asked ten times a second.
        let short = Some(Duration::from_millis(1));
        assert_eq!([wait(short), wait(short)], [2 * MIN, 4 * MIN]);
        for _ in 0..20 {
            assert!(wait(short) <= MAX);
        }
        assert_eq!(wait(short), MAX);
        assert_eq!(wait(Some(MAX)), MIN);
    }
}

//! Finds the day of the user's time zone.

use crewboard_core::{Day, Timestamp};
use jiff::Zoned;
use jiff::tz::TimeZone;

/// Returns the day of `now` in the time zone of the system, or of the variable `TZ` with which the daemon was started.
pub(crate) fn local_day(now: Timestamp) -> Day {
    day_in(&TimeZone::system(), now)
}

/// Returns the day of `now` in a time zone. A day that the calendar cannot express never ends.
fn day_in(zone: &TimeZone, now: Timestamp) -> Day {
    let milliseconds = i64::try_from(now.0).unwrap_or(0);
    let now = jiff::Timestamp::from_millisecond(milliseconds).unwrap_or_default();
    let start = now.to_zoned(zone.clone()).start_of_day();
    let end = start.as_ref().ok().and_then(|start| start.tomorrow().ok());
    // A day of summer time may not begin at midnight.
    let end = end.and_then(|end| end.start_of_day().ok());
    Day {
        start: start.map(|start| timestamp(&start)).unwrap_or_default(),
        end: end.map_or(Timestamp(u64::MAX), |end| timestamp(&end)),
    }
}

fn timestamp(at: &Zoned) -> Timestamp {
    Timestamp(u64::try_from(at.timestamp().as_millisecond()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000;

    /// Returns the start of a day after 1970, and the hours of the day.
    fn day(zone: &str, now: &str) -> (String, u64) {
        let now: jiff::Timestamp = now.parse().unwrap();
        let zone = TimeZone::posix(zone).unwrap();
        let now = Timestamp(u64::try_from(now.as_millisecond()).unwrap());
        let found = day_in(&zone, now);
        assert!(found.contains(now));
        let start = i64::try_from(found.start.0).unwrap();
        let start = jiff::Timestamp::from_millisecond(start).unwrap();
        (start.to_string(), found.end.since(found.start) / HOUR)
    }

    #[test]
    fn day_is_that_of_the_time_zone() {
        // POSIX writes the hours west of Greenwich.
        for (zone, now, start, hours) in [
            ("UTC0", "2026-11-28T15:00:00Z", "2026-11-28T00:00:00Z", 24),
            ("IST-5:30", "2026-11-28T20:00:00Z", "2026-11-28T18:30:00Z", 24),
            ("PST8", "2026-11-28T05:00:00Z", "2026-11-27T08:00:00Z", 24),
            // Summer time begins and ends on these days.
            ("CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z", 23),
            ("CET-1CEST,M3.5.0,M10.5.0/3", "2026-10-25T12:00:00Z", "2026-10-24T22:00:00Z", 25),
        ] {
            assert_eq!(day(zone, now), (start.to_owned(), hours), "{zone} {now}");
        }
    }

    #[test]
    fn impossible_time_has_a_day() {
        for now in [0, u64::MAX] {
            let found = day_in(&TimeZone::UTC, Timestamp(now));
            assert!(found.start < found.end, "{found:?}");
        }
    }
}

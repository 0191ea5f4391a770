use serde::{Deserialize, Serialize};

/// A time of the wall clock in Unix milliseconds. It is shown and never used to order events, because it may step.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// Returns the milliseconds from `earlier` to `self`, or zero if the clock stepped back.
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// A time of the boot-time clock, which runs while the machine sleeps and never steps.
///
/// Stamps of different boots have no order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Stamp {
    /// The leading 32 bits of the kernel's random boot id.
    pub boot: u32,
    /// Microseconds since that boot (exact in a JSON number for 285 years).
    pub micros: u64,
}

impl Stamp {
    /// Returns true if `self` is known to be earlier than `other`.
    pub fn is_before(self, other: Self) -> bool {
        self.boot == other.boot && self.micros < other.micros
    }

    /// Returns the later of the two stamps, or `other` if they have no order.
    #[must_use]
    pub fn latest(self, other: Self) -> Self {
        if other.is_before(self) { self } else { other }
    }
}

/// The present time on both clocks. The daemon reads it once per message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Now {
    /// The time to show.
    pub wall: Timestamp,
    /// The time that orders events.
    pub stamp: Stamp,
}

impl Now {
    /// Returns the wall-clock time of `stamp`, which may have waited in a queue.
    ///
    /// A stamp of another boot, or from the future, counts as now.
    pub fn wall_of(self, stamp: Stamp) -> Timestamp {
        if stamp.boot != self.stamp.boot {
            return self.wall;
        }
        let waited = self.stamp.micros.saturating_sub(stamp.micros) / 1000;
        Timestamp(self.wall.0.saturating_sub(waited))
    }

    /// Returns true if `milliseconds` have passed since `stamp`. No time has passed since a stamp of another boot.
    pub fn has_passed(self, stamp: Stamp, milliseconds: u64) -> bool {
        stamp.boot == self.stamp.boot
            && self.stamp.micros.saturating_sub(stamp.micros) >= milliseconds * 1000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_of_different_boots_have_no_order() {
        let one = Stamp { boot: 1, micros: 5 };
        let other = Stamp { boot: 2, micros: 9 };
        assert!(!one.is_before(other) && !other.is_before(one));
        assert!(one.is_before(Stamp { boot: 1, micros: 6 }));
        assert_eq!(one.latest(other), other);
    }

    #[test]
    fn wall_time_of_a_queued_stamp_is_its_own() {
        let now = Now { wall: Timestamp(10_000), stamp: Stamp { boot: 1, micros: 9_000_000 } };
        assert_eq!(now.wall_of(Stamp { boot: 1, micros: 7_500_000 }), Timestamp(8_500));
        assert_eq!(now.wall_of(Stamp { boot: 1, micros: 9_900_000 }), Timestamp(10_000));
        assert_eq!(now.wall_of(Stamp { boot: 3, micros: 1 }), Timestamp(10_000));
    }
}

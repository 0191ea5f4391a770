use serde::{Deserialize, Serialize};

/// A moment of the wall clock, in Unix milliseconds. For showing, never for ordering: it may step.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// Milliseconds from `earlier` to `self`, zero if the clock stepped back.
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// A moment of the boot-time clock (it runs on while the machine sleeps and never steps).
///
/// Stamps of different boots do not compare: an order that cannot be told is no order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Stamp {
    /// Which boot of which machine: the leading 32 bits of the kernel's random boot id.
    pub boot: u32,
    /// Microseconds since that boot (exact in a JSON number for 285 years).
    pub micros: u64,
}

impl Stamp {
    /// Whether `self` is known to be earlier than `other`.
    pub fn is_before(self, other: Self) -> bool {
        self.boot == other.boot && self.micros < other.micros
    }

    /// The later of the two; `other` where they do not compare.
    #[must_use]
    pub fn latest(self, other: Self) -> Self {
        if other.is_before(self) { self } else { other }
    }
}

/// The present moment on both clocks, read once per message by whoever runs the domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Now {
    /// To show.
    pub wall: Timestamp,
    /// To order by.
    pub stamp: Stamp,
}

impl Now {
    /// The wall-clock time of `stamp`, which may have waited in a queue.
    ///
    /// A stamp of another boot, or from the future, is taken for now.
    pub fn wall_of(self, stamp: Stamp) -> Timestamp {
        if stamp.boot != self.stamp.boot {
            return self.wall;
        }
        let waited = self.stamp.micros.saturating_sub(stamp.micros) / 1000;
        Timestamp(self.wall.0.saturating_sub(waited))
    }

    /// Whether `milliseconds` have passed since `stamp`; a stamp of another boot counts as now.
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
    fn a_stamp_that_waited_keeps_its_own_time() {
        let now = Now { wall: Timestamp(10_000), stamp: Stamp { boot: 1, micros: 9_000_000 } };
        assert_eq!(now.wall_of(Stamp { boot: 1, micros: 7_500_000 }), Timestamp(8_500));
        assert_eq!(now.wall_of(Stamp { boot: 1, micros: 9_900_000 }), Timestamp(10_000));
        assert_eq!(now.wall_of(Stamp { boot: 3, micros: 1 }), Timestamp(10_000));
    }
}

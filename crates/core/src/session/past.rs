//! The statuses of a session before its `history`, packed: a day has hundreds of them, and a daemon has many sessions.

use crate::session::Transition;
use crate::session::status::Status;
use crate::time::Timestamp;
use crate::{KEEP_PAST_MS, MAX_PAST};
use serde::de::{SeqAccess, Visitor};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// Statuses with their starts, oldest first. At most [`MAX_PAST`], of the last day.
///
/// Each takes two to five bytes: the milliseconds since the one before and the number of the status, in groups of seven
/// bits. In JSON it is a list of numbers: a status, as an index of [`Status::ALL`], and the milliseconds since the one
/// before, or since 1970 for the first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PastStatuses {
    /// The time of the first entry, which `bytes` store as zero milliseconds.
    first: u64,
    /// The time of the last entry.
    last: u64,
    count: usize,
    bytes: Vec<u8>,
}

/// The bits of a status.
const STATUS_BITS: u32 = 3;

impl PastStatuses {
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Returns the number of statuses.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Returns the number of bytes in which the statuses are packed.
    pub fn packed_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Adds a status. Removes those that ended a day before it, and the oldest of too many.
    pub fn push(&mut self, entered: Transition) {
        let at = entered.at.0.max(self.last);
        if self.is_empty() {
            (self.first, self.last) = (entered.at.0, entered.at.0);
        }
        let elapsed = at.saturating_sub(self.last).min(u64::MAX >> STATUS_BITS);
        self.write(elapsed, entered.status);
        self.last = self.last.saturating_add(elapsed);
        self.count += 1;
        while self.count > MAX_PAST
            || self.second().is_some_and(|ended| ended.saturating_add(KEEP_PAST_MS) < at)
        {
            self.remove_first();
        }
    }

    /// Returns the statuses, oldest first.
    pub fn iter(&self) -> Entries<'_> {
        Entries { bytes: &self.bytes, at: self.first }
    }

    /// Returns the time of the second entry, at which the first ended.
    fn second(&self) -> Option<u64> {
        self.iter().nth(1).map(|entered| entered.at.0)
    }

    fn remove_first(&mut self) {
        let mut entries = self.iter();
        entries.next();
        let Some(second) = entries.next() else {
            *self = Self::default();
            return;
        };
        let rest = entries.bytes.to_vec();
        self.bytes.clear();
        self.write(0, second.status);
        self.bytes.extend(rest);
        self.first = second.at.0;
        self.count -= 1;
    }

    fn write(&mut self, elapsed: u64, status: Status) {
        let mut value = (elapsed << STATUS_BITS) | u64::from(number(status));
        while value >= 0x80 {
            self.bytes.push(value.to_le_bytes()[0] | 0x80);
            value >>= 7;
        }
        self.bytes.push(value.to_le_bytes()[0]);
    }
}

/// Returns the index of a status in [`Status::ALL`].
fn number(status: Status) -> u8 {
    Status::ALL.iter().zip(0..).find(|(other, _)| **other == status).map_or(0, |(_, index)| index)
}

/// An iterator over past statuses.
#[derive(Debug, Clone)]
pub struct Entries<'a> {
    bytes: &'a [u8],
    /// The time of the entry before.
    at: u64,
}

impl Iterator for Entries<'_> {
    type Item = Transition;

    fn next(&mut self) -> Option<Transition> {
        let length = self.bytes.iter().position(|byte| byte & 0x80 == 0)? + 1;
        let (entry, rest) = self.bytes.split_at(length);
        self.bytes = rest;
        let value =
            entry.iter().rev().fold(0_u64, |value, byte| (value << 7) | u64::from(byte & 0x7f));
        self.at = self.at.saturating_add(value >> STATUS_BITS);
        let index = usize::try_from(value & 7).unwrap_or(0);
        Some(Transition { status: Status::ALL[index], at: Timestamp(self.at) })
    }
}

impl FromIterator<Transition> for PastStatuses {
    fn from_iter<I: IntoIterator<Item = Transition>>(entries: I) -> Self {
        let mut past = Self::default();
        for entered in entries {
            past.push(entered);
        }
        past
    }
}

impl<'a> IntoIterator for &'a PastStatuses {
    type Item = Transition;
    type IntoIter = Entries<'a>;

    fn into_iter(self) -> Entries<'a> {
        self.iter()
    }
}

impl Serialize for PastStatuses {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.count * 2))?;
        let mut before = 0;
        for entered in self {
            list.serialize_element(&number(entered.status))?;
            list.serialize_element(&entered.at.0.saturating_sub(before))?;
            before = entered.at.0;
        }
        list.end()
    }
}

impl<'de> Deserialize<'de> for PastStatuses {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;

        impl<'de> Visitor<'de> for Pairs {
            type Value = PastStatuses;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list of statuses and milliseconds")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<PastStatuses, A::Error> {
                let mut past = PastStatuses::default();
                let mut at = 0_u64;
                while let Some(number) = list.next_element::<u64>()? {
                    let Some(elapsed) = list.next_element::<u64>()? else { break };
                    at = at.saturating_add(elapsed);
                    // A newer daemon may have further statuses.
                    let status = usize::try_from(number).ok().and_then(|it| Status::ALL.get(it));
                    if let Some(status) = status {
                        past.push(Transition { status: *status, at: Timestamp(at) });
                    }
                }
                Ok(past)
            }
        }

        deserializer.deserialize_seq(Pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: u64 = 1_795_331_978_805;

    /// Returns one status each `every` milliseconds: work, a permission, work, a result.
    fn past(count: u64, every: u64) -> (PastStatuses, Vec<Transition>) {
        let statuses = [Status::Working, Status::Permission, Status::Working, Status::Done];
        let entries: Vec<Transition> = (0..count)
            .zip(statuses.into_iter().cycle())
            .map(|(index, status)| Transition { status, at: Timestamp(START + index * every) })
            .collect();
        (entries.iter().copied().collect(), entries)
    }

    #[test]
    fn statuses_are_returned_as_they_were_added() {
        let (past, entries) = past(200, 61_234);
        assert_eq!((past.len(), past.iter().collect::<Vec<_>>()), (200, entries));
        for status in Status::ALL {
            let mut past = PastStatuses::default();
            past.push(Transition { status, at: Timestamp(START) });
            assert_eq!(past.iter().next().map(|entered| entered.status), Some(status));
        }
    }

    /// The former list took 16 bytes for each status.
    #[test]
    fn full_day_takes_less_than_a_kilobyte() {
        let (past, _) = past(MAX_PAST as u64, KEEP_PAST_MS / MAX_PAST as u64);
        assert_eq!(past.len(), MAX_PAST);
        assert!(past.packed_bytes() <= 4 * MAX_PAST, "{}", past.packed_bytes());
    }

    #[test]
    fn old_and_excess_statuses_are_removed() {
        let (many, entries) = past(1000, 1000);
        assert_eq!(many.iter().collect::<Vec<_>>(), entries[1000 - MAX_PAST..]);
        let (old, entries) = past(10, KEEP_PAST_MS / 4);
        // The first of these ended less than a day before the last began.
        assert_eq!(old.iter().collect::<Vec<_>>(), entries[4..]);
    }

    #[test]
    fn time_that_goes_back_counts_as_the_time_before() {
        let (mut past, _) = past(2, 1000);
        past.push(Transition { status: Status::Idle, at: Timestamp(5) });
        let times: Vec<u64> = past.iter().map(|entered| entered.at.0 - START).collect();
        assert_eq!(times, [0, 1000, 1000]);
    }

    #[test]
    fn invalid_times_do_no_harm() {
        let mut past = PastStatuses::default();
        for at in [u64::MAX, 0, u64::MAX, 7] {
            past.push(Transition { status: Status::Closed, at: Timestamp(at) });
        }
        assert_eq!(past.iter().count(), 4);
        past = PastStatuses::default();
        for at in [0, u64::MAX, u64::MAX] {
            past.push(Transition { status: Status::Closed, at: Timestamp(at) });
        }
        assert_eq!(past.iter().count(), past.len());
    }
}

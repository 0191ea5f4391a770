//! The last events of a session for `explain`, packed: a daemon has many sessions, and `explain` is rare.

use crate::MAX_TRAIL;
use crate::session::status::Status;
use crate::time::{Stamp, Timestamp};
use serde::{Deserialize, Serialize};

/// The effect of one event or observation on a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// The status was set.
    Set { from: Status, to: Status },
    /// The status stayed the same.
    #[serde(rename = "kept")]
    Unchanged,
    /// The event or observation was ignored.
    Ignored { why: String },
}

/// One event or observation of a session, for `explain`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrailEntry {
    /// The source: `hook:Stop`, `process:exited`, …
    pub source: String,
    /// A summary in a few words.
    pub summary: String,
    /// The time at which it happened.
    pub at: Timestamp,
    /// The time at which it happened on the clock that orders events.
    pub stamp: Stamp,
    /// The milliseconds between the event and its arrival.
    pub delay: u64,
    /// The effect on the session.
    pub effect: Effect,
}

/// The last events of a session, newest last.
///
/// Each takes about 30 bytes: its numbers in groups of seven bits, the times as differences from the entry before, and
/// its texts. A usual text is an index into [`USUAL_TEXTS`].
#[derive(Debug, Clone, Default)]
pub(crate) struct Trail {
    /// The times of the entry before the first.
    before: Times,
    /// The times of the last entry.
    last: Times,
    count: usize,
    bytes: Vec<u8>,
}

/// The times of an entry.
#[derive(Debug, Clone, Copy, Default)]
struct Times {
    at: u64,
    stamp: Stamp,
}

/// Bytes by which the memory of a trail grows.
const GROWTH: usize = 128;

/// Sources and summaries of most entries.
const USUAL_TEXTS: [&str; 20] = [
    "hook:PreToolUse",
    "hook:PostToolUse",
    "hook:PostToolBatch",
    "hook:PermissionRequest",
    "hook:Notification",
    "hook:UserPromptSubmit",
    "hook:Stop",
    "hook:SubagentStart",
    "hook:SubagentStop",
    "hook:SessionStart",
    "prompt",
    "all tools ended",
    "Bash started",
    "Bash ended",
    "Read started",
    "Read ended",
    "Edit started",
    "Edit ended",
    "busy",
    "at its prompt",
];

impl Trail {
    pub(crate) fn push(&mut self, entry: TrailEntry) {
        if self.count == MAX_TRAIL {
            self.remove_first();
        }
        self.bytes.reserve_exact(if self.bytes.capacity() - self.bytes.len() < GROWTH / 2 {
            GROWTH
        } else {
            0
        });
        let TrailEntry { source, summary, at, stamp, delay, effect } = entry;
        self.write_difference(at.0, self.last.at);
        self.write_difference(stamp.boot.into(), self.last.stamp.boot.into());
        self.write_difference(stamp.micros, self.last.stamp.micros);
        self.write_number(delay);
        self.write_text(&source);
        self.write_text(&summary);
        match effect {
            Effect::Unchanged => self.write_number(0),
            Effect::Ignored { why } => {
                self.write_number(1);
                self.write_text(&why);
            }
            Effect::Set { from, to } => {
                let [from, to] = [from, to].map(|status| status as u64);
                self.write_number(2 + from * STATUSES + to);
            }
        }
        self.last = Times { at: at.0, stamp };
        self.count += 1;
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = TrailEntry> {
        let mut reader = Reader { bytes: &self.bytes, before: self.before };
        std::iter::from_fn(move || reader.next_entry())
    }

    /// Returns the number of bytes in which the entries are packed.
    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    fn remove_first(&mut self) {
        let mut reader = Reader { bytes: &self.bytes, before: self.before };
        reader.next_entry();
        let length = self.bytes.len() - reader.bytes.len();
        self.before = reader.before;
        self.bytes.drain(..length);
        self.count -= 1;
    }

    fn write_number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push(number.to_le_bytes()[0] | 0x80);
            number >>= 7;
        }
        self.bytes.push(number.to_le_bytes()[0]);
    }

    /// Writes a number as the difference from the one before, in zigzag encoding because a late event is older.
    fn write_difference(&mut self, number: u64, before: u64) {
        let difference = number.wrapping_sub(before).cast_signed();
        self.write_number(((difference << 1) ^ (difference >> 63)).cast_unsigned());
    }

    fn write_text(&mut self, text: &str) {
        if let Some(index) = USUAL_TEXTS.iter().position(|usual| *usual == text) {
            return self.write_number(index as u64 * 2 + 1);
        }
        self.write_number(text.len() as u64 * 2);
        self.bytes.extend_from_slice(text.as_bytes());
    }
}

/// The number of statuses.
const STATUSES: u64 = Status::ALL.len() as u64;

/// Reads the entries of a trail.
#[derive(Debug)]
struct Reader<'a> {
    bytes: &'a [u8],
    before: Times,
}

impl Reader<'_> {
    fn next_entry(&mut self) -> Option<TrailEntry> {
        let at = self.difference(self.before.at)?;
        let boot = self.difference(self.before.stamp.boot.into())?;
        let micros = self.difference(self.before.stamp.micros)?;
        let stamp = Stamp { boot: u32::try_from(boot).unwrap_or(0), micros };
        self.before = Times { at, stamp };
        let delay = self.number()?;
        let (source, summary) = (self.text()?, self.text()?);
        let effect = match self.number()? {
            0 => Effect::Unchanged,
            1 => Effect::Ignored { why: self.text()? },
            number => Effect::Set {
                from: status((number - 2) / STATUSES)?,
                to: status((number - 2) % STATUSES)?,
            },
        };
        Some(TrailEntry { source, summary, at: Timestamp(at), stamp, delay, effect })
    }

    fn number(&mut self) -> Option<u64> {
        let length = self.bytes.iter().position(|byte| byte & 0x80 == 0)? + 1;
        let (bytes, rest) = self.bytes.split_at(length);
        self.bytes = rest;
        let add = |number: u64, byte: &u8| (number << 7) | u64::from(byte & 0x7f);
        Some(bytes.iter().rev().fold(0, add))
    }

    fn difference(&mut self, before: u64) -> Option<u64> {
        let number = self.number()?;
        let difference = (number >> 1) ^ (number & 1).wrapping_neg();
        Some(before.wrapping_add(difference))
    }

    fn text(&mut self) -> Option<String> {
        let number = usize::try_from(self.number()?).ok()?;
        if number % 2 == 1 {
            return USUAL_TEXTS.get(number / 2).map(|text| (*text).to_owned());
        }
        let (text, rest) = self.bytes.split_at_checked(number / 2)?;
        self.bytes = rest;
        Some(String::from_utf8_lossy(text).into_owned())
    }
}

/// Returns the status with an index of [`Status::ALL`].
fn status(index: u64) -> Option<Status> {
    Status::ALL.get(usize::try_from(index).ok()?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pick<T: Copy>(number: u64, of: &[T]) -> T {
        of[usize::try_from(number).unwrap() % of.len()]
    }

    fn entry(number: u64) -> TrailEntry {
        let effect = match number % 3 {
            0 => Effect::Set { from: Status::Working, to: pick(number, &Status::ALL) },
            1 => Effect::Unchanged,
            _ => Effect::Ignored { why: "the session has ended".to_owned() },
        };
        TrailEntry {
            source: pick(number, &["hook:PreToolUse", "report", ""]).to_owned(),
            summary: pick(number, &["Bash started", "“turn” over"]).to_owned(),
            at: Timestamp(1_795_331_978_805 + number * 1234),
            stamp: Stamp { boot: 0xdead_beef, micros: 5_000_000_000 + number * 1_234_567 },
            delay: number % 300,
            effect,
        }
    }

    #[test]
    fn last_entries_are_returned_as_they_were_added() {
        let mut trail = Trail::default();
        for number in 0..1000 {
            trail.push(entry(number));
            let first = (number + 1).saturating_sub(MAX_TRAIL as u64);
            let expected: Vec<TrailEntry> = (first..=number).map(entry).collect();
            assert_eq!(trail.entries().collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn times_of_other_boots_and_late_events_are_kept() {
        let mut trail = Trail::default();
        let mut entries = Vec::new();
        for (boot, micros, at) in
            [(0, u64::MAX, 0), (u32::MAX, 0, u64::MAX), (7, 1 << 63, 1), (7, 5, u64::MAX - 1)]
        {
            let stamp = Stamp { boot, micros };
            entries.push(TrailEntry { stamp, at: Timestamp(at), delay: u64::MAX, ..entry(1) });
            trail.push(entries[entries.len() - 1].clone());
        }
        assert_eq!(trail.entries().collect::<Vec<_>>(), entries);
    }

    /// The former list took 104 bytes for each entry, and two strings.
    #[test]
    fn full_trail_of_usual_events_takes_a_kilobyte() {
        let mut trail = Trail::default();
        for number in 0..1000 {
            let effect = Effect::Unchanged;
            trail.push(TrailEntry {
                source: "hook:PreToolUse".to_owned(),
                effect,
                ..entry(number)
            });
        }
        assert!(trail.capacity() <= 1024, "{}", trail.capacity());
    }
}

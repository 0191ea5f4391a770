//! The records that the daemon has to get: the newest of each id, in the order of their last changes.

use crewboard_core::{ProgramRecord, ProgramState, Stamp};

/// Maximum number of records. The protocol asks for 64 at least, and a daemon shows fewer.
const MAX_RECORDS: usize = 64;

/// A record with the time of its report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) record: ProgramRecord,
    pub(crate) stamp: Stamp,
    is_sent: bool,
}

/// The newest record of each id. A daemon that reads slowly misses only records that others have replaced.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// The record that changed last comes last.
    entries: Vec<Entry>,
}

impl Outbox {
    /// Adds a report of the program, which replaces the record of its id.
    pub(crate) fn add(&mut self, record: ProgramRecord, stamp: Stamp) {
        let is_clear = record.state == ProgramState::Cleared;
        self.entries.retain(|entry| {
            let is_replaced = entry.record.id == record.id;
            !(is_replaced || is_clear && record.contains(&entry.record.id))
        });
        if self.entries.len() == MAX_RECORDS {
            self.entries.remove(0);
        }
        self.entries.push(Entry { record, stamp, is_sent: false });
    }

    /// Removes the records that end at a shell's prompt, where the program no longer runs: working, blocked and idle ones.
    pub(crate) fn end_at_prompt(&mut self, stamp: Stamp) {
        let ends = |entry: &&Entry| {
            matches!(
                entry.record.state,
                ProgramState::Working | ProgramState::Blocked | ProgramState::Idle
            )
        };
        let ended: Vec<String> =
            self.entries.iter().filter(ends).map(|entry| entry.record.id.clone()).collect();
        for id in ended {
            let state = ProgramState::Cleared;
            self.add(ProgramRecord { id, state, ..ProgramRecord::default() }, stamp);
        }
    }

    /// Removes all records, as the terminal is reset.
    pub(crate) fn reset(&mut self, stamp: Stamp) {
        if !self.entries.is_empty() {
            let state = ProgramState::Cleared;
            self.add(ProgramRecord { state, ..ProgramRecord::default() }, stamp);
        }
    }

    /// Returns true if the daemon has to get a record.
    pub(crate) fn is_pending(&self) -> bool {
        self.entries.iter().any(|entry| !entry.is_sent)
    }

    /// Returns the oldest record that the daemon has not got, and counts it as sent.
    pub(crate) fn take(&mut self) -> Option<Entry> {
        let position = self.entries.iter().position(|entry| !entry.is_sent)?;
        if self.entries.get(position)?.record.state == ProgramState::Cleared {
            return Some(self.entries.remove(position));
        }
        let entry = self.entries.get_mut(position)?;
        entry.is_sent = true;
        Some(entry.clone())
    }

    /// Makes all records pending, for another daemon.
    pub(crate) fn send_again(&mut self) {
        self.entries.iter_mut().for_each(|entry| entry.is_sent = false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(id: &str, state: ProgramState) -> ProgramRecord {
        ProgramRecord { id: id.to_owned(), state, ..ProgramRecord::default() }
    }

    fn stamp(micros: u64) -> Stamp {
        Stamp { boot: 1, micros }
    }

    fn pending(outbox: &mut Outbox) -> Vec<(String, ProgramState)> {
        let taken = std::iter::from_fn(|| outbox.take());
        taken.map(|entry| (entry.record.id, entry.record.state)).collect()
    }

    #[test]
    fn newest_record_of_each_id_is_sent_once() {
        use ProgramState::{Blocked, Cleared, Done, Working};
        let mut outbox = Outbox::default();
        for (id, state) in [("", Working), ("a", Working), ("a/b", Blocked), ("", Done)] {
            outbox.add(record(id, state), stamp(1));
        }
        let all = [("a", Working), ("a/b", Blocked), ("", Done)];
        let all = all.map(|(id, state)| (id.to_owned(), state));
        assert_eq!(pending(&mut outbox), all);
        assert!(!outbox.is_pending());
        outbox.send_again();
        assert_eq!(pending(&mut outbox), all);
        outbox.add(record("a", Cleared), stamp(2));
        assert_eq!(pending(&mut outbox), [("a".to_owned(), Cleared)]);
        outbox.send_again();
        assert_eq!(pending(&mut outbox), [(String::new(), Done)]);
    }

    #[test]
    fn prompt_and_reset_end_records() {
        use ProgramState::{Cleared, Done, Working};
        let mut outbox = Outbox::default();
        outbox.reset(stamp(1));
        assert!(!outbox.is_pending());
        outbox.add(record("a", Working), stamp(1));
        outbox.add(record("b", Done), stamp(1));
        outbox.end_at_prompt(stamp(2));
        assert_eq!(pending(&mut outbox), [("b".to_owned(), Done), ("a".to_owned(), Cleared)]);
        outbox.reset(stamp(3));
        assert_eq!(pending(&mut outbox), [(String::new(), Cleared)]);
        outbox.send_again();
        assert!(!outbox.is_pending());
    }

    #[test]
    fn thousands_of_records_are_bounded() {
        let mut outbox = Outbox::default();
        for index in 0..5000 {
            outbox.add(record(&format!("a{index}"), ProgramState::Working), stamp(index));
        }
        let sent = pending(&mut outbox);
        assert_eq!((sent.len(), sent[0].0.as_str()), (MAX_RECORDS, "a4936"));
    }
}

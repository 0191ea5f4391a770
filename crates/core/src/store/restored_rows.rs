//! Rows that a view gives back to a new daemon.

use super::{Outcome, ProcessToWatch, SessionStore};
use crate::session::Session;
use crate::session::identity::RowKey;
use crate::state::settle;
use crate::state::trail::{Effect, TrailEntry};
use crate::store::restore;
use crate::time::Now;
use crate::{MAX_FORMER_KEYS, MAX_ROWS, Status};

impl SessionStore {
    pub(super) fn take_restored(&mut self, mut restored: Session, now: Now, outcome: &mut Outcome) {
        restore::sanitise(&mut restored, now);
        if !restored.key.is_well_formed() || restored.id.is_empty() {
            return;
        }
        let process = restored.process();
        let is_open = restored.status != Status::Closed;
        if is_open && process.is_some_and(|it| !self.owners.may_own(it, &restored.agent)) {
            return;
        }
        if let Some(known) = self.row_restored(&restored) {
            self.merge_restored(&known, restored, now, outcome);
            return;
        }
        if !self.is_free(&restored.key) {
            restored.key =
                self.free_key(&restored.agent, &restored.place.host, process, &restored.id);
        }
        if self.rows.len() >= MAX_ROWS && !self.make_room(outcome) {
            return;
        }
        let key = restored.key.clone();
        let mut row = restore::revive(restored, &self.epoch);
        row.facts.trail.push(TrailEntry {
            source: "restored".to_owned(),
            said: format!("{}, as a view remembers it", row.status),
            at: now.wall,
            stamp: now.stamp,
            delay: 0,
            effect: Effect::Unchanged,
        });
        settle(&mut row, now, now.stamp, "restored");
        if let Some(process) = process
            && row.status != Status::Closed
        {
            self.owners.insert(process, &row.agent, &key);
            outcome.watch.push(ProcessToWatch { agent: row.agent.clone(), process });
        }
        self.rows.insert(key.clone(), row);
        self.changed(&key, None, now, outcome);
        self.prune_closed(outcome);
    }

    /// Returns the row that a row given back is a picture of: that of its process, or for one without a process
    /// that of its key. The key alone proves nothing, since the client names it.
    fn row_restored(&self, restored: &Session) -> Option<RowKey> {
        if let Some(process) = restored.process() {
            return self.owners.of(process, &restored.agent).cloned();
        }
        let row = self.rows.get(&restored.key)?;
        let is_its = row.agent == restored.agent
            && (row.id == restored.id
                || row.lineage.contains(&restored.id)
                || restored.lineage.contains(&row.id));
        is_its.then(|| row.key.clone())
    }

    /// Brings a row together with a picture of it. The row keeps its key, whatever the picture says: a row that
    /// lives is known to clients by that key.
    fn merge_restored(
        &mut self,
        known: &RowKey,
        restored: Session,
        now: Now,
        outcome: &mut Outcome,
    ) {
        let Some(row) = self.rows.get_mut(known) else { return };
        let former = restored.key.clone();
        let changed = restore::merge(row, restored);
        let agent = row.agent.clone();
        let process_now = row.process().filter(|_| row.status != Status::Closed);
        if former != *known && !self.rows.contains_key(&former) {
            self.note_former_key(former, known, outcome);
        }
        if let Some(process) = process_now
            && self.owners.insert(process, &agent, known)
        {
            outcome.watch.push(ProcessToWatch { agent, process });
        }
        if changed {
            if let Some(row) = self.rows.get_mut(known) {
                settle(row, now, now.stamp, "restored");
            }
            self.changed(known, None, now, outcome);
        }
    }

    /// Remembers that an earlier daemon knew a row by another key, for clients that wait for it by that key.
    fn note_former_key(&mut self, former: RowKey, known: &RowKey, outcome: &mut Outcome) {
        if self.former_keys.len() == MAX_FORMER_KEYS {
            self.former_keys.pop_front();
        }
        outcome.renamed.push((former.clone(), known.clone()));
        self.former_keys.push_back((former, known.clone()));
    }

    /// Returns the key of the row that an earlier daemon knew by `key`; `key` itself where there is none.
    pub fn key_now<'a>(&'a self, key: &'a RowKey) -> &'a RowKey {
        if self.rows.contains_key(key) {
            return key;
        }
        let mut former = self.former_keys.iter().rev();
        let found = former.find(|(former, now)| former == key && self.rows.contains_key(now));
        found.map_or(key, |(_, now)| now)
    }
}

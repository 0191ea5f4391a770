//! Rows that a view gives back to a new daemon.

use super::{Outcome, Sessions, Watch};
use crate::facts::settle;
use crate::restore;
use crate::session::Session;
use crate::time::Now;
use crate::trail::{Effect, TrailEntry};
use crate::{MAX_ROWS, Status};

impl Sessions {
    pub(super) fn take_restored(&mut self, mut restored: Session, now: Now, outcome: &mut Outcome) {
        restore::sanitise(&mut restored, now);
        if restored.key.is_empty() || restored.id.is_empty() {
            return;
        }
        let process = restored.process();
        let is_open = restored.status != Status::Closed;
        if is_open && process.is_some_and(|it| !self.owners.may_own(it, &restored.agent)) {
            return;
        }
        let known = process.and_then(|process| self.owners.of(process, &restored.agent)).cloned();
        let known =
            known.or_else(|| self.rows.contains_key(&restored.key).then(|| restored.key.clone()));
        if let Some(known) = known {
            let Some(mut row) = self.rows.remove(&known) else { return };
            // The older name, unless it has become another row's.
            if restored.key != known && self.rows.contains_key(&restored.key) {
                restored.key = known.clone();
            }
            let changed = restore::merge(&mut row, restored);
            // What views and waiters know the row by is the older name.
            if row.key != known {
                self.unschedule(&known);
                self.forget(known.clone(), outcome);
                self.owners.rename(&known, &row.key);
                outcome.renamed.push((known.clone(), row.key.clone()));
                if let Some(ancestors) = self.ancestors.remove(&known) {
                    self.ancestors.insert(row.key.clone(), ancestors);
                }
            }
            let (key, agent) = (row.key.clone(), row.agent.clone());
            let now_of = row.process().filter(|_| row.status != Status::Closed);
            self.rows.insert(key.clone(), row);
            if let Some(process) = now_of
                && self.owners.insert(process, &agent, &key)
            {
                outcome.watch.push(Watch { agent, process });
            }
            if changed {
                if let Some(row) = self.rows.get_mut(&key) {
                    settle(row, now, now.stamp, "restored");
                }
                self.changed(&key, None, now, outcome);
            }
            return;
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
            effect: Effect::Kept,
        });
        settle(&mut row, now, now.stamp, "restored");
        if let Some(process) = process
            && row.status != Status::Closed
        {
            self.owners.insert(process, &row.agent, &key);
            outcome.watch.push(Watch { agent: row.agent.clone(), process });
        }
        self.rows.insert(key.clone(), row);
        self.changed(&key, None, now, outcome);
        self.prune_closed(outcome);
    }
}

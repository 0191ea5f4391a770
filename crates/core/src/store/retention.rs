//! Counting changes, waiting for deadlines, and letting go of rows.

use super::{Change, ChangeKind, Outcome, SessionStore};
use crate::session::identity::RowKey;
use crate::session::{End, Transition};
use crate::state::{Ended, settle};
use crate::time::{Now, Stamp};
use crate::{KEEP_CLOSED_MS, LOST_AFTER_MS, MAX_CLOSED, MAX_REMOVALS, Status};

impl SessionStore {
    /// Counts a change of a row and notes when it may next change by itself.
    pub(super) fn changed(
        &mut self,
        key: &RowKey,
        transition: Option<Transition>,
        now: Now,
        outcome: &mut Outcome,
    ) {
        self.count(key, transition, outcome);
        if let Some(row) = self.rows.get_mut(key) {
            row.updated = now.wall;
            if transition.is_some() {
                row.facts.news = self.revision;
            }
        }
        self.schedule(key, now, outcome);
    }

    /// Counts a change of a row that is no news of what it does.
    pub(super) fn count(
        &mut self,
        key: &RowKey,
        transition: Option<Transition>,
        outcome: &mut Outcome,
    ) {
        self.revision += 1;
        let mut passed = None;
        if let Some(row) = self.rows.get_mut(key) {
            row.revision = self.revision;
            passed = row.facts.passed.take();
        }
        outcome.changes.push(Change {
            key: key.clone(),
            kind: ChangeKind::Updated,
            transition,
            passed,
        });
    }

    /// Notes when a row may next change by itself, and hands on the looks that it wants.
    pub(super) fn schedule(&mut self, key: &RowKey, now: Now, outcome: &mut Outcome) {
        self.unschedule(key);
        let Some(row) = self.rows.get_mut(key) else { return };
        outcome.looks.extend(row.take_looks());
        let facts = &row.facts;
        let waits = if let Some(ended) = facts.ended {
            vec![(ended.stamp, KEEP_CLOSED_MS)]
        } else {
            let snoozed = row.snoozed_until.map(|until| (now.stamp, until.since(now.wall)));
            let lost = (!facts.watched).then_some((facts.heard(), LOST_AFTER_MS));
            let waits = [facts.deadline(row.headless), facts.next_conclusion(row.headless)];
            waits.into_iter().chain([snoozed, lost]).flatten().collect()
        };
        let micros = |(since, wait): (Stamp, u64)| {
            let since = if since.boot == now.stamp.boot { since.micros } else { now.stamp.micros };
            since.saturating_add(wait.saturating_mul(1000))
        };
        let Some(at) = waits.into_iter().map(micros).min() else { return };
        self.deadlines.insert((at, key.clone()));
        self.deadline_of.insert(key.clone(), at);
    }

    pub(super) fn take_tick(&mut self, now: Now, outcome: &mut Outcome) {
        outcome.limits_changed |= self.accounts.begin_anew(now);
        // A few for each row: one that is due again and again waits for the next tick and holds nobody up.
        for _ in 0..8 * (self.deadlines.len() + 1) {
            let Some((micros, key)) = self.deadlines.first().cloned() else { break };
            if micros > now.stamp.micros {
                break;
            }
            self.unschedule(&key);
            let Some(row) = self.rows.get_mut(&key) else { continue };
            if let Some(ended) = row.facts.ended {
                if now.has_passed(ended.stamp, KEEP_CLOSED_MS) || ended.stamp.boot != now.stamp.boot
                {
                    self.remove(&key, outcome);
                }
                continue;
            }
            let wakes = row.snoozed_until.is_some_and(|until| until <= now.wall);
            if wakes {
                row.snoozed_until = None;
            }
            let heard = row.facts.heard();
            let silent = now.has_passed(heard, LOST_AFTER_MS) || heard.boot != now.stamp.boot;
            let source = if !row.facts.watched
                && silent
                && !wakes
                && row.facts.deadline(row.headless).is_none()
            {
                row.facts.ended = Some(Ended { how: End::Lost, stamp: now.stamp, dead: false });
                row.facts.clear_for_end();
                "process:lost"
            } else {
                "clock"
            };
            let before = row.session.clone();
            let settled = settle(row, now, now.stamp, source);
            if wakes && row.needs_you {
                row.dismissed = false;
            }
            if settled.transition.is_some() || wakes || row.session != before {
                self.changed(&key, settled.transition, now, outcome);
            } else {
                self.schedule(&key, now, outcome);
            }
            if settled.closes() {
                self.prune_closed(outcome);
            }
        }
    }

    pub(super) fn unschedule(&mut self, key: &RowKey) {
        if let Some(at) = self.deadline_of.remove(key) {
            self.deadlines.remove(&(at, key.clone()));
        }
    }

    pub(super) fn prune_closed(&mut self, outcome: &mut Outcome) {
        let mut closed: Vec<_> = self
            .rows
            .values()
            .filter(|row| row.status == Status::Closed)
            .map(|row| (row.since, row.key.clone()))
            .collect();
        if closed.len() <= MAX_CLOSED {
            return;
        }
        closed.sort();
        for (_, key) in closed.iter().take(closed.len() - MAX_CLOSED) {
            self.remove(key, outcome);
        }
    }

    /// Removes the row that will be missed least; false if every row is of a living agent.
    pub(super) fn make_room(&mut self, outcome: &mut Outcome) -> bool {
        let expendable = self
            .rows
            .values()
            .filter(|row| row.status == Status::Closed || !row.facts.watched)
            .min_by_key(|row| (row.status != Status::Closed, row.updated, row.key.clone()))
            .map(|row| row.key.clone());
        expendable.is_some_and(|key| {
            self.remove(&key, outcome);
            true
        })
    }

    pub(super) fn remove(&mut self, key: &RowKey, outcome: &mut Outcome) {
        self.unschedule(key);
        self.rows.remove(key);
        self.ancestors.remove(key);
        self.owners.remove(key);
        for row in self.rows.values_mut().filter(|row| row.parent.as_ref() == Some(key)) {
            row.parent = None;
        }
        self.forget(key.clone(), outcome);
    }

    pub(super) fn forget(&mut self, key: RowKey, outcome: &mut Outcome) {
        self.revision += 1;
        if self.removals.len() == MAX_REMOVALS
            && let Some((at, _)) = self.removals.pop_front()
        {
            self.forgotten = at;
        }
        self.removals.push_back((self.revision, key.clone()));
        outcome.changes.push(Change {
            key,
            kind: ChangeKind::Removed,
            transition: None,
            passed: None,
        });
    }
}

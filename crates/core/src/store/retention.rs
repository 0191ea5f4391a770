//! Records changes, schedules deadlines, and removes old sessions.

use super::{Change, ChangeKind, Outcome, SessionStore};
use crate::session::identity::RowKey;
use crate::session::{End, Transition};
use crate::state::derive::asks_for_user;
use crate::state::{Ended, derive_session};
use crate::time::{Now, Stamp};
use crate::{KEEP_CLOSED_MS, LOST_AFTER_MS, MAX_CLOSED, MAX_REMOVALS, Status};

impl SessionStore {
    /// Records a change of a session and schedules its next deadline.
    pub(super) fn record_change(
        &mut self,
        key: &RowKey,
        transition: Option<Transition>,
        now: Now,
        outcome: &mut Outcome,
    ) {
        self.record_revision(key, transition, outcome);
        if let Some(row) = self.rows.get_mut(key) {
            row.session.updated = now.wall;
            let newest = row.state.newest_evidence();
            if newest.boot == now.stamp.boot {
                row.session.evidence_at = Some(now.wall_of(newest)).max(row.session.evidence_at);
            }
            if transition.is_some() {
                row.state.status_revision = self.revision;
            }
        }
        self.schedule(key, now, outcome);
    }

    /// Records a change that does not count as activity of the session.
    pub(super) fn record_revision(
        &mut self,
        key: &RowKey,
        transition: Option<Transition>,
        outcome: &mut Outcome,
    ) {
        self.revision += 1;
        let mut passed = None;
        if let Some(row) = self.rows.get_mut(key) {
            row.session.revision = self.revision;
            passed = row.state.hidden_turn_end.take();
        }
        outcome.changes.push(Change {
            key: key.clone(),
            kind: ChangeKind::Updated,
            transition,
            passed,
        });
    }

    /// Schedules a session's next deadline and adds its lookups to the outcome.
    pub(super) fn schedule(&mut self, key: &RowKey, now: Now, outcome: &mut Outcome) {
        self.unschedule(key);
        let Some(row) = self.rows.get_mut(key) else { return };
        outcome.lookups.extend(row.take_lookups());
        let state = &row.state;
        let waits = if let Some(ended) = state.ended {
            vec![(ended.stamp, KEEP_CLOSED_MS)]
        } else {
            let snoozed = row.session.snoozed_until.map(|until| (now.stamp, until.since(now.wall)));
            let lost = (!state.watched).then_some((state.last_evidence(), LOST_AFTER_MS));
            let waits = [
                state.headless_deadline(row.session.headless),
                state.next_timeout(row.session.headless),
            ];
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

    pub(super) fn apply_tick(&mut self, now: Now, outcome: &mut Outcome) {
        outcome.limits_changed |= self.accounts.expire(now);
        self.expire_day(now, outcome);
        // The bound keeps a session whose deadline is due again at once from blocking the others.
        for _ in 0..8 * (self.deadlines.len() + 1) {
            let Some((micros, key)) = self.deadlines.first().cloned() else { break };
            if micros > now.stamp.micros {
                break;
            }
            self.unschedule(&key);
            let Some(row) = self.rows.get_mut(&key) else { continue };
            if let Some(ended) = row.state.ended {
                if now.has_passed(ended.stamp, KEEP_CLOSED_MS) || ended.stamp.boot != now.stamp.boot
                {
                    self.remove(&key, outcome);
                }
                continue;
            }
            let wakes = row.session.snoozed_until.is_some_and(|until| until <= now.wall);
            if wakes {
                row.session.snoozed_until = None;
                row.session.dismissed &= !asks_for_user(&row.session, &row.state);
            }
            let last_evidence = row.state.last_evidence();
            let is_silent = now.has_passed(last_evidence, LOST_AFTER_MS)
                || last_evidence.boot != now.stamp.boot;
            let source = if !row.state.watched
                && is_silent
                && !wakes
                && row.state.headless_deadline(row.session.headless).is_none()
            {
                row.state.ended = Some(Ended { how: End::Lost, stamp: now.stamp, dead: false });
                row.state.clear_open_work();
                "process:lost"
            } else {
                "clock"
            };
            let before = row.session.clone();
            let derived = derive_session(row, now, now.stamp, source);
            if derived.transition.is_some() || wakes || row.session != before {
                self.record_change(&key, derived.transition, now, outcome);
            } else {
                self.schedule(&key, now, outcome);
            }
            if derived.closes() {
                self.prune_closed(outcome);
            }
        }
    }

    /// Removes a closed session. An open one stays, because its next event would bring it back.
    pub(super) fn forget(&mut self, key: &RowKey, outcome: &mut Outcome) {
        if self.get(key).is_some_and(|row| row.status == Status::Closed) {
            self.remove(key, outcome);
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
            .filter(|row| row.session.status == Status::Closed)
            .map(|row| (row.session.since, row.session.key.clone()))
            .collect();
        if closed.len() <= MAX_CLOSED {
            return;
        }
        closed.sort();
        for (_, key) in closed.iter().take(closed.len() - MAX_CLOSED) {
            self.remove(key, outcome);
        }
    }

    /// Removes the least important session. Returns false if every session has a running agent.
    pub(super) fn make_room(&mut self, outcome: &mut Outcome) -> bool {
        let expendable = self
            .rows
            .values()
            .filter(|row| row.session.status == Status::Closed || !row.state.watched)
            .min_by_key(|row| {
                (row.session.status != Status::Closed, row.session.updated, row.session.key.clone())
            })
            .map(|row| row.session.key.clone());
        expendable.is_some_and(|key| {
            self.remove(&key, outcome);
            true
        })
    }

    pub(super) fn remove(&mut self, key: &RowKey, outcome: &mut Outcome) {
        self.unschedule(key);
        self.rows.remove(key);
        self.ancestors.remove(key);
        self.programs.retain(|_, agent| agent != key);
        self.process_index.remove(key);
        for row in self.rows.values_mut().filter(|row| row.session.parent.as_ref() == Some(key)) {
            row.session.parent = None;
        }
        self.record_removal(key.clone(), outcome);
    }

    fn record_removal(&mut self, key: RowKey, outcome: &mut Outcome) {
        self.revision += 1;
        if self.removals.len() == MAX_REMOVALS
            && let Some((at, _)) = self.removals.pop_front()
        {
            self.oldest_resumable = at;
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

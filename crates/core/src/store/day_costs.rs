//! Counts what the sessions have cost today. The reported cost of a conversation only grows, so the increase counts.

use super::{Outcome, SessionStore};
use crate::evidence::event::StartOrigin;
use crate::session::Session;
use crate::session::day_cost::{Day, DayCost};
use crate::session::identity::RowKey;
use crate::session::usage::{MAX_COST_CENTS, to_usd};
use crate::state::RowState;
use crate::state::row::Row;
use crate::time::{Now, Timestamp};

impl SessionStore {
    /// Returns true if the store does not know the present day, which it needs before it can count a cost.
    pub fn needs_day(&self, now: Now) -> bool {
        self.present_day(now).is_none()
    }

    /// Sets the present day. Removes the costs of any other day.
    pub(super) fn set_day(&mut self, day: Day, outcome: &mut Outcome) {
        self.day = Some(day);
        self.keep_costs_since(Some(day.start), outcome);
    }

    /// Removes the costs of a day that is over.
    pub(super) fn expire_day(&mut self, now: Now, outcome: &mut Outcome) {
        if self.day.is_some() && self.needs_day(now) {
            self.day = None;
            self.keep_costs_since(None, outcome);
        }
    }

    /// Returns the end of the day, if a session has a cost that must be removed then.
    pub(super) fn end_of_costs(&self) -> Option<Timestamp> {
        self.day.filter(|_| self.has_day_costs).map(|day| day.end)
    }

    fn present_day(&self, now: Now) -> Option<Day> {
        self.day.filter(|day| day.contains(now.wall))
    }

    fn keep_costs_since(&mut self, start: Option<Timestamp>, outcome: &mut Outcome) {
        if !self.has_day_costs {
            return;
        }
        let is_other = |cost: DayCost| Some(cost.since) != start;
        let rows = self.rows.values_mut().map(|row| &mut row.session);
        let mut changed: Vec<RowKey> = rows
            .filter_map(|row| {
                row.cost_today.take_if(|cost| is_other(*cost)).map(|_| row.key.clone())
            })
            .collect();
        changed.sort();
        for key in changed {
            self.record_revision(&key, None, outcome);
        }
        self.has_day_costs = self.rows.values().any(|row| row.session.cost_today.is_some());
    }

    /// Applies the reported cost of a session's conversation. Returns true if the cost of the day has changed.
    pub(super) fn apply_cost(&mut self, key: &RowKey, cents: u64, now: Now) -> bool {
        let day = self.present_day(now);
        let Some(row) = self.rows.get_mut(key) else { return false };
        let added = match row.state.reported_cents.replace(cents) {
            // The agent counts from zero again, as after `/clear`.
            Some(known) if cents < known => cents,
            Some(known) => cents - known,
            // The part that was spent today is not known.
            None => 0,
        };
        let Some(day) = day.filter(|_| added > 0) else { return false };
        let known = row.session.cost_today.filter(|cost| cost.since == day.start);
        let known = known.map_or(0, |cost| cost.cents());
        row.session.cost_today =
            Some(DayCost::from_cents(known.saturating_add(added).min(MAX_COST_CENTS), day.start));
        self.has_day_costs = true;
        true
    }

    /// Removes the cost of another day from a client's copy of a session.
    pub(super) fn check_restored_cost(&mut self, restored: &mut Session, now: Now) {
        let start = self.present_day(now).map(|day| day.start);
        restored.cost_today = restored.cost_today.filter(|cost| {
            Some(cost.since) == start && cost.usd > 0.0 && cost.usd <= to_usd(MAX_COST_CENTS)
        });
        self.has_day_costs |= restored.cost_today.is_some();
    }
}

impl RowState {
    /// Prepares for the costs of a conversation that begins or is resumed.
    pub(super) fn begin_cost(&mut self, origin: StartOrigin) {
        match origin {
            // The first report includes the first turn.
            StartOrigin::Startup => {
                self.reported_cents.get_or_insert(0);
            }
            // The first report may include what the conversation cost before. It comes before the first turn.
            StartOrigin::Resume | StartOrigin::Fork => self.reported_cents = None,
            StartOrigin::Clear | StartOrigin::Compact | StartOrigin::Unknown => {}
        }
    }
}

/// Keeps the greater cost of the day of a row and a client's copy, which may both be parts of it.
pub(super) fn merge_cost(row: &mut Row, restored: Option<DayCost>) {
    let cents = |cost: Option<DayCost>| cost.map(|cost| cost.cents());
    if cents(restored) > cents(row.session.cost_today) {
        row.session.cost_today = restored;
    }
}

//! Restores the sessions that a client knew, after the old daemon has crashed.

use super::day_costs::merge_cost;
use super::{Outcome, ProcessToWatch, SessionStore};
use crate::session::identity::RowKey;
use crate::session::past::PastStatuses;
use crate::session::place::{sanitise_directory, sanitise_optional};
use crate::session::pull_request::sanitise_repository;
use crate::session::{Session, Transition};
use crate::state::row::Row;
use crate::state::trail::{Effect, TrailEntry};
use crate::state::{RowState, derive_session};
use crate::text::clean_in_place;
use crate::time::{Now, Timestamp};
use crate::{
    MAX_AGE_MS, MAX_FORMER_KEYS, MAX_HISTORY, MAX_ID, MAX_LINE, MAX_LINEAGE, MAX_PATH, MAX_ROWS,
    MAX_SNOOZE_MS, MAX_SUBAGENTS, MAX_USER_PROMPT, Status,
};

impl SessionStore {
    /// Restores a session from a client's copy.
    pub(super) fn restore_session(
        &mut self,
        mut restored: Session,
        now: Now,
        outcome: &mut Outcome,
    ) {
        sanitise(&mut restored, now);
        self.check_restored_cost(&mut restored, now);
        if !restored.key.is_well_formed() || restored.id.is_empty() {
            return;
        }
        let process = restored.process();
        let is_open = restored.status != Status::Closed;
        if is_open && process.is_some_and(|it| !self.process_index.has_room(it, &restored.agent)) {
            return;
        }
        if let Some(known) = self.find_restored(&restored) {
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
        let mut row = restored_row(restored, &self.epoch);
        row.state.trail.push(TrailEntry {
            source: "restored".to_owned(),
            summary: format!("{}, restored by a client", row.session.status),
            at: now.wall,
            stamp: now.stamp,
            delay: 0,
            effect: Effect::Unchanged,
        });
        derive_session(&mut row, now, now.stamp, "restored");
        if let Some(process) = process
            && row.session.status != Status::Closed
        {
            self.process_index.insert_first(process, &row.session.agent, &key);
            outcome.watch.push(ProcessToWatch { agent: row.session.agent.clone(), process });
        }
        self.rows.insert(key.clone(), Box::new(row));
        self.record_change(&key, None, now, outcome);
        self.prune_closed(outcome);
    }

    /// Finds the row of a client's copy by its process, or by its key if it has no process. The key alone proves
    /// nothing, because a client can send any key.
    fn find_restored(&self, restored: &Session) -> Option<RowKey> {
        if let Some(process) = restored.process() {
            return self.process_index.get(process, &restored.agent).cloned();
        }
        let row = self.rows.get(&restored.key)?;
        let is_same = row.session.agent == restored.agent
            && (row.session.id == restored.id
                || row.session.lineage.contains(&restored.id)
                || restored.lineage.contains(&row.session.id));
        is_same.then(|| row.session.key.clone())
    }

    /// Merges a client's copy into its row. The row keeps its key, by which the clients know it.
    fn merge_restored(
        &mut self,
        known: &RowKey,
        restored: Session,
        now: Now,
        outcome: &mut Outcome,
    ) {
        let Some(row) = self.rows.get_mut(known) else { return };
        let former = restored.key.clone();
        let changed = merge(row, restored);
        let agent = row.session.agent.clone();
        let process_now = row.session.process().filter(|_| row.session.status != Status::Closed);
        if former != *known && !self.rows.contains_key(&former) {
            self.record_former_key(former, known, outcome);
        }
        if let Some(process) = process_now
            && self.process_index.insert(process, &agent, known)
        {
            outcome.watch.push(ProcessToWatch { agent, process });
        }
        if changed {
            if let Some(row) = self.rows.get_mut(known) {
                derive_session(row, now, now.stamp, "restored");
            }
            self.record_change(known, None, now, outcome);
        }
    }

    /// Records the key that an earlier daemon gave to a row, for clients that wait for that key.
    fn record_former_key(&mut self, former: RowKey, known: &RowKey, outcome: &mut Outcome) {
        if self.former_keys.len() == MAX_FORMER_KEYS {
            self.former_keys.pop_front();
        }
        outcome.renamed.push((former.clone(), known.clone()));
        self.former_keys.push_back((former, known.clone()));
    }

    /// Returns the present key of the session to which an earlier daemon gave `key`, or `key` itself.
    pub fn current_key<'a>(&'a self, key: &'a RowKey) -> &'a RowKey {
        if self.rows.contains_key(key) {
            return key;
        }
        let mut former = self.former_keys.iter().rev();
        let found = former.find(|(former, now)| former == key && self.rows.contains_key(now));
        found.map_or(key, |(_, now)| now)
    }
}

/// Cleans and bounds a session that came over the socket.
fn sanitise(row: &mut Session, now: Now) {
    row.snoozed_until =
        row.snoozed_until.map(|until| until.min(Timestamp(now.wall.0 + MAX_SNOOZE_MS)));
    let plausible =
        row.past.iter().filter(|entered| plausible_time(entered.at, now.wall) == entered.at);
    row.past = plausible.collect();
    let history = row.history.iter_mut().map(|entered| &mut entered.at);
    let subagents = row.subagents.iter_mut().map(|subagent| &mut subagent.since);
    for time in [&mut row.since, &mut row.started, &mut row.updated]
        .into_iter()
        .chain(&mut row.evidence_at)
        .chain(history)
        .chain(subagents)
    {
        *time = plausible_time(*time, now.wall);
    }
    // A client can claim anything. The kernel reports it again while the process runs.
    row.origin = None;
    row.key.sanitise();
    row.agent.sanitise();
    row.id.sanitise();
    clean_in_place(&mut row.source, MAX_ID, false);
    // This daemon derives it again.
    row.unconfirmed = None;
    clean_in_place(&mut row.name, MAX_LINE, false);
    clean_in_place(&mut row.epoch, MAX_ID, false);
    for field in [&mut row.agent_version, &mut row.teammate] {
        sanitise_optional(field, MAX_ID, false);
    }
    for field in [&mut row.branch, &mut row.title, &mut row.model, &mut row.mode] {
        sanitise_optional(field, MAX_LINE, false);
    }
    for field in [&mut row.cwd, &mut row.repository_root, &mut row.job, &mut row.transcript] {
        sanitise_optional(field, MAX_PATH, false);
    }
    sanitise_directory(&mut row.profile);
    sanitise_optional(&mut row.user_prompt, MAX_USER_PROMPT, true);
    if let Some(prompt) = &mut row.open_prompt {
        prompt.text = prompt.kind.expose(&prompt.text);
        for (field, max) in [(&mut prompt.tool, MAX_ID), (&mut row.activity, MAX_LINE)] {
            *field = field.take().map(|text| prompt.kind.expose_line(&text, max));
        }
        if let Some(subagent) = &mut prompt.subagent {
            subagent.sanitise();
        }
    } else {
        sanitise_optional(&mut row.activity, MAX_LINE, false);
    }
    row.subagents.truncate(MAX_SUBAGENTS);
    for subagent in &mut row.subagents {
        subagent.id.sanitise();
        sanitise_optional(&mut subagent.kind, MAX_ID, false);
    }
    row.parent = row.parent.take().filter(RowKey::is_well_formed);
    row.lineage.truncate(MAX_LINEAGE);
    for id in &mut row.lineage {
        id.sanitise();
    }
    let excess = row.history.len().saturating_sub(MAX_HISTORY);
    row.history.drain(..excess);
    sanitise_repository(&mut row.repository, &mut row.pull_request);
    row.place.sanitise();
    if let Some(usage) = &mut row.usage {
        usage.sanitise(now);
    }
}

/// Returns `time`, or `now` if `time` lies in the future or too far in the past.
fn plausible_time(time: Timestamp, now: Timestamp) -> Timestamp {
    let earliest = now.0.saturating_sub(MAX_AGE_MS);
    if (earliest..=now.0).contains(&time.0) { time } else { now }
}

/// Creates a row from a client's copy.
fn restored_row(mut restored: Session, epoch: &str) -> Row {
    let mut state = RowState::from_restored(&restored);
    state.restored = Some((restored.epoch.clone(), restored.revision, restored.updated));
    restored.history.clear();
    restored.past = PastStatuses::default();
    epoch.clone_into(&mut restored.epoch);
    Row { session: restored, state }
}

/// Merges a client's copy into a known row. The newer state wins. Returns true if the public fields may have changed.
fn merge(row: &mut Row, mut restored: Session) -> bool {
    let Some((epoch, revision, updated)) = &row.state.restored else {
        fill_in(row, restored);
        return true;
    };
    // The row is known only from another client, so the newer copy of the two wins.
    let is_newer = if *epoch == restored.epoch {
        restored.revision > *revision
    } else {
        restored.updated > *updated
    };
    if row.state.watched && restored.status == Status::Closed {
        // The daemon watches the process, which runs.
        return false;
    }
    if is_newer {
        let (own, watched) = (row.session.clone(), row.state.watched);
        if watched {
            (restored.pid, restored.pid_start) = (own.pid, own.pid_start);
        }
        let origin = own.origin.clone().filter(|_| own.process() == restored.process());
        restored.key = own.key;
        *row = restored_row(restored, &own.epoch);
        if let Some(origin) = origin {
            row.set_origin(origin);
        }
        row.state.watched = watched;
    }
    is_newer
}

/// Fills the gaps of a row whose agent has sent events to this daemon.
fn fill_in(row: &mut Row, mut restored: Session) {
    let mut earlier: Vec<Transition> = restored.statuses().collect();
    row.session.started = row.session.started.min(restored.started);
    row.session.pinned |= restored.pinned;
    merge_cost(row, restored.cost_today);
    // Another process may run another version.
    if row.session.process() == restored.process() {
        fill(&mut row.session.agent_version, restored.agent_version.take());
    }
    if row.session.id != restored.id {
        return;
    }
    if row.state.has_only_subagent_events() {
        // The copy of the session itself replaces a turn that was inferred from a subagent's event.
        row.state.restore_turn(&restored);
        row.session.since = restored.since;
        row.session.source.clone_from(&restored.source);
        row.session.status = restored.status;
    }
    if row.session.status == restored.status {
        if row.state.has_no_event() {
            // The status is older than the observation.
            row.state.history.clear();
            row.state.past = PastStatuses::default();
        }
        row.session.seen |= restored.seen;
        row.session.snoozed_until = row.session.snoozed_until.or(restored.snoozed_until);
    }
    row.session.dismissed |= restored.dismissed && !row.session.needs_you;
    fill(&mut row.session.title, restored.title);
    fill(&mut row.session.user_prompt, restored.user_prompt);
    fill(&mut row.session.model, restored.model);
    fill(&mut row.session.mode, restored.mode);
    if row.session.usage.is_none() {
        row.session.usage = restored.usage;
        let cents = restored.usage.and_then(|usage| usage.cost_cents());
        row.state.reported_cents = row.state.reported_cents.or(cents);
    }
    if row.session.repository.is_none() {
        row.session.repository = restored.repository;
        row.session.pull_request = restored.pull_request;
    }
    if row.session.lineage.is_empty() {
        row.session.lineage = restored.lineage;
    }
    let earliest = row.state.history.front().map(|entered| entered.at);
    earlier.retain(|entered| earliest.is_none_or(|earliest| entered.at < earliest));
    while row.state.history.len() < MAX_HISTORY
        && let Some(entered) = earlier.pop()
    {
        row.state.history.push_front(entered);
    }
    if row.state.past.is_empty() {
        row.state.past = earlier.into_iter().collect();
    }
}

fn fill(field: &mut Option<String>, value: Option<String>) {
    if field.is_none() {
        *field = value;
    }
}

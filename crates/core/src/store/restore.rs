//! Rows that a view gives back to a new daemon after the old one died.

use crate::session::Session;
use crate::session::identity::RowKey;
use crate::session::place::{sanitise_directory, sanitise_optional};
use crate::state::RowState;
use crate::state::row::Row;
use crate::text::clean;
use crate::time::{Now, Timestamp};
use crate::{
    MAX_AGE_MS, MAX_HISTORY, MAX_ID, MAX_LINE, MAX_LINEAGE, MAX_PATH, MAX_PROMPT, MAX_SUBAGENTS,
    SNOOZE_MS, Status,
};

/// Cleans and bounds every text of a row that came over the socket.
pub(crate) fn sanitise(row: &mut Session, now: Now) {
    row.snoozed_until = row.snoozed_until.map(|until| until.min(Timestamp(now.wall.0 + SNOOZE_MS)));
    let history = row.history.iter_mut().map(|entered| &mut entered.at);
    let subagents = row.subagents.iter_mut().map(|subagent| &mut subagent.since);
    for time in [&mut row.since, &mut row.started, &mut row.updated]
        .into_iter()
        .chain(history)
        .chain(subagents)
    {
        *time = past(*time, now.wall);
    }
    // A client can claim anything. While the process lives, the kernel says it again.
    row.origin = None;
    row.key.sanitise();
    row.agent.sanitise();
    row.id.sanitise();
    row.source = clean(&row.source, MAX_ID, false);
    // It follows from what this daemon knows.
    row.unconfirmed = None;
    row.name = clean(&row.name, MAX_LINE, false);
    row.epoch = clean(&row.epoch, MAX_ID, false);
    for field in [&mut row.agent_version, &mut row.teammate] {
        sanitise_optional(field, MAX_ID, false);
    }
    for field in [&mut row.branch, &mut row.title, &mut row.model, &mut row.mode] {
        sanitise_optional(field, MAX_LINE, false);
    }
    for field in [&mut row.cwd, &mut row.job, &mut row.transcript] {
        sanitise_optional(field, MAX_PATH, false);
    }
    sanitise_directory(&mut row.profile);
    sanitise_optional(&mut row.prompt, MAX_PROMPT, true);
    if let Some(request) = &mut row.request {
        request.text = request.kind.expose(&request.text);
        for (field, max) in [(&mut request.tool, MAX_ID), (&mut row.activity, MAX_LINE)] {
            *field = field.take().map(|text| request.kind.expose_line(&text, max));
        }
        if let Some(subagent) = &mut request.subagent {
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
    row.place.sanitise();
    if let Some(usage) = &mut row.usage {
        usage.sanitise(now);
    }
}

/// A time that may have been: what lies ahead, or before all agents, is taken for now.
fn past(time: Timestamp, now: Timestamp) -> Timestamp {
    let earliest = now.0.saturating_sub(MAX_AGE_MS);
    if (earliest..=now.0).contains(&time.0) { time } else { now }
}

/// A row that this daemon did not know, from one given back.
pub(crate) fn revive(mut restored: Session, epoch: &str) -> Row {
    let mut facts = RowState::of_restored(&restored);
    facts.restored = Some((restored.epoch.clone(), restored.revision, restored.updated));
    restored.history.clear();
    epoch.clone_into(&mut restored.epoch);
    Row { session: restored, facts }
}

/// Brings a row that this daemon knows together with one given back; newest wins. True if anything
/// a view sees is another than before.
pub(crate) fn merge(row: &mut Row, mut restored: Session) -> bool {
    let Some((epoch, revision, updated)) = &row.facts.restored else {
        fill_in(row, restored);
        return true;
    };
    // Known only from another view: the later picture of the two stands.
    let is_newer = if *epoch == restored.epoch {
        restored.revision > *revision
    } else {
        restored.updated > *updated
    };
    if row.facts.watched && restored.status == Status::Closed {
        // The kernel watches its process, which lives.
        return false;
    }
    if is_newer {
        let (own, watched) = (row.session.clone(), row.facts.watched);
        if watched {
            (restored.pid, restored.pid_start) = (own.pid, own.pid_start);
        }
        let origin = own.origin.clone().filter(|_| own.process() == restored.process());
        restored.key = own.key;
        *row = revive(restored, &own.epoch);
        if let Some(origin) = origin {
            row.set_origin(origin);
        }
        row.facts.watched = watched;
    }
    is_newer
}

/// The agent has spoken since: what it said stands, the rest is filled in.
fn fill_in(row: &mut Row, mut restored: Session) {
    row.started = row.started.min(restored.started);
    row.pinned |= restored.pinned;
    // Another process may run another version.
    if row.process() == restored.process() {
        fill(&mut row.agent_version, restored.agent_version.take());
    }
    if row.id != restored.id {
        return;
    }
    if row.facts.knows_only_subagents() {
        // What a subagent's event made us conclude yields to what the session itself had said.
        row.facts.take_back(&restored);
        row.since = restored.since;
        row.source.clone_from(&restored.source);
        row.status = restored.status;
    }
    if row.status == restored.status {
        if row.facts.is_unheard() {
            // It has been so all along, and only the look at it is new.
            row.facts.history.clear();
        }
        row.seen |= restored.seen;
        row.snoozed_until = row.snoozed_until.or(restored.snoozed_until);
    }
    row.dismissed |= restored.dismissed && !row.needs_you;
    fill(&mut row.title, restored.title);
    fill(&mut row.prompt, restored.prompt);
    fill(&mut row.model, restored.model);
    fill(&mut row.mode, restored.mode);
    if row.usage.is_none() {
        row.usage = restored.usage;
    }
    if row.lineage.is_empty() {
        row.lineage = restored.lineage;
    }
    let earliest = row.facts.history.front().map(|entered| entered.at);
    for entered in restored.history.into_iter().rev() {
        let is_earlier = earliest.is_none_or(|earliest| entered.at < earliest);
        if row.facts.history.len() < MAX_HISTORY && is_earlier {
            row.facts.history.push_front(entered);
        }
    }
}

fn fill(field: &mut Option<String>, value: Option<String>) {
    if field.is_none() {
        *field = value;
    }
}

//! From the facts to what views see.

use super::{Facts, SubagentFacts};
use crate::requests::RequestKind;
use crate::session::{Subagent, Transition};
use crate::status::Status;
use crate::text::excerpt;
use crate::time::{Now, Stamp};
use crate::tracked::Tracked;
use crate::{MAX_HISTORY, MAX_LINE};

/// Derives everything a view sees from the facts. Returns the transition, if the status is another
/// (or another instance of the same: the next question, the next turn's end).
pub(crate) fn settle(
    session: &mut Tracked,
    now: Now,
    at: Stamp,
    source: &str,
) -> Option<Transition> {
    let Tracked { session, facts } = session;
    let shown = facts.derive(session.headless, now);
    let mut transition = None;
    if facts.shown != Some(shown) {
        facts.shown = Some(shown);
        // A late teller does not make the status older than the one before.
        session.since = now.wall_of(at).max(session.since);
        source.clone_into(&mut session.source);
        session.status = shown.0;
        session.seen = false;
        session.snoozed_until = None;
        let entered = Transition { status: session.status, at: session.since };
        if facts.history.len() == MAX_HISTORY {
            facts.history.pop_front();
        }
        facts.history.push_back(entered);
        transition = Some(entered);
    }
    session.request = if session.status.is_request() {
        facts.requests.first().map(|open| open.request.clone())
    } else {
        None
    };
    session.background = u32::try_from(facts.background.len()).unwrap_or(u32::MAX);
    session.scheduled = facts.scheduled;
    session.end = facts.ended.map(|ended| ended.how);
    session.confirmed = facts.ended.is_some() || facts.watched && !facts.turn.inferred;
    session.activity = activity(facts, session.status);
    session.subagents =
        facts.subagents.iter().map(|known| show_subagent(facts, known, now)).collect();
    session.needs_you = !session.headless
        && session.snoozed_until.is_none()
        && (session.status.is_request() || session.status.calls_until_seen() && !session.seen);
    if transition.is_some() && session.needs_you {
        session.dismissed = false;
    }
    transition
}

fn show_subagent(facts: &Facts, known: &SubagentFacts, now: Now) -> Subagent {
    let request = facts.requests.of(&known.id);
    let status = request.map_or(Status::Working, |open| open.request.kind.status());
    let since = request.map_or(known.since, |open| open.stamp);
    Subagent { id: known.id.clone(), kind: known.kind.clone(), status, since: now.wall_of(since) }
}

/// What the row does, asks or last said, in one line.
fn activity(facts: &Facts, status: Status) -> Option<String> {
    let text = match status {
        Status::Idle => String::new(),
        Status::Closed | Status::Done | Status::Failed => excerpt(&facts.turn.words, MAX_LINE),
        Status::Permission | Status::Question | Status::Plan => {
            let request = &facts.requests.first()?.request;
            match (&request.tool, request.kind) {
                (Some(tool), RequestKind::Permission) => {
                    excerpt(&format!("{tool} {}", request.text), MAX_LINE)
                }
                _ => excerpt(&request.text, MAX_LINE),
            }
        }
        Status::Working => {
            let own = facts.tools.iter().rev().find(|tool| tool.subagent.is_none());
            match own {
                Some(tool) => excerpt(format!("{} {}", tool.tool, tool.text).trim(), MAX_LINE),
                None => "thinking".to_owned(),
            }
        }
    };
    (!text.is_empty()).then_some(text)
}

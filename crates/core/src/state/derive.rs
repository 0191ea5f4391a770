//! From the facts to what views see.

use super::session_file::Conclusion;
use super::{RowState, SubagentState};
use crate::exact::one_line;
use crate::session::status::Status;
use crate::session::{End, Session, Subagent, Transition};
use crate::state::prompts::PromptKind;
use crate::state::row::Row;
use crate::state::trail::{Effect, TrailEntry};
use crate::text::excerpt;
use crate::time::{Now, Stamp};
use crate::{MAX_HISTORY, MAX_LINE, MAX_SUBAGENTS};

/// What a session does of which no more is known than that it works.
pub(super) const THINKING: &str = "thinking";

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Settled {
    /// The transition, if the status is another (or another instance of the same: the next question,
    /// the next turn's end).
    pub(crate) transition: Option<Transition>,
    /// It was not what came in that decided, but what could be concluded by now.
    pub(crate) concluded: bool,
}

impl Settled {
    /// What that which came in did to a row whose status was `from`.
    pub(crate) fn effect(self, from: Status) -> Effect {
        match self.transition {
            Some(entered) if !self.concluded => Effect::Set { from, to: entered.status },
            _ => Effect::Unchanged,
        }
    }

    /// Whether the row closed.
    pub(crate) fn closes(self) -> bool {
        self.transition.is_some_and(|entered| entered.status == Status::Closed)
    }
}

/// Concludes what the time allows and derives everything a view sees from the facts. `at` and `source`
/// are of what came in.
pub(crate) fn settle(row: &mut Row, now: Now, at: Stamp, source: &str) -> Settled {
    let Row { session, facts } = row;
    let conclusion = facts.conclude(session.headless, now);
    session.headless &= !facts.files.is_attended();
    let (at, source) = match &conclusion {
        Some(conclusion) => (conclusion.at, conclusion.source.as_str()),
        None => (at, source),
    };
    facts.await_turn_end();
    let before = session.status;
    let shown = facts.derive(session.headless, now);
    let mut transition = None;
    if shown.0 == Status::Done {
        // What was shown is not taken back for a flicker of the file.
        facts.turn.believed = true;
    }
    if facts.shown != Some(shown) {
        if session.headless && before == Status::Working && shown.0 == Status::Closed {
            let is_orderly = facts.ended.is_none_or(|ended| ended.how == End::Exit);
            let at = now.wall_of(facts.turn.since).max(session.since);
            let passed = facts.outcome().filter(|_| is_orderly);
            facts.passed = passed.map(|status| Transition { status, at });
        }
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
    let concluded = conclusion.is_some();
    if let Some(conclusion) = conclusion {
        remember_conclusion(facts, conclusion, now, before, transition);
    }
    show(session, facts, now);
    if transition.is_some() && session.needs_you {
        session.dismissed = false;
    }
    Settled { transition, concluded }
}

fn remember_conclusion(
    facts: &mut RowState,
    conclusion: Conclusion,
    now: Now,
    from: Status,
    transition: Option<Transition>,
) {
    let at = now.wall_of(conclusion.at);
    facts.trail.push(TrailEntry {
        source: conclusion.source,
        said: conclusion.said.to_owned(),
        at,
        stamp: conclusion.at,
        delay: now.wall.since(at),
        effect: match transition {
            Some(entered) => Effect::Set { from, to: entered.status },
            None => Effect::Unchanged,
        },
    });
}

/// Everything a view sees but the status and when and by whom it came.
fn show(session: &mut Session, facts: &RowState, now: Now) {
    let is_closed = session.status == Status::Closed;
    session.stopped &= !is_closed;
    session.request = if session.status.is_prompt() { facts.asked().cloned() } else { None };
    let subagents = facts.subagents.iter().cloned().chain(facts.mates_at_work());
    let subagents = subagents.filter(|_| !is_closed).take(MAX_SUBAGENTS);
    session.subagents = subagents.map(|known| show_subagent(facts, &known, now)).collect();
    let background = if is_closed { 0 } else { facts.background() };
    session.background = u32::try_from(background).unwrap_or(u32::MAX);
    session.scheduled = if is_closed { 0 } else { facts.scheduled };
    let left = facts.files.has_left().then_some(End::Exit);
    session.end = facts.ended.map(|ended| ended.how).or(left);
    let doubt = if is_closed { None } else { doubt(session, facts) };
    session.confirmed = doubt.is_none();
    session.unconfirmed = doubt.map(str::to_owned);
    session.activity = activity(facts, session.status);
    // The lead's row needs the user for a prompt that the lead shows, and the lead gets the result of a turn.
    let is_asked = session.status.is_prompt() && facts.relayed.is_none();
    let is_over = session.status.needs_you_until_seen() && session.teammate.is_none();
    session.needs_you = !session.headless
        && session.snoozed_until.is_none()
        && (is_asked || is_over && !session.seen);
}

/// Why nothing would tell if the status were no longer true, where that is so.
fn doubt(session: &Session, facts: &RowState) -> Option<&'static str> {
    if !facts.watched {
        return Some(if session.pid.is_none() {
            "its process is not known"
        } else {
            "the end of its process is not watched"
        });
    }
    if facts.turn.inferred {
        return Some("its turn was concluded, and no event told of it");
    }
    if facts.turn.unexplained {
        return Some("no event told how its turn ended");
    }
    // Hooks alone do not tell of all that happens.
    facts.files.is_blind().then_some("its agent's session file is not watched")
}

fn show_subagent(facts: &RowState, known: &SubagentState, now: Now) -> Subagent {
    let request = facts.requests.of(&known.id);
    let status = request.map_or(Status::Working, |open| open.request.kind.status());
    let since = request.map_or(known.since, |open| open.stamp);
    Subagent { id: known.id.clone(), kind: known.kind.clone(), status, since: now.wall_of(since) }
}

/// What the row does, asks or last said, in one line.
fn activity(facts: &RowState, status: Status) -> Option<String> {
    let text = match status {
        Status::Idle => String::new(),
        Status::Closed | Status::Done | Status::Failed => excerpt(&facts.turn.words, MAX_LINE),
        Status::Permission | Status::Question | Status::Plan if !facts.asks_for.is_empty() => {
            excerpt(&facts.asks_for, MAX_LINE)
        }
        Status::Permission | Status::Question | Status::Plan => {
            let request = facts.asked()?;
            match (&request.tool, request.kind) {
                (tool, PromptKind::Permission) => {
                    // All of it in a line: what is not seen is not agreed to.
                    let own = facts.requests.first().map_or("", |open| open.line.as_str());
                    let line = if own.is_empty() { &request.text } else { own };
                    let tool = tool.as_deref().unwrap_or_default();
                    one_line(format!("{tool} {line}").trim(), MAX_LINE)
                }
                _ => first_line(&request.text),
            }
        }
        Status::Working => {
            let own = facts.tools.iter().rev().find(|tool| tool.subagent.is_none());
            match own {
                Some(tool) => {
                    let doing = before_fields(&tool.text);
                    excerpt(format!("{} {doing}", tool.tool).trim(), MAX_LINE)
                }
                None => THINKING.to_owned(),
            }
        }
    };
    (!text.is_empty()).then_some(text)
}

/// The first line of a question or a plan, and a mark where there are more.
fn first_line(text: &str) -> String {
    let is_longer = text.trim().lines().nth(1).is_some();
    let line = excerpt(text, if is_longer { MAX_LINE - " …".len() } else { MAX_LINE });
    if is_longer && !line.ends_with('…') { line + " …" } else { line }
}

/// The command or path of a tool's line without the other fields of its input: the user is not asked about a tool
/// that runs, and the list is short of room.
fn before_fields(line: &str) -> &str {
    let begins_name = |mark: &str| {
        let mut rest = mark.strip_prefix("  +").unwrap_or_default().chars();
        rest.next().is_some_and(|first| first.is_ascii_alphabetic() || "_\"".contains(first))
    };
    let parts = line.match_indices("  +").map(|(at, _)| line.split_at(at));
    let mut named = parts.filter(|(_, mark)| begins_name(mark));
    named.next().map_or(line, |(before, _)| before)
}

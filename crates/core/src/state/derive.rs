//! Derives a session's public fields from its state.

use super::session_file::Inference;
use super::{RowState, SubagentState};
use crate::exact::one_line;
use crate::session::prompt::PromptKind;
use crate::session::status::Status;
use crate::session::{End, Session, Subagent, Transition};
use crate::state::row::Row;
use crate::state::trail::{Effect, TrailEntry};
use crate::text::excerpt;
use crate::time::{Now, Stamp};
use crate::{MAX_HISTORY, MAX_LINE, MAX_SUBAGENTS};

/// The activity of a session whose turn runs and whose tool is not known.
pub(super) const THINKING: &str = "thinking";

/// The result of deriving a session's fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Derived {
    /// The transition, if the status has changed. The next prompt or the end of the next turn is a transition too,
    /// even to the same status.
    pub(crate) transition: Option<Transition>,
    /// The status came from a timeout and not from the event.
    pub(crate) by_timeout: bool,
}

impl Derived {
    /// Returns the event's effect on a session whose status was `from`.
    pub(crate) fn effect(self, from: Status) -> Effect {
        match self.transition {
            Some(entered) if !self.by_timeout => Effect::Set { from, to: entered.status },
            _ => Effect::Unchanged,
        }
    }

    /// Returns true if the session has closed.
    pub(crate) fn closes(self) -> bool {
        self.transition.is_some_and(|entered| entered.status == Status::Closed)
    }
}

/// Applies the timeouts that are due, and derives the session's public fields. `at` and `source` belong to the event
/// or observation that was applied before.
pub(crate) fn derive_session(row: &mut Row, now: Now, at: Stamp, source: &str) -> Derived {
    let Row { session, state } = row;
    let inference = state.apply_timeouts(session.headless, now);
    session.headless &= !state.files.answerable;
    let (at, source) = match &inference {
        Some(inference) => (inference.at, inference.source.as_str()),
        None => (at, source),
    };
    state.await_turn_end();
    let before = session.status;
    let shown = state.derive_status(session.headless, now);
    let mut transition = None;
    if shown.0 == Status::Done {
        // A short change of the file does not undo a status that was shown.
        state.turn.confirm_end();
    }
    if state.last_status != Some(shown) {
        if session.headless && before == Status::Working && shown.0 == Status::Closed {
            let is_orderly = state.ended.is_none_or(|ended| ended.how == End::Exit);
            let at = now.wall_of(state.turn.since).max(session.since);
            let passed = state.turn.end_status().filter(|_| is_orderly);
            state.hidden_turn_end = passed.map(|status| Transition { status, at });
        }
        state.last_status = Some(shown);
        // A late event does not make the status older than the one before.
        session.since = now.wall_of(at).max(session.since);
        source.clone_into(&mut session.source);
        session.status = shown.0;
        session.seen = false;
        session.snoozed_until = None;
        let entered = Transition { status: session.status, at: session.since };
        if state.history.len() == MAX_HISTORY
            && let Some(oldest) = state.history.pop_front()
        {
            state.past.push(oldest);
        }
        state.history.push_back(entered);
        transition = Some(entered);
    }
    let by_timeout = inference.is_some();
    if let Some(inference) = inference {
        record_inference(state, inference, now, before, transition);
    }
    if transition.is_some() && asks_for_user(session, state) {
        session.dismissed = false;
    }
    derive_details(session, state, now);
    Derived { transition, by_timeout }
}

fn record_inference(
    state: &mut RowState,
    inference: Inference,
    now: Now,
    from: Status,
    transition: Option<Transition>,
) {
    let at = now.wall_of(inference.at);
    state.trail.push(TrailEntry {
        source: inference.source,
        summary: inference.summary.to_owned(),
        at,
        stamp: inference.at,
        delay: now.wall.since(at),
        effect: match transition {
            Some(entered) => Effect::Set { from, to: entered.status },
            None => Effect::Unchanged,
        },
    });
}

/// Derives all fields but the status, its time and its source.
fn derive_details(session: &mut Session, state: &RowState, now: Now) {
    let is_closed = session.status == Status::Closed;
    session.stopped &= !is_closed;
    session.open_prompt =
        if session.status.is_prompt() { state.current_prompt().cloned() } else { None };
    // A part that outlives the turn is background work.
    let parts = state.program_parts();
    let is_turn = session.status == Status::Working || session.status.is_prompt();
    let (parts, outliving) = if is_turn { (parts, 0) } else { (&[][..], parts.len()) };
    let subagents = state.subagents.iter().cloned().chain(state.working_teammates());
    let subagents = subagents.chain(parts.iter().cloned());
    let subagents = subagents.filter(|_| !is_closed).take(MAX_SUBAGENTS);
    session.subagents = subagents.map(|known| show_subagent(state, &known, now)).collect();
    let background = if is_closed { 0 } else { state.background_count() + outliving };
    session.background = u32::try_from(background).unwrap_or(u32::MAX);
    session.scheduled = if is_closed { 0 } else { state.scheduled };
    let left = state.files.is_removed().then_some(End::Exit);
    session.end = state.ended.map(|ended| ended.how).or(left);
    let unconfirmed = if is_closed { None } else { unconfirmed_reason(session, state) };
    session.confirmed = unconfirmed.is_none();
    session.unconfirmed = unconfirmed.map(str::to_owned);
    session.activity = activity(state, session.status);
    session.needs_you =
        !session.dismissed && session.snoozed_until.is_none() && asks_for_user(session, state);
}

/// Returns true if the session needs the user, unless it is snoozed or dismissed.
pub(crate) fn asks_for_user(session: &Session, state: &RowState) -> bool {
    // A teammate does not need the user: its lead shows the prompts and gets the result of a turn.
    let is_asked = session.status.is_prompt() && state.relayed_prompt.is_none();
    let is_over = session.status.needs_you_until_seen() && session.teammate.is_none();
    !session.headless && (is_asked || is_over && !session.seen)
}

/// Returns why the status is not confirmed, or `None` if it is.
fn unconfirmed_reason(session: &Session, state: &RowState) -> Option<&'static str> {
    if !state.watched {
        return Some(if session.pid.is_none() {
            "its process is not known"
        } else {
            "the end of its process is not watched"
        });
    }
    if state.is_silent_program() {
        return Some("its program has not reported a status");
    }
    // The program reports each turn, interrupt and end.
    if state.program_status().is_some() {
        return None;
    }
    if state.turn.is_assumed() {
        return Some("no event reported the start of its turn");
    }
    if state.turn.is_end_unknown() {
        return Some("no event reported how its turn ended");
    }
    match session.status {
        Status::Permission if state.files.is_transcript_only() => {
            return Some("its agent does not report an approval before the tool has run");
        }
        Status::Plan if state.files.is_transcript_only() => {
            return Some("its agent does not report that a plan was declined");
        }
        _ => {}
    }
    // Hooks do not report an interrupt.
    state.files.unreadable.then_some("its agent's session file is not watched")
}

fn show_subagent(state: &RowState, known: &SubagentState, now: Now) -> Subagent {
    let prompt = state.prompts.of_subagent(&known.id);
    let status = prompt.map_or(Status::Working, |open| open.prompt.kind.status());
    let since = prompt.map_or(known.since, |open| open.stamp);
    Subagent { id: known.id.clone(), kind: known.kind.clone(), status, since: now.wall_of(since) }
}

/// Returns the running tool, the prompt or the last message in one line.
fn activity(state: &RowState, status: Status) -> Option<String> {
    let text = match status {
        Status::Idle => String::new(),
        Status::Closed | Status::Done | Status::Failed => excerpt(&state.turn.message, MAX_LINE),
        Status::Permission | Status::Question | Status::Plan
            if !state.prompt_summary.is_empty() =>
        {
            excerpt(&state.prompt_summary, MAX_LINE)
        }
        Status::Permission | Status::Question | Status::Plan => {
            let prompt = state.current_prompt()?;
            match (&prompt.tool, prompt.kind) {
                (tool, PromptKind::Permission) => {
                    // The user must see the whole input before approving it.
                    let own = state.prompts.first().map_or("", |open| open.line.as_str());
                    let line = if own.is_empty() { &prompt.text } else { own };
                    let tool = tool.as_deref().unwrap_or_default();
                    one_line(format!("{tool} {line}").trim(), MAX_LINE)
                }
                _ => first_line(&prompt.text),
            }
        }
        Status::Working => {
            let own = state.tools.iter().rev().find(|tool| tool.subagent.is_none());
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

/// Returns the first line of a question or a plan, with a mark if there are more lines.
fn first_line(text: &str) -> String {
    let is_longer = text.trim().lines().nth(1).is_some();
    let line = excerpt(text, if is_longer { MAX_LINE - " …".len() } else { MAX_LINE });
    if is_longer && !line.ends_with('…') { line + " …" } else { line }
}

/// Returns the command or path in a tool's line, without the other fields of its input. The user does not approve a
/// running tool, and the list has little room.
fn before_fields(line: &str) -> &str {
    let begins_name = |mark: &str| {
        let mut rest = mark.strip_prefix("  +").unwrap_or_default().chars();
        rest.next().is_some_and(|first| first.is_ascii_alphabetic() || "_\"".contains(first))
    };
    let parts = line.match_indices("  +").map(|(at, _)| line.split_at(at));
    let mut named = parts.filter(|(_, mark)| begins_name(mark));
    named.next().map_or(line, |(before, _)| before)
}

//! The state machine of one row: facts go in, the status is derived from them.
//!
//! Nothing sets a status. Events add, pair and retire facts (a turn, open requests, tools, subagents,
//! an end), each with the stamp of the event that told it, so that an event that comes late, twice or
//! out of order changes nothing it should not.

pub(crate) mod derive;
pub(crate) mod marks;
mod mates;
pub(crate) mod metadata;
pub(crate) mod prompts;
mod reported_status;
pub(crate) mod row;
mod session_file;
mod subagents;
mod tools;
pub(crate) mod trail;
pub(crate) mod transition_table;
mod turn;

pub(crate) use derive::settle;
pub(crate) use session_file::LookupRequest;

use mates::Mate;
use session_file::Files;
use tools::OpenTool;

use crate::HEADLESS_SETTLE_MS;
use crate::evidence::event::{BackgroundTask, EndReason, Event, Report};
use crate::session::identity::{ConversationId, InputDigest, SubagentId, ToolUseId, TurnId};
use crate::session::status::Status;
use crate::session::{End, Transition};
use crate::state::prompts::{Answer, Prompt, PromptKind, Prompts};
use crate::state::trail::Trail;
use crate::time::{Now, Stamp, Timestamp};
use std::collections::VecDeque;

/// What is known of a row.
#[derive(Debug, Clone, Default)]
pub(crate) struct RowState {
    pub(crate) turn: Turn,
    pub(crate) files: Files,
    pub(crate) requests: Prompts,
    /// In a line what it asks for, of somebody who said that beside the whole of it.
    asks_for: String,
    tools: Vec<OpenTool>,
    subagents: Vec<SubagentState>,
    /// Subagents that ended, so that their own late events do not bring them back.
    ended_subagents: VecDeque<(SubagentId, Stamp)>,
    /// When the last subagent was heard to end.
    subagents_rest: Stamp,
    background: Vec<BackgroundTask>,
    scheduled: u32,
    pub(crate) ended: Option<Ended>,
    /// The newest of the session's own events that come one after the other.
    activity: Stamp,
    /// When the tools of the last answer were over: none of them asks any more.
    batch_ended: Stamp,
    /// Calls that ended, so that their own late beginnings do not bring them back.
    ended_tools: VecDeque<ToolUseId>,
    /// Its teammates in processes of their own.
    mates: Vec<Mate>,
    /// The dialog that its lead's client shows for it, and which instance of that.
    relayed: Option<(Prompt, u64)>,
    /// Its lead's conversation, where it is a teammate.
    pub(crate) lead: Option<ConversationId>,
    /// It descends from an agent we know or knew, whose pane it must not claim.
    pub(crate) nested: bool,
    /// The newest event of any kind.
    pub(crate) latest: Stamp,
    /// When something was last told of what it uses.
    pub(crate) usage_told: Stamp,
    /// When its branch was last read.
    pub(crate) branch_read: Stamp,
    /// Whether the kernel will tell us of the process's death.
    pub(crate) watched: bool,
    /// The revision at which the status was entered: who has not heard of it has not seen it.
    pub(crate) news: u64,
    pub(crate) history: VecDeque<Transition>,
    pub(crate) trail: Trail,
    /// The status last derived, and which instance of it.
    shown: Option<(Status, u64)>,
    /// The end of a turn that was not shown because the session closed in good order first; to be taken once.
    pub(crate) passed: Option<Transition>,
    /// Known only from a view that gave it back: the epoch, revision and time it was of.
    pub(crate) restored: Option<(String, u64, Timestamp)>,
}

/// The session's own turn.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct Turn {
    state: TurnState,
    id: Option<TurnId>,
    /// The event that began this state.
    since: Stamp,
    /// Counts ended turns: the end of another turn is news though the status is the same.
    ends: u64,
    /// A prompt was typed during this turn, and will be a turn of its own that nothing announces.
    queued_in: Option<TurnId>,
    /// The turn whose end made the queued prompt run, to know that end's twin by.
    queue_of: Option<TurnId>,
    /// The prompt that began the turn, to know its twin by.
    prompt: Option<(String, Stamp)>,
    /// Concluded, not told.
    inferred: bool,
    /// The file says that it is over, and nothing has said how.
    unexplained: bool,
    /// It is assumed, because a teammate's turn is over.
    woken: bool,
    /// Its end was told by somebody whose word needs no other.
    believed: bool,
    /// The last words of a turn that was over for too short a time to be seen: only the file tells of this one.
    follows: Option<String>,
    /// The agent's last words, or the error.
    words: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum TurnState {
    #[default]
    None,
    Working,
    Done,
    Failed,
}

#[derive(Debug, Clone)]
struct SubagentState {
    id: SubagentId,
    kind: Option<String>,
    since: Stamp,
}

/// How and when the process left.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ended {
    pub(crate) how: End,
    pub(crate) stamp: Stamp,
    /// The process itself is known to be gone, so nothing newer can come from it.
    pub(crate) dead: bool,
}

/// Why an event was not taken in.
pub(crate) type Ignored = &'static str;

/// Twins of one prompt (hooks registered twice) arrive within this many microseconds.
const TWIN_MICROS: u64 = 1_000_000;

impl RowState {
    /// The status that follows from the facts, and which instance of it this is.
    fn derive(&self, headless: bool, now: Now) -> (Status, u64) {
        if self.ended.is_some() || self.files.has_left() {
            return (Status::Closed, 0);
        }
        // No user can answer a headless session, neither in its own pane nor in its lead's.
        if !headless {
            if let Some(open) = self.requests.first() {
                return (open.request.kind.status(), open.serial);
            }
            if let Some((request, serial)) = &self.relayed {
                return (request.kind.status(), *serial);
            }
        }
        match self.turn.state {
            TurnState::None if self.is_held() => (Status::Working, 0),
            TurnState::None => (Status::Idle, 0),
            TurnState::Working => (Status::Working, 0),
            _ if headless && !self.has_settled(now) => (Status::Working, 0),
            TurnState::Done if self.is_held() => (Status::Working, 0),
            TurnState::Done => (Status::Done, self.turn.ends),
            TurnState::Failed => (Status::Failed, self.turn.ends),
        }
    }

    /// Whether a headless turn has been over for so long that the process will not end with it. One
    /// that ended on another clock has.
    fn has_settled(&self, now: Now) -> bool {
        self.turn.since.boot != now.stamp.boot
            || now.has_passed(self.turn.since, HEADLESS_SETTLE_MS)
    }

    /// How the turn ended, where it has.
    fn outcome(&self) -> Option<Status> {
        match self.turn.state {
            TurnState::Done => Some(Status::Done),
            TurnState::Failed => Some(Status::Failed),
            TurnState::None | TurnState::Working => None,
        }
    }

    /// When the status may change without an event, if ever: milliseconds after which stamp.
    pub(crate) fn deadline(&self, headless: bool) -> Option<(Stamp, u64)> {
        let shown_working = matches!(self.shown, Some((Status::Working, _)));
        (headless
            && self.outcome().is_some()
            && shown_working
            && self.ended.is_none()
            && !self.is_held())
        .then_some((self.turn.since, HEADLESS_SETTLE_MS))
    }

    fn begin_turn(&mut self, id: Option<TurnId>, stamp: Stamp) {
        self.turn.state = TurnState::Working;
        self.turn.id = id;
        self.turn.since = stamp;
        self.turn.queued_in = None;
        self.turn.queue_of = None;
        self.turn.inferred = false;
        self.turn.woken = false;
        self.turn.unexplained = false;
        self.turn.believed = false;
        self.turn.follows = None;
        self.turn.words.clear();
    }

    fn end_turn(&mut self, state: TurnState, id: Option<TurnId>, stamp: Stamp, words: String) {
        let is_other = id.is_none() && self.turn.words != words;
        let is_news = self.turn.state != state || self.turn.id != id || is_other;
        if is_news {
            self.turn.ends += 1;
            self.turn.since = stamp;
        }
        self.turn.state = state;
        self.turn.id = id;
        self.turn.inferred = false;
        self.turn.woken = false;
        self.turn.unexplained = false;
        self.turn.words = words;
        // With a subagent at work the file says nothing of the session's own turn.
        self.turn.believed = !self.may_be_unannounced();
        self.forget_own(stamp);
    }

    fn fail_turn(&mut self, id: Option<TurnId>, stamp: Stamp, error: &str, detail: &str) {
        let words = if detail.is_empty() { error.to_owned() } else { format!("{error}: {detail}") };
        self.end_turn(TurnState::Failed, id, stamp, words);
    }

    /// Forgets what was open in the session's own course (not its subagents') before `stamp`.
    fn forget_own(&mut self, stamp: Stamp) {
        self.tools.retain(|tool| tool.subagent.is_some() || stamp.is_before(tool.stamp));
        self.requests.close_before(stamp, |subagent| subagent.is_none());
    }

    /// Back to the prompt, nothing open.
    fn reset(&mut self, stamp: Stamp) {
        self.turn = Turn { since: stamp, ends: self.turn.ends, ..Turn::default() };
        self.requests.clear();
        self.tools.clear();
        self.subagents.clear();
        self.background.clear();
        self.scheduled = 0;
        self.relayed = None;
        self.activity = stamp;
    }

    /// Forgets the conversation: another took its place.
    pub(crate) fn start_over(&mut self, stamp: Stamp) {
        self.reset(stamp);
        self.history.clear();
        self.shown = None;
    }

    fn open_request(
        &mut self,
        report: &Report,
        kind: PromptKind,
        tool: &str,
        (text, line): (&str, &str),
        input: InputDigest,
    ) -> Result<(), Ignored> {
        let tool_use = self
            .tools
            .iter()
            .find(|open| {
                open.subagent == report.subagent && open.tool == tool && open.input == input
            })
            .and_then(|open| open.id.clone());
        let request = Prompt {
            kind,
            tool: (!tool.is_empty()).then(|| tool.to_owned()),
            text: text.to_owned(),
            subagent: report.subagent.clone(),
        };
        if self.requests.open(request, line, input, tool_use, report.stamp) {
            Ok(())
        } else {
            Err("the request is known, or answered since")
        }
    }

    /// Takes in what is the same for the session and its subagents.
    fn take_any(&mut self, report: &Report) -> Option<Result<(), Ignored>> {
        let stamp = report.stamp;
        Some(match &report.event {
            Event::RequestClosed { tool, tool_use, input } => {
                let answer = Answer {
                    subagent: report.subagent.as_ref(),
                    tool,
                    tool_use: tool_use.as_ref(),
                    input: *input,
                    stamp,
                };
                if self.requests.answer(answer) { Ok(()) } else { Err("no such request is open") }
            }
            Event::AttentionCalled { request, text } => {
                // It says what a request said seconds before; alone it tells of a dialog that no
                // request announced (harness: auto mode's own).
                if self.files.is_parked() {
                    Err("its conversation goes on in another process, which asks for itself")
                } else if self.requests.first().is_some() {
                    self.requests.word(text, stamp);
                    Ok(())
                } else if stamp.is_before(self.latest) {
                    Err("older than what the session did since")
                } else {
                    self.open_request(report, *request, "", (text, ""), InputDigest::default())
                }
            }
            Event::StatusReported { status, activity, text } => {
                if stamp.is_before(self.latest) {
                    Err("older than the last report")
                } else {
                    self.take_reported_status(report, *status, activity, text)
                }
            }
            _ => return None,
        })
    }

    /// Another process goes on with the conversation: it is at its prompt until it says more.
    pub(crate) fn change_process(&mut self) {
        self.ended = None;
        self.watched = false;
        self.nested = false;
        self.files = Files::default();
        self.mates.clear();
        self.lead = None;
        self.reset(Stamp::default());
        self.latest = Stamp::default();
    }

    /// Somebody speaks for the session though its process is dead: it goes on where we cannot watch
    /// it. False if it is not dead, or the word is older than its end.
    pub(crate) fn revive_without_process(&mut self, stamp: Stamp) -> bool {
        let speaks = self.ended.is_some_and(|ended| ended.dead && ended.stamp.is_before(stamp));
        if speaks {
            self.change_process();
        }
        speaks
    }

    fn say_goodbye(&mut self, stamp: Stamp) {
        let dead = self.ended.is_some_and(|ended| ended.dead);
        self.ended = Some(Ended { how: End::Exit, stamp, dead });
        self.clear_for_end();
    }

    /// A closed row has no prompts, no tools, no subagents.
    pub(crate) fn clear_for_end(&mut self) {
        self.requests.clear();
        self.tools.clear();
        self.subagents.clear();
        self.background.clear();
        self.scheduled = 0;
        self.relayed = None;
    }

    /// Takes in any event of the row's present conversation.
    pub(crate) fn take(&mut self, report: &Report) -> Result<(), Ignored> {
        if let Some(ended) = self.ended {
            let is_goodbye =
                matches!(report.event, Event::SessionEnded { reason: EndReason::Exit });
            let is_before_the_end = !ended.stamp.is_before(report.stamp);
            if is_goodbye && ended.how != End::Exit && is_before_the_end {
                self.say_goodbye(report.stamp);
                return Ok(());
            }
            let is_last_word = report.event.is_last_word();
            if ended.dead || is_last_word || !ended.stamp.is_before(report.stamp) {
                return Err("the session has ended");
            }
            self.ended = None;
            self.files.returned();
            self.turn.state = TurnState::None;
        }
        self.asks_for.clear();
        let result = match (self.take_any(report), &report.subagent) {
            (Some(result), _) => result,
            (None, Some(subagent)) => self.take_subagent(subagent, report),
            (None, None) => self.take_own(report, report.job.is_some()),
        };
        self.latest = self.latest.latest(report.stamp);
        if result.is_ok() {
            self.restored = None;
        }
        result
    }
}

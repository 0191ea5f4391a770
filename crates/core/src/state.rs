//! The state machine of one session: evidence updates its state, and the status is derived from the state.
//!
//! Nothing sets a status directly. Events add, pair and remove parts of the state (a turn, open prompts, tools,
//! subagents, an end), each with the stamp of its event. So an event that comes late, twice or out of order does
//! not undo anything newer.

pub(crate) mod derive;
pub(crate) mod explain;
pub(crate) mod marks;
pub(crate) mod metadata;
mod program;
pub(crate) mod program_rules;
pub(crate) mod prompts;
mod reported_status;
pub(crate) mod row;
mod session_file;
mod subagents;
mod teammates;
mod tools;
pub(crate) mod trail;
pub(crate) mod transition_table;
mod turn;

pub(crate) use derive::derive_session;
pub(crate) use session_file::LookupRequest;

use program::ProgramEvidence;
use session_file::FileEvidence;
use teammates::TeammateState;
use tools::RunningTool;
use turn::{Turn, TurnState};

use crate::HEADLESS_SETTLE_MS;
use crate::evidence::event::{BackgroundTask, EndReason, Event, Report};
use crate::session::identity::{ConversationId, InputDigest, SubagentId};
use crate::session::past::PastStatuses;
use crate::session::prompt::{Prompt, PromptKind};
use crate::session::status::Status;
use crate::session::{End, Transition};
use crate::state::prompts::{Answer, Prompts};
use crate::state::trail::Trail;
use crate::time::{Now, Stamp, Timestamp};
use std::collections::VecDeque;

/// The state of a session, from which its status is derived.
#[derive(Debug, Clone, Default)]
pub(crate) struct RowState {
    turn: Turn,
    pub(crate) files: FileEvidence,
    pub(crate) prompts: Prompts,
    /// The evidence of the program's terminal, if `crewboard run` started the process.
    program: Option<ProgramEvidence>,
    /// The one-line summary of the open prompt, if the reporter gave one.
    prompt_summary: String,
    tools: Vec<RunningTool>,
    subagents: Vec<SubagentState>,
    /// Subagents that ended, so that their late events do not add them again.
    ended_subagents: VecDeque<(SubagentId, Stamp)>,
    /// The time at which a subagent last ended.
    last_subagent_end: Stamp,
    background: Vec<BackgroundTask>,
    scheduled: u32,
    pub(crate) ended: Option<Ended>,
    /// The stamp of the main turn's last event.
    last_turn_event: Stamp,
    /// The time at which all tools of the last answer had ended. Older prompts are closed.
    tools_ended: Stamp,
    /// The hashes of the ids of tools that ended, so that their late start events do not add them again.
    ended_tools: VecDeque<u64>,
    /// The teammates in processes of their own.
    teammates: Vec<TeammateState>,
    /// The prompt that the lead's client shows for this teammate, with its serial number.
    relayed_prompt: Option<(Prompt, u64)>,
    /// The lead's conversation, if the session is a teammate.
    pub(crate) lead: Option<ConversationId>,
    /// Another session's agent started this one, which must not claim that session's pane.
    pub(crate) nested: bool,
    /// The stamp of the newest event of any kind.
    pub(crate) latest: Stamp,
    /// The stamp of the newest usage report.
    pub(crate) usage_stamp: Stamp,
    /// The cost of the conversation that its last usage report had, in cents.
    pub(crate) reported_cents: Option<u64>,
    /// The stamp of the newest branch report.
    pub(crate) branch_stamp: Stamp,
    /// The kernel will report the end of the process.
    pub(crate) watched: bool,
    /// The revision at which the status was entered. A client with an older revision has not seen the status.
    pub(crate) status_revision: u64,
    pub(crate) history: VecDeque<Transition>,
    /// The statuses before those of the history.
    pub(crate) past: PastStatuses,
    pub(crate) trail: Trail,
    /// The status last derived, with the serial number of its prompt or turn.
    last_status: Option<(Status, u64)>,
    /// The end of a headless turn that was not shown because the session closed first. The next change carries it.
    pub(crate) hidden_turn_end: Option<Transition>,
    /// The epoch, revision and time of the client's copy, if nothing else is known of the session.
    pub(crate) restored: Option<(String, u64, Timestamp)>,
}

#[derive(Debug, Clone)]
struct SubagentState {
    id: SubagentId,
    kind: Option<String>,
    since: Stamp,
}

/// The time and the kind of the session's end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ended {
    pub(crate) how: End,
    pub(crate) stamp: Stamp,
    /// The process has ended, so that it sends nothing newer.
    pub(crate) dead: bool,
}

/// The reason for which an event was ignored.
pub(crate) type Ignored = &'static str;

impl RowState {
    /// Derives the status, with the serial number of its prompt or turn.
    fn derive_status(&self, headless: bool, now: Now) -> (Status, u64) {
        if self.ended.is_some() || self.files.is_removed() {
            return (Status::Closed, 0);
        }
        // No user can answer a headless session, neither in its own pane nor in its lead's.
        if !headless {
            if let Some(open) = self.prompts.first() {
                return (open.prompt.kind.status(), open.serial);
            }
            if let Some((prompt, serial)) = &self.relayed_prompt {
                return (prompt.kind.status(), *serial);
            }
        }
        match self.turn.state {
            TurnState::Working { .. } => (Status::Working, 0),
            _ if self.awaits_confirmation() => (Status::Working, 0),
            TurnState::AtPrompt | TurnState::EndUnknown { .. } => (Status::Idle, 0),
            _ if headless && !self.outlives_turn(now) => (Status::Working, 0),
            TurnState::Done { .. } => (Status::Done, self.turn.ends),
            TurnState::Failed => (Status::Failed, self.turn.ends),
        }
    }

    /// Returns true if a turn runs.
    pub(crate) fn is_in_turn(&self) -> bool {
        self.turn.is_working()
    }

    /// Returns true if the headless session's process still runs some time after the end of its turn. The end of a
    /// turn of another boot always counts as long ago.
    fn outlives_turn(&self, now: Now) -> bool {
        self.turn.since.boot != now.stamp.boot
            || now.has_passed(self.turn.since, HEADLESS_SETTLE_MS)
    }

    /// Returns when a headless session becomes done: a stamp, and the milliseconds after it.
    pub(crate) fn headless_deadline(&self, headless: bool) -> Option<(Stamp, u64)> {
        let shown_working = matches!(self.last_status, Some((Status::Working, _)));
        (headless
            && self.turn.end_status().is_some()
            && shown_working
            && self.ended.is_none()
            && !self.awaits_confirmation())
        .then_some((self.turn.since, HEADLESS_SETTLE_MS))
    }

    /// Removes the tools and prompts from before `stamp` that are the session's own and not a subagent's.
    fn clear_own_before(&mut self, stamp: Stamp) {
        self.tools.retain(|tool| tool.subagent.is_some() || stamp.is_before(tool.stamp));
        self.prompts.close_before(stamp, |subagent| subagent.is_none());
    }

    /// Resets the session to its prompt, with nothing open.
    fn reset(&mut self, stamp: Stamp) {
        self.turn.reset(stamp);
        self.clear_open_work();
        self.last_turn_event = stamp;
    }

    /// Resets the session for another conversation.
    pub(crate) fn reset_conversation(&mut self, stamp: Stamp) {
        self.reset(stamp);
        self.history.clear();
        self.past = PastStatuses::default();
        self.last_status = None;
    }

    fn open_prompt(
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
        let prompt = Prompt {
            kind,
            tool: (!tool.is_empty()).then(|| tool.to_owned()),
            text: text.to_owned(),
            subagent: report.subagent.clone(),
        };
        if self.prompts.open(prompt, line, input, tool_use, report.stamp) {
            Ok(())
        } else {
            Err("the prompt is known, or was answered since")
        }
    }

    /// Applies an event that means the same for the session and its subagents.
    fn apply_common(&mut self, report: &Report) -> Option<Result<(), Ignored>> {
        let stamp = report.stamp;
        Some(match &report.event {
            Event::PromptClosed { tool, tool_use, input } => {
                let answer = Answer {
                    subagent: report.subagent.as_ref(),
                    tool,
                    tool_use: tool_use.as_ref(),
                    input: *input,
                    stamp,
                };
                if self.prompts.answer(answer) { Ok(()) } else { Err("no such prompt is open") }
            }
            Event::AttentionRequested { prompt_kind, text } => {
                // The agent repeats an open prompt after some seconds. Without one, a dialog is open that no hook
                // announced (harness: auto mode's own).
                if self.files.is_moved_to_background() {
                    Err("its conversation moved to another process, which shows its own prompts")
                } else if self.prompts.first().is_some() {
                    self.prompts.set_dialog_text(text, stamp);
                    Ok(())
                } else if stamp.is_before(self.latest) {
                    Err("older than the session's last event")
                } else {
                    self.open_prompt(report, *prompt_kind, "", (text, ""), InputDigest::default())
                }
            }
            Event::StatusReported { status, activity, text } => {
                if stamp.is_before(self.latest) {
                    Err("older than the last report")
                } else {
                    self.apply_reported_status(report, *status, activity, text)
                }
            }
            _ => return None,
        })
    }

    /// Resets the session for another process that continues the conversation.
    pub(crate) fn change_process(&mut self) {
        self.ended = None;
        self.watched = false;
        self.nested = false;
        self.files = FileEvidence::default();
        self.teammates.clear();
        self.lead = None;
        self.program = None;
        self.reset(Stamp::default());
        self.latest = Stamp::default();
    }

    /// Reopens the session after an event without a process, if its process had ended before `stamp`. The session
    /// continues where the daemon cannot watch it. Returns true if it was reopened.
    pub(crate) fn reopen_without_process(&mut self, stamp: Stamp) -> bool {
        let is_reopened =
            self.ended.is_some_and(|ended| ended.dead && ended.stamp.is_before(stamp));
        if is_reopened {
            self.change_process();
        }
        is_reopened
    }

    fn mark_exited(&mut self, stamp: Stamp) {
        let dead = self.ended.is_some_and(|ended| ended.dead);
        self.ended = Some(Ended { how: End::Exit, stamp, dead });
        self.clear_open_work();
    }

    /// Removes all prompts, tools, subagents and background work.
    pub(crate) fn clear_open_work(&mut self) {
        self.prompts.clear();
        self.tools.clear();
        self.subagents.clear();
        self.background.clear();
        self.scheduled = 0;
        self.relayed_prompt = None;
        self.clear_program_parts();
    }

    /// Applies an event of the session's present conversation.
    pub(crate) fn apply(&mut self, report: &Report) -> Result<(), Ignored> {
        if let Some(result) = self.apply_program_event(report) {
            if result.is_ok() {
                self.restored = None;
            }
            return result;
        }
        if let Some(ended) = self.ended {
            let is_exit = matches!(report.event, Event::SessionEnded { reason: EndReason::Exit });
            let is_before_the_end = !ended.stamp.is_before(report.stamp);
            if is_exit && ended.how != End::Exit && is_before_the_end {
                self.mark_exited(report.stamp);
                return Ok(());
            }
            let is_final = report.event.is_final();
            if ended.dead || is_final || !ended.stamp.is_before(report.stamp) {
                return Err("the session has ended");
            }
            self.ended = None;
            self.files.removed = None;
            self.turn.state = TurnState::AtPrompt;
        }
        self.prompt_summary.clear();
        let result = match (self.apply_common(report), &report.subagent) {
            (Some(result), _) => result,
            (None, Some(subagent)) => self.apply_subagent_event(subagent, report),
            (None, None) => self.apply_own_event(report, report.job.is_some()),
        };
        self.latest = self.latest.latest(report.stamp);
        if result.is_ok() {
            self.restored = None;
        }
        result
    }
}

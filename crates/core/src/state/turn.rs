//! The main turn of a session, and its events, which come one after the other.

use super::{Ignored, RowState};
use crate::evidence::event::{EndReason, Event, Report, StartOrigin};
use crate::session::identity::TurnId;
use crate::session::status::Status;
use crate::time::Stamp;
use std::mem::discriminant;

/// Microseconds within which the same user prompt counts as a duplicate, from a hook that is registered twice.
const DUPLICATE_MICROS: u64 = 1_000_000;

/// The main turn of a session, which is not a subagent's.
#[derive(Debug, Clone, Default)]
pub(super) struct Turn {
    pub(super) state: TurnState,
    pub(super) id: Option<TurnId>,
    /// The stamp of the event that began this state.
    pub(super) since: Stamp,
    /// The number of ended turns. The end of another turn is a transition though the status is the same.
    pub(super) ends: u64,
    /// The agent's last message, or the error.
    pub(super) message: String,
    /// The last user prompt. A second report of it is ignored.
    pub(super) prompt: Option<(String, Stamp)>,
    /// The turn during which the user typed a prompt. The prompt begins a turn that no hook announces.
    pub(super) queued_in: Option<TurnId>,
    /// The turn whose end started the queued prompt. A second report of that end is ignored.
    pub(super) queued_after: Option<TurnId>,
}

/// The state of the main turn.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum TurnState {
    /// The agent is at its prompt, and no end of a turn is shown.
    #[default]
    AtPrompt,
    /// The session file shows that the turn is over, and nothing shows how it ended.
    EndUnknown { confirmed: bool },
    /// A turn runs.
    Working {
        evidence: TurnEvidence,
        /// The last message of the turn before, if that ended too shortly before this one to be shown.
        previous_message: Option<String>,
    },
    /// The agent finished. The end is confirmed if it needs no further confirmation.
    Done { confirmed: bool },
    /// The turn ended with an API error.
    Failed,
}

/// The evidence of a turn that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TurnEvidence {
    /// An event or the session file shows the turn.
    Shown,
    /// The turn is assumed. No event announced it.
    Assumed,
    /// The turn is assumed because a teammate's turn has ended.
    TeammateEnded,
}

impl Turn {
    pub(super) fn is_working(&self) -> bool {
        self.evidence().is_some()
    }

    /// Returns the evidence of the turn, if it runs.
    pub(super) fn evidence(&self) -> Option<TurnEvidence> {
        if let TurnState::Working { evidence, .. } = self.state { Some(evidence) } else { None }
    }

    /// Returns true if a turn is assumed to run, and nothing shows it.
    pub(super) fn is_assumed(&self) -> bool {
        self.evidence().is_some_and(|evidence| evidence != TurnEvidence::Shown)
    }

    pub(super) fn is_end_unknown(&self) -> bool {
        matches!(self.state, TurnState::EndUnknown { .. })
    }

    /// Returns the status for the end of the turn, if it has ended.
    pub(super) fn end_status(&self) -> Option<Status> {
        match self.state {
            TurnState::Done { .. } => Some(Status::Done),
            TurnState::Failed => Some(Status::Failed),
            _ => None,
        }
    }

    /// Resets the turn to the prompt of the agent.
    pub(super) fn reset(&mut self, since: Stamp) {
        *self = Self { since, ends: self.ends, ..Self::default() };
    }

    /// Returns to the end of the turn before, whose last message was `message`.
    pub(super) fn return_to_done(&mut self, since: Stamp, message: String) {
        self.reset(since);
        self.state = TurnState::Done { confirmed: true };
        self.message = message;
    }

    /// Confirms the end of the turn.
    pub(super) fn confirm_end(&mut self) {
        if let TurnState::Done { confirmed } | TurnState::EndUnknown { confirmed } = &mut self.state
        {
            *confirmed = true;
        }
    }
}

impl RowState {
    /// Begins a turn that an event or the session file shows.
    pub(super) fn begin_turn(&mut self, id: Option<TurnId>, stamp: Stamp) {
        let (ends, prompt) = (self.turn.ends, self.turn.prompt.take());
        let state = TurnState::Working { evidence: TurnEvidence::Shown, previous_message: None };
        self.turn = Turn { state, id, since: stamp, ends, prompt, ..Turn::default() };
    }

    /// Begins a turn that no event announced. `previous_message` is the message of an end that was not shown.
    pub(super) fn begin_unannounced_turn(
        &mut self,
        evidence: TurnEvidence,
        previous_message: Option<String>,
        stamp: Stamp,
    ) {
        self.begin_turn(None, stamp);
        self.turn.state = TurnState::Working { evidence, previous_message };
    }

    pub(super) fn finish_turn(&mut self, id: Option<TurnId>, stamp: Stamp, message: String) {
        // While a subagent works, the file does not show the end of the session's own turn.
        let confirmed = self.subagents_keep_file_busy();
        self.end_turn(TurnState::Done { confirmed }, id, stamp, message);
    }

    pub(super) fn fail_turn(
        &mut self,
        id: Option<TurnId>,
        stamp: Stamp,
        error: &str,
        detail: &str,
    ) {
        let message =
            if detail.is_empty() { error.to_owned() } else { format!("{error}: {detail}") };
        self.end_turn(TurnState::Failed, id, stamp, message);
    }

    /// Ends the turn and everything that it has open.
    pub(super) fn interrupt_turn(&mut self, stamp: Stamp) {
        self.clear_own_before(stamp);
        self.prompts.close(|opened| opened.is_before(stamp));
        if self.turn.end_status().is_none() {
            self.turn.reset(stamp);
        }
    }

    /// Ends the turn. A second report of the same end is not a new end.
    fn end_turn(&mut self, end: TurnState, id: Option<TurnId>, stamp: Stamp, message: String) {
        let is_same_kind = discriminant(&self.turn.state) == discriminant(&end);
        // An end without an id is another one if its message differs.
        let is_same_turn = self.turn.id == id && (id.is_some() || self.turn.message == message);
        if !(is_same_kind && is_same_turn) {
            self.turn.ends += 1;
            self.turn.since = stamp;
        }
        self.turn.state = end;
        self.turn.id = id;
        self.turn.message = message;
        self.clear_own_before(stamp);
    }

    /// Rejects an event that is older than the last event of the main turn.
    fn reject_late(&self, stamp: Stamp) -> Result<(), Ignored> {
        if stamp.is_before(self.last_turn_event) {
            return Err("older than the last event of the turn");
        }
        Ok(())
    }

    /// Applies an event of the session's main turn.
    pub(super) fn apply_own_event(
        &mut self,
        report: &Report,
        background_session: bool,
    ) -> Result<(), Ignored> {
        let stamp = report.stamp;
        let turn = report.turn.clone();
        let is_late = stamp.is_before(self.turn.since);
        match &report.event {
            // A compaction within a turn changes nothing. One that the user started ends at the prompt.
            Event::SessionStarted { origin: StartOrigin::Compact }
                if self.turn.is_working() || is_late => {}
            Event::SessionStarted { origin: StartOrigin::Compact } => self.reset(stamp),
            Event::SessionStarted { origin } => {
                self.reject_late(stamp)?;
                self.reset(stamp);
                // These are started with a user prompt. A session that moved to the background is not.
                if report.teammate.is_some()
                    || report.headless && !report.resident
                    || background_session && *origin == StartOrigin::Startup
                {
                    self.begin_unannounced_turn(TurnEvidence::Assumed, None, stamp);
                }
            }
            Event::SessionEnded { reason: EndReason::Switch } => {
                self.reject_late(stamp)?;
                self.reset(stamp);
            }
            Event::SessionEnded { reason: EndReason::Exit } => {
                self.reject_late(stamp)?;
                if is_late {
                    return Err("older than the present turn");
                }
                self.mark_exited(stamp);
            }
            Event::PromptSubmitted { prompt, ended_task, .. } => {
                if is_late {
                    return Err("older than the present turn");
                }
                if let Some(task) = ended_task {
                    self.background.retain(|background| background.id != *task);
                }
                self.apply_user_prompt(prompt, turn, stamp)?;
            }
            Event::ToolStarted { .. } | Event::ToolEnded { .. } => {
                self.apply_tool_event(report);
                self.continue_turn(turn, stamp)?;
            }
            Event::ToolsEnded => {
                self.tools_ended = self.tools_ended.latest(stamp);
                self.clear_own_before(stamp);
                self.continue_turn(turn, stamp)?;
                // The running turn takes a queued prompt here (tried: queued-tools).
                self.turn.queued_in = None;
            }
            Event::PromptOpened { prompt_kind, tool, text, line, input } => {
                if is_late || stamp.is_before(self.tools_ended) {
                    return Err("older than the present turn");
                }
                self.open_prompt(report, *prompt_kind, tool, (text, line), *input)?;
                if !self.turn.is_working() {
                    self.begin_turn(turn, stamp);
                }
                self.last_turn_event = self.last_turn_event.latest(stamp);
            }
            Event::TurnEnded { .. } | Event::TurnFailed { .. } => {
                self.reject_late(stamp)?;
                if turn.is_some() && self.turn.queued_after == turn {
                    return Err("a duplicate of the turn's end");
                }
                self.last_turn_event = stamp;
                self.apply_turn_end(&report.event, turn, stamp);
            }
            Event::TurnInterrupted => {
                self.reject_late(stamp)?;
                self.last_turn_event = stamp;
                self.interrupt_turn(stamp);
            }
            Event::IdleReported => {
                self.reject_late(stamp)?;
                // This is newer than a turn that only the file shows.
                if self.turn.end_status().is_none() {
                    self.turn.reset(stamp);
                }
                self.clear_own_before(stamp);
            }
            _ => {}
        }
        Ok(())
    }

    fn apply_turn_end(&mut self, event: &Event, turn: Option<TurnId>, stamp: Stamp) {
        let queued_in = self.turn.queued_in.take();
        match event {
            Event::TurnEnded { message, background, scheduled } => {
                self.background.clone_from(background);
                self.scheduled = *scheduled;
                // A subagent that was interrupted in the foreground sends no end (findings-files.md).
                let mut teammates = self.teammates_in_process();
                self.subagents.retain(|known| {
                    let is_listed = background.iter().any(|task| task.id == known.id.as_str());
                    stamp.is_before(known.since) || is_listed || {
                        // A teammate's task has an id of its own.
                        let is_teammate = teammates > 0;
                        teammates = teammates.saturating_sub(1);
                        is_teammate
                    }
                });
                if queued_in.is_some() && queued_in == turn {
                    // The queued prompt runs now, and no event announces it.
                    self.clear_own_before(stamp);
                    self.begin_unannounced_turn(TurnEvidence::Assumed, None, stamp);
                    self.turn.queued_after = turn;
                } else {
                    self.finish_turn(turn, stamp, message.clone());
                    self.look_for_plan(stamp);
                }
            }
            Event::TurnFailed { error, detail } => {
                self.fail_turn(turn, stamp, error, detail);
            }
            _ => {}
        }
    }

    fn apply_user_prompt(
        &mut self,
        prompt: &str,
        turn: Option<TurnId>,
        stamp: Stamp,
    ) -> Result<(), Ignored> {
        let is_duplicate = self.turn.prompt.as_ref().is_some_and(|(text, at)| {
            text == prompt
                && at.boot == stamp.boot
                && at.micros.abs_diff(stamp.micros) < DUPLICATE_MICROS
        });
        if is_duplicate && self.turn.is_working() {
            return Err("a duplicate of the prompt");
        }
        self.turn.prompt = Some((prompt.to_owned(), stamp));
        self.files.prompted = true;
        if self.turn.is_working() && turn.is_some() && self.turn.id == turn {
            // Claude Code announces a queued prompt at once, with the id of the running turn, and not again when it
            // runs (harness: queued-prompt).
            self.turn.queued_in = turn;
            return Ok(());
        }
        // A subagent's prompt may stay open over the session's own turns (tried: two-agents-permission).
        self.clear_own_before(stamp);
        self.begin_turn(turn, stamp);
        self.last_turn_event = self.last_turn_event.latest(stamp);
        Ok(())
    }

    /// Begins or continues the turn of a tool.
    fn continue_turn(&mut self, turn: Option<TurnId>, stamp: Stamp) -> Result<(), Ignored> {
        if stamp.is_before(self.turn.since) {
            return Err("older than the present turn");
        }
        self.last_turn_event = self.last_turn_event.latest(stamp);
        if let TurnState::Working { evidence, .. } = &mut self.turn.state {
            *evidence = TurnEvidence::Shown;
            if turn.is_some() && self.turn.id != turn {
                self.turn.id = turn;
                self.turn.queued_in = None;
            }
        } else {
            self.begin_turn(turn, stamp);
        }
        Ok(())
    }
}

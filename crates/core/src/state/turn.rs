//! Applies the events of the session's main turn, which come one after the other.

use super::{DUPLICATE_MICROS, Ignored, RowState, Turn, TurnState};
use crate::evidence::event::{EndReason, Event, Report, StartOrigin};
use crate::session::identity::TurnId;
use crate::time::Stamp;

impl RowState {
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
                if self.turn.state == TurnState::Working || is_late => {}
            Event::SessionStarted { origin: StartOrigin::Compact } => self.reset(stamp),
            Event::SessionStarted { origin } => {
                self.reject_late(stamp)?;
                self.reset(stamp);
                // These are started with a user prompt. A session that moved to the background is not.
                if report.teammate.is_some()
                    || report.headless && !report.resident
                    || background_session && *origin == StartOrigin::Startup
                {
                    self.begin_turn(None, stamp);
                    self.turn.inferred = true;
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
            Event::RequestOpened { request, tool, text, line, input } => {
                if is_late || stamp.is_before(self.tools_ended) {
                    return Err("older than the present turn");
                }
                self.open_request(report, *request, tool, (text, line), *input)?;
                if self.turn.state != TurnState::Working {
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
            Event::Rested => {
                self.reject_late(stamp)?;
                // This is newer than a turn that only the file shows.
                if matches!(self.turn.state, TurnState::Working | TurnState::None) {
                    self.turn = Turn { since: stamp, ends: self.turn.ends, ..Turn::default() };
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
                    self.begin_turn(None, stamp);
                    self.turn.inferred = true;
                    self.turn.queued_after = turn;
                } else {
                    self.end_turn(TurnState::Done, turn, stamp, message.clone());
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
        if is_duplicate && self.turn.state == TurnState::Working {
            return Err("a duplicate of the prompt");
        }
        self.turn.prompt = Some((prompt.to_owned(), stamp));
        self.files.set_prompted();
        if self.turn.state == TurnState::Working && turn.is_some() && self.turn.id == turn {
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
        if self.turn.state == TurnState::Working {
            if turn.is_some() && self.turn.id != turn {
                self.turn.id = turn;
                self.turn.queued_in = None;
            }
            self.turn.inferred = false;
            self.turn.woken_by_teammate = false;
        } else {
            self.begin_turn(turn, stamp);
        }
        Ok(())
    }
}

//! The session's own course: its turns, prompts and ends, one after the other.

use super::{Ignored, RowState, TWIN_MICROS, Turn, TurnState};
use crate::evidence::event::{EndReason, Event, Report, StartOrigin};
use crate::session::identity::TurnId;
use crate::time::Stamp;

impl RowState {
    /// Nothing that comes after it in the session's course is known yet.
    fn is_next(&self, stamp: Stamp) -> Result<(), Ignored> {
        if stamp.is_before(self.activity) {
            return Err("older than what the session did since");
        }
        Ok(())
    }

    /// Takes in an event of the session's own course; an error says why it was not.
    pub(super) fn take_own(
        &mut self,
        report: &Report,
        background_session: bool,
    ) -> Result<(), Ignored> {
        let stamp = report.stamp;
        let turn = report.turn.clone();
        let is_late = stamp.is_before(self.turn.since);
        match &report.event {
            // A compaction within a turn changes nothing; one that was asked for ends at the prompt.
            Event::SessionStarted { origin: StartOrigin::Compact }
                if self.turn.state == TurnState::Working || is_late => {}
            Event::SessionStarted { origin: StartOrigin::Compact } => self.reset(stamp),
            Event::SessionStarted { origin } => {
                self.is_next(stamp)?;
                self.reset(stamp);
                // These are started with their prompt; a session moved to the background is not.
                if report.teammate.is_some()
                    || report.headless && !report.resident
                    || background_session && *origin == StartOrigin::Startup
                {
                    self.begin_turn(None, stamp);
                    self.turn.inferred = true;
                }
            }
            Event::SessionEnded { reason: EndReason::Switch } => {
                self.is_next(stamp)?;
                self.reset(stamp);
            }
            Event::SessionEnded { reason: EndReason::Exit } => {
                self.is_next(stamp)?;
                if is_late {
                    return Err("older than the present turn");
                }
                self.say_goodbye(stamp);
            }
            Event::PromptSubmitted { prompt, ended_task, .. } => {
                if is_late {
                    return Err("older than the present turn");
                }
                if let Some(task) = ended_task {
                    self.background.retain(|background| background.id != *task);
                }
                self.take_prompt(prompt, turn, stamp)?;
            }
            Event::ToolStarted { .. } | Event::ToolEnded { .. } => {
                self.take_tool(report);
                self.must_be_working(turn, stamp)?;
            }
            Event::ToolsEnded => {
                self.batch_ended = self.batch_ended.latest(stamp);
                self.forget_own(stamp);
                self.must_be_working(turn, stamp)?;
                // What was typed meanwhile goes into the running turn here (tried: queued-tools).
                self.turn.queued_in = None;
            }
            Event::RequestOpened { request, tool, text, line, input } => {
                if is_late || stamp.is_before(self.batch_ended) {
                    return Err("older than the present turn");
                }
                self.open_request(report, *request, tool, (text, line), *input)?;
                if self.turn.state != TurnState::Working {
                    self.begin_turn(turn, stamp);
                }
                self.activity = self.activity.latest(stamp);
            }
            Event::TurnEnded { .. } | Event::TurnFailed { .. } => {
                self.is_next(stamp)?;
                if turn.is_some() && self.turn.queue_of == turn {
                    return Err("the same end twice");
                }
                self.activity = stamp;
                self.take_turn_end(&report.event, turn, stamp);
            }
            Event::Rested => {
                self.is_next(stamp)?;
                // Newer than what its file said of a turn that no hook told of.
                if matches!(self.turn.state, TurnState::Working | TurnState::None) {
                    self.turn = Turn { since: stamp, ends: self.turn.ends, ..Turn::default() };
                }
                self.forget_own(stamp);
            }
            _ => {}
        }
        Ok(())
    }

    fn take_turn_end(&mut self, event: &Event, turn: Option<TurnId>, stamp: Stamp) {
        let queued_in = self.turn.queued_in.take();
        match event {
            Event::TurnEnded { message, background, scheduled } => {
                self.background.clone_from(background);
                self.scheduled = *scheduled;
                // One that was interrupted in the foreground says no more (findings-files.md).
                let mut mates = self.mates_in_process();
                self.subagents.retain(|known| {
                    let is_listed = background.iter().any(|task| task.id == known.id.as_str());
                    stamp.is_before(known.since) || is_listed || {
                        // A teammate's task bears an id of its own.
                        let is_mate = mates > 0;
                        mates = mates.saturating_sub(1);
                        is_mate
                    }
                });
                if queued_in.is_some() && queued_in == turn {
                    // The prompt typed meanwhile now runs, and nothing will announce it.
                    self.forget_own(stamp);
                    self.begin_turn(None, stamp);
                    self.turn.inferred = true;
                    self.turn.queue_of = turn;
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

    fn take_prompt(
        &mut self,
        prompt: &str,
        turn: Option<TurnId>,
        stamp: Stamp,
    ) -> Result<(), Ignored> {
        let is_twin = self.turn.prompt.as_ref().is_some_and(|(text, at)| {
            text == prompt
                && at.boot == stamp.boot
                && at.micros.abs_diff(stamp.micros) < TWIN_MICROS
        });
        if is_twin && self.turn.state == TurnState::Working {
            return Err("the same prompt twice");
        }
        self.turn.prompt = Some((prompt.to_owned(), stamp));
        self.files.prompted();
        if self.turn.state == TurnState::Working && turn.is_some() && self.turn.id == turn {
            // Claude Code announces a prompt typed during a turn at once, under that turn's id, and
            // not again when it runs (harness: queued-prompt).
            self.turn.queued_in = turn;
            return Ok(());
        }
        // A subagent's dialog may stand through the session's own turns (tried: two-agents-permission).
        self.forget_own(stamp);
        self.begin_turn(turn, stamp);
        self.activity = self.activity.latest(stamp);
        Ok(())
    }

    /// A tool of the session's own runs or ran, so a turn does.
    fn must_be_working(&mut self, turn: Option<TurnId>, stamp: Stamp) -> Result<(), Ignored> {
        if stamp.is_before(self.turn.since) {
            return Err("older than the present turn");
        }
        self.activity = self.activity.latest(stamp);
        if self.turn.state == TurnState::Working {
            if turn.is_some() && self.turn.id != turn {
                self.turn.id = turn;
                self.turn.queued_in = None;
            }
            self.turn.inferred = false;
            self.turn.woken = false;
        } else {
            self.begin_turn(turn, stamp);
        }
        Ok(())
    }
}

//! Applies statuses that `crewboard report` names itself, and those of restored sessions.

use super::derive::THINKING;
use super::turn::{Turn, TurnEvidence, TurnState};
use super::{Ignored, RowState, RunningTool, SubagentState};
use crate::evidence::event::{BackgroundTask, Report};
use crate::session::identity::InputDigest;
use crate::session::prompt::PromptKind;
use crate::session::status::Status;
use crate::session::{End, Session};
use crate::state::Ended;
use crate::time::Stamp;
use crate::{MAX_BACKGROUND, MAX_HISTORY};

impl RowState {
    pub(super) fn apply_reported_status(
        &mut self,
        report: &Report,
        status: Status,
        activity: &str,
        text: &str,
    ) -> Result<(), Ignored> {
        let stamp = report.stamp;
        self.prompts.clear();
        self.tools.clear();
        self.last_turn_event = stamp;
        let words = if text.is_empty() { activity.to_owned() } else { text.to_owned() };
        let kind = PromptKind::of_status(status);
        match status {
            Status::Permission | Status::Question | Status::Plan | Status::Working => {
                self.begin_turn(None, stamp);
                // A reporter may give only one of the two texts.
                let doing = if activity.is_empty() { text } else { activity };
                if status == Status::Working && !doing.is_empty() {
                    self.start_tool(RunningTool::from_text(doing, stamp));
                }
            }
            Status::Done => self.finish_turn(None, stamp, words),
            Status::Failed => self.fail_turn(None, stamp, &words, ""),
            Status::Idle => self.reset(stamp),
            Status::Closed => self.mark_exited(stamp),
        }
        let Some(kind) = kind else { return Ok(()) };
        activity.clone_into(&mut self.prompt_summary);
        let text = if text.is_empty() { activity } else { text };
        self.open_prompt(report, kind, "", (text, ""), InputDigest::default())
    }

    /// Derives the state of a restored session from its public fields.
    pub(crate) fn from_restored(session: &Session) -> Self {
        let turn_state = match session.status {
            Status::Idle | Status::Closed => TurnState::AtPrompt,
            Status::Done => TurnState::Done { confirmed: false },
            Status::Failed => TurnState::Failed,
            Status::Working | Status::Permission | Status::Question | Status::Plan => {
                TurnState::Working { evidence: TurnEvidence::Shown, previous_message: None }
            }
        };
        let message = session.activity.clone().unwrap_or_default();
        let mut state = Self {
            turn: Turn { state: turn_state, message, ..Turn::default() },
            scheduled: session.scheduled,
            subagents: session
                .subagents
                .iter()
                .map(|subagent| SubagentState {
                    id: subagent.id.clone(),
                    kind: subagent.kind.clone(),
                    since: Stamp::default(),
                })
                .collect(),
            background: (0..session.background)
                .take(MAX_BACKGROUND)
                .map(|_| BackgroundTask { id: String::new(), kind: String::new() })
                .collect(),
            reported_cents: session.usage.and_then(|usage| usage.cost_cents()),
            past: session.past.clone(),
            history: session.history.iter().rev().take(MAX_HISTORY).rev().copied().collect(),
            ..Self::default()
        };
        if session.status == Status::Working
            && let Some(activity) = session.activity.as_deref().filter(|text| *text != THINKING)
        {
            // The session does not name its tool, but it has the tool's line.
            state.start_tool(RunningTool::from_text(activity, Stamp::default()));
        }
        if let Some(prompt) = &session.open_prompt {
            state.prompt_summary = session.activity.clone().unwrap_or_default();
            if session.teammate.is_some() {
                state.relayed_prompt = Some((prompt.clone(), 0));
            } else {
                state.prompts.open_restored(prompt.clone());
            }
        }
        // A closed session may come without the reason of its end.
        let end = session.end.or((session.status == Status::Closed).then_some(End::Lost));
        if let Some(how) = end {
            state.ended = Some(Ended { how, stamp: Stamp::default(), dead: true });
        }
        let serial = state.prompts.first().map_or(0, |open| open.serial);
        state.last_status =
            Some((session.status, if session.status.is_prompt() { serial } else { 0 }));
        state
    }

    /// Returns true if the session itself, apart from its subagents, has sent no event to this daemon.
    pub(crate) fn has_only_subagent_events(&self) -> bool {
        self.last_turn_event == Stamp::default() && self.ended.is_none()
    }

    /// Restores the session's own turn and prompts from a client's copy.
    pub(crate) fn restore_turn(&mut self, session: &Session) {
        let restored = Self::from_restored(session);
        self.turn = restored.turn;
        self.scheduled = restored.scheduled;
        self.background = restored.background;
        if self.prompts.len() == 0 {
            self.prompts = restored.prompts;
        }
        if self.ended.is_none() && !self.watched {
            self.ended = restored.ended;
        }
        self.last_status = restored.last_status;
    }
}

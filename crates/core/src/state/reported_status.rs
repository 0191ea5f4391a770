//! Statuses that a reporter names itself (`crewboard report`), and those of rows given back.

use super::derive::THINKING;
use super::{Ignored, OpenTool, RowState, SubagentState, Turn, TurnState};
use crate::evidence::event::{BackgroundTask, Report};
use crate::session::identity::InputDigest;
use crate::session::status::Status;
use crate::session::{End, Session};
use crate::state::Ended;
use crate::time::Stamp;
use crate::{MAX_BACKGROUND, MAX_HISTORY};

impl RowState {
    pub(super) fn take_reported_status(
        &mut self,
        report: &Report,
        status: Status,
        activity: &str,
        text: &str,
    ) -> Result<(), Ignored> {
        let stamp = report.stamp;
        self.requests.clear();
        self.tools.clear();
        self.activity = stamp;
        let words = if text.is_empty() { activity.to_owned() } else { text.to_owned() };
        let kind = status.request();
        match status {
            Status::Permission | Status::Question | Status::Plan | Status::Working => {
                self.begin_turn(None, stamp);
                // What it does may be all that is said of what it asks, and the other way round.
                let doing = if activity.is_empty() { text } else { activity };
                if status == Status::Working && !doing.is_empty() {
                    self.start_tool(OpenTool::named(doing, stamp));
                }
            }
            Status::Done => self.end_turn(TurnState::Done, None, stamp, words),
            Status::Failed => self.end_turn(TurnState::Failed, None, stamp, words),
            Status::Idle => self.reset(stamp),
            Status::Closed => self.say_goodbye(stamp),
        }
        let Some(kind) = kind else { return Ok(()) };
        activity.clone_into(&mut self.asks_for);
        let text = if text.is_empty() { activity } else { text };
        self.open_request(report, kind, "", (text, ""), InputDigest::default())
    }

    /// The facts a restored row stands for, as far as its public fields tell them.
    pub(crate) fn of_restored(session: &Session) -> Self {
        let state = match session.status {
            Status::Idle | Status::Closed => TurnState::None,
            Status::Done => TurnState::Done,
            Status::Failed => TurnState::Failed,
            Status::Working | Status::Permission | Status::Question | Status::Plan => {
                TurnState::Working
            }
        };
        let words = session.activity.clone().unwrap_or_default();
        let mut facts = Self {
            turn: Turn { state, words, ..Turn::default() },
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
            history: session.history.iter().rev().take(MAX_HISTORY).rev().copied().collect(),
            ..Self::default()
        };
        if session.status == Status::Working
            && let Some(activity) = session.activity.as_deref().filter(|text| *text != THINKING)
        {
            // Which tool it was is lost, but not what it was about.
            facts.start_tool(OpenTool::named(activity, Stamp::default()));
        }
        if let Some(request) = &session.request {
            facts.asks_for = session.activity.clone().unwrap_or_default();
            if session.teammate.is_some() {
                facts.relayed = Some((request.clone(), 0));
            } else {
                facts.requests.open_restored(request.clone());
            }
        }
        // A closed row that does not say how is closed all the same.
        let end = session.end.or((session.status == Status::Closed).then_some(End::Lost));
        if let Some(how) = end {
            facts.ended = Some(Ended { how, stamp: Stamp::default(), dead: true });
        }
        let serial = facts.requests.first().map_or(0, |open| open.serial);
        facts.shown = Some((session.status, if session.status.is_prompt() { serial } else { 0 }));
        facts
    }

    /// Whether all that was heard of the session itself is a view's memory or nothing.
    pub(crate) fn knows_only_subagents(&self) -> bool {
        self.activity == Stamp::default() && self.ended.is_none()
    }

    /// Takes the session's own course, and what it waits for, from a row given back.
    pub(crate) fn take_back(&mut self, session: &Session) {
        let restored = Self::of_restored(session);
        self.turn = restored.turn;
        self.scheduled = restored.scheduled;
        self.background = restored.background;
        if self.requests.len() == 0 {
            self.requests = restored.requests;
        }
        if self.ended.is_none() && !self.watched {
            self.ended = restored.ended;
        }
        self.shown = restored.shown;
    }
}

//! Agent teams: the state that a lead keeps of its teammates in processes of their own, and the prompt that a lead's
//! client shows for a teammate.
//!
//! A teammate in its lead's own process is a subagent. Its background task runs for as long as the teammate lives,
//! working or idle.

use super::turn::{TurnEvidence, TurnState};
use super::{RowState, SubagentState};
use crate::MAX_SUBAGENTS;
use crate::session::identity::{RowKey, SubagentId};
use crate::session::prompt::Prompt;
use crate::time::Stamp;

/// The kind of a teammate's background task.
pub(super) const TEAMMATE: &str = "teammate";

/// The state of a teammate that its lead keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TeammateState {
    /// The teammate's session.
    pub(crate) row: RowKey,
    /// The name that the lead's events use.
    pub(crate) name: SubagentId,
    /// A turn runs.
    works: bool,
    /// The session has ended.
    ended: bool,
    /// The time at which the turn began or ended.
    since: Stamp,
    /// The stamp of the teammate's newest event.
    latest: Stamp,
    /// The tools that run or wait, each with its input.
    calls: Vec<(String, String)>,
}

impl RowState {
    /// Returns the state of this teammate for its lead.
    pub(crate) fn as_teammate(&self, row: &RowKey, name: &str) -> TeammateState {
        let ended = self.ended.is_some() || self.files.is_removed();
        TeammateState {
            row: row.clone(),
            name: SubagentId::new(name),
            works: !ended && self.turn.is_working(),
            ended,
            since: self.turn.since,
            latest: self.latest,
            calls: self.tools.iter().map(|call| (call.tool.clone(), call.text.clone())).collect(),
        }
    }

    /// Updates the state of a teammate.
    pub(crate) fn update_teammate(&mut self, mate: TeammateState) {
        // A teammate that continues has its answer, unless the tool of the prompt still waits.
        let waits = |tool: &str| mate.calls.iter().any(|(call, _)| call == tool);
        self.prompts.close_answered(|prompt, opened| {
            // A teammate that a client restored has sent no event yet.
            let is_older = mate.latest != Stamp::default() && !mate.latest.is_before(opened);
            let is_open = prompt.tool.as_deref().is_some_and(waits);
            prompt.subagent.as_ref() == Some(&mate.name) && (mate.ended || is_older && !is_open)
        });
        let known = self.teammates.iter().position(|known| known.row == mate.row);
        let worked = known.is_some_and(|known| self.teammates[known].works);
        let reports = worked && !mate.works && !mate.ended;
        let since = mate.since;
        if let Some(known) = known {
            self.teammates[known] = mate;
        } else {
            if self.teammates.len() == MAX_SUBAGENTS {
                self.teammates.remove(0);
            }
            // The lead's own event came first and added a subagent.
            self.subagents.retain(|known| known.id != mate.name);
            self.teammates.push(mate);
        }
        if reports {
            self.wake(since);
        }
    }

    /// Removes a teammate whose session was removed.
    pub(crate) fn remove_teammate(&mut self, row: &RowKey) {
        self.teammates.retain(|mate| mate.row != *row);
    }

    /// Returns the teammates in processes of their own.
    pub(crate) fn teammates(&self) -> impl Iterator<Item = &TeammateState> {
        self.teammates.iter()
    }

    /// Returns true if the session has a teammate in a process of its own.
    pub(crate) fn has_teammates(&self) -> bool {
        !self.teammates.is_empty()
    }

    /// Returns the prompt that this session's client shows for a teammate, with its serial number.
    pub(crate) fn prompt_of_teammate(&self, row: &RowKey) -> Option<(Prompt, u64)> {
        if self.ended.is_some() || self.files.is_removed() {
            return None;
        }
        let mate = self.teammates.iter().find(|mate| mate.row == *row && !mate.ended)?;
        let open = self.prompts.of_subagent(&mate.name)?;
        Some((Prompt { subagent: None, ..open.prompt.clone() }, open.serial))
    }

    /// Sets the prompt that the lead's client shows for this teammate. Returns false if nothing changes.
    pub(crate) fn set_relayed_prompt(&mut self, prompt: Option<(Prompt, u64)>) -> bool {
        let is_new = self.relayed_prompt != prompt;
        self.relayed_prompt = prompt;
        is_new
    }

    /// Returns the prompt of the session's own client, or else of its lead's.
    pub(super) fn current_prompt(&self) -> Option<&Prompt> {
        let own = self.prompts.first().map(|open| &open.prompt);
        own.or(self.relayed_prompt.as_ref().map(|(prompt, _)| prompt))
    }

    /// Returns true if the name belongs to a teammate in a process of its own.
    pub(super) fn is_teammate(&self, name: &SubagentId) -> bool {
        self.teammates.iter().any(|mate| mate.name == *name && !mate.ended)
    }

    /// Returns the input of a teammate's tool.
    pub(super) fn teammate_tool_text(&self, name: &SubagentId, tool: &str) -> Option<&str> {
        let mate = self.teammates.iter().find(|mate| mate.name == *name && !mate.ended)?;
        let call = mate.calls.iter().rev().find(|(call, _)| call == tool);
        call.map(|(_, text)| text.as_str()).filter(|text| !text.is_empty())
    }

    /// Returns the only tool of all teammates that may wait for an answer, or `None` if there are several.
    pub(super) fn only_teammate_tool(&self) -> Option<(&SubagentId, &(String, String))> {
        let working = self.teammates.iter().filter(|mate| mate.works);
        let mut calls = working.flat_map(|mate| mate.calls.iter().map(|call| (&mate.name, call)));
        let first = calls.next()?;
        calls.next().is_none().then_some(first)
    }

    /// Returns the working teammates, as subagents.
    pub(super) fn working_teammates(&self) -> impl Iterator<Item = SubagentState> {
        self.teammates.iter().filter(|mate| mate.works).map(|mate| SubagentState {
            id: mate.name.clone(),
            kind: Some(mate.name.to_string()),
            since: mate.since,
        })
    }

    /// Returns true if the last end of a turn listed a teammate.
    pub(super) fn lists_teammates(&self) -> bool {
        self.background.iter().any(|task| task.kind == TEAMMATE)
    }

    /// Returns the number of teammates in the session's own process, working or idle.
    pub(super) fn teammates_in_process(&self) -> usize {
        let all = self.background.iter().filter(|task| task.kind == TEAMMATE).count();
        all.saturating_sub(self.teammates.iter().filter(|mate| !mate.ended).count())
    }

    /// Returns the number of running background tasks. An idle teammate does not count.
    pub(super) fn background_count(&self) -> usize {
        let is_teammate =
            |id: &SubagentId| self.background.iter().all(|task| task.id != id.as_str());
        let working = self.subagents.iter().filter(|known| is_teammate(&known.id)).count()
            + self.working_teammates().count();
        let teammates = self.background.iter().filter(|task| task.kind == TEAMMATE).count();
        self.background.len() - teammates + teammates.min(working)
    }

    /// Returns true if a teammate keeps the session file busy, so that the file does not show the session's own turn.
    /// A teammate in a process of its own does so for as long as it lives, working or idle (Claude Code 2.1.332).
    pub(super) fn teammates_keep_file_busy(&self) -> bool {
        let has_teammate = self.lists_teammates() || self.teammates.iter().any(|mate| !mate.ended);
        has_teammate && !self.files.idle_in_team
    }

    /// Begins the turn in which the lead gets the result of a teammate's turn. No hook announces it.
    pub(super) fn wake(&mut self, stamp: Stamp) {
        let is_known = self.turn.is_working() || stamp.is_before(self.turn.since);
        if is_known || self.ended.is_some() {
            return;
        }
        let is_done = matches!(self.turn.state, TurnState::Done { .. });
        let former = is_done.then(|| std::mem::take(&mut self.turn.message));
        self.begin_unannounced_turn(TurnEvidence::TeammateEnded, former, stamp);
    }

    /// Ends a turn that [`Self::wake`] assumed and that did not happen.
    pub(super) fn undo_wake(&mut self) {
        let TurnState::Working { previous_message, .. } = &mut self.turn.state else { return };
        let since = self.turn.since;
        match previous_message.take() {
            Some(message) => self.turn.return_to_done(since, message),
            None => self.turn.reset(since),
        }
    }
}

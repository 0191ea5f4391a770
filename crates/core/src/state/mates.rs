//! Agent teams. What a lead knows of its teammates in processes of their own, from their own hooks; and what a
//! teammate knows of the dialog that its lead's client shows for it.
//!
//! A teammate in its lead's own process is a subagent like any other, but for the task in the background that
//! stands for it: that goes on for as long as the teammate lives, at work or not.

use super::{RowState, SubagentState, Turn, TurnState};
use crate::MAX_SUBAGENTS;
use crate::session::identity::{RowKey, SubagentId};
use crate::state::prompts::Prompt;
use crate::time::Stamp;

/// The agents' word for a teammate among what goes on in the background.
pub(super) const TEAMMATE: &str = "teammate";

/// A teammate, as its lead sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mate {
    /// Its row.
    pub(crate) row: RowKey,
    /// Its name: the lead's events call it by this.
    pub(crate) name: SubagentId,
    /// It is in a turn.
    works: bool,
    /// It has ended.
    ended: bool,
    /// When its turn began, or ended.
    since: Stamp,
    /// Its newest event.
    latest: Stamp,
    /// Its calls that run or wait: the tool, and what that is asked to do.
    calls: Vec<(String, String)>,
}

impl RowState {
    /// Returns what the lead is to know of this session, which is a teammate.
    pub(crate) fn as_mate(&self, row: &RowKey, name: &str) -> Mate {
        let ended = self.ended.is_some() || self.files.has_left();
        Mate {
            row: row.clone(),
            name: SubagentId::new(name),
            works: !ended && self.turn.state == TurnState::Working,
            ended,
            since: self.turn.since,
            latest: self.latest,
            calls: self.tools.iter().map(|call| (call.tool.clone(), call.text.clone())).collect(),
        }
    }

    /// Takes in what a teammate is by now.
    pub(crate) fn know_mate(&mut self, mate: Mate) {
        // A teammate that goes on has been answered, unless the call that it asks about still waits.
        let waits = |tool: &str| mate.calls.iter().any(|(call, _)| call == tool);
        self.requests.close_answered(|request, opened| {
            // Of one that only a view remembers nothing was heard since.
            let is_older = mate.latest != Stamp::default() && !mate.latest.is_before(opened);
            let is_open = request.tool.as_deref().is_some_and(waits);
            request.subagent.as_ref() == Some(&mate.name) && (mate.ended || is_older && !is_open)
        });
        let known = self.mates.iter().position(|known| known.row == mate.row);
        let worked = known.is_some_and(|known| self.mates[known].works);
        let reports = worked && !mate.works && !mate.ended;
        let since = mate.since;
        if let Some(known) = known {
            self.mates[known] = mate;
        } else {
            if self.mates.len() == MAX_SUBAGENTS {
                self.mates.remove(0);
            }
            // Its lead's word of it came first.
            self.subagents.retain(|known| known.id != mate.name);
            self.mates.push(mate);
        }
        if reports {
            self.wake(since);
        }
    }

    /// Forgets a teammate whose row is gone.
    pub(crate) fn forget_mate(&mut self, row: &RowKey) {
        self.mates.retain(|mate| mate.row != *row);
    }

    /// Returns the teammates in processes of their own.
    pub(crate) fn mates(&self) -> impl Iterator<Item = &Mate> {
        self.mates.iter()
    }

    /// Returns whether the session has a teammate in a process of its own.
    pub(crate) fn has_mates(&self) -> bool {
        !self.mates.is_empty()
    }

    /// Returns the dialog that this session's client shows for a teammate, and which instance of it.
    pub(crate) fn asked_for(&self, row: &RowKey) -> Option<(Prompt, u64)> {
        if self.ended.is_some() || self.files.has_left() {
            return None;
        }
        let mate = self.mates.iter().find(|mate| mate.row == *row && !mate.ended)?;
        let open = self.requests.of(&mate.name)?;
        Some((Prompt { subagent: None, ..open.request.clone() }, open.serial))
    }

    /// Sets the dialog that the lead's client shows for this session; false if that is known.
    pub(crate) fn relay(&mut self, asked: Option<(Prompt, u64)>) -> bool {
        let is_news = self.relayed != asked;
        self.relayed = asked;
        is_news
    }

    /// Returns what the session waits for: what its own client shows, or its lead's.
    pub(super) fn asked(&self) -> Option<&Prompt> {
        let own = self.requests.first().map(|open| &open.request);
        own.or(self.relayed.as_ref().map(|(request, _)| request))
    }

    /// Returns whether a subagent's name is a teammate's in a process of its own.
    pub(super) fn is_mate(&self, name: &SubagentId) -> bool {
        self.mates.iter().any(|mate| mate.name == *name && !mate.ended)
    }

    /// Returns what a teammate's call of a tool is asked to do.
    pub(super) fn call_of_mate(&self, name: &SubagentId, tool: &str) -> Option<&str> {
        let mate = self.mates.iter().find(|mate| mate.name == *name && !mate.ended)?;
        let call = mate.calls.iter().rev().find(|(call, _)| call == tool);
        call.map(|(_, text)| text.as_str()).filter(|text| !text.is_empty())
    }

    /// Returns the one call of all teammates that may wait for an answer; none where several may.
    pub(super) fn only_call_of_mates(&self) -> Option<(&SubagentId, &(String, String))> {
        let working = self.mates.iter().filter(|mate| mate.works);
        let mut calls = working.flat_map(|mate| mate.calls.iter().map(|call| (&mate.name, call)));
        let first = calls.next()?;
        calls.next().is_none().then_some(first)
    }

    /// Returns the teammates at work, as subagents.
    pub(super) fn mates_at_work(&self) -> impl Iterator<Item = SubagentState> {
        self.mates.iter().filter(|mate| mate.works).map(|mate| SubagentState {
            id: mate.name.clone(),
            kind: Some(mate.name.to_string()),
            since: mate.since,
        })
    }

    /// Returns whether the last turn ended with a teammate alive.
    pub(super) fn has_listed_mates(&self) -> bool {
        self.background.iter().any(|task| task.kind == TEAMMATE)
    }

    /// Returns how many teammates in the session's own process go on in the background, at work or not.
    pub(super) fn mates_in_process(&self) -> usize {
        let all = self.background.iter().filter(|task| task.kind == TEAMMATE).count();
        all.saturating_sub(self.mates.iter().filter(|mate| !mate.ended).count())
    }

    /// Returns how much goes on in the background. A teammate that is idle is nothing that goes on.
    pub(super) fn background(&self) -> usize {
        let is_mate = |id: &SubagentId| self.background.iter().all(|task| task.id != id.as_str());
        let at_work = self.subagents.iter().filter(|known| is_mate(&known.id)).count()
            + self.mates_at_work().count();
        let mates = self.background.iter().filter(|task| task.kind == TEAMMATE).count();
        self.background.len() - mates + mates.min(at_work)
    }

    /// Returns whether a teammate keeps the session's file busy, so that the file does not tell of the session's
    /// own turn. In a process of its own it does for as long as it lives, at work or not (Claude Code 2.1.332).
    pub(super) fn mates_keep_file_busy(&self) -> bool {
        let has_mate = self.has_listed_mates() || self.mates.iter().any(|mate| !mate.ended);
        has_mate && !self.files.has_rested_in_team()
    }

    /// A teammate's turn is over: the client sends the session the news of that as a turn, which no hook announces.
    pub(super) fn wake(&mut self, stamp: Stamp) {
        let is_known = self.turn.state == TurnState::Working || stamp.is_before(self.turn.since);
        if is_known || self.ended.is_some() {
            return;
        }
        let former =
            (self.turn.state == TurnState::Done).then(|| std::mem::take(&mut self.turn.words));
        self.begin_turn(None, stamp);
        self.turn.inferred = true;
        self.turn.woken = true;
        self.turn.follows = former;
    }

    /// Nothing came of the news of a teammate: the session is what it was before.
    pub(super) fn never_woke(&mut self) {
        let words = self.turn.follows.take();
        let state = if words.is_some() { TurnState::Done } else { TurnState::None };
        self.turn = Turn {
            state,
            since: self.turn.since,
            ends: self.turn.ends,
            believed: true,
            words: words.unwrap_or_default(),
            ..Turn::default()
        };
    }
}

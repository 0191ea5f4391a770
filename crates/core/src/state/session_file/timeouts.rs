//! The timeouts of the session file: how long a status must last until it counts.

use super::{LookupRequest, Reading, is_newer, must_be_in_file};
use crate::evidence::event::{Event, Report, StartOrigin};
use crate::evidence::observation::FileStatus;
use crate::session::prompt::PromptKind;
use crate::state::RowState;
use crate::state::turn::{TurnEvidence, TurnState};
use crate::time::{Now, Stamp};
use crate::{
    ANSWERED_MS, ATTENDED_MS, DIALOG_MS, DOUBT_MS, EXPLAINED_MS, FLICKER_MS, HELD_MS, LEAVING_MS,
    OVER_MS, RESIDENT_MS, UNANNOUNCED_MS, WOKEN_MS,
};

/// The kind of a subagent's background task.
const SUBAGENT: &str = "subagent";

/// A timeout of the agent's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Timeout {
    /// The file is busy, and no hook has announced a turn.
    UnannouncedTurn,
    /// The file is idle, and no hook has reported the end of the turn.
    TurnEnd,
    /// The file shows a prompt, and no hook has reported one.
    UnannouncedPrompt(PromptKind),
    /// A dialog is open before the first user prompt.
    DialogAtStart,
    /// A dialog is open in a turn, and the agent opened it. While a dialog of the user is open, Claude Code (2.1.330)
    /// stays `busy` (`harness/findings-situations.md`).
    DialogInTurn,
    /// A prompt of a headless session stays open, so that a user can answer it.
    PromptStaysOpen,
    /// The file stays busy after a prompt of a session that a program leads, so that the prompt was answered.
    PromptAnswered,
    /// A headless agent stays idle, so that it was started without a user prompt.
    StartedWithoutPrompt,
    /// A teammate's turn has ended, and its lead was not woken.
    LeadNotWoken,
    /// The file and the hooks disagree about the event of this stamp.
    Disagreement(Stamp),
    /// The end of the turn counts: the file has confirmed it for long enough, or no further evidence comes.
    TurnEndConfirmed,
    /// The agent removed its file, and its process still runs.
    AliveWithoutFile,
}

/// A change that no event has reported: its source, a summary for `explain`, and when it happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Inference {
    pub(crate) source: String,
    pub(crate) summary: &'static str,
    pub(crate) at: Stamp,
}

impl RowState {
    /// Applies the timeouts that are due, one after the other. Each removes its own cause, so that none applies twice.
    pub(crate) fn apply_timeouts(&mut self, headless: bool, now: Now) -> Option<Inference> {
        /// The number of timeouts that can follow from one another at the same time.
        const MAX_TIMEOUTS: usize = 8;
        let mut last = None;
        for _ in 0..MAX_TIMEOUTS {
            let headless = headless && !self.files.answerable;
            let pending = self.pending_timeouts(headless).into_iter().flatten();
            let mut due = pending.filter(|(_, since, wait)| now.has_passed(*since, *wait));
            let Some((timeout, ..)) = due.next() else { break };
            last = self.apply_timeout(timeout, now).or(last);
        }
        last
    }

    /// Returns when the next timeout is due: a stamp, and the milliseconds after it.
    pub(crate) fn next_timeout(&self, headless: bool) -> Option<(Stamp, u64)> {
        let pending = self.pending_timeouts(headless).into_iter().flatten();
        pending
            .map(|(_, since, wait)| (since, wait))
            .min_by_key(|(since, wait)| since.micros.saturating_add(wait * 1000))
    }

    /// Returns the timeouts that run, each with its start and its length in milliseconds.
    fn pending_timeouts(&self, headless: bool) -> [Option<(Timeout, Stamp, u64)>; 5] {
        if self.ended.is_some() {
            return [None; 5];
        }
        let woken_by_teammate = (self.turn.evidence() == Some(TurnEvidence::TeammateEnded))
            .then_some((Timeout::LeadNotWoken, self.turn.since, WOKEN_MS));
        let left = self.files.removed.map(|at| (Timeout::AliveWithoutFile, at, LEAVING_MS));
        let Some(reading) = &self.files.reading else {
            return [left, woken_by_teammate, None, None, None];
        };
        if left.is_some() {
            return [left, woken_by_teammate, None, None, None];
        }
        let is_over =
            |stamp: Stamp| is_newer(reading.since, stamp) || must_be_in_file(stamp, reading.last);
        let timeout = match reading.status {
            FileStatus::Busy if self.busy_means_turn() && is_over(self.quiet_since()) => {
                // Without hooks there is no event to wait for.
                let wait = if self.has_no_event() { 0 } else { UNANNOUNCED_MS };
                Some((Timeout::UnannouncedTurn, reading.first, wait))
            }
            FileStatus::Prompt { .. } | FileStatus::Dialog if headless => {
                Some((Timeout::PromptStaysOpen, reading.first, ATTENDED_MS))
            }
            FileStatus::Idle { .. } if headless && self.waits_for_first_prompt(&is_over) => {
                Some((Timeout::StartedWithoutPrompt, reading.first, RESIDENT_MS))
            }
            FileStatus::Idle { .. } if self.has_stale_work(&is_over) => {
                Some((Timeout::TurnEnd, reading.first, FLICKER_MS))
            }
            FileStatus::Prompt { prompt_kind }
                if self.prompts.first().is_none()
                    && is_over(self.latest)
                    && !(self.has_no_event() && self.is_unblocked_since(reading.since)) =>
            {
                Some((Timeout::UnannouncedPrompt(prompt_kind), reading.first, UNANNOUNCED_MS))
            }
            FileStatus::Dialog if self.prompts.first().is_none() => {
                match self.turn.state {
                    TurnState::AtPrompt | TurnState::EndUnknown { .. } if !self.files.prompted => {
                        Some((Timeout::DialogAtStart, reading.since, DIALOG_MS))
                    }
                    // After a queued command the user may have opened the dialog.
                    TurnState::Working { previous_message: None, .. }
                        if is_over(self.last_turn_event) =>
                    {
                        Some((Timeout::DialogInTurn, reading.first, DOUBT_MS))
                    }
                    _ => None,
                }
            }
            _ => None,
        };
        let disagreement = self.disagreement(reading);
        let disagreement = disagreement.filter(|stamp| Some(*stamp) != self.files.rechecked);
        let disagreement = disagreement.filter(|stamp| stamp.boot == reading.last.boot);
        let confirmed = self.awaits_confirmation().then_some(match reading.status {
            FileStatus::Idle { .. } if self.turn.is_end_unknown() => {
                (Timeout::TurnEndConfirmed, self.turn.since, EXPLAINED_MS)
            }
            FileStatus::Idle { .. } => (Timeout::TurnEndConfirmed, reading.first, OVER_MS),
            _ => (Timeout::TurnEndConfirmed, self.turn.since, HELD_MS),
        });
        [
            timeout,
            disagreement.map(|stamp| (Timeout::Disagreement(stamp), stamp, DOUBT_MS)),
            confirmed,
            woken_by_teammate,
            self.holds_answer().then_some((Timeout::PromptAnswered, reading.first, ANSWERED_MS)),
        ]
    }

    /// Returns the stamp of the event about which the hooks and the file disagree, because one of them lags.
    fn disagreement(&self, reading: &Reading) -> Option<Stamp> {
        let is_older =
            |stamp: Stamp| !is_newer(reading.since, stamp) && !must_be_in_file(stamp, reading.last);
        let asked = self.prompts.first().filter(|open| !open.by_file).map(|open| open.stamp);
        match reading.status {
            FileStatus::Busy if asked.is_some() => asked.filter(|stamp| is_older(*stamp)),
            FileStatus::Busy => {
                let quiet = self.quiet_since();
                Some(quiet).filter(|stamp| self.busy_means_turn() && is_older(*stamp))
            }
            FileStatus::Idle { .. } if asked.is_some() => asked.filter(|stamp| is_older(*stamp)),
            FileStatus::Idle { .. } => Some(self.last_turn_event)
                .filter(|stamp| self.turn.is_working() && is_older(*stamp)),
            FileStatus::Prompt { .. } if asked.is_none() => {
                Some(self.latest).filter(|stamp| is_older(*stamp))
            }
            _ => None,
        }
    }

    /// Returns true if the end of the turn is not certain yet, so that the session still counts as working.
    pub(crate) fn awaits_confirmation(&self) -> bool {
        let Some(reading) = &self.files.reading else { return false };
        match (&self.turn.state, reading.status) {
            // The transcript or a late hook shows if the turn is done or interrupted. A file that is not watched was
            // read for a client that waits for the reply.
            (TurnState::EndUnknown { confirmed: false }, _) => {
                !self.files.unreadable || self.has_no_event() || self.lists_teammates()
            }
            // A hook of the user may have made the agent continue (tried: user-stop-hook-blocks), or a queued command
            // may run at once.
            (TurnState::Done { confirmed: false }, FileStatus::Busy) => {
                self.busy_means_turn() && reading.since.is_before(self.turn.since)
            }
            (TurnState::Done { confirmed: false }, FileStatus::Idle { .. }) => {
                self.turn.since.is_before(reading.since)
            }
            _ => false,
        }
    }

    /// Returns true if a turn, prompt or subagent from before the agent became idle still counts as running.
    fn has_stale_work(&self, is_over: &impl Fn(Stamp) -> bool) -> bool {
        // An agent that was started with a user prompt is idle for a moment before it begins.
        let works = self.turn.is_working() && (!self.turn.is_assumed() || self.files.prompted);
        works && is_over(self.last_turn_event.latest(self.turn.since))
            || self.prompts.any(is_over)
            || self.subagents.iter().any(|known| is_over(known.since))
    }

    /// Returns true if the turn is only assumed because headless agents are started with a user prompt.
    fn waits_for_first_prompt(&self, is_over: &impl Fn(Stamp) -> bool) -> bool {
        self.turn.is_assumed()
            && !self.files.prompted
            && is_over(self.last_turn_event.latest(self.turn.since))
    }

    fn apply_timeout(&mut self, timeout: Timeout, now: Now) -> Option<Inference> {
        let reading = self.files.reading.clone();
        let infer = |summary| {
            reading.as_ref().map(|reading| Inference {
                source: reading.source.clone(),
                summary,
                at: reading.since,
            })
        };
        let since = reading.as_ref().map_or(now.stamp, |reading| reading.since);
        match timeout {
            Timeout::UnannouncedTurn => {
                self.begin_turn_by_file(None);
                infer("works on a turn that no event announced")
            }
            Timeout::TurnEnd => {
                self.become_idle(since);
                infer("at its prompt: the turn is over")
            }
            Timeout::UnannouncedPrompt(kind) => {
                self.open_unannounced(kind, since);
                infer("shows a prompt that no hook announced")
            }
            Timeout::DialogAtStart => {
                self.open_dialog(since);
                infer("a dialog has been open since before the first prompt")
            }
            Timeout::DialogInTurn => {
                self.open_dialog(since);
                infer("a dialog that the agent opened blocks the turn")
            }
            Timeout::PromptStaysOpen => {
                self.files.answerable = true;
                infer("its prompt stays open, so a user can answer it")
            }
            Timeout::PromptAnswered => {
                self.release_prompts();
                infer("works on: its prompt was answered")
            }
            Timeout::StartedWithoutPrompt => {
                self.turn.reset(since);
                infer("at its prompt: it was started without a user prompt")
            }
            Timeout::LeadNotWoken => {
                self.undo_wake();
                Some(Inference {
                    source: "clock".to_owned(),
                    summary: "was not woken by the end of a teammate's turn",
                    at: now.stamp,
                })
            }
            Timeout::Disagreement(stamp) => {
                self.files.rechecked = Some(stamp);
                self.files.lookups.push(LookupRequest::FileStatus);
                None
            }
            Timeout::TurnEndConfirmed => {
                self.turn.confirm_end();
                let at = self.turn.since;
                let summary = match reading.as_ref().map(|reading| reading.status) {
                    Some(FileStatus::Idle { .. }) => "confirms the end of the turn",
                    _ => "did not confirm the end of the turn",
                };
                reading.map(|reading| Inference { source: reading.source, summary, at })
            }
            Timeout::AliveWithoutFile => {
                self.files.removed = None;
                self.files.reading = None;
                self.files.unreadable = true;
                self.files.lookups.push(LookupRequest::FileStatus);
                Some(Inference {
                    source: "file:removed".to_owned(),
                    summary: "the process runs without its file",
                    at: now.stamp,
                })
            }
        }
    }

    /// Confirms what the file shows and whose timeout still runs, if the event implies it: the end of a turn implies
    /// that the turn ran, and a user prompt implies that the turn before is over.
    pub(crate) fn confirm_pending(&mut self, report: &Report) -> Option<Inference> {
        if report.subagent.is_some() || self.ended.is_some() {
            return None;
        }
        if let Some(turn) = self.begin_missed_turn(report) {
            return Some(turn);
        }
        let reading = self.files.reading.as_ref()?;
        let (source, stamp) = (reading.source.clone(), report.stamp);
        match report.event {
            // A compaction that the user started is not a turn, but the agent works.
            Event::TurnEnded { .. }
            | Event::TurnFailed { .. }
            | Event::SessionStarted { origin: StartOrigin::Compact }
                if reading.status == FileStatus::Busy
                    && self.busy_means_turn()
                    && is_newer(reading.since, self.quiet_since())
                    && reading.since.is_before(stamp) =>
            {
                let summary = "works on a turn that no event announced";
                let at = reading.since;
                self.begin_turn_by_file(None);
                Some(Inference { source, summary, at })
            }
            Event::PromptSubmitted { .. }
                if self.turn.state == (TurnState::EndUnknown { confirmed: false })
                    && self.turn.since.is_before(stamp) =>
            {
                self.turn.confirm_end();
                let at = self.turn.since;
                Some(Inference { source, summary: "at its prompt: the turn is over", at })
            }
            _ => None,
        }
    }

    /// Opens a question for a dialog that has no other evidence than the file.
    fn open_dialog(&mut self, since: Stamp) {
        let text = "a dialog is open".to_owned();
        self.prompts.open_by_file(PromptKind::Question, None, text, None, since);
    }

    /// Ends the turn, the prompts and the subagents, because the agent is idle.
    fn become_idle(&mut self, since: Stamp) {
        let Some(reading) = &self.files.reading else { return };
        let last = reading.last;
        let is_over = |stamp: Stamp| is_newer(since, stamp) || must_be_in_file(stamp, last);
        let is_denied = self.prompts.first().is_some();
        self.prompts.close(is_over);
        self.tools.retain(|tool| !is_over(tool.stamp));
        self.subagents.retain(|known| !is_over(known.since));
        self.background.retain(|task| task.kind != SUBAGENT);
        let began = self.turn.since;
        if let TurnState::Working { previous_message, .. } = &mut self.turn.state
            && is_over(self.last_turn_event.latest(began))
        {
            // A queued command that no model answered (tried: fork-running) hid the end of the turn before it.
            let has_no_event = !began.is_before(self.last_turn_event);
            let previous = previous_message.take();
            if let Some(message) = previous.filter(|_| has_no_event && !is_denied) {
                self.turn.return_to_done(since, message);
                return;
            }
            let id = self.turn.id.take();
            self.turn.reset(if began.boot == since.boot { began.latest(since) } else { since });
            // A late hook may report the same end.
            self.turn.id = id;
            // An agent whose prompt was denied is idle.
            self.turn.state = TurnState::EndUnknown { confirmed: is_denied };
            self.files.lookups.push(LookupRequest::TurnEnd(began));
        }
    }

    fn open_unannounced(&mut self, kind: PromptKind, since: Stamp) {
        if self.prompts.reopen_queued() {
            return;
        }
        // The prompt is about the last tool that has not ended.
        let tool = self.tools.last();
        if let (None, Some((mate, (tool, text)))) = (tool, self.only_teammate_tool()) {
            let (mate, tool, text) = (mate.clone(), tool.clone(), text.clone());
            self.prompts.open_by_file(kind, Some(tool), text, Some(mate), since);
            return;
        }
        let kind = tool.and_then(|tool| tool.asks).unwrap_or(kind);
        let (name, text) = match tool {
            Some(tool) => (Some(tool.tool.clone()), tool.text.clone()),
            None => (None, String::new()),
        };
        let name = name.filter(|name| !name.is_empty());
        self.prompts.open_by_file(kind, name, text, None, since);
    }
}

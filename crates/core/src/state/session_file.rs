//! Applies the session file and the transcript. A hook reports an event, and the file shows a status that lasts. The
//! newer of the two counts. If they differ for longer than one can lag behind the other, the daemon reads the file
//! once more, and the file decides.

mod timeouts;
mod turn_end;

pub(crate) use timeouts::Inference;

use super::teammates::TEAMMATE;
use super::turn::{TurnEvidence, TurnState};
use super::{Ignored, RowState};
use crate::DOUBT_MS;
use crate::evidence::observation::{FileFinding, FileStatus};
use crate::session::End;
use crate::time::Stamp;

/// The state that comes from the agent's files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each flag is independent")]
pub(crate) struct FileEvidence {
    /// The last status in the file.
    reading: Option<Reading>,
    /// The file does not exist or cannot be read.
    pub(super) unreadable: bool,
    /// The agent keeps no session file, and its transcript shows how a turn ends.
    transcript_only: bool,
    /// The time at which the agent removed its file, which means that it is about to exit.
    pub(super) removed: Option<Stamp>,
    /// The stamp of the event that disagreed with the file when the file was last read again.
    rechecked: Option<Stamp>,
    /// The process got a user prompt. Dialogs after that are opened by the user.
    pub(super) prompted: bool,
    /// The file showed a prompt that stayed open, so that a user can answer this headless session.
    pub(super) answerable: bool,
    /// The file was idle while the session had a teammate, so that a teammate does not keep it busy.
    pub(super) idle_in_team: bool,
    /// The start of the turn whose end the daemon awaits in the transcript.
    awaited_turn: Option<Stamp>,
    /// The lookups that the daemon has not been asked for yet.
    pub(super) lookups: Vec<LookupRequest>,
}

/// A lookup that the session needs. The row adds the process and the paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LookupRequest {
    FileStatus,
    TurnEnd(Stamp),
    NextTurnEnd(Stamp),
    CancelNextTurnEnd,
}

/// One status of the session file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Reading {
    status: FileStatus,
    /// The time at which the status began, by the file.
    since: Stamp,
    /// The times at which the daemon first and last read this status.
    first: Stamp,
    last: Stamp,
    source: String,
}

/// Returns true if `stamp` is newer than `known`. A stamp of another boot always counts as newer.
fn is_newer(stamp: Stamp, known: Stamp) -> bool {
    known.boot != stamp.boot || known.is_before(stamp)
}

impl RowState {
    /// Applies the result of reading an agent's file.
    pub(crate) fn apply_finding(
        &mut self,
        source: &str,
        seen: Stamp,
        finding: &FileFinding,
    ) -> Result<(), Ignored> {
        if let Some(ended) = &mut self.ended {
            let died = ended.how == End::Killed && !ended.stamp.is_before(seen);
            if died && *finding == FileFinding::Removed {
                // The agent removed its file before its process ended, and this report came later.
                ended.how = End::Exit;
                return Ok(());
            }
            return Err("the session has ended");
        }
        match finding {
            FileFinding::FileStatus { status, since } => {
                return self.apply_file_status(source, *status, *since, seen);
            }
            FileFinding::UnwatchedStatus { status, since } => {
                let result = self.apply_file_status(source, *status, *since, seen);
                // The status is right now, but no event reports its end.
                self.files.unreadable = true;
                if let Some(reading) = &mut self.files.reading
                    && reading.since.is_before(reading.first)
                {
                    reading.first = reading.since;
                }
                return result;
            }
            FileFinding::Removed => {
                if self.files.removed.is_some() {
                    return Err("known already");
                }
                self.files.removed = Some(seen);
            }
            FileFinding::Unreadable => {
                if self.files.unreadable {
                    return Err("known already");
                }
                self.files.unreadable = true;
                self.files.reading = None;
            }
            FileFinding::NoSessionFile => {
                if self.files.transcript_only {
                    return Err("known already");
                }
                self.files.transcript_only = true;
            }
            FileFinding::TurnEnd { how, at } => {
                let awaited_turn = self.files.awaited_turn.take();
                return self.apply_transcript_end(how, *at, awaited_turn);
            }
            FileFinding::EndNotFound => {
                self.files.awaited_turn = None;
                return Err("the transcript does not show it");
            }
        }
        Ok(())
    }

    fn apply_file_status(
        &mut self,
        source: &str,
        status: FileStatus,
        since: Stamp,
        seen: Stamp,
    ) -> Result<(), Ignored> {
        if self.files.removed.is_some_and(|left| !left.is_before(since)) {
            return Err("older than the removal of the file");
        }
        self.files.unreadable = false;
        // The file exists again.
        self.files.removed = None;
        if let Some(reading) = &mut self.files.reading {
            if seen.is_before(reading.last) {
                return Err("older than the last reading");
            }
            if reading.status == status && reading.since == since {
                reading.last = seen;
                self.release_prompts_if_busy();
                return Ok(());
            }
        }
        if matches!(status, FileStatus::Idle { .. }) && self.teammates_keep_file_busy() {
            self.files.idle_in_team = true;
        }
        let former = self.files.reading.replace(Reading {
            status,
            since,
            first: seen,
            last: seen,
            source: source.to_owned(),
        });
        if status == FileStatus::MovedToBackground {
            // The process that continues the conversation shows its status.
            self.reset(seen);
        } else if let Some(former) = former {
            self.apply_file_change(&former, status);
        }
        self.release_prompts_if_busy();
        Ok(())
    }

    /// Applies the change from one status of the file to the next, however short the former was.
    fn apply_file_change(&mut self, former: &Reading, status: FileStatus) {
        match (former.status, status) {
            // An interrupt started a queued prompt at once, which is another turn (tried: interrupt-queued).
            (FileStatus::Idle { .. }, FileStatus::Busy)
                if self.turn.is_working() && is_newer(former.since, self.last_turn_event) =>
            {
                self.clear_own_before(former.since);
                self.begin_turn(None, self.turn.since.latest(former.since));
            }
            // A queued command, or the end of background work, started a turn as soon as the last one was over
            // (tried: bash-mode, background-shell-idle).
            (FileStatus::Idle { .. }, FileStatus::Busy)
                if self.turn.state == (TurnState::Done { confirmed: false }) =>
            {
                let message = std::mem::take(&mut self.turn.message);
                self.begin_turn_by_file(Some(message));
            }
            // The agent shows a prompt, so that a turn must have run.
            (FileStatus::Busy, FileStatus::Prompt { .. })
                if self.busy_means_turn() && is_newer(former.since, self.quiet_since()) =>
            {
                self.begin_turn(None, self.turn.since.latest(former.since));
            }
            // The file may have been busy for too short a time to be read (tried: no-hooks).
            (FileStatus::Idle { .. }, FileStatus::Prompt { .. })
                if self.busy_means_turn() && self.has_no_event() =>
            {
                self.begin_turn_by_file(None);
            }
            _ => {}
        }
    }

    /// Releases the open prompts if the file shows that the agent continues. In a session that a program leads, the
    /// file is busy for a moment after an interrupt too, so that a timeout releases them.
    fn release_prompts_if_busy(&mut self) {
        if !self.files.answerable {
            self.release_prompts();
        }
    }

    /// Releases the open prompts that are older than a busy file.
    pub(super) fn release_prompts(&mut self) {
        if let Some(is_over) = self.over_by_busy_file() {
            self.prompts.release(is_over);
        }
    }

    /// Returns true if a busy file may mean an answer or an interrupt of the prompt that is shown.
    pub(super) fn holds_answer(&self) -> bool {
        self.files.answerable
            && self.over_by_busy_file().is_some_and(|is_over| self.prompts.any_shown(is_over))
    }

    /// Returns whether a stamp is older than the busy file, or `None` if the file is not busy.
    fn over_by_busy_file(&self) -> Option<impl Fn(Stamp) -> bool + use<>> {
        let reading = self.files.reading.as_ref()?;
        let (since, last) = (reading.since, reading.last);
        (reading.status == FileStatus::Busy)
            .then_some(move |stamp| is_newer(since, stamp) || must_be_in_file(stamp, last))
    }

    /// Returns since when neither the session nor a subagent is known to work.
    fn quiet_since(&self) -> Stamp {
        self.last_subagent_end.latest(self.turn.since)
    }

    /// Returns the stamp of the session's newest event or file status.
    pub(crate) fn last_evidence(&self) -> Stamp {
        let seen = self.files.reading.as_ref().map_or(self.latest, |reading| reading.last);
        self.latest.latest(seen)
    }

    /// Returns the stamp of the newest event or change of the file, whichever is later.
    pub(crate) fn newest_evidence(&self) -> Stamp {
        let changed = self.files.reading.as_ref().map_or(self.latest, |reading| reading.since);
        self.latest.latest(changed)
    }

    /// Returns true if no hook has reported anything in this process.
    pub(crate) fn has_no_event(&self) -> bool {
        self.latest == Stamp::default()
    }

    /// Returns true if a busy file means a turn that no hook has announced.
    pub(super) fn busy_means_turn(&self) -> bool {
        !self.turn.is_working() && !self.subagents_keep_file_busy()
    }

    /// Returns true if a subagent or a teammate keeps the file busy, though the session's own turn may be over.
    pub(super) fn subagents_keep_file_busy(&self) -> bool {
        let keeps_busy = |kind: &str| match kind {
            SHELL => false,
            TEAMMATE => !self.files.idle_in_team,
            _ => true,
        };
        !self.subagents.is_empty()
            || self.teammates_keep_file_busy()
            || self.background.iter().any(|task| keeps_busy(&task.kind))
    }

    /// Begins a turn that only the file shows: a command, a wake-up, or a user prompt whose event was dropped.
    fn begin_turn_by_file(&mut self, previous_message: Option<String>) {
        let Some(reading) = &self.files.reading else { return };
        let since = self.turn.since.latest(reading.since);
        self.begin_unannounced_turn(TurnEvidence::Shown, previous_message, since);
    }

    /// Requests the plan with which the turn may have ended, if only the transcript shows it.
    pub(super) fn look_for_plan(&mut self, ended: Stamp) {
        if self.files.transcript_only {
            self.files.lookups.push(LookupRequest::TurnEnd(ended));
        }
    }

    /// Removes and returns the lookups that the session needs.
    pub(crate) fn take_lookups(&mut self) -> Vec<LookupRequest> {
        std::mem::take(&mut self.files.lookups)
    }
}

impl FileEvidence {
    /// Returns true if the conversation moved to another process.
    pub(crate) fn is_moved_to_background(&self) -> bool {
        self.reading.as_ref().is_some_and(|reading| reading.status == FileStatus::MovedToBackground)
    }

    /// Returns true if the agent has removed its file.
    pub(crate) fn is_removed(&self) -> bool {
        self.removed.is_some()
    }

    /// Returns true if the agent keeps no session file, so that nothing shows an approval before the tool has run.
    pub(crate) fn is_transcript_only(&self) -> bool {
        self.transcript_only
    }

    /// Returns true if the file has shown a status.
    pub(super) fn has_status(&self) -> bool {
        self.reading.as_ref().is_some_and(|reading| reading.status != FileStatus::Unknown)
    }
}

/// The kind of a background shell, which does not keep the file busy.
const SHELL: &str = "shell";

/// Returns true if a file that was read at `seen` must show what happened at `stamp`.
fn must_be_in_file(stamp: Stamp, seen: Stamp) -> bool {
    stamp.boot == seen.boot && seen.micros.saturating_sub(stamp.micros) >= DOUBT_MS * 1000
}

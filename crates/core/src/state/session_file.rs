//! What the agent's own files say, and what follows from it. Hooks tell of moments, a file tells of a
//! condition that lasts: the newer of the two stands, and where they differ for longer than one can
//! lag behind the other, the file is looked at once more and then believed.

mod timeouts;
mod turn_end;

pub(crate) use timeouts::Conclusion;

use super::mates::TEAMMATE;
use super::{Ignored, RowState, TurnState};
use crate::DOUBT_MS;
use crate::evidence::observation::{FileFinding, FileStatus};
use crate::session::End;
use crate::time::Stamp;

/// What is known from the agent's files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct Files {
    /// What the agent said last.
    sight: Option<Sight>,
    /// There should be a file, and there is none that we can read.
    blind: bool,
    /// The agent took its file away: it is about to end.
    left: Option<Stamp>,
    /// The moment whose disagreement with the file was looked into already.
    doubted: Option<Stamp>,
    /// A prompt was sent in this process: dialogs are of the person's own making from then on.
    prompted: bool,
    /// The file showed that dialogs are answered though the agent was started as one that has no user.
    attended: bool,
    /// It rested while the session had a teammate, so a teammate does not keep it busy.
    rested_in_team: bool,
    /// The transcript is being watched for the end of the turn that began then.
    awaited: Option<Stamp>,
    /// Looks that nobody has been asked for yet.
    looks: Vec<LookupRequest>,
}

/// A look that is wanted; the row knows whose and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LookupRequest {
    FileStatus,
    TurnEnd(Stamp),
    TurnEndToCome(Stamp),
    NoTurnEnd,
}

/// One look at the agent's condition.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sight {
    condition: FileStatus,
    /// Since when, by the agent.
    since: Stamp,
    /// When we looked first and last.
    first: Stamp,
    last: Stamp,
    source: String,
}

/// Whether `told` is news to one who knows what happened at `known`, which may be of no clock of ours.
fn is_news(told: Stamp, known: Stamp) -> bool {
    known.boot != told.boot || known.is_before(told)
}

impl RowState {
    /// Takes in what a look found.
    pub(crate) fn observe(
        &mut self,
        source: &str,
        seen: Stamp,
        finding: &FileFinding,
    ) -> Result<(), Ignored> {
        if let Some(ended) = &mut self.ended {
            let died = ended.how == End::Killed && !ended.stamp.is_before(seen);
            if died && *finding == FileFinding::Left {
                // It took leave before it ended, and we heard of it after.
                ended.how = End::Exit;
                return Ok(());
            }
            return Err("the session has ended");
        }
        match finding {
            FileFinding::FileStatus { condition, since } => {
                return self.take_condition(source, *condition, *since, seen);
            }
            FileFinding::Glimpse { condition, since } => {
                let result = self.take_condition(source, *condition, *since, seen);
                // It is so now, and has been since then; but nothing tells when it ends.
                self.files.blind = true;
                if let Some(sight) = &mut self.files.sight
                    && sight.since.is_before(sight.first)
                {
                    sight.first = sight.since;
                }
                return result;
            }
            FileFinding::Left => {
                if self.files.left.is_some() {
                    return Err("known already");
                }
                self.files.left = Some(seen);
            }
            FileFinding::Blind => {
                if self.files.blind {
                    return Err("known already");
                }
                self.files.blind = true;
                self.files.sight = None;
            }
            FileFinding::TurnEnd { how, at } => {
                let awaited = self.files.awaited.take();
                return self.take_turn_over(how, *at, awaited);
            }
            FileFinding::NothingOver => {
                self.files.awaited = None;
                return Err("the transcript does not tell");
            }
        }
        Ok(())
    }

    fn take_condition(
        &mut self,
        source: &str,
        condition: FileStatus,
        since: Stamp,
        seen: Stamp,
    ) -> Result<(), Ignored> {
        if self.files.left.is_some_and(|left| !left.is_before(since)) {
            return Err("older than its leaving");
        }
        self.files.blind = false;
        // A file that is written again was not taken away for good.
        self.files.left = None;
        if let Some(sight) = &mut self.files.sight {
            if seen.is_before(sight.last) {
                return Err("older than what was seen since");
            }
            if sight.condition == condition && sight.since == since {
                sight.last = seen;
                self.believe();
                return Ok(());
            }
        }
        if matches!(condition, FileStatus::Resting { .. }) && self.mates_keep_file_busy() {
            self.files.rested_in_team = true;
        }
        let former = self.files.sight.replace(Sight {
            condition,
            since,
            first: seen,
            last: seen,
            source: source.to_owned(),
        });
        if condition == FileStatus::Parked {
            // What was owed is owed by the process in which it goes on.
            self.reset(seen);
        } else if let Some(former) = former {
            self.go_on_from(&former, condition);
        }
        self.believe();
        Ok(())
    }

    /// What follows from the change itself, however short the former condition was.
    fn go_on_from(&mut self, former: &Sight, condition: FileStatus) {
        match (former.condition, condition) {
            // An interrupt that let a queued prompt run at once: another turn (tried: interrupt-queued).
            (FileStatus::Resting { .. }, FileStatus::Busy)
                if self.turn.state == TurnState::Working
                    && is_news(former.since, self.activity) =>
            {
                self.forget_own(former.since);
                self.begin_turn(None, self.turn.since.latest(former.since));
            }
            // A queued command, or the news of background work, that ran as soon as the turn was over
            // (tried: bash-mode, background-shell-idle).
            (FileStatus::Resting { .. }, FileStatus::Busy)
                if self.turn.state == TurnState::Done && !self.turn.believed =>
            {
                let words = std::mem::take(&mut self.turn.words);
                self.begin_unannounced_turn();
                self.turn.follows = Some(words);
            }
            // It asks, so it worked.
            (FileStatus::Busy, FileStatus::Asking { .. })
                if self.may_be_unannounced() && is_news(former.since, self.quiet_since()) =>
            {
                self.begin_turn(None, self.turn.since.latest(former.since));
            }
            // It may have been busy for too short a time to be read (tried: no-hooks).
            (FileStatus::Resting { .. }, FileStatus::Asking { .. })
                if self.may_be_unannounced() && self.is_unheard() =>
            {
                self.begin_unannounced_turn();
            }
            _ => {}
        }
    }

    /// What follows from the file at once: whoever goes on or rests waits for nobody.
    fn believe(&mut self) {
        let Some(sight) = &self.files.sight else { return };
        let (since, last) = (sight.since, sight.last);
        let is_over = |stamp: Stamp| is_news(since, stamp) || lags(stamp, last);
        if sight.condition == FileStatus::Busy {
            self.requests.release(is_over);
        }
    }

    /// Since when neither the session nor a subagent is known to work.
    fn quiet_since(&self) -> Stamp {
        self.subagents_rest.latest(self.turn.since)
    }

    /// When anything was last heard of the session, by whomever.
    pub(crate) fn heard(&self) -> Stamp {
        let seen = self.files.sight.as_ref().map_or(self.latest, |sight| sight.last);
        self.latest.latest(seen)
    }

    /// Whether no hook ever told of anything in this process.
    pub(crate) fn is_unheard(&self) -> bool {
        self.latest == Stamp::default()
    }

    /// Whether a turn may run that no hook told of. Subagents at work keep the file busy too.
    pub(super) fn may_be_unannounced(&self) -> bool {
        let keeps_busy = |kind: &str| match kind {
            SHELL => false,
            TEAMMATE => !self.files.rested_in_team,
            _ => true,
        };
        let subagents_work = !self.subagents.is_empty()
            || self.mates_keep_file_busy()
            || self.background.iter().any(|task| keeps_busy(&task.kind));
        self.turn.state != TurnState::Working && !subagents_work
    }

    /// A turn began, as far as the file tells: a command, a wake-up, or a prompt whose hook was lost.
    fn begin_unannounced_turn(&mut self) {
        let Some(sight) = &self.files.sight else { return };
        let since = self.turn.since.latest(sight.since);
        self.begin_turn(None, since);
    }

    /// The looks that somebody is to be asked for.
    pub(crate) fn take_looks(&mut self) -> Vec<LookupRequest> {
        std::mem::take(&mut self.files.looks)
    }
}

impl Files {
    /// Whether the conversation was moved to another process, and this one only shows others.
    pub(crate) fn is_parked(&self) -> bool {
        self.sight.as_ref().is_some_and(|sight| sight.condition == FileStatus::Parked)
    }

    /// Whether the agent has taken leave by taking its file away.
    pub(crate) fn has_left(&self) -> bool {
        self.left.is_some()
    }

    /// The agent speaks, so it is still there.
    pub(crate) fn returned(&mut self) {
        self.left = None;
    }

    /// Returns whether dialogs are answered in this process, which was started as one without a user.
    pub(crate) fn is_attended(&self) -> bool {
        self.attended
    }

    /// Returns whether the file rested while the session had a teammate.
    pub(crate) fn has_rested_in_team(&self) -> bool {
        self.rested_in_team
    }

    /// Whether what no hook tells goes unnoticed.
    pub(crate) fn is_blind(&self) -> bool {
        self.blind
    }

    /// A prompt was sent.
    pub(crate) fn prompted(&mut self) {
        self.prompted = true;
    }
}

/// The agents' word for a shell in the background, which keeps no file busy.
const SHELL: &str = "shell";

/// Whether something of `stamp` is so long ago that a file read at `seen` would tell of it.
fn lags(stamp: Stamp, seen: Stamp) -> bool {
    stamp.boot == seen.boot && seen.micros.saturating_sub(stamp.micros) >= DOUBT_MS * 1000
}

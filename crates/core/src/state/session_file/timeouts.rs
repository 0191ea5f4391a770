//! What the passing of time lets us conclude from what the files say.

use super::{LookupRequest, Sight, is_news, lags};
use crate::evidence::observation::FileStatus;
use crate::state::prompts::PromptKind;
use crate::state::{RowState, Turn, TurnState};
use crate::time::{Now, Stamp};
use crate::{
    ATTENDED_MS, DIALOG_MS, DOUBT_MS, EXPLAINED_MS, FLICKER_MS, HELD_MS, LEAVING_MS, OVER_MS,
    RESIDENT_MS, UNANNOUNCED_MS, WOKEN_MS,
};

/// The agents' word for a subagent in the background.
const SUBAGENT: &str = "subagent";

/// What the passing of time lets us conclude.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// Busy, and no hook told of a turn.
    TurnUnannounced,
    /// At its prompt, and no hook told of the turn's end.
    TurnEnd,
    /// A dialog, and no hook told of a request.
    RequestUnannounced(PromptKind),
    /// A dialog before anything was asked of the agent.
    DialogAtStart,
    /// A dialog in the middle of a turn. It is the agent's own: with one that the person opened, Claude Code
    /// (2.1.330) stays `busy` (`harness/findings-situations.md`).
    DialogInTurn,
    /// A dialog of an agent that was started as one that has no user stays open, so it is answered.
    Attended,
    /// A headless agent stays at its prompt, so it was not started with one.
    StartedWithoutPrompt,
    /// A teammate's turn is over, and nothing came of it.
    NeverWoke,
    /// File and hooks differ.
    Doubt(Stamp),
    /// The file says long enough that the turn is over which a hook ended, or never said so.
    Believed,
    /// It took its file away and lives on.
    StayedOn,
}

/// A conclusion: who told, what of it is to be said, and since when it is so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Conclusion {
    pub(crate) source: String,
    pub(crate) said: &'static str,
    pub(crate) at: Stamp,
}

impl RowState {
    /// Concludes whatever the passing of time allows, one rule at a time. Each that applies removes
    /// its own reason, so that none applies twice.
    pub(crate) fn conclude(&mut self, headless: bool, now: Now) -> Option<Conclusion> {
        /// Rules that can follow from one another at one moment.
        const MAX_RULES: usize = 8;
        let mut last = None;
        for _ in 0..MAX_RULES {
            let headless = headless && !self.files.attended;
            let pending = self.pending(headless).into_iter().flatten();
            let mut due = pending.filter(|(_, since, wait)| now.has_passed(*since, *wait));
            let Some((rule, ..)) = due.next() else { break };
            last = self.apply(rule, now).or(last);
        }
        last
    }

    /// When something may be concluded next: milliseconds after which stamp.
    pub(crate) fn next_conclusion(&self, headless: bool) -> Option<(Stamp, u64)> {
        let pending = self.pending(headless).into_iter().flatten();
        pending
            .map(|(_, since, wait)| (since, wait))
            .min_by_key(|(since, wait)| since.micros.saturating_add(wait * 1000))
    }

    /// The rules that wait for their time.
    fn pending(&self, headless: bool) -> [Option<(Rule, Stamp, u64)>; 4] {
        if self.ended.is_some() {
            return [None; 4];
        }
        let woken = self.turn.woken.then_some((Rule::NeverWoke, self.turn.since, WOKEN_MS));
        let left = self.files.left.map(|at| (Rule::StayedOn, at, LEAVING_MS));
        let Some(sight) = &self.files.sight else { return [left, woken, None, None] };
        if left.is_some() {
            return [left, woken, None, None];
        }
        let is_over = |stamp: Stamp| is_news(sight.since, stamp) || lags(stamp, sight.last);
        let rule = match sight.condition {
            FileStatus::Busy if self.may_be_unannounced() && is_over(self.quiet_since()) => {
                // Where no hook ever told of anything there is none to wait for.
                let wait = if self.is_unheard() { 0 } else { UNANNOUNCED_MS };
                Some((Rule::TurnUnannounced, sight.first, wait))
            }
            FileStatus::Asking { .. } | FileStatus::Dialog if headless => {
                Some((Rule::Attended, sight.first, ATTENDED_MS))
            }
            FileStatus::Resting { .. } if headless && self.waits_for_first_prompt(&is_over) => {
                Some((Rule::StartedWithoutPrompt, sight.first, RESIDENT_MS))
            }
            FileStatus::Resting { .. } if self.has_work_before(&is_over) => {
                Some((Rule::TurnEnd, sight.first, FLICKER_MS))
            }
            FileStatus::Asking { request }
                if self.requests.first().is_none() && is_over(self.latest) =>
            {
                Some((Rule::RequestUnannounced(request), sight.first, UNANNOUNCED_MS))
            }
            FileStatus::Dialog if self.requests.first().is_none() => {
                match self.turn.state {
                    TurnState::None if !self.files.prompted => {
                        Some((Rule::DialogAtStart, sight.since, DIALOG_MS))
                    }
                    // A queued command that follows may have opened one of the person's own.
                    TurnState::Working if is_over(self.activity) && self.turn.follows.is_none() => {
                        Some((Rule::DialogInTurn, sight.first, DOUBT_MS))
                    }
                    _ => None,
                }
            }
            _ => None,
        };
        let doubt = self.doubt(sight).filter(|stamp| Some(*stamp) != self.files.doubted);
        let doubt = doubt.filter(|stamp| stamp.boot == sight.last.boot);
        let held = self.is_held().then_some(match sight.condition {
            FileStatus::Resting { .. } if self.turn.unexplained => {
                (Rule::Believed, self.turn.since, EXPLAINED_MS)
            }
            FileStatus::Resting { .. } => (Rule::Believed, sight.first, OVER_MS),
            _ => (Rule::Believed, self.turn.since, HELD_MS),
        });
        [rule, doubt.map(|stamp| (Rule::Doubt(stamp), stamp, DOUBT_MS)), held, woken]
    }

    /// The moment of which the hooks tell other than the file: it is one of the two that lags.
    fn doubt(&self, sight: &Sight) -> Option<Stamp> {
        let is_older = |stamp: Stamp| !is_news(sight.since, stamp) && !lags(stamp, sight.last);
        let asked = self.requests.first().filter(|open| !open.by_file).map(|open| open.stamp);
        match sight.condition {
            FileStatus::Busy if asked.is_some() => asked.filter(|stamp| is_older(*stamp)),
            FileStatus::Busy => {
                let quiet = self.quiet_since();
                Some(quiet).filter(|stamp| self.may_be_unannounced() && is_older(*stamp))
            }
            FileStatus::Resting { .. } if asked.is_some() => asked.filter(|stamp| is_older(*stamp)),
            FileStatus::Resting { .. } => Some(self.activity)
                .filter(|stamp| self.turn.state == TurnState::Working && is_older(*stamp)),
            FileStatus::Asking { .. } if asked.is_none() => {
                Some(self.latest).filter(|stamp| is_older(*stamp))
            }
            _ => None,
        }
    }

    /// Whether the end that a hook told of is not believed yet. A hook of the person's own may have
    /// told the agent to go on (tried: user-stop-hook-blocks), or a queued command may run at once; if
    /// not, the file says so in a moment.
    pub(crate) fn is_held(&self) -> bool {
        let Some(sight) = &self.files.sight else { return false };
        if self.turn.unexplained && (self.is_unheard() || self.has_listed_mates()) {
            // Without hooks only the transcript knows, in a moment, whether it is done or broken off. A lead's turn
            // that a teammate's report began is announced by no hook either.
            return !self.turn.believed;
        }
        let is_open = match sight.condition {
            FileStatus::Busy => self.may_be_unannounced() && sight.since.is_before(self.turn.since),
            FileStatus::Resting { .. } => self.turn.since.is_before(sight.since),
            _ => false,
        };
        self.turn.state == TurnState::Done && !self.turn.believed && is_open
    }

    /// Whether anything is believed to go on since before the agent came to rest.
    fn has_work_before(&self, is_over: &impl Fn(Stamp) -> bool) -> bool {
        // One that was started with its prompt rests for a moment before it takes that up.
        let takes_up = self.turn.inferred && !self.files.prompted;
        let works = self.turn.state == TurnState::Working && !takes_up;
        works && is_over(self.activity.latest(self.turn.since))
            || self.requests.any(is_over)
            || self.subagents.iter().any(|known| is_over(known.since))
    }

    /// Returns whether the turn that runs is only assumed, because a headless agent is started with its prompt.
    fn waits_for_first_prompt(&self, is_over: &impl Fn(Stamp) -> bool) -> bool {
        self.turn.state == TurnState::Working
            && self.turn.inferred
            && !self.files.prompted
            && is_over(self.activity.latest(self.turn.since))
    }

    fn apply(&mut self, rule: Rule, now: Now) -> Option<Conclusion> {
        let sight = self.files.sight.clone();
        let conclude = |said| {
            sight.as_ref().map(|sight| Conclusion {
                source: sight.source.clone(),
                said,
                at: sight.since,
            })
        };
        let since = sight.as_ref().map_or(now.stamp, |sight| sight.since);
        match rule {
            Rule::TurnUnannounced => {
                self.begin_unannounced_turn();
                conclude("works on a turn that nothing announced")
            }
            Rule::TurnEnd => {
                self.rest(since);
                conclude("at its prompt: what went on is over")
            }
            Rule::RequestUnannounced(kind) => {
                self.open_unannounced(kind, since);
                conclude("asks, though no hook told of it")
            }
            Rule::DialogAtStart => {
                self.open_dialog(since);
                conclude("a dialog has been open since before the first prompt")
            }
            Rule::DialogInTurn => {
                self.open_dialog(since);
                conclude("a dialog of the agent's own holds up the turn")
            }
            Rule::Attended => {
                self.files.attended = true;
                conclude("its dialog stays open, so a user can answer it")
            }
            Rule::StartedWithoutPrompt => {
                self.turn = Turn { since, ends: self.turn.ends, ..Turn::default() };
                conclude("at its prompt: it was started without one")
            }
            Rule::NeverWoke => {
                self.never_woke();
                Some(Conclusion {
                    source: "clock".to_owned(),
                    said: "was not woken by the end of a teammate's turn",
                    at: now.stamp,
                })
            }
            Rule::Doubt(stamp) => {
                self.files.doubted = Some(stamp);
                self.files.looks.push(LookupRequest::FileStatus);
                None
            }
            Rule::Believed => {
                self.turn.believed = true;
                let at = self.turn.since;
                let said = match sight.as_ref().map(|sight| sight.condition) {
                    Some(FileStatus::Resting { .. }) => "agrees that the turn is over",
                    _ => "never agreed that the turn is over",
                };
                sight.map(|sight| Conclusion { source: sight.source, said, at })
            }
            Rule::StayedOn => {
                self.files.left = None;
                self.files.sight = None;
                self.files.blind = true;
                self.files.looks.push(LookupRequest::FileStatus);
                Some(Conclusion {
                    source: "file:removed".to_owned(),
                    said: "lives on without its file",
                    at: now.stamp,
                })
            }
        }
    }

    /// The end of a turn came whose beginning only the file told, too short ago to be believed then.
    /// Whether there was one, and since when.
    pub(crate) fn confirm_unannounced_turn(&mut self, stamp: Stamp) -> Option<Conclusion> {
        let sight = self.files.sight.as_ref()?;
        let is_pending = sight.condition == FileStatus::Busy
            && self.may_be_unannounced()
            && self.ended.is_none()
            && is_news(sight.since, self.quiet_since())
            && sight.since.is_before(stamp);
        if !is_pending {
            return None;
        }
        let conclusion = Conclusion {
            source: sight.source.clone(),
            said: "works on a turn that nothing announced",
            at: sight.since,
        };
        self.begin_unannounced_turn();
        Some(conclusion)
    }

    /// A dialog waits for the person, of which nothing is known but that it is open.
    fn open_dialog(&mut self, since: Stamp) {
        let text = "a dialog is open".to_owned();
        self.requests.open_by_file(PromptKind::Question, None, text, None, since);
    }

    /// The agent rests: no turn, no dialog, no subagent.
    fn rest(&mut self, since: Stamp) {
        let Some(sight) = &self.files.sight else { return };
        let last = sight.last;
        let is_over = |stamp: Stamp| is_news(since, stamp) || lags(stamp, last);
        let refused = self.requests.first().is_some();
        self.requests.close(is_over);
        self.tools.retain(|tool| !is_over(tool.stamp));
        self.subagents.retain(|known| !is_over(known.since));
        self.background.retain(|task| task.kind != SUBAGENT);
        if self.turn.state == TurnState::Working && is_over(self.activity.latest(self.turn.since)) {
            let began = self.turn.since;
            // A queued command of the person's own that no model answered (tried: fork-running): what is owed is
            // the end before it.
            let is_untold = !began.is_before(self.activity);
            if let Some(words) = self.turn.follows.take().filter(|_| is_untold && !refused) {
                let ends = self.turn.ends;
                self.turn = Turn {
                    state: TurnState::Done,
                    since,
                    ends,
                    believed: true,
                    words,
                    ..Turn::default()
                };
                return;
            }
            self.turn = Turn {
                since: if began.boot == since.boot { began.latest(since) } else { since },
                ends: self.turn.ends,
                unexplained: true,
                // Whoever rests after a dialog was refused.
                believed: refused,
                ..Turn::default()
            };
            self.files.looks.push(LookupRequest::TurnEnd(began));
        }
    }

    fn open_unannounced(&mut self, kind: PromptKind, since: Stamp) {
        if self.requests.take_up() {
            return;
        }
        // What is asked about is the call that began last and has not ended.
        let tool = self.tools.last();
        if let (None, Some((mate, (tool, text)))) = (tool, self.only_call_of_mates()) {
            let (mate, tool, text) = (mate.clone(), tool.clone(), text.clone());
            self.requests.open_by_file(kind, Some(tool), text, Some(mate), since);
            return;
        }
        let kind = tool.and_then(|tool| tool.asks).unwrap_or(kind);
        let (name, text) = match tool {
            Some(tool) => (Some(tool.tool.clone()), tool.text.clone()),
            None => (None, String::new()),
        };
        let name = name.filter(|name| !name.is_empty());
        self.requests.open_by_file(kind, name, text, None, since);
    }
}

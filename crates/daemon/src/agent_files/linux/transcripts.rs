//! Transcripts: how a turn ended, where that has to be looked up.

use super::{AgentFiles, Profile, Watched, blind};
use crewboard_core::{Finding, Look, Now, Observation, Stamp, Subject, Timestamp, TurnOver};
use crewboard_integrations::agents::files::{LastTurn, last_turn, transcript_below};
use crewboard_platform::{Part, read_below};
use inotify::WatchMask;
use std::time::Duration;
use tokio::time::Instant;

/// Bytes read of a transcript's end: the lines after a turn's last word are few and short.
const MAX_TAIL: u64 = 64 * 1024;
/// How long after a turn its transcript is whole: its last line is on the disk 100 to 150 ms after
/// the file says that the agent rests, half a second at worst. Where the first look finds no end, the
/// second decides.
const TRANSCRIPT_DELAYS: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(600)];
/// How often a transcript that grows is looked at, at most.
const TRANSCRIPT_PACE: Duration = Duration::from_millis(100);
/// Looks at transcripts that may be due at once.
const MAX_LOOKS: usize = 4096;
/// Milliseconds by which a transcript's lines may be older than the hook that told of the prompt.
const PROMPT_LEAD_MS: u64 = 500;

impl AgentFiles {
    /// Looks once at what a row wants to know. What takes its time comes with [`Self::changed`].
    pub(crate) fn look(&mut self, look: Look, now: Now) -> Option<Observation> {
        let delay = match look.subject {
            Subject::Condition => {
                let Some(profile) = self.followed.get(&look.process).copied() else {
                    return Some(blind(&look.agent, look.process, now));
                };
                return Some(self.condition_of(look.process, profile, false, now));
            }
            Subject::TurnEnd(_) => TRANSCRIPT_DELAYS[0],
            Subject::TurnEndToCome(_) => TRANSCRIPT_PACE,
        };
        self.look_later(look, delay, false);
        None
    }

    fn look_later(&mut self, look: Look, delay: Duration, again: bool) {
        if self.due.len() < MAX_LOOKS {
            self.looks += 1;
            self.due.insert((Instant::now() + delay, self.looks), (look, again));
        }
    }

    /// When a look is due, if one is.
    pub(crate) fn next_look(&self) -> Option<Instant> {
        self.due.first_key_value().map(|((at, _), _)| *at)
    }

    /// Carries out the looks that are due.
    pub(crate) fn look_now(&mut self, now: Now) -> Vec<Observation> {
        let mut observations = Vec::new();
        while let Some(entry) = self.due.first_entry() {
            if entry.key().0 > Instant::now() {
                break;
            }
            let (look, again) = entry.remove();
            observations.extend(self.look_at_transcript(look, again, now));
        }
        observations
    }

    /// Reads how a turn ended. A look that waits for that is answered when there is something to say.
    pub(super) fn look_at_transcript(
        &mut self,
        look: Look,
        again: bool,
        now: Now,
    ) -> Option<Observation> {
        let (conversation, waits) = match &look.subject {
            Subject::TurnEnd(conversation) => (conversation, false),
            Subject::TurnEndToCome(conversation) => (conversation, true),
            Subject::Condition => return None,
        };
        let began = conversation.since;
        let profile = *self.followed.get(&look.process)?;
        let Profile { agent, named, real } = self.profiles.get(profile)?;
        let below = transcript_below(
            agent.as_str(),
            named,
            conversation.session.as_str(),
            conversation.path.as_deref(),
            conversation.cwd.as_deref(),
        )?;
        let below = below.each_ref().map(String::as_str);
        let since = if began.boot == now.stamp.boot { now.wall_of(began) } else { Timestamp(0) };
        let tail = read_below(real, &below, Part::Tail { max: MAX_TAIL });
        let last = last_turn(
            agent.as_str(),
            tail.as_deref().unwrap_or_default(),
            since.0.saturating_sub(PROMPT_LEAD_MS),
        );
        let finding = match last {
            LastTurn::Over { how, at } => {
                let age = now.wall.since(Timestamp(at)).saturating_mul(1000);
                let micros = now.stamp.micros.saturating_sub(age);
                Finding::TurnOver { how, at: Stamp { micros, ..now.stamp } }
            }
            LastTurn::Answered { message } if !waits => {
                Finding::TurnOver { how: TurnOver::Finished { message }, at: began }
            }
            _ if !waits && !again => {
                self.look_later(look, TRANSCRIPT_DELAYS[1], true);
                return None;
            }
            // It came to rest without an answer: broken off before the first byte, or a command.
            _ if !waits && tail.is_ok() => {
                Finding::TurnOver { how: TurnOver::Interrupted, at: began }
            }
            _ if waits => {
                let path = below.iter().fold(real.clone(), |path, name| path.join(name));
                let grows = WatchMask::MODIFY
                    | WatchMask::MOVE_SELF
                    | WatchMask::DELETE_SELF
                    | WatchMask::ONESHOT
                    | WatchMask::DONT_FOLLOW;
                if let Ok(descriptor) = self.watches.add(path, grows) {
                    // Only one look at it is of use.
                    self.watched.insert(descriptor, vec![Watched::Transcript(Box::new(look))]);
                }
                return None;
            }
            _ => Finding::NothingOver,
        };
        Some(Observation {
            source: "file:transcript".to_owned(),
            finding,
            ..blind(&look.agent, look.process, now)
        })
    }
}

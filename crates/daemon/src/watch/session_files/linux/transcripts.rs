//! Transcripts: how a turn ended, where that has to be looked up.

use super::{AgentFiles, Profile, Watched, blind};
use crewboard_agents::files::{LastTurn, last_turn, transcript_below};
use crewboard_core::{
    FileFinding, FileLookup, LookupTarget, Now, Observation, Process, Stamp, Timestamp,
    TranscriptQuery, TurnEnd,
};
use crewboard_platform::{Part, directory_containing, read_beneath};
use inotify::{WatchDescriptor, WatchMask};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::Instant;

/// Bytes read of a transcript's end: the lines after a turn's last word are few and short.
const MAX_TAIL: u64 = 64 * 1024;
/// How long after a turn its transcript is whole: its last line is on the disk 100 to 150 ms after
/// the file says that the agent rests, half a second at worst. Where the first look finds no end, the
/// second decides.
const TURN_END_DELAYS: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(600)];
/// How often a transcript that grows is looked at, at most.
const TRANSCRIPT_PACE: Duration = Duration::from_millis(100);
/// How often, and after how long, a transcript is looked for that is not there yet: the first prompt's
/// comes 100 to 660 ms after it.
const MISSING_DELAYS: [Duration; 3] =
    [Duration::from_millis(400), Duration::from_secs(1), Duration::from_secs(4)];
/// Folders of transcripts that are searched for one that is not where it was expected.
const MAX_FOLDERS: usize = 4096;
/// Looks at transcripts that may be due at once.
const MAX_LOOKS: usize = 4096;
/// Milliseconds by which a transcript's lines may be older than the hook that told of the prompt.
const PROMPT_LEAD_MS: u64 = 500;

impl AgentFiles {
    /// Looks once at what a row wants to know. What takes its time comes with [`Self::changed`].
    pub(crate) fn look(&mut self, look: FileLookup, now: Now) -> Option<Observation> {
        let delay = match look.subject {
            LookupTarget::FileStatus => {
                let Some(profile) = self.followed.get(&look.process).copied() else {
                    if let Some(starting) = self.starting.get(&look.process) {
                        let profile = starting.profile;
                        return Some(self.condition_of(look.process, profile, false, now));
                    }
                    return Some(blind(&look.agent, look.process, now));
                };
                return Some(self.condition_of(look.process, profile, false, now));
            }
            LookupTarget::TurnEnd(_) => TURN_END_DELAYS[0],
            LookupTarget::TurnEndToCome(_) => {
                self.await_no_turn_end(look.process);
                TRANSCRIPT_PACE
            }
            LookupTarget::NoTurnEnd => {
                self.await_no_turn_end(look.process);
                return None;
            }
        };
        self.look_later(look, delay, 1);
        None
    }

    /// Nothing is looked for in the transcript of a process's present turn any more.
    pub(super) fn await_no_turn_end(&mut self, process: Process) {
        let is_it = |look: &FileLookup| {
            look.process == process && matches!(look.subject, LookupTarget::TurnEndToCome(_))
        };
        self.due.retain(|_, (look, _)| !is_it(look));
        self.unwatch_for(|reason| matches!(reason, Watched::Transcript(look) if is_it(look)));
    }

    /// A transcript has grown, is gone, or is another: it is looked at once more, a moment later.
    pub(super) fn look_again(&mut self, descriptor: &WatchDescriptor) {
        let Some(reasons) = self.watched.get(descriptor) else { return };
        let looks = reasons.iter().filter_map(|reason| match reason {
            Watched::Transcript(look) => Some(FileLookup::clone(look)),
            _ => None,
        });
        let looks: Vec<FileLookup> = looks.collect();
        if !looks.is_empty() {
            self.unwatch(descriptor);
        }
        for look in looks {
            self.look_later(look, TRANSCRIPT_PACE, 1);
        }
    }

    /// `tries`: how many looks there will have been with this one.
    pub(super) fn look_later(&mut self, look: FileLookup, delay: Duration, tries: usize) {
        if self.due.len() < MAX_LOOKS {
            self.looks += 1;
            self.due.insert((Instant::now() + delay, self.looks), (look, tries));
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
            let (look, tries) = entry.remove();
            observations.extend(match look.subject {
                LookupTarget::FileStatus => self.look(look, now),
                _ => self.look_at_transcript(look, tries, now),
            });
        }
        observations
    }

    /// Reads how a turn ended. A look that waits for that is answered when there is something to say.
    fn look_at_transcript(
        &mut self,
        look: FileLookup,
        tries: usize,
        now: Now,
    ) -> Option<Observation> {
        let (conversation, waits) = match &look.subject {
            LookupTarget::TurnEnd(conversation) => (conversation, false),
            LookupTarget::TurnEndToCome(conversation) => (conversation, true),
            LookupTarget::FileStatus | LookupTarget::NoTurnEnd => return None,
        };
        let began = conversation.since;
        let (real, below) = self.transcript_of(&look, conversation)?;
        let below = below.each_ref().map(String::as_str);
        let since = if began.boot == now.stamp.boot { now.wall_of(began) } else { Timestamp(0) };
        if waits {
            // Before it is read, so that nothing is written in between.
            let path = below.iter().fold(real.clone(), |path, name| path.join(name));
            self.watch_transcript(&path, look.clone(), tries);
        }
        let tail = read_beneath(&real, &below, Part::Tail { max: MAX_TAIL });
        // What a hook told of ends after that; a line from before tells of the turn that was broken off.
        let lead = if waits { 0 } else { PROMPT_LEAD_MS };
        let last = last_turn(
            look.agent.as_str(),
            tail.as_deref().unwrap_or_default(),
            since.0.saturating_sub(lead),
        );
        let finding = match last {
            LastTurn::Over { how, at } => {
                let age = now.wall.since(Timestamp(at)).saturating_mul(1000);
                let micros = now.stamp.micros.saturating_sub(age);
                FileFinding::TurnEnd { how, at: Stamp { micros, ..now.stamp } }
            }
            LastTurn::Answered { message } if !waits => {
                FileFinding::TurnEnd { how: TurnEnd::Finished { message }, at: began }
            }
            _ if !waits && tries < TURN_END_DELAYS.len() => {
                self.look_later(look, TURN_END_DELAYS[tries], tries + 1);
                return None;
            }
            // It came to rest without an answer: broken off before the first byte, or a command.
            _ if !waits && tail.is_ok() => {
                FileFinding::TurnEnd { how: TurnEnd::Interrupted, at: began }
            }
            _ if waits => return None,
            _ => FileFinding::NothingOver,
        };
        self.await_no_turn_end(look.process);
        Some(Observation {
            source: "file:transcript".to_owned(),
            finding,
            ..blind(&look.agent, look.process, now)
        })
    }

    /// Returns the directory that a conversation's transcript is below, and the way to it.
    fn transcript_of(
        &self,
        look: &FileLookup,
        conversation: &TranscriptQuery,
    ) -> Option<(PathBuf, [String; 3])> {
        let profile = *self.followed.get(&look.process)?;
        let Profile { agent, real, .. } = self.profiles.get(profile)?;
        let real = real.clone()?;
        let [folders, folder, file] = transcript_below(
            agent.as_str(),
            conversation.session.as_str(),
            conversation.path.as_deref(),
            conversation.cwd.as_deref(),
        )?;
        let in_folders = real.join(&folders);
        let is_there = in_folders.join(&folder).join(&file).symlink_metadata().is_ok();
        // The folder's name need not follow from the agent's directory: it may have another by now.
        let other =
            if is_there { None } else { directory_containing(&in_folders, &file, MAX_FOLDERS) };
        Some((real, [folders, other.unwrap_or(folder), file]))
    }

    /// Looks again when the transcript grows, or is there.
    fn watch_transcript(&mut self, path: &Path, look: FileLookup, tries: usize) {
        let grows = WatchMask::MODIFY
            | WatchMask::MOVE_SELF
            | WatchMask::DELETE_SELF
            | WatchMask::ONESHOT
            | WatchMask::DONT_FOLLOW;
        if let Some(descriptor) = self.watch(path, grows) {
            // Two processes may go on with one conversation.
            self.watched.entry(descriptor).or_default().push(Watched::Transcript(Box::new(look)));
        } else if let Some(delay) = MISSING_DELAYS.get(tries - 1) {
            self.look_later(look, *delay, tries + 1);
        }
    }
}

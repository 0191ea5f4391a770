//! Lookups in files, above all the end of a turn in a transcript.

use super::{Profile, Reason, SessionFiles, without_file};
use crate::watch::file_watches::{FileWatches, WatchPurpose, WatchToken};
use crewboard_agents::files::{LastTurn, last_turn, transcript_below};
use crewboard_core::{
    FileFinding, FileLookup, LookupTarget, Now, Observation, Process, Stamp, Timestamp,
    TranscriptQuery, TurnEnd,
};
use crewboard_platform::{Part, directory_containing, read_beneath};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::Instant;

/// Bytes read of a transcript's end. The lines after the last text of a turn are few and short.
const MAX_TAIL: u64 = 64 * 1024;
/// The times after which the end of a turn is looked up. The last line of a transcript is on the disk 100 to 150 ms
/// after the session file shows that the agent is idle, and after half a second at worst. If the first lookup finds no
/// end, the second decides.
const TURN_END_DELAYS: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(600)];
/// The shortest time between two reads of a transcript that grows.
const TRANSCRIPT_INTERVAL: Duration = Duration::from_millis(100);
/// The times after which a missing transcript is looked for. The transcript of the first prompt appears 100 to 660 ms
/// after the prompt.
const MISSING_DELAYS: [Duration; 3] =
    [Duration::from_millis(400), Duration::from_secs(1), Duration::from_secs(4)];
/// Folders that are searched for a transcript that is not in the expected one.
const MAX_FOLDERS: usize = 4096;
/// Lookups that may be due at once.
const MAX_LOOKUPS: usize = 4096;
/// Milliseconds by which the lines of a transcript may be older than the hook of the prompt.
const PROMPT_LEAD_MS: u64 = 500;

impl SessionFiles {
    /// Looks up what a row needs from a file. The result of a lookup that takes time comes from
    /// [`Self::run_due_lookups`].
    pub(crate) fn look_up(
        &mut self,
        lookup: FileLookup,
        watches: &mut FileWatches,
        now: Now,
    ) -> Option<Observation> {
        let delay = match lookup.target {
            LookupTarget::FileStatus => {
                let starting = self.starting.get(&lookup.process).map(|starting| starting.profile);
                let profile = self.processes.get(&lookup.process).copied().or(starting);
                return Some(match profile {
                    Some(profile) => self.read_status(lookup.process, profile, false, now),
                    None => without_file(&lookup.agent, lookup.process, now),
                });
            }
            LookupTarget::TurnEnd(_) => TURN_END_DELAYS[0],
            LookupTarget::NextTurnEnd(_) => {
                self.cancel_turn_end(lookup.process, watches);
                TRANSCRIPT_INTERVAL
            }
            LookupTarget::CancelNextTurnEnd => {
                self.cancel_turn_end(lookup.process, watches);
                return None;
            }
        };
        self.look_up_later(lookup, delay, 1);
        None
    }

    /// Stops waiting for the end of the present turn in the transcript of a process.
    pub(super) fn cancel_turn_end(&mut self, process: Process, watches: &mut FileWatches) {
        let waits = |lookup: &FileLookup| {
            lookup.process == process && matches!(lookup.target, LookupTarget::NextTurnEnd(_))
        };
        self.due.retain(|_, (lookup, _)| !waits(lookup));
        self.unwatch_if(
            watches,
            |reason| matches!(reason, Reason::Transcript(lookup) if waits(lookup)),
        );
    }

    /// Ends the watch of a transcript that was changed or removed, and reads the transcript later.
    pub(super) fn transcript_changed(&mut self, watch: WatchToken, watches: &mut FileWatches) {
        let Some(reasons) = self.watched.get(&watch) else { return };
        let lookups = reasons.iter().filter_map(|reason| match reason {
            Reason::Transcript(lookup) => Some(FileLookup::clone(lookup)),
            _ => None,
        });
        let lookups: Vec<FileLookup> = lookups.collect();
        if !lookups.is_empty() {
            self.unwatch(watch, watches);
        }
        for lookup in lookups {
            self.look_up_later(lookup, TRANSCRIPT_INTERVAL, 1);
        }
    }

    /// Looks up after a delay. `attempts` is the number of attempts, that one included.
    pub(super) fn look_up_later(&mut self, lookup: FileLookup, delay: Duration, attempts: usize) {
        if self.due.len() < MAX_LOOKUPS {
            self.last_lookup += 1;
            self.due.insert((Instant::now() + delay, self.last_lookup), (lookup, attempts));
        }
    }

    /// Returns the time of the next lookup.
    pub(crate) fn next_lookup(&self) -> Option<Instant> {
        self.due.first_key_value().map(|((at, _), _)| *at)
    }

    /// Runs the lookups that are due.
    pub(crate) fn run_due_lookups(
        &mut self,
        watches: &mut FileWatches,
        now: Now,
    ) -> Vec<Observation> {
        let mut observations = Vec::new();
        while let Some(entry) = self.due.first_entry() {
            if entry.key().0 > Instant::now() {
                break;
            }
            let (lookup, attempts) = entry.remove();
            observations.extend(match lookup.target {
                LookupTarget::FileStatus => self.look_up(lookup, watches, now),
                _ => self.read_turn_end(lookup, attempts, watches, now),
            });
        }
        observations
    }

    /// Reads how a turn ended. A lookup for a turn that runs has a result only once the turn has ended.
    fn read_turn_end(
        &mut self,
        lookup: FileLookup,
        attempts: usize,
        watches: &mut FileWatches,
        now: Now,
    ) -> Option<Observation> {
        let (conversation, waits) = match &lookup.target {
            LookupTarget::TurnEnd(conversation) => (conversation, false),
            LookupTarget::NextTurnEnd(conversation) => (conversation, true),
            LookupTarget::FileStatus | LookupTarget::CancelNextTurnEnd => return None,
        };
        let began = conversation.since;
        let (directory, names) = self.find_transcript(&lookup, conversation)?;
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let since = if began.boot == now.stamp.boot { now.wall_of(began) } else { Timestamp(0) };
        if waits {
            // The watch begins before the read, so that no write is missed.
            let path = names.iter().fold(directory.clone(), |path, name| path.join(name));
            self.watch_transcript(&path, lookup.clone(), attempts, watches);
        }
        let tail = read_beneath(&directory, &names, Part::Tail { max: MAX_TAIL });
        // A turn that a hook reported ends after the hook. An earlier line shows the end of the turn before it.
        let lead = if waits { 0 } else { PROMPT_LEAD_MS };
        let last = last_turn(
            lookup.agent.as_str(),
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
            _ if !waits && attempts < TURN_END_DELAYS.len() => {
                self.look_up_later(lookup, TURN_END_DELAYS[attempts], attempts + 1);
                return None;
            }
            // The agent is idle and gave no answer: the turn was interrupted before the first byte, or was a command.
            _ if !waits && tail.is_ok() => {
                FileFinding::TurnEnd { how: TurnEnd::Interrupted, at: began }
            }
            _ if waits => return None,
            _ => FileFinding::EndNotFound,
        };
        self.cancel_turn_end(lookup.process, watches);
        Some(Observation {
            source: "file:transcript".to_owned(),
            finding,
            ..without_file(&lookup.agent, lookup.process, now)
        })
    }

    /// Returns the profile's directory, and the names on the path from there to the transcript of a conversation.
    fn find_transcript(
        &self,
        lookup: &FileLookup,
        conversation: &TranscriptQuery,
    ) -> Option<(PathBuf, Vec<String>)> {
        let profile = *self.processes.get(&lookup.process)?;
        let Profile { agent, local, .. } = self.profiles.get(profile)?;
        let local = local.clone()?;
        let mut names = transcript_below(
            agent.as_str(),
            conversation.session.as_str(),
            conversation.path.as_deref(),
            conversation.cwd.as_deref(),
        )?;
        if let [folders, folder, file] = names.as_mut_slice() {
            let in_folders = local.join(folders.as_str());
            let is_there = in_folders.join(&folder).join(&file).symlink_metadata().is_ok();
            // The folder may be named after an earlier working directory of the agent.
            let other =
                if is_there { None } else { directory_containing(&in_folders, file, MAX_FOLDERS) };
            *folder = other.unwrap_or_else(|| std::mem::take(folder));
        }
        Some((local, names))
    }

    /// Watches a transcript until it grows, or looks for a missing one later.
    fn watch_transcript(
        &mut self,
        path: &Path,
        lookup: FileLookup,
        attempts: usize,
        watches: &mut FileWatches,
    ) {
        // Two processes may continue the same conversation.
        let reason = Reason::Transcript(Box::new(lookup.clone()));
        if !self.watch(path, WatchPurpose::Transcript, reason, watches)
            && let Some(delay) = MISSING_DELAYS.get(attempts - 1)
        {
            self.look_up_later(lookup, *delay, attempts + 1);
        }
    }
}

//! Session files and transcripts with inotify. Start at [`SessionFiles::watch_process`].

mod batch;
mod profiles;
mod starting;
mod statuses;
mod transcripts;

use super::without_file;
use crate::watch::file_watches::{FileWatches, OwnerChanges, WatchToken};
use batch::Batch;
use crewboard_agents::AGENTS;
use crewboard_agents::files::{profile_of, session_file_name, session_files_directory};
use crewboard_core::{
    AgentName, FileFinding, FileLookup, Now, Observation, Process, ProcessToWatch, Stamp,
};
use crewboard_platform::{environment_of, host_name, pid_namespace, working_directory_of};
use starting::Starting;
use statuses::file_removed;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use tokio::time::Instant;

/// An agent's configuration directory.
#[derive(Debug)]
struct Profile {
    agent: AgentName,
    /// The path as the agent spells it. A link on the path may lead to another directory later.
    spelled: PathBuf,
    /// The canonical path, which sessions show.
    canonical: PathBuf,
    /// The directory in which files may be read. `None` if there is none, as on a network file system.
    local: Option<PathBuf>,
    /// The kernel reports changes of the session files. A file that is not watched may be outdated.
    is_watched: bool,
}

/// The reason for which a directory or file is watched.
#[derive(Debug, Clone)]
enum Reason {
    /// The directory is the profile.
    Profile(usize),
    /// The directory has the session files of the profile.
    SessionFiles(usize),
    /// The folder of the profile does not exist yet. The name would be the next part of its path.
    Missing { profile: usize, name: OsString },
    /// The file is a transcript that will show the end of a turn.
    Transcript(Box<FileLookup>),
}

impl Reason {
    fn profile(&self) -> Option<usize> {
        match self {
            Self::Profile(profile)
            | Self::SessionFiles(profile)
            | Self::Missing { profile, .. } => Some(*profile),
            Self::Transcript(_) => None,
        }
    }
}

/// The last status that was read from the session file of a process.
#[derive(Debug)]
struct KnownStatus {
    process: Process,
    /// The text of the file that the status comes from. It shows whether the status has changed.
    source: String,
    /// The time of the status by the agent's clock.
    agent_time: Option<u64>,
    since: Stamp,
}

/// Watches and reads session files and transcripts.
#[derive(Debug, Default)]
pub(crate) struct SessionFiles {
    watched: HashMap<WatchToken, Vec<Reason>>,
    profiles: Vec<Profile>,
    /// The profile of each process.
    processes: HashMap<Process, usize>,
    /// The last status of each process, by profile and pid.
    known: HashMap<(usize, u32), KnownStatus>,
    /// Processes that have started and have no session yet.
    starting: HashMap<Process, Starting>,
    /// Lookups by the time when they are due, each with the number of attempts that it then has had.
    due: BTreeMap<(Instant, u64), (FileLookup, usize)>,
    last_lookup: u64,
    /// The reason why the kernel refused a watch, if it had no room for it.
    failure: Option<String>,
    namespace: Option<String>,
    host: String,
}

impl SessionFiles {
    pub(crate) fn new() -> Self {
        Self { namespace: pid_namespace(), host: host_name(), ..Self::default() }
    }

    /// Watches the user's usual profile of each agent with session files, and reads the files, to find agents that started
    /// before the daemon.
    pub(crate) fn watch_usual_profiles(
        &mut self,
        home: &Path,
        watches: &mut FileWatches,
        now: Now,
    ) -> Vec<Observation> {
        let home = home.to_string_lossy().into_owned();
        let variables = BTreeMap::from([("HOME".to_owned(), home)]);
        let mut observations = Vec::new();
        let names = AGENTS.iter().map(|agent| agent.name);
        for name in names.filter(|name| session_files_directory(name).is_some()) {
            if let Some(spelled) = profile_of(name, &variables, None) {
                let agent = AgentName::new(name);
                self.watch_profile(&agent, &spelled, watches, now, &mut observations);
            }
        }
        observations
    }

    /// Watches the files of a process. Returns its present status, and those of other processes in the same profile that
    /// were not known.
    pub(crate) fn watch_process(
        &mut self,
        watch: &ProcessToWatch,
        watches: &mut FileWatches,
        now: Now,
    ) -> Vec<Observation> {
        let agent = watch.agent.as_str();
        if crewboard_agents::agent(agent).is_none() {
            return Vec::new();
        }
        let Some(variables) = environment_of(watch.process.pid) else {
            return vec![without_file(&watch.agent, watch.process, now)];
        };
        // An agent that was started without a home directory keeps no files.
        let Some(spelled) = profile_of(agent, &variables, None) else { return Vec::new() };
        let spelled = match working_directory_of(watch.process.pid) {
            // An absolute path stays as it is.
            Some(directory) => directory.join(spelled),
            None => spelled,
        };
        if !spelled.is_absolute() {
            return vec![without_file(&watch.agent, watch.process, now)];
        }
        let mut observations = Vec::new();
        let profile = self.watch_profile(&watch.agent, &spelled, watches, now, &mut observations);
        let Some(profile) = profile else {
            return vec![without_file(&watch.agent, watch.process, now)];
        };
        self.processes.insert(watch.process, profile);
        if session_files_directory(agent).is_none() {
            return vec![Observation {
                finding: FileFinding::NoSessionFile,
                ..without_file(&watch.agent, watch.process, now)
            }];
        }
        if !observations.iter().any(|known| known.process == watch.process) {
            observations.push(self.read_status(watch.process, profile, false, now));
        }
        observations
    }

    /// Returns the observation that a process removed its session file before it exited, if it did. A killed process
    /// leaves its file.
    pub(crate) fn process_exited(&mut self, process: Process, now: Now) -> Option<Observation> {
        let profile = *self.processes.get(&process)?;
        self.known.get(&(profile, process.pid)).filter(|known| known.process == process)?;
        let Profile { agent, local, .. } = self.profiles.get(profile)?;
        let file = local
            .as_ref()?
            .join(session_files_directory(agent.as_str())?)
            .join(session_file_name(process));
        if std::fs::symlink_metadata(file).is_ok() {
            return None;
        }
        let agent = agent.clone();
        self.known.remove(&(profile, process.pid));
        Some(file_removed(&agent, process, now))
    }

    /// Removes a process that has exited.
    pub(crate) fn remove_process(&mut self, process: Process, watches: &mut FileWatches) {
        self.starting.remove(&process);
        if let Some(profile) = self.processes.remove(&process) {
            self.known.retain(|(of, _), known| *of != profile || known.process != process);
            self.due.retain(|_, (lookup, _)| lookup.process != process);
            self.cancel_turn_end(process, watches);
        }
    }

    /// Returns the reason why the kernel had no room for a watch since the last call, if it had none.
    pub(crate) fn take_failure(&mut self) -> Option<String> {
        self.failure.take()
    }

    /// Reads the session files that cannot be watched, because a client asks.
    pub(crate) fn read_unwatched(&mut self, now: Now) -> Vec<Observation> {
        let is_unwatched =
            |profile: usize| self.profiles.get(profile).is_some_and(|profile| !profile.is_watched);
        let unwatched = self.processes.iter().filter(|(_, profile)| is_unwatched(**profile));
        let mut unwatched: Vec<(Process, usize)> =
            unwatched.map(|(process, profile)| (*process, *profile)).collect();
        unwatched.sort_unstable();
        unwatched
            .into_iter()
            .filter_map(|(process, profile)| self.read_unwatched_status(process, profile, now))
            .collect()
    }

    /// Reads the files that have changed.
    pub(crate) fn read_changes(
        &mut self,
        changes: OwnerChanges,
        watches: &mut FileWatches,
        now: Now,
    ) -> Vec<Observation> {
        let batch = Batch::from(changes);
        let mut observations = Vec::new();
        let mut stale = BTreeSet::new();
        if batch.overflow {
            // Any file may have changed.
            stale.extend(0..self.profiles.len());
            let tokens: Vec<WatchToken> = self.watched.keys().copied().collect();
            for watch in tokens {
                self.transcript_changed(watch, watches);
            }
        }
        for (watch, names) in batch.names {
            self.transcript_changed(watch, watches);
            for reason in self.watched.get(&watch).cloned().unwrap_or_default() {
                match reason {
                    Reason::SessionFiles(profile) => {
                        for (name, is_gone) in &names {
                            observations.extend(self.file_changed(profile, name, *is_gone, now));
                        }
                    }
                    Reason::Missing { profile, name: missing } => {
                        if names.iter().any(|(name, _)| *name == missing) {
                            stale.insert(profile);
                        }
                    }
                    Reason::Profile(_) | Reason::Transcript(_) => {}
                }
            }
        }
        for watch in batch.ended {
            self.transcript_changed(watch, watches);
            let reasons = self.unwatch(watch, watches);
            stale.extend(reasons.iter().filter_map(Reason::profile));
        }
        for profile in stale {
            self.update_profile(profile, watches, now, &mut observations);
        }
        observations
    }
}

//! With inotify. Start at [`AgentFiles::follow`].

mod changed;
mod conditions;
mod profiles;
mod starting;
mod transcripts;

use super::blind;
use changed::Changed;
use conditions::left;
use crewboard_agents::claude;
use crewboard_agents::files::{profile_of, session_file_name, session_files_directory};
use crewboard_core::{AgentName, FileLookup, Now, Observation, Process, ProcessToWatch, Stamp};
use crewboard_platform::{environment_of, host_name, pid_namespace, working_directory_of};
use futures_util::{FutureExt, StreamExt};
use inotify::{EventStream, Inotify, WatchDescriptor, Watches};
use starting::Starting;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use tokio::time::Instant;

/// Events of one batch taken in before others have their turn.
const MAX_BATCH: usize = 256;

/// An agent's configuration directory.
#[derive(Debug)]
struct Profile {
    agent: AgentName,
    /// As the agent spells it; a link on the way may lead elsewhere later.
    named: PathBuf,
    /// Its one name, which sessions bear.
    settled: PathBuf,
    /// Where it really is; none where we may not look.
    real: Option<PathBuf>,
    /// Whether the kernel tells of its files. What a file says that is not watched may be of long ago.
    is_watched: bool,
}

/// Why a directory or file is watched.
#[derive(Debug, Clone)]
enum Watched {
    /// It is the profile.
    Profile(usize),
    /// It holds the condition files of the profile.
    Conditions(usize),
    /// The profile's folder is not there yet; this would be the next part of the way.
    Missing { profile: usize, next: OsString },
    /// A transcript that will tell of a turn's end.
    Transcript(Box<FileLookup>),
}

impl Watched {
    fn profile(&self) -> Option<usize> {
        match self {
            Self::Profile(profile) | Self::Conditions(profile) | Self::Missing { profile, .. } => {
                Some(*profile)
            }
            Self::Transcript(_) => None,
        }
    }
}

/// The last that was read of a process's file.
#[derive(Debug)]
struct Known {
    process: Process,
    /// The file's own words, to know an unchanged one by.
    source: String,
    raw: Option<u64>,
    since: Stamp,
}

pub(crate) struct AgentFiles {
    /// None where the kernel gives us none.
    watches: Option<Watches>,
    stream: Option<EventStream<[u8; 4096]>>,
    watched: HashMap<WatchDescriptor, Vec<Watched>>,
    profiles: Vec<Profile>,
    /// Whose files are whose.
    followed: HashMap<Process, usize>,
    known: HashMap<(usize, u32), Known>,
    /// Processes that have started and have no session yet.
    starting: HashMap<Process, Starting>,
    /// Looks at transcripts, by when they are due, and how many each will have been.
    due: BTreeMap<(Instant, u64), (FileLookup, usize)>,
    looks: u64,
    /// Why the kernel refused a watch, where it has no more.
    failure: Option<String>,
    namespace: Option<String>,
    host: String,
}

impl AgentFiles {
    pub(crate) fn new() -> std::io::Result<Self> {
        let inotify = Inotify::init()?;
        let watches = Some(inotify.watches());
        let stream = Some(inotify.into_event_stream([0; 4096])?);
        Ok(Self { watches, stream, ..Self::blind() })
    }

    /// Sees nothing, so that what hooks do not tell is unconfirmed.
    pub(crate) fn blind() -> Self {
        Self {
            watches: None,
            stream: None,
            watched: HashMap::new(),
            profiles: Vec::new(),
            followed: HashMap::new(),
            known: HashMap::new(),
            starting: HashMap::new(),
            due: BTreeMap::new(),
            looks: 0,
            failure: None,
            namespace: pid_namespace(),
            host: host_name(),
        }
    }

    /// Looks at the files of the user's own profile: agents that were there before us.
    pub(crate) fn begin(&mut self, home: &Path, now: Now) -> Vec<Observation> {
        let home = home.to_string_lossy().into_owned();
        let variables = BTreeMap::from([("HOME".to_owned(), home)]);
        let agent = AgentName::new(claude::NAME);
        let Some(named) = profile_of(claude::NAME, &variables, None) else { return Vec::new() };
        let mut observations = Vec::new();
        self.profile(&agent, &named, now, &mut observations);
        observations
    }

    /// Watches the files of a process from now on. What they say now comes back, of it and of others
    /// in the same profile that were not known.
    pub(crate) fn follow(&mut self, watch: &ProcessToWatch, now: Now) -> Vec<Observation> {
        let agent = watch.agent.as_str();
        if session_files_directory(agent).is_none() {
            return Vec::new();
        }
        let Some(variables) = environment_of(watch.process.pid) else {
            return vec![blind(&watch.agent, watch.process, now)];
        };
        // One that was started without a home keeps no files.
        let Some(named) = profile_of(agent, &variables, None) else { return Vec::new() };
        let named = match working_directory_of(watch.process.pid) {
            // Absolute ones stay as they are.
            Some(directory) => directory.join(named),
            None => named,
        };
        if !named.is_absolute() {
            return vec![blind(&watch.agent, watch.process, now)];
        }
        let mut observations = Vec::new();
        let profile = self.profile(&watch.agent, &named, now, &mut observations);
        let Some(profile) = profile else {
            return vec![blind(&watch.agent, watch.process, now)];
        };
        self.followed.insert(watch.process, profile);
        if !observations.iter().any(|known| known.process == watch.process) {
            observations.push(self.condition_of(watch.process, profile, false, now));
        }
        observations
    }

    /// A process has ended: whether it had taken its file away before. One that is killed leaves it.
    pub(crate) fn farewell(&mut self, process: Process, now: Now) -> Option<Observation> {
        let profile = *self.followed.get(&process)?;
        self.known.get(&(profile, process.pid)).filter(|known| known.process == process)?;
        let Profile { agent, real, .. } = self.profiles.get(profile)?;
        let file = real
            .as_ref()?
            .join(session_files_directory(agent.as_str())?)
            .join(session_file_name(process));
        if std::fs::symlink_metadata(file).is_ok() {
            return None;
        }
        let agent = agent.clone();
        self.known.remove(&(profile, process.pid));
        Some(left(&agent, process, now))
    }

    /// A process has ended.
    pub(crate) fn forget(&mut self, process: Process) {
        self.starting.remove(&process);
        if let Some(profile) = self.followed.remove(&process) {
            self.known.retain(|(of, _), known| *of != profile || known.process != process);
            self.due.retain(|_, (look, _)| look.process != process);
            self.await_no_turn_end(process);
        }
    }

    /// Returns why the kernel refused a watch since the last call, if it did for lack of room.
    pub(crate) fn take_failure(&mut self) -> Option<String> {
        self.failure.take()
    }

    /// Reads the files that cannot be watched, because a view asks.
    pub(crate) fn glimpse(&mut self, now: Now) -> Vec<Observation> {
        let unwatched =
            |profile: usize| self.profiles.get(profile).is_some_and(|profile| !profile.is_watched);
        let followed = self.followed.iter().filter(|(_, profile)| unwatched(**profile));
        let mut followed: Vec<(Process, usize)> =
            followed.map(|(process, profile)| (*process, *profile)).collect();
        followed.sort_unstable();
        followed
            .into_iter()
            .filter_map(|(process, profile)| self.glimpse_of(process, profile, now))
            .collect()
    }

    /// Waits until files have changed, and says which.
    pub(crate) async fn changed(&mut self) -> Changed {
        let mut changed = Changed::default();
        let Some(stream) = &mut self.stream else { return std::future::pending().await };
        match stream.next().await {
            Some(Ok(event)) => changed.note(event),
            // Nothing more will come; do not spin.
            _ => std::future::pending().await,
        }
        for _ in 1..MAX_BATCH {
            match stream.next().now_or_never() {
                Some(Some(Ok(event))) => changed.note(event),
                _ => break,
            }
        }
        changed
    }

    /// Reads what has changed.
    pub(crate) fn read(&mut self, changed: Changed, now: Now) -> Vec<Observation> {
        let mut observations = Vec::new();
        let mut stale = BTreeSet::new();
        if changed.overflow {
            // Whatever it was that we were not told of.
            stale.extend(0..self.profiles.len());
            let watched: Vec<WatchDescriptor> = self.watched.keys().cloned().collect();
            for descriptor in watched {
                self.look_again(&descriptor);
            }
        }
        for (descriptor, names) in changed.names {
            self.look_again(&descriptor);
            for reason in self.watched.get(&descriptor).cloned().unwrap_or_default() {
                match reason {
                    Watched::Conditions(profile) => {
                        for (name, gone) in &names {
                            observations.extend(self.file_changed(profile, name, *gone, now));
                        }
                    }
                    Watched::Missing { profile, next } => {
                        if names.iter().any(|(name, _)| *name == next) {
                            stale.insert(profile);
                        }
                    }
                    Watched::Profile(_) | Watched::Transcript(_) => {}
                }
            }
        }
        for descriptor in changed.lost {
            self.look_again(&descriptor);
            stale.extend(self.unwatch(&descriptor).iter().filter_map(Watched::profile));
        }
        for profile in stale {
            self.arm(profile, now, &mut observations);
        }
        observations
    }
}

impl std::fmt::Debug for AgentFiles {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("AgentFiles")
            .field("profiles", &self.profiles)
            .finish_non_exhaustive()
    }
}

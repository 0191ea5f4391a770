//! With inotify. Start at [`AgentFiles::follow`].

mod changed;
mod conditions;
mod profiles;
mod transcripts;

use super::blind;
use changed::Changed;
use conditions::left;
use crewboard_core::{AgentName, Look, Now, Observation, Process, Stamp, Watch};
use crewboard_integrations::agents::files::{condition_file, conditions_folder, profile_of};
use crewboard_integrations::agents::{Lookup, claude};
use crewboard_platform::{host_name, pid_namespace, variables_of};
use futures_util::{FutureExt, StreamExt};
use inotify::{EventStream, Inotify, WatchDescriptor, Watches};
use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use tokio::time::Instant;

/// Events of one batch taken in before others have their turn.
const MAX_BATCH: usize = 256;

/// An agent's configuration directory.
#[derive(Debug)]
struct Profile {
    agent: AgentName,
    /// As the agent names it.
    named: PathBuf,
    /// Where it really is.
    real: PathBuf,
}

/// Why a directory or file is watched.
#[derive(Debug, Clone)]
enum Watched {
    /// It holds the condition files of the profile.
    Conditions(usize),
    /// The profile's folder is not there yet; this would be the next part of the way.
    Missing { profile: usize, next: OsString },
    /// A transcript that will tell of a turn's end.
    Transcript(Box<Look>),
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
    watches: Watches,
    stream: EventStream<[u8; 4096]>,
    watched: HashMap<WatchDescriptor, Vec<Watched>>,
    profiles: Vec<Profile>,
    /// Whose files are whose.
    followed: HashMap<Process, usize>,
    known: HashMap<(usize, u32), Known>,
    /// Looks at transcripts, by when they are due, and whether each is the second.
    due: BTreeMap<(Instant, u64), (Look, bool)>,
    looks: u64,
    namespace: Option<String>,
    host: String,
}

#[derive(Debug)]
struct Variables(Vec<(String, String)>);

impl Lookup for Variables {
    fn get(&self, name: &str) -> Option<String> {
        let found = self.0.iter().find(|(known, value)| known == name && !value.is_empty());
        found.map(|(_, value)| value.clone())
    }
}

impl AgentFiles {
    pub(crate) fn new() -> std::io::Result<Self> {
        let inotify = Inotify::init()?;
        let watches = inotify.watches();
        Ok(Self {
            watches,
            stream: inotify.into_event_stream([0; 4096])?,
            watched: HashMap::new(),
            profiles: Vec::new(),
            followed: HashMap::new(),
            known: HashMap::new(),
            due: BTreeMap::new(),
            looks: 0,
            namespace: pid_namespace(),
            host: host_name(),
        })
    }

    /// Looks at the files of the user's own profile: agents that were there before us.
    pub(crate) fn begin(&mut self, home: &Path, now: Now) -> Vec<Observation> {
        let home = home.to_string_lossy().into_owned();
        let variables = Variables(vec![("HOME".to_owned(), home)]);
        let agent = AgentName::new(claude::NAME);
        let Some(named) = profile_of(claude::NAME, &variables) else { return Vec::new() };
        let mut observations = Vec::new();
        self.profile(&agent, &named, now, &mut observations);
        observations
    }

    /// Watches the files of a process from now on. What they say now comes back, of it and of others
    /// in the same profile that were not known.
    pub(crate) fn follow(&mut self, watch: &Watch, now: Now) -> Vec<Observation> {
        let agent = watch.agent.as_str();
        if conditions_folder(agent).is_none() {
            return Vec::new();
        }
        let Some(variables) = variables_of(watch.process.pid) else {
            return vec![blind(&watch.agent, watch.process, now)];
        };
        // One that was started without a home keeps no files.
        let Some(named) = profile_of(agent, &Variables(variables)) else { return Vec::new() };
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
        let file = real.join(conditions_folder(agent.as_str())?).join(condition_file(process));
        if std::fs::symlink_metadata(file).is_ok() {
            return None;
        }
        let agent = agent.clone();
        self.known.remove(&(profile, process.pid));
        Some(left(&agent, process, now))
    }

    /// A process has ended.
    pub(crate) fn forget(&mut self, process: Process) {
        if let Some(profile) = self.followed.remove(&process) {
            self.known.retain(|(of, _), known| *of != profile || known.process != process);
            self.due.retain(|_, (look, _)| look.process != process);
        }
    }

    /// Waits until files have changed, and says which.
    pub(crate) async fn changed(&mut self) -> Changed {
        let mut changed = Changed::default();
        match self.stream.next().await {
            Some(Ok(event)) => changed.note(event),
            // Nothing more will come; do not spin.
            _ => std::future::pending().await,
        }
        for _ in 1..MAX_BATCH {
            match self.stream.next().now_or_never() {
                Some(Some(Ok(event))) => changed.note(event),
                _ => break,
            }
        }
        changed
    }

    /// Reads what has changed.
    pub(crate) fn read(&mut self, changed: Changed, now: Now) -> Vec<Observation> {
        let mut observations = Vec::new();
        if changed.overflow {
            for profile in 0..self.profiles.len() {
                self.scan(profile, now, &mut observations);
            }
        }
        for (descriptor, names) in changed.names {
            let Some(reasons) = self.watched.get(&descriptor).cloned() else { continue };
            for reason in reasons {
                match reason {
                    Watched::Conditions(profile) => {
                        for (name, gone) in &names {
                            observations.extend(self.file_changed(profile, name, *gone, now));
                        }
                    }
                    Watched::Missing { profile, next } => {
                        // The watch is one for all profiles that wait here, so the others' stays.
                        if names.iter().any(|(name, _)| *name == next) {
                            self.no_longer_missing(&descriptor, profile);
                            self.arm(profile, now, &mut observations);
                        }
                    }
                    Watched::Transcript(look) => {
                        self.unwatch(&descriptor);
                        observations.extend(self.look_at_transcript(*look, true, now));
                    }
                }
            }
        }
        for descriptor in changed.lost {
            for reason in self.watched.remove(&descriptor).unwrap_or_default() {
                if let Watched::Conditions(profile) | Watched::Missing { profile, .. } = reason {
                    self.arm(profile, now, &mut observations);
                }
            }
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

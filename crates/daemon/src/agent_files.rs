//! What agents leave in files while they run: watched, never polled.
//!
//! Only below the configuration directory that the agent's own process was started with (the kernel
//! says which; no client's word is taken for a path), only regular files of ours, no link followed,
//! and nothing on network file systems.

use crewboard_core::{About, AgentName, Finding, Look, Now, Observation, Process, Watch};

/// An observation that says of `watch` no more than that no file tells of it.
fn blind(agent: &AgentName, process: Process, now: Now) -> Observation {
    Observation {
        agent: agent.clone(),
        process,
        source: "file:none".to_owned(),
        seen: now.stamp,
        finding: Finding::Blind,
        about: About::default(),
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use super::{AgentName, Finding, Look, Now, Observation, Process, Watch, blind};
    use crewboard_core::{Place, Stamp, Subject, Timestamp, TurnOver};
    use crewboard_integrations::agents::files::{
        ConditionFile, LastTurn, condition_file, conditions_folder, last_turn, pid_of, profile_of,
        read_condition, transcript_below,
    };
    use crewboard_integrations::agents::{Lookup, claude};
    use crewboard_platform::{
        Part, facts_of, host_name, local_directory, pid_namespace, process_of, read_below,
        variables_of,
    };
    use futures_util::{FutureExt, StreamExt};
    use inotify::{Event, EventMask, EventStream, Inotify, WatchDescriptor, WatchMask, Watches};
    use std::collections::{BTreeMap, HashMap};
    use std::ffi::{OsStr, OsString};
    use std::path::{Path, PathBuf};
    use std::time::Duration;
    use tokio::time::Instant;

    /// Bytes of a condition file: Claude Code's are of 650.
    const MAX_CONDITION: u64 = 64 * 1024;
    /// Bytes read of a transcript's end: the lines after a turn's last word are few and short.
    const MAX_TAIL: u64 = 64 * 1024;
    /// Configuration directories watched at once.
    const MAX_PROFILES: usize = 32;
    /// Files looked at when a directory is seen first.
    const MAX_FILES: usize = 1024;
    /// Events of one batch taken in before others have their turn.
    const MAX_BATCH: usize = 256;
    /// A client's own time of a change it has just written is at most this old: 295 ms were seen. What is
    /// older was dated by a clock that has been set since.
    const MAX_AGE_MS: u64 = 2000;
    /// How long after a turn its transcript is whole: its last line is on the disk 100 to 150 ms after
    /// the file says that the agent rests, half a second at worst. Where the first look finds no end, the
    /// second decides.
    const TRANSCRIPT_DELAYS: [Duration; 2] =
        [Duration::from_millis(100), Duration::from_millis(600)];
    /// How often a transcript that grows is looked at, at most.
    const TRANSCRIPT_PACE: Duration = Duration::from_millis(100);
    /// Looks at transcripts that may be due at once.
    const MAX_LOOKS: usize = 4096;
    /// Milliseconds by which a transcript's lines may be older than the hook that told of the prompt.
    const PROMPT_LEAD_MS: u64 = 500;

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
                    if let Watched::Conditions(profile) | Watched::Missing { profile, .. } = reason
                    {
                        self.arm(profile, now, &mut observations);
                    }
                }
            }
            observations
        }

        /// A profile waits for nothing in that directory any more.
        fn no_longer_missing(&mut self, descriptor: &WatchDescriptor, arrived: usize) {
            let Some(reasons) = self.watched.get_mut(descriptor) else { return };
            reasons.retain(
                |reason| !matches!(reason, Watched::Missing { profile, .. } if *profile == arrived),
            );
            if reasons.is_empty() {
                self.unwatch(descriptor);
            }
        }

        fn unwatch(&mut self, descriptor: &WatchDescriptor) {
            self.watched.remove(descriptor);
            let _ = self.watches.remove(descriptor.clone());
        }

        /// The profile of that name, watched and read if it is new; `None` where we may not look.
        fn profile(
            &mut self,
            agent: &AgentName,
            named: &Path,
            now: Now,
            observations: &mut Vec<Observation>,
        ) -> Option<usize> {
            let same = |known: &Profile| known.named == named && known.agent == *agent;
            if let Some(position) = self.profiles.iter().position(same) {
                return Some(position);
            }
            if self.profiles.len() == MAX_PROFILES {
                return None;
            }
            let real = local_directory(named)?;
            self.profiles.push(Profile { agent: agent.clone(), named: named.to_owned(), real });
            self.arm(self.profiles.len() - 1, now, observations);
            Some(self.profiles.len() - 1)
        }

        /// Watches a profile's folder, or the nearest directory above it that is there.
        fn arm(&mut self, profile: usize, now: Now, observations: &mut Vec<Observation>) {
            let Some(Profile { agent, real, .. }) = self.profiles.get(profile) else { return };
            let Some(folder) = conditions_folder(agent.as_str()) else { return };
            let folder = real.join(folder);
            let files = WatchMask::CLOSE_WRITE
                | WatchMask::MOVED_TO
                | WatchMask::MOVED_FROM
                | WatchMask::DELETE
                | WatchMask::DELETE_SELF
                | WatchMask::MOVE_SELF
                | WatchMask::ONLYDIR
                | WatchMask::DONT_FOLLOW;
            if let Ok(descriptor) = self.watches.add(&folder, files) {
                self.watched.entry(descriptor).or_default().push(Watched::Conditions(profile));
                return self.scan(profile, now, observations);
            }
            let appears = WatchMask::CREATE
                | WatchMask::MOVED_TO
                | WatchMask::DELETE_SELF
                | WatchMask::MOVE_SELF
                | WatchMask::ONLYDIR
                | WatchMask::DONT_FOLLOW;
            let mut missing = folder.as_path();
            while let (Some(above), Some(next)) = (missing.parent(), missing.file_name()) {
                if let Ok(descriptor) = self.watches.add(above, appears) {
                    if std::fs::symlink_metadata(missing).is_ok_and(|found| found.is_dir()) {
                        // It came in that very moment.
                        let _ = self.watches.remove(descriptor);
                        return self.arm(profile, now, observations);
                    }
                    let reason = Watched::Missing { profile, next: next.to_owned() };
                    self.watched.entry(descriptor).or_default().push(reason);
                    return;
                }
                missing = above;
            }
        }

        /// Reads all files of a profile.
        fn scan(&mut self, profile: usize, now: Now, observations: &mut Vec<Observation>) {
            let Some(Profile { agent, real, .. }) = self.profiles.get(profile) else { return };
            let Some(folder) = conditions_folder(agent.as_str()) else { return };
            let Ok(entries) = std::fs::read_dir(real.join(folder)) else { return };
            let names: Vec<OsString> =
                entries.take(MAX_FILES).filter_map(|entry| Some(entry.ok()?.file_name())).collect();
            for name in names {
                if let Some(file) = self.read_file(profile, &name) {
                    observations.push(self.observe(profile, file, false, now));
                }
            }
        }

        fn file_changed(
            &mut self,
            profile: usize,
            name: &OsStr,
            gone: bool,
            now: Now,
        ) -> Option<Observation> {
            let agent = self.profiles.get(profile)?.agent.clone();
            if !gone {
                let file = self.read_file(profile, name)?;
                return Some(self.observe(profile, file, true, now));
            }
            let pid = pid_of(agent.as_str(), name.to_str()?)?;
            let process = self.known.remove(&(profile, pid))?.process;
            Some(left(&agent, process, now))
        }

        /// What a process's own file says now.
        fn condition_of(
            &mut self,
            process: Process,
            profile: usize,
            pushed: bool,
            now: Now,
        ) -> Observation {
            let name = condition_file(process);
            match self.read_file(profile, name.as_ref()) {
                Some(file) if file.process == process => self.observe(profile, file, pushed, now),
                _ => {
                    let agent = self.profiles.get(profile).map(|profile| profile.agent.clone());
                    blind(&agent.unwrap_or_default(), process, now)
                }
            }
        }

        /// Reads the file of a living process of this pid namespace.
        fn read_file(&self, profile: usize, name: &OsStr) -> Option<ConditionFile> {
            let Profile { agent, real, .. } = self.profiles.get(profile)?;
            let agent = agent.as_str();
            let name = name.to_str()?;
            let pid = pid_of(agent, name)?;
            let whole = Part::Whole { max: MAX_CONDITION };
            let text = read_below(real, &[conditions_folder(agent)?, name], whole).ok()?;
            let file = read_condition(agent, &text)?;
            let is_ours = file.pid_namespace.is_none() || file.pid_namespace == self.namespace;
            // One that was left behind is of nobody, or of another process of that number.
            let lives = file.process.pid == pid && process_of(pid) == Some(file.process);
            (is_ours && lives).then_some(file)
        }

        /// `pushed`: the kernel has just told us of the change.
        fn observe(
            &mut self,
            profile: usize,
            file: ConditionFile,
            pushed: bool,
            now: Now,
        ) -> Observation {
            let ConditionFile { process, source, condition, since: raw, mut about, .. } = file;
            let known = self.known.get(&(profile, process.pid));
            let same = known.filter(|known| {
                known.process == process && known.source == source && known.raw == raw
            });
            let since = match same {
                Some(known) => known.since,
                None => since_of(raw, pushed, now),
            };
            let known = Known { process, source: source.clone(), raw, since };
            self.known.insert((profile, process.pid), known);
            let profile = self.profiles.get(profile);
            about.profile = profile.map(|profile| profile.named.to_string_lossy().into_owned());
            let tty = facts_of(process.pid).and_then(|facts| facts.tty);
            about.place = Place { host: self.host.clone(), tty, ..about.place };
            if about.job.is_some() {
                about.place = std::mem::take(&mut about.place).without_pane();
            }
            Observation {
                agent: profile.map(|profile| profile.agent.clone()).unwrap_or_default(),
                process,
                source,
                seen: now.stamp,
                finding: Finding::Condition { condition, since },
                about,
            }
        }

        /// Reads how a turn ended. A look that waits for that is answered when there is something to say.
        fn look_at_transcript(&mut self, look: Look, again: bool, now: Now) -> Option<Observation> {
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
            let since =
                if began.boot == now.stamp.boot { now.wall_of(began) } else { Timestamp(0) };
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

    /// An agent has taken its file away.
    fn left(agent: &AgentName, process: Process, now: Now) -> Observation {
        Observation {
            source: "file:removed".to_owned(),
            finding: Finding::Left,
            ..blind(agent, process, now)
        }
    }

    /// When a file's condition began, on our clock.
    fn since_of(raw: Option<u64>, pushed: bool, now: Now) -> Stamp {
        let Some(raw) = raw else { return now.stamp };
        let age = now.wall.since(Timestamp(raw));
        let age = if pushed && age > MAX_AGE_MS { 0 } else { age };
        Stamp { micros: now.stamp.micros.saturating_sub(age.saturating_mul(1000)), ..now.stamp }
    }

    /// What the kernel told of.
    #[derive(Debug, Default)]
    pub(crate) struct Changed {
        /// Names in a watched directory, each once, and whether it is gone; a file's own has none.
        names: Vec<(WatchDescriptor, Vec<(OsString, bool)>)>,
        /// Watches that are over.
        lost: Vec<WatchDescriptor>,
        overflow: bool,
    }

    impl Changed {
        fn note(&mut self, event: Event<OsString>) {
            if event.mask.contains(EventMask::Q_OVERFLOW) {
                self.overflow = true;
                return;
            }
            let over = EventMask::DELETE_SELF | EventMask::MOVE_SELF | EventMask::IGNORED;
            if event.mask.intersects(over) {
                if !self.lost.contains(&event.wd) {
                    self.lost.push(event.wd);
                }
                return;
            }
            let gone = event.mask.intersects(EventMask::DELETE | EventMask::MOVED_FROM);
            let name = event.name.unwrap_or_default();
            let position = self.names.iter().position(|(descriptor, _)| *descriptor == event.wd);
            let position = position.unwrap_or_else(|| {
                self.names.push((event.wd, Vec::new()));
                self.names.len() - 1
            });
            let names = &mut self.names[position].1;
            match names.iter_mut().find(|(known, _)| *known == name) {
                Some(known) => known.1 = gone,
                None => names.push((name, gone)),
            }
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
}

#[cfg(not(target_os = "linux"))]
mod other {
    use super::{Look, Now, Observation, Process, Watch, blind};
    use std::path::Path;
    use tokio::time::Instant;

    /// Nothing is watched here yet: what hooks do not tell is unconfirmed.
    #[derive(Debug)]
    pub(crate) struct AgentFiles;

    #[derive(Debug, Default)]
    pub(crate) struct Changed;

    impl AgentFiles {
        pub(crate) fn new() -> std::io::Result<Self> {
            Ok(Self)
        }

        pub(crate) fn begin(&mut self, _home: &Path, _now: Now) -> Vec<Observation> {
            Vec::new()
        }

        pub(crate) fn follow(&mut self, watch: &Watch, now: Now) -> Vec<Observation> {
            vec![blind(&watch.agent, watch.process, now)]
        }

        pub(crate) fn farewell(&mut self, _process: Process, _now: Now) -> Option<Observation> {
            None
        }

        pub(crate) fn forget(&mut self, _process: Process) {}

        pub(crate) fn look(&mut self, look: Look, now: Now) -> Option<Observation> {
            Some(blind(&look.agent, look.process, now))
        }

        pub(crate) fn next_look(&self) -> Option<Instant> {
            None
        }

        pub(crate) fn look_now(&mut self, _now: Now) -> Vec<Observation> {
            Vec::new()
        }

        pub(crate) async fn changed(&mut self) -> Changed {
            std::future::pending().await
        }

        pub(crate) fn read(&mut self, _changed: Changed, _now: Now) -> Vec<Observation> {
            Vec::new()
        }
    }
}

#[cfg(target_os = "linux")]
pub(crate) use linux::AgentFiles;
#[cfg(not(target_os = "linux"))]
pub(crate) use other::AgentFiles;

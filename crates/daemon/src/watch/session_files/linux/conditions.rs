//! The files in which agents tell of their condition.

use super::{AgentFiles, Known, Profile, blind};
use crewboard_agents::files::{
    SessionFile, pid_of, read_session_file, session_file_name, session_files_directory,
};
use crewboard_core::{
    AgentName, FileFinding, FileLookup, LookupTarget, Now, Observation, Place, Process, Stamp,
    Timestamp,
};
use crewboard_platform::{Part, find_process, in_machine_time, process_info, read_beneath};
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::time::Duration;

/// Bytes of a condition file: Claude Code's are of 650.
const MAX_CONDITION: u64 = 64 * 1024;
/// Files looked at when a directory is seen first.
const MAX_FILES: usize = 1024;
/// A client's own time of a change it has just written is at most this old: 295 ms were seen. What is
/// older was dated by a clock that has been set since.
const MAX_AGE_MS: u64 = 2000;
/// When a file is read again that made no sense.
const UNREADABLE_DELAY: Duration = Duration::from_millis(100);

impl AgentFiles {
    /// Reads all files of a profile. Of those that were there and are no longer nobody knows what became.
    pub(super) fn scan(&mut self, profile: usize, now: Now, observations: &mut Vec<Observation>) {
        let Some(Profile { agent, real, .. }) = self.profiles.get(profile) else { return };
        let Some(folder) = session_files_directory(agent.as_str()) else { return };
        let folder = real.as_ref().map(|real| real.join(folder));
        let entries = folder.and_then(|folder| std::fs::read_dir(folder).ok());
        let entries = entries.into_iter().flatten();
        let names: Vec<OsString> =
            entries.take(MAX_FILES).filter_map(|entry| Some(entry.ok()?.file_name())).collect();
        let before = observations.len();
        for name in names {
            if let Some(file) = self.read_file(profile, &name) {
                observations.push(self.observe(profile, file, false, now));
            } else if let Some(name) = name.to_str() {
                self.note_start(profile, name, now);
            }
        }
        let known = self.known.iter().filter(|((of, _), _)| *of == profile);
        let mut unread: Vec<Process> = known.map(|(_, known)| known.process).collect();
        unread.retain(|known| !observations[before..].iter().any(|seen| seen.process == *known));
        for process in unread {
            observations.push(self.condition_of(process, profile, false, now));
        }
    }

    pub(super) fn file_changed(
        &mut self,
        profile: usize,
        name: &OsStr,
        gone: bool,
        now: Now,
    ) -> Option<Observation> {
        let agent = self.profiles.get(profile)?.agent.clone();
        if !gone && let Some(file) = self.read_file(profile, name) {
            return Some(self.observe(profile, file, true, now));
        }
        let name = name.to_str()?;
        if gone && let Some(ended) = self.start_is_over(profile, name, now) {
            return Some(ended);
        }
        if !gone {
            self.note_start(profile, name, now);
        }
        let pid = pid_of(agent.as_str(), name)?;
        if gone {
            let process = self.known.remove(&(profile, pid))?.process;
            return Some(left(&agent, process, now));
        }
        // It may be written this very moment. If it is not, it tells of nothing any more.
        let process = self.known.get(&(profile, pid))?.process;
        let look = FileLookup { agent, process, subject: LookupTarget::FileStatus };
        if !self.due.values().any(|(due, _)| *due == look) {
            self.look_later(look, UNREADABLE_DELAY, 1);
        }
        None
    }

    /// What a process's own file says now.
    pub(super) fn condition_of(
        &mut self,
        process: Process,
        profile: usize,
        pushed: bool,
        now: Now,
    ) -> Observation {
        let name = session_file_name(process);
        match self.read_file(profile, name.as_ref()) {
            Some(file) if file.process == process => self.observe(profile, file, pushed, now),
            _ if self.starting.contains_key(&process)
                && !self.has_session_file(profile, process) =>
            {
                self.observe_start(process, now)
            }
            _ => {
                let agent = self.profiles.get(profile).map(|profile| profile.agent.clone());
                blind(&agent.unwrap_or_default(), process, now)
            }
        }
    }

    /// What the file of a process says now of which the kernel will not tell any change.
    pub(super) fn glimpse_of(
        &mut self,
        process: Process,
        profile: usize,
        now: Now,
    ) -> Option<Observation> {
        let file = self.read_unwatched(profile, session_file_name(process).as_ref())?;
        if file.process != process {
            return None;
        }
        let mut seen = self.observe(profile, file, false, now);
        if let FileFinding::FileStatus { condition, since } = seen.finding {
            seen.finding = FileFinding::Glimpse { condition, since };
        }
        Some(seen)
    }

    /// Reads the file of a living process of this pid namespace, if we are told of what becomes of it.
    fn read_file(&self, profile: usize, name: &OsStr) -> Option<SessionFile> {
        self.profiles.get(profile).filter(|profile| profile.is_watched)?;
        self.read_unwatched(profile, name)
    }

    /// The same, whether we are told of what becomes of it or not.
    fn read_unwatched(&self, profile: usize, name: &OsStr) -> Option<SessionFile> {
        let Profile { agent, real, .. } = self.profiles.get(profile)?;
        let agent = agent.as_str();
        let name = name.to_str()?;
        let pid = pid_of(agent, name)?;
        let whole = Part::Whole { max: MAX_CONDITION };
        let text =
            read_beneath(real.as_ref()?, &[session_files_directory(agent)?, name], whole).ok()?;
        let mut file = read_session_file(agent, &text)?;
        file.process = in_machine_time(file.process);
        let is_ours = file.pid_namespace.is_none() || file.pid_namespace == self.namespace;
        // One that was left behind is of nobody, or of another process of that number.
        let lives = file.process.pid == pid && find_process(pid) == Some(file.process);
        (is_ours && lives).then_some(file)
    }

    /// `pushed`: the kernel has just told us of the change.
    fn observe(
        &mut self,
        profile: usize,
        file: SessionFile,
        pushed: bool,
        now: Now,
    ) -> Observation {
        let SessionFile { process, source, status: condition, since: raw, mut about, .. } = file;
        let known = self.known.get(&(profile, process.pid));
        let same = known
            .filter(|known| known.process == process && known.source == source && known.raw == raw);
        let since = match same {
            Some(known) => known.since,
            None => since_of(raw, pushed, now),
        };
        let known = Known { process, source: source.clone(), raw, since };
        self.known.insert((profile, process.pid), known);
        self.starting.remove(&process);
        let profile = self.profiles.get(profile);
        let path = |path: &Path| path.to_string_lossy().into_owned();
        about.job = about.job.and_then(|job| Some(path(&profile?.settled.join(job))));
        about.profile = profile.map(|profile| path(&profile.settled));
        let tty = process_info(process.pid).and_then(|facts| facts.tty);
        about.place = Place { host: self.host.clone(), tty, ..about.place };
        if about.job.is_some() {
            about.place = std::mem::take(&mut about.place).without_pane();
        }
        Observation {
            agent: profile.map(|profile| profile.agent.clone()).unwrap_or_default(),
            process,
            source,
            seen: now.stamp,
            finding: FileFinding::FileStatus { condition, since },
            about,
        }
    }
}

/// An agent has taken its file away.
pub(super) fn left(agent: &AgentName, process: Process, now: Now) -> Observation {
    Observation {
        source: "file:removed".to_owned(),
        finding: FileFinding::Left,
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

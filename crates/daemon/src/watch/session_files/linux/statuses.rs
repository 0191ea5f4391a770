//! Reads the status that an agent writes into its session file.

use super::{KnownStatus, Profile, SessionFiles, without_file};
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

/// Maximum bytes of a session file. A file of Claude Code has about 650.
const MAX_SESSION_FILE: u64 = 64 * 1024;
/// Maximum number of session files that are read of one directory.
const MAX_FILES: usize = 1024;
/// Maximum milliseconds between the time that an agent writes into its file and the kernel's report of the change. The
/// longest measured was 295 ms. If the time is older, the clock was set in between.
const MAX_AGE_MS: u64 = 2000;
/// Time after which an invalid session file is read again.
const INVALID_DELAY: Duration = Duration::from_millis(100);

impl SessionFiles {
    /// Reads all session files of a profile. A process whose file is gone has no known status any more.
    pub(super) fn read_profile(
        &mut self,
        profile: usize,
        now: Now,
        observations: &mut Vec<Observation>,
    ) {
        let Some(Profile { agent, local, .. }) = self.profiles.get(profile) else { return };
        let Some(folder) = session_files_directory(agent.as_str()) else { return };
        let folder = local.as_ref().map(|local| local.join(folder));
        let entries = folder.and_then(|folder| std::fs::read_dir(folder).ok());
        let entries = entries.into_iter().flatten();
        let names: Vec<OsString> =
            entries.take(MAX_FILES).filter_map(|entry| Some(entry.ok()?.file_name())).collect();
        let before = observations.len();
        for name in names {
            if let Some(file) = self.read_watched_file(profile, &name) {
                observations.push(self.observe(profile, file, false, now));
            } else if let Some(name) = name.to_str() {
                self.note_start(profile, name, now);
            }
        }
        let known = self.known.iter().filter(|((of, _), _)| *of == profile);
        let mut unread: Vec<Process> = known.map(|(_, known)| known.process).collect();
        unread.retain(|known| !observations[before..].iter().any(|seen| seen.process == *known));
        for process in unread {
            observations.push(self.read_status(process, profile, false, now));
        }
    }

    /// Reads a file that was changed or, if `is_gone`, removed.
    pub(super) fn file_changed(
        &mut self,
        profile: usize,
        name: &OsStr,
        is_gone: bool,
        now: Now,
    ) -> Option<Observation> {
        let agent = self.profiles.get(profile)?.agent.clone();
        if !is_gone && let Some(file) = self.read_watched_file(profile, name) {
            return Some(self.observe(profile, file, true, now));
        }
        let name = name.to_str()?;
        if is_gone && let Some(ended) = self.note_start_ended(profile, name, now) {
            return Some(ended);
        }
        if !is_gone {
            self.note_start(profile, name, now);
        }
        let pid = pid_of(agent.as_str(), name)?;
        if is_gone {
            let process = self.known.remove(&(profile, pid))?.process;
            return Some(file_removed(&agent, process, now));
        }
        // The agent may be writing the file just now. If it is still invalid later, it shows no status.
        let process = self.known.get(&(profile, pid))?.process;
        let lookup = FileLookup { agent, process, target: LookupTarget::FileStatus };
        if !self.due.values().any(|(due, _)| *due == lookup) {
            self.look_up_later(lookup, INVALID_DELAY, 1);
        }
        None
    }

    /// Returns the status that the session file of a process shows now.
    pub(super) fn read_status(
        &mut self,
        process: Process,
        profile: usize,
        is_reported: bool,
        now: Now,
    ) -> Observation {
        let name = session_file_name(process);
        match self.read_watched_file(profile, name.as_ref()) {
            Some(file) if file.process == process => self.observe(profile, file, is_reported, now),
            _ if self.starting.contains_key(&process)
                && !self.has_session_file(profile, process) =>
            {
                self.observe_start(process, now)
            }
            _ => {
                let agent = self.profiles.get(profile).map(|profile| profile.agent.clone());
                without_file(&agent.unwrap_or_default(), process, now)
            }
        }
    }

    /// Returns the status that a session file without a watch shows now. The kernel will not report its changes.
    pub(super) fn read_unwatched_status(
        &mut self,
        process: Process,
        profile: usize,
        now: Now,
    ) -> Option<Observation> {
        let file = self.read_file(profile, session_file_name(process).as_ref())?;
        if file.process != process {
            return None;
        }
        let mut seen = self.observe(profile, file, false, now);
        if let FileFinding::FileStatus { status, since } = seen.finding {
            seen.finding = FileFinding::UnwatchedStatus { status, since };
        }
        Some(seen)
    }

    /// Reads a session file if the kernel reports its changes.
    fn read_watched_file(&self, profile: usize, name: &OsStr) -> Option<SessionFile> {
        self.profiles.get(profile).filter(|profile| profile.is_watched)?;
        self.read_file(profile, name)
    }

    /// Reads the session file of a living process in the daemon's pid namespace.
    fn read_file(&self, profile: usize, name: &OsStr) -> Option<SessionFile> {
        let Profile { agent, local, .. } = self.profiles.get(profile)?;
        let agent = agent.as_str();
        let name = name.to_str()?;
        let pid = pid_of(agent, name)?;
        let whole = Part::Whole { max: MAX_SESSION_FILE };
        let path = [session_files_directory(agent)?, name];
        let text = read_beneath(local.as_ref()?, &path, whole).ok()?;
        let mut file = read_session_file(agent, &text)?;
        file.process = in_machine_time(file.process);
        let is_ours = file.pid_namespace.is_none() || file.pid_namespace == self.namespace;
        // A killed process leaves its file, and another process may have the pid now.
        let lives = file.process.pid == pid && find_process(pid) == Some(file.process);
        (is_ours && lives).then_some(file)
    }

    /// Returns the status in a session file. `is_reported` is true if the kernel has just reported the change.
    fn observe(
        &mut self,
        profile: usize,
        file: SessionFile,
        is_reported: bool,
        now: Now,
    ) -> Observation {
        let SessionFile { process, source, status, since: agent_time, mut about, .. } = file;
        let known = self.known.get(&(profile, process.pid)).filter(|known| {
            known.process == process && known.source == source && known.agent_time == agent_time
        });
        let since = match known {
            Some(known) => known.since,
            None => since_of(agent_time, is_reported, now),
        };
        let known = KnownStatus { process, source: source.clone(), agent_time, since };
        self.known.insert((profile, process.pid), known);
        self.starting.remove(&process);
        let profile = self.profiles.get(profile);
        let path = |path: &Path| path.to_string_lossy().into_owned();
        about.job = about.job.and_then(|job| Some(path(&profile?.canonical.join(job))));
        about.profile = profile.map(|profile| path(&profile.canonical));
        let tty = process_info(process.pid).and_then(|info| info.tty);
        about.place = Place { host: self.host.clone(), tty, ..about.place };
        if about.job.is_some() {
            about.place = std::mem::take(&mut about.place).without_pane();
        }
        Observation {
            agent: profile.map(|profile| profile.agent.clone()).unwrap_or_default(),
            process,
            source,
            seen: now.stamp,
            finding: FileFinding::FileStatus { status, since },
            about,
        }
    }
}

/// Returns the observation that an agent has removed its session file.
pub(super) fn file_removed(agent: &AgentName, process: Process, now: Now) -> Observation {
    Observation {
        source: "file:removed".to_owned(),
        finding: FileFinding::Removed,
        ..without_file(agent, process, now)
    }
}

/// Converts the time of a status from the agent's clock to the daemon's.
fn since_of(agent_time: Option<u64>, is_reported: bool, now: Now) -> Stamp {
    let Some(agent_time) = agent_time else { return now.stamp };
    let age = now.wall.since(Timestamp(agent_time));
    let age = if is_reported && age > MAX_AGE_MS { 0 } else { age };
    Stamp { micros: now.stamp.micros.saturating_sub(age.saturating_mul(1000)), ..now.stamp }
}

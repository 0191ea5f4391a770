//! Agents that have started and have no session yet, because a dialog may be open before it.

use super::statuses::file_removed;
use super::{Profile, SessionFiles};
use crewboard_agents::files::{
    never_has_session_file, pid_of_key_file, profile_of, session_file_name, session_files_directory,
};
use crewboard_core::{
    FileFinding, FileLookup, FileMetadata, FileStatus, LookupTarget, Now, Observation, Place,
    Process, Stamp,
};
use crewboard_platform::{arguments_of, environment_of, process_info, working_directory_of};
use crewboard_terminals::locate;
use std::time::Duration;

/// Time for an agent to begin its session before it counts as waiting at a dialog. Claude Code takes 0.1 to
/// 1.1 s between the two files, on a busy machine.
const START_WITHIN: Duration = Duration::from_secs(5);

/// Processes that may be starting at once.
const MAX_STARTING: usize = 64;

/// A process that has started and has no session yet.
#[derive(Debug)]
pub(super) struct Starting {
    pub(super) profile: usize,
    since: Stamp,
    /// The process has a row.
    is_shown: bool,
}

impl SessionFiles {
    /// Notes a process that has started, if `name` is its file, and looks it up when it should have a session. The
    /// process must have this profile and a terminal: the pid in a file from a container may be another process here.
    pub(super) fn note_start(&mut self, profile: usize, name: &str, now: Now) {
        let Some(Profile { agent, canonical, is_watched: true, .. }) = self.profiles.get(profile)
        else {
            return;
        };
        let Some(pid) = pid_of_key_file(agent.as_str(), name) else { return };
        let Some(info) = process_info(pid).filter(|info| info.tty.is_some()) else { return };
        if never_has_session_file(agent.as_str(), &arguments_of(pid)) {
            return;
        }
        let process = info.process;
        let variables = environment_of(pid);
        let own = variables.and_then(|variables| profile_of(agent.as_str(), &variables, None));
        let is_of_profile = own.is_some_and(|own| {
            std::fs::canonicalize(own).ok() == std::fs::canonicalize(canonical).ok()
        });
        let is_known = self.known.contains_key(&(profile, pid))
            || self.starting.contains_key(&process)
            || self.processes.contains_key(&process);
        let is_full = self.starting.len() >= MAX_STARTING;
        if !is_of_profile || is_known || is_full || self.has_session_file(profile, process) {
            return;
        }
        let target = LookupTarget::FileStatus;
        let lookup = FileLookup { agent: agent.clone(), process, target };
        let starting = Starting { profile, since: now.stamp, is_shown: false };
        self.starting.insert(process, starting);
        self.look_up_later(lookup, START_WITHIN, 1);
    }

    /// Returns true if the process has a session file, whatever the file contains. A client that is kept ready for the
    /// next background session has a file without a session (seen on 2.1.332).
    pub(super) fn has_session_file(&self, profile: usize, process: Process) -> bool {
        let Some(Profile { agent, local: Some(local), .. }) = self.profiles.get(profile) else {
            return false;
        };
        let Some(folder) = session_files_directory(agent.as_str()) else { return false };
        std::fs::symlink_metadata(local.join(folder).join(session_file_name(process))).is_ok()
    }

    /// Returns the observation that a process has no session yet, and so waits at a dialog.
    pub(super) fn observe_start(&mut self, process: Process, now: Now) -> Observation {
        let mut since = now.stamp;
        let mut canonical = None;
        let mut agent = None;
        if let Some(starting) = self.starting.get_mut(&process) {
            starting.is_shown = true;
            since = starting.since;
            let profile = self.profiles.get(starting.profile);
            canonical = profile.map(|profile| profile.canonical.to_string_lossy().into_owned());
            agent = profile.map(|profile| profile.agent.clone());
        }
        let variables = environment_of(process.pid);
        let place = variables.map(|variables| locate(&variables)).unwrap_or_default();
        let tty = process_info(process.pid).and_then(|info| info.tty);
        let cwd = working_directory_of(process.pid);
        Observation {
            agent: agent.unwrap_or_default(),
            process,
            source: "file:starting".to_owned(),
            seen: now.stamp,
            finding: FileFinding::FileStatus { status: FileStatus::Dialog, since },
            about: FileMetadata {
                cwd: cwd.map(|cwd| cwd.to_string_lossy().into_owned()),
                profile: canonical,
                place: Place { host: self.host.clone(), tty, ..place },
                ..FileMetadata::default()
            },
        }
    }

    /// Notes that the file of a starting process was removed, if `name` is that file. Returns the observation that the
    /// process exits without a session, if it has a row.
    pub(super) fn note_start_ended(
        &mut self,
        profile: usize,
        name: &str,
        now: Now,
    ) -> Option<Observation> {
        let agent = self.profiles.get(profile)?.agent.clone();
        let pid = pid_of_key_file(agent.as_str(), name)?;
        let process = *self.starting.keys().find(|process| process.pid == pid)?;
        let starting = self.starting.remove(&process)?;
        starting.is_shown.then(|| file_removed(&agent, process, now))
    }
}

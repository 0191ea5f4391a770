//! Agents that have started and have no session yet: a dialog may stand in front of it.

use super::conditions::left;
use super::{AgentFiles, Profile};
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

/// How long an agent may take to begin its session before it counts as waiting at a dialog. Claude Code
/// takes 0.1 to 1.1 s between the two files, on a busy machine.
const START: Duration = Duration::from_secs(5);

/// Processes that may be starting at once.
const MAX_STARTING: usize = 64;

/// A process that has started and has no session yet.
#[derive(Debug)]
pub(super) struct Starting {
    pub(super) profile: usize,
    since: Stamp,
    /// The row of the process was made from this.
    is_shown: bool,
}

impl AgentFiles {
    /// Notes a process that has started, if `name` is the file of one, and looks at it when it should have a
    /// session. The process must be one of this profile with a terminal: the number in a file that a container
    /// made may be another process here.
    pub(super) fn note_start(&mut self, profile: usize, name: &str, now: Now) {
        let Some(Profile { agent, settled, is_watched: true, .. }) = self.profiles.get(profile)
        else {
            return;
        };
        let Some(pid) = pid_of_key_file(agent.as_str(), name) else { return };
        let Some(facts) = process_info(pid).filter(|facts| facts.tty.is_some()) else { return };
        if never_has_session_file(agent.as_str(), &arguments_of(pid)) {
            return;
        }
        let process = facts.process;
        let variables = environment_of(pid);
        let own = variables.and_then(|variables| profile_of(agent.as_str(), &variables, None));
        let is_of_profile = own.is_some_and(|own| {
            std::fs::canonicalize(own).ok() == std::fs::canonicalize(settled).ok()
        });
        let is_known = self.known.contains_key(&(profile, pid))
            || self.starting.contains_key(&process)
            || self.followed.contains_key(&process);
        let is_full = self.starting.len() >= MAX_STARTING;
        if !is_of_profile || is_known || is_full || self.has_session_file(profile, process) {
            return;
        }
        let look = FileLookup { agent: agent.clone(), process, subject: LookupTarget::FileStatus };
        let starting = Starting { profile, since: now.stamp, is_shown: false };
        self.starting.insert(process, starting);
        self.look_later(look, START, 1);
    }

    /// Returns true if there is a session file of the process, whatever it says. A client that is kept ready for
    /// the next background session has one that tells of no session (seen on 2.1.332).
    pub(super) fn has_session_file(&self, profile: usize, process: Process) -> bool {
        let Some(Profile { agent, real: Some(real), .. }) = self.profiles.get(profile) else {
            return false;
        };
        let Some(folder) = session_files_directory(agent.as_str()) else { return false };
        std::fs::symlink_metadata(real.join(folder).join(session_file_name(process))).is_ok()
    }

    /// Returns the observation of a process that has no session yet: a dialog stands in front of it.
    pub(super) fn observe_start(&mut self, process: Process, now: Now) -> Observation {
        let mut since = now.stamp;
        let mut settled = None;
        let mut agent = None;
        if let Some(starting) = self.starting.get_mut(&process) {
            starting.is_shown = true;
            since = starting.since;
            let profile = self.profiles.get(starting.profile);
            settled = profile.map(|profile| profile.settled.to_string_lossy().into_owned());
            agent = profile.map(|profile| profile.agent.clone());
        }
        let variables = environment_of(process.pid);
        let place = variables.map(|variables| locate(&variables)).unwrap_or_default();
        let tty = process_info(process.pid).and_then(|facts| facts.tty);
        let cwd = working_directory_of(process.pid);
        Observation {
            agent: agent.unwrap_or_default(),
            process,
            source: "file:starting".to_owned(),
            seen: now.stamp,
            finding: FileFinding::FileStatus { condition: FileStatus::Dialog, since },
            about: FileMetadata {
                cwd: cwd.map(|cwd| cwd.to_string_lossy().into_owned()),
                profile: settled,
                place: Place { host: self.host.clone(), tty, ..place },
                ..FileMetadata::default()
            },
        }
    }

    /// Returns the end of a process that leaves without having had a session, if `name` is its file.
    pub(super) fn start_is_over(
        &mut self,
        profile: usize,
        name: &str,
        now: Now,
    ) -> Option<Observation> {
        let agent = self.profiles.get(profile)?.agent.clone();
        let pid = pid_of_key_file(agent.as_str(), name)?;
        let process = *self.starting.keys().find(|process| process.pid == pid)?;
        let starting = self.starting.remove(&process)?;
        starting.is_shown.then(|| left(&agent, process, now))
    }
}

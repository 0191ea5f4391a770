//! Finds and reads the files that agents write while they run. Opens no file.

pub use crate::evidence::{LastTurn, SessionFile};

use crate::descriptor::SessionFiles;
use crate::registry::agent;
use crate::{Variables, profile};
use crewboard_core::Process;
use std::path::PathBuf;

/// Returns an agent's profile: the directory under which it keeps its files, as the agent spells it, so it may be
/// relative to the agent's working directory. `None` for an agent whose files are unknown.
///
/// `transcript` is the path of one of its transcripts, if a hook named one.
pub fn profile_of(
    name: &str,
    environment: &dyn Variables,
    transcript: Option<&str>,
) -> Option<PathBuf> {
    profile::profile_of(agent(name)?, environment, transcript)
}

fn session_files(name: &str) -> Option<&'static SessionFiles> {
    agent(name)?.files.status.as_ref()
}

/// Returns the name of the directory in a profile that holds a session file for each process, if the agent has one.
pub fn session_files_directory(agent: &str) -> Option<&'static str> {
    Some(session_files(agent)?.directory)
}

/// Returns the name of a process's session file.
pub fn session_file_name(process: Process) -> String {
    format!("{}.json", process.pid)
}

/// Returns the pid in the name of a session file.
pub fn pid_of(agent: &str, name: &str) -> Option<u32> {
    (session_files(agent)?.pid_of)(name)
}

/// Returns the pid in the name of the key file that an agent creates at its start, before it has a session file.
pub fn pid_of_key_file(agent: &str, name: &str) -> Option<u32> {
    (session_files(agent)?.pid_of_key)(name)
}

/// Returns true if a process with these arguments never creates a session file.
pub fn never_has_session_file(agent: &str, arguments: &[String]) -> bool {
    session_files(agent).is_some_and(|files| (files.never_has_one)(arguments))
}

/// Reads a session file; `None` if the text belongs to no session, or is only half written at this moment.
pub fn read_session_file(agent: &str, text: &[u8]) -> Option<SessionFile> {
    (session_files(agent)?.read)(text)
}

/// Returns the path of a conversation's transcript below its profile, as the names of directories and of the file.
pub fn transcript_below(
    name: &str,
    session: &str,
    path: Option<&str>,
    cwd: Option<&str>,
) -> Option<Vec<String>> {
    (agent(name)?.files.transcript_below)(session, path, cwd)
}

/// Derives from the end of a transcript how the turn ended that began after `since` (Unix milliseconds).
pub fn last_turn(name: &str, tail: &[u8], since: u64) -> LastTurn {
    agent(name).map_or(LastTurn::Unknown, |agent| (agent.files.last_turn)(tail, since))
}

//! Finds and reads the files that agents write while they run. Opens no file.

pub use crate::evidence::{LastTurn, SessionFile};

use crate::{Variables, claude};
use crewboard_core::Process;
use std::path::PathBuf;

/// Returns an agent's profile: the directory under which it keeps its files, as the agent spells it, so it may be
/// relative to the agent's working directory. `None` for an agent whose files are unknown.
///
/// `transcript` is the path of one of its transcripts, if a hook named one.
pub fn profile_of(
    agent: &str,
    environment: &dyn Variables,
    transcript: Option<&str>,
) -> Option<PathBuf> {
    match agent {
        claude::NAME => claude::profile_of(environment, transcript),
        _ => None,
    }
}

/// Returns the name of the directory in a profile that holds a session file for each process.
pub fn session_files_directory(agent: &str) -> Option<&'static str> {
    (agent == claude::NAME).then_some("sessions")
}

/// Returns the name of a process's session file.
pub fn session_file_name(process: Process) -> String {
    format!("{}.json", process.pid)
}

/// Returns the pid in the name of a session file.
pub fn pid_of(agent: &str, name: &str) -> Option<u32> {
    match agent {
        claude::NAME => claude::session_file::pid_of(name),
        _ => None,
    }
}

/// Returns the pid in the name of the key file that an agent creates at its start, before it has a session file.
pub fn pid_of_key_file(agent: &str, name: &str) -> Option<u32> {
    match agent {
        claude::NAME => claude::session_file::pid_of_key(name),
        _ => None,
    }
}

/// Returns true if a process with these arguments never creates a session file.
pub fn never_has_session_file(agent: &str, arguments: &[String]) -> bool {
    agent == claude::NAME && claude::never_has_session_file(arguments)
}

/// Reads a session file; `None` if the text belongs to no session, or is only half written at this moment.
pub fn read_session_file(agent: &str, text: &[u8]) -> Option<SessionFile> {
    match agent {
        claude::NAME => claude::session_file::read(text),
        _ => None,
    }
}

/// Returns the path of a conversation's transcript below its profile, as two directories and a file name.
///
/// The path in an event counts if it ends as the path of this conversation's transcript does; its beginning may spell the
/// profile in another way. If the event has no path, the result is derived from the working directory.
pub fn transcript_below(
    agent: &str,
    session: &str,
    path: Option<&str>,
    cwd: Option<&str>,
) -> Option<[String; 3]> {
    if agent != claude::NAME || session.contains('/') {
        return None;
    }
    let file = format!("{session}.jsonl");
    let Some(path) = path else {
        return Some(["projects".to_owned(), claude::transcript::folder_of(cwd?), file]);
    };
    let mut parts = path.rsplit('/');
    let (name, project, folder) = (parts.next()?, parts.next()?, parts.next()?);
    let is_there = folder == "projects" && !matches!(project, "" | "." | "..") && name == file;
    is_there.then(|| [folder.to_owned(), project.to_owned(), file])
}

/// Derives from the end of a transcript how the turn ended that began after `since` (Unix milliseconds).
pub fn last_turn(agent: &str, tail: &[u8], since: u64) -> LastTurn {
    match agent {
        claude::NAME => claude::transcript::last_turn(tail, since),
        _ => LastTurn::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transcript_path_must_end_like_a_transcripts() {
        let below = |path| transcript_below("claude", "s1", Some(path), None);
        let expected = ["projects", "-home-dev", "s1.jsonl"].map(str::to_owned);
        for profile in
            ["/home/dev/.claude", "/data/projects/dev/.claude", "/link/to//it/", "relative"]
        {
            let path = format!("{profile}/projects/-home-dev/s1.jsonl");
            let found = transcript_below("claude", "s1", Some(&path), None);
            assert_eq!(found, Some(expected.clone()), "{path}");
        }
        let by_directory = transcript_below("claude", "s1", None, Some("/home/dev"));
        assert_eq!(by_directory, Some(expected));
        assert_eq!(transcript_below("claude", "../s1", None, Some("/home")), None);
        for path in [
            "/home/dev/.claude/projects/-home-dev/s2.jsonl",
            "/home/dev/.claude/projects/../s1.jsonl",
            "/home/dev/.claude/sessions/x/s1.jsonl",
            "/home/dev/.claude/projects/a/b/s1.jsonl",
            "/home/dev/.claudeprojects/a/s1.jsonl",
            "/etc/passwd",
            "s1.jsonl",
        ] {
            assert_eq!(below(path), None, "{path}");
        }
    }
}

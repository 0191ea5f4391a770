//! What agents leave in files while they run. Where a file is, and what it says; nothing is opened here.

use super::{Lookup, claude};
use crewboard_core::{About, Condition, Process, TurnOver};
use std::path::{Path, PathBuf};

/// A file in which an agent says what one of its processes does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConditionFile {
    /// The process it is of.
    pub process: Process,
    /// The agent's own word, as a source: `file:idle`.
    pub source: String,
    /// What it does.
    pub condition: Condition,
    /// Since when, in Unix milliseconds, by the agent's own clock.
    pub since: Option<u64>,
    /// The kernel's name of the pid namespace in which the process has that number.
    pub pid_namespace: Option<String>,
    /// What else it says.
    pub about: About,
}

/// What a transcript says of the last turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LastTurn {
    /// It ended; when, in Unix milliseconds.
    Over { how: TurnOver, at: u64 },
    /// The agent had its word, and it is the last that is written.
    Answered { message: String },
    /// It began, and no end is written.
    Running,
    /// Nothing is written of it.
    Unknown,
}

/// The directory under which an agent with that environment keeps its files. `None` where it keeps none
/// that we know.
pub fn profile_of(agent: &str, environment: &dyn Lookup) -> Option<PathBuf> {
    match agent {
        claude::NAME => {
            let own = environment.get("CLAUDE_CONFIG_DIR").map(PathBuf::from);
            let home = || environment.get("HOME").map(|home| Path::new(&home).join(".claude"));
            own.or_else(home).filter(|profile| profile.is_absolute())
        }
        _ => None,
    }
}

/// The folder in a profile that holds a file for each process.
pub fn conditions_folder(agent: &str) -> Option<&'static str> {
    (agent == claude::NAME).then_some("sessions")
}

/// The name of a process's file.
pub fn condition_file(process: Process) -> String {
    format!("{}.json", process.pid)
}

/// The pid that a file of that name is of.
pub fn pid_of(agent: &str, name: &str) -> Option<u32> {
    match agent {
        claude::NAME => claude::session_file::pid_of(name),
        _ => None,
    }
}

/// Reads a process's file; `None` where it is none, or not whole at this moment.
pub fn read_condition(agent: &str, text: &[u8]) -> Option<ConditionFile> {
    match agent {
        claude::NAME => claude::session_file::read(text),
        _ => None,
    }
}

/// The folders below a profile, and the name in the last of them, of a conversation's transcript: that of
/// the path that an event named, if it is where transcripts of that conversation are, else that which
/// the agent's directory leads to.
pub fn transcript_below(
    agent: &str,
    profile: &Path,
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
    let below = path.strip_prefix(profile.to_str()?)?.strip_prefix('/')?;
    let [folder, project, name] = below.split('/').collect::<Vec<_>>().try_into().ok()?;
    let is_there = folder == "projects" && !matches!(project, "" | "." | "..") && name == file;
    is_there.then(|| [folder.to_owned(), project.to_owned(), file])
}

/// What the end of a transcript says of the turn that began after `since` (Unix milliseconds).
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
    fn a_transcript_is_opened_only_where_transcripts_are() {
        let profile = Path::new("/home/dev/.claude");
        let below = |path| transcript_below("claude", profile, "s1", Some(path), None);
        let expected = ["projects", "-home-dev", "s1.jsonl"].map(str::to_owned);
        assert_eq!(below("/home/dev/.claude/projects/-home-dev/s1.jsonl"), Some(expected.clone()));
        let by_directory = transcript_below("claude", profile, "s1", None, Some("/home/dev"));
        assert_eq!(by_directory, Some(expected));
        assert_eq!(transcript_below("claude", profile, "../s1", None, Some("/home")), None);
        for path in [
            "/home/dev/.claude/projects/-home-dev/s2.jsonl",
            "/home/dev/.claude/projects/../s1.jsonl",
            "/home/dev/.claude/sessions/x/s1.jsonl",
            "/home/dev/.claude/projects/a/b/s1.jsonl",
            "/home/dev/.claudeprojects/a/s1.jsonl",
            "/etc/passwd",
            "projects/a/s1.jsonl",
        ] {
            assert_eq!(below(path), None, "{path}");
        }
    }
}

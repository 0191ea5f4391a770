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

/// Returns the directory under which an agent with that environment keeps its files, as the agent spells it:
/// it may be relative to the agent's own working directory. `None` where it keeps none that we know.
///
/// `transcript` is the path of one of its conversations, where a hook named it.
pub fn profile_of(
    agent: &str,
    environment: &dyn Lookup,
    transcript: Option<&str>,
) -> Option<PathBuf> {
    match agent {
        claude::NAME => {
            let own = environment.get("CLAUDE_CONFIG_DIR").map(PathBuf::from);
            let above = || claude::transcript::profile_above(Path::new(transcript?));
            let home = || environment.get("HOME").map(PathBuf::from);
            let usual =
                || home().filter(|home| home.is_absolute()).map(|home| home.join(".claude"));
            own.or_else(above).or_else(usual)
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

/// Returns the pid in the name of a file that an agent makes when it starts, before it has a session.
pub fn pid_of_start(agent: &str, name: &str) -> Option<u32> {
    match agent {
        claude::NAME => claude::session_file::pid_of_key(name),
        _ => None,
    }
}

/// Returns whether a process that was started with these words never makes a session file.
pub fn has_no_file(agent: &str, arguments: &[String]) -> bool {
    agent == claude::NAME && claude::has_no_file(arguments)
}

/// Reads a process's file; `None` where it is none, or not whole at this moment.
pub fn read_condition(agent: &str, text: &[u8]) -> Option<ConditionFile> {
    match agent {
        claude::NAME => claude::session_file::read(text),
        _ => None,
    }
}

/// Returns the folders below a profile, and the name in the last of them, of a conversation's transcript: the
/// end of the path that an event named, if that is where transcripts of that conversation are, else what
/// the agent's directory leads to.
///
/// The beginning of the path does not count: it may spell the profile in another way.
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

    #[derive(Debug)]
    struct Variables(&'static [(&'static str, &'static str)]);

    impl Lookup for Variables {
        fn get(&self, name: &str) -> Option<String> {
            let found = self.0.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        }
    }

    #[test]
    fn a_profile_is_named_by_variable_transcript_or_home() {
        const HOME: (&str, &str) = ("HOME", "/data/projects/ana");
        const OWN: (&str, &str) = ("CLAUDE_CONFIG_DIR", "/srv/claude");
        let below = |profile: &str| format!("{profile}/projects/-x/s.jsonl");
        let own_home = "/data/projects/ana/.claude";
        let cases: [(&'static [_], Option<String>, Option<&str>); 11] = [
            (&[HOME, OWN], None, Some("/srv/claude")),
            (&[HOME, OWN], Some(below(own_home)), Some("/srv/claude")),
            (&[HOME], None, Some(own_home)),
            (&[HOME], Some(below("/data/projects/ana/.w")), Some("/data/projects/ana/.w")),
            (&[], Some(below("/data/projects")), Some("/data/projects")),
            (&[], Some(below("/a/projects/projects/b")), Some("/a/projects/projects/b")),
            // A folder may be called so, with `CLAUDE_CODE_PROJECT_DIR_NAME`.
            (&[], Some("/a/.claude/projects/projects/s.jsonl".to_owned()), Some("/a/.claude")),
            (&[HOME], Some("/var/projects/s.jsonl".to_owned()), Some(own_home)),
            (&[("HOME", "ana")], None, None),
            (&[("CLAUDE_CONFIG_DIR", "w")], None, Some("w")),
            (&[], None, None),
        ];
        for (variables, transcript, expected) in cases {
            let found = profile_of(claude::NAME, &Variables(variables), transcript.as_deref());
            assert_eq!(found, expected.map(PathBuf::from), "{variables:?} {transcript:?}");
        }
    }

    #[test]
    fn a_transcript_is_opened_only_where_transcripts_are() {
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

//! The evidence in an agent's own files.

use crewboard_core::{FileMetadata, FileStatus, Process, TurnEnd};

/// The content of a session file: the state of one process of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionFile {
    /// The agent's process.
    pub process: Process,
    /// The source of the status, with the agent's own word: `file:idle`.
    pub source: String,
    pub status: FileStatus,
    /// The time at which the status began, in Unix milliseconds by the agent's own clock.
    pub since: Option<u64>,
    /// The kernel's name of the pid namespace in which the process has its pid.
    pub pid_namespace: Option<String>,
    /// The other fields.
    pub about: FileMetadata,
}

/// The state of the last turn in a transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LastTurn {
    /// The turn ended at this time, in Unix milliseconds.
    Over { how: TurnEnd, at: u64 },
    /// The last line is the agent's answer. No line reports the end of the turn yet.
    Answered { message: String },
    /// The turn began, and the transcript does not report its end.
    Running,
    /// The transcript has no line of the turn.
    Unknown,
}

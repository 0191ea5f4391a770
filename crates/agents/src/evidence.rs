//! What an agent's own files show of its sessions.

use crewboard_core::{FileMetadata, FileStatus, Process, TurnEnd};

/// The content of a session file: what one process of an agent does now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionFile {
    /// The agent's process.
    pub process: Process,
    /// The agent's word for the status, as a source: `file:idle`.
    pub source: String,
    pub status: FileStatus,
    /// When the status began, in Unix milliseconds by the agent's own clock.
    pub since: Option<u64>,
    /// The kernel's name of the pid namespace in which the process has its pid.
    pub pid_namespace: Option<String>,
    /// The other fields.
    pub about: FileMetadata,
}

/// What a transcript shows of the last turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LastTurn {
    /// The turn ended at this time, in Unix milliseconds.
    Over { how: TurnEnd, at: u64 },
    /// The last line is the agent's answer. Nothing says yet that the turn is over.
    Answered { message: String },
    /// The turn began, and the transcript has no end of it.
    Running,
    /// The transcript has no line of the turn.
    Unknown,
}

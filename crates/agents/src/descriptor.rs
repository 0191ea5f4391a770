//! The form in which each agent's room describes its agent.

use crate::evidence::{LastTurn, SessionFile};
use crate::settings_edit::{Entry, Handler};
use crate::{Surroundings, Version};
use crewboard_core::Report;
use std::path::{Path, PathBuf};

/// Everything that other rooms know about an agent.
#[derive(Debug)]
pub struct Agent {
    /// The name in `crewboard hook NAME`, which is also the name of its program.
    pub name: &'static str,
    /// The name for the user, such as `Claude Code`.
    pub title: &'static str,
    /// The newest version that Crewboard was tested with. A newer client gets the same hooks as this version.
    pub newest_tested: Version,
    /// The prefix that all names of its models share.
    pub model_prefix: &'static str,
    /// Its configuration directory.
    pub profile: ProfileLocation,
    /// The hooks that Crewboard registers.
    pub hooks: Hooks,
    /// The variable with the pid of the agent in the environment of a hook. Without one it is the hook's parent.
    pub(crate) pid_variable: Option<&'static str>,
    /// Translates a payload into a report; `None` if the payload is invalid or of no use.
    pub(crate) read_event: fn(&[u8], &Surroundings<'_>) -> Option<Report>,
    /// The files that it writes while it runs.
    pub(crate) files: Files,
    /// The way in which a session is resumed.
    pub resume: Resume,
    /// Each fact that the agent does not report, and what Crewboard shows instead.
    pub unknown: &'static [(&'static str, &'static str)],
}

/// The place of an agent's configuration directory.
#[derive(Debug)]
pub struct ProfileLocation {
    /// The variable that names the directory.
    pub variable: &'static str,
    /// The default directory below the home directory.
    pub directory: &'static str,
}

/// The hooks of an agent.
#[derive(Debug)]
pub struct Hooks {
    /// The name of the file with the hooks in the configuration directory.
    pub file: &'static str,
    /// The events that are registered, in the order of the file.
    pub events: &'static [Registration],
    /// Returns the entries for a program and a client of this version; `None` means the newest version.
    pub entries: fn(&str, Option<Version>) -> Vec<Entry>,
    /// Returns the program that a handler runs, if the handler is Crewboard's.
    pub our_program: fn(&Handler) -> Option<String>,
    /// Returns true if a handler is Crewboard's.
    pub is_ours: fn(&Handler) -> bool,
    /// True if the file also has other settings: a status line, which reports usage, and switches that turn hooks off.
    pub is_settings_file: bool,
    /// The step with which the user allows the hooks, and its reason, one sentence a line. Empty if the agent asks for none.
    pub trust: &'static [&'static str],
}

/// An event that Crewboard registers.
#[derive(Debug, Clone, Copy)]
pub struct Registration {
    /// The agent's name of the event.
    pub event: &'static str,
    /// The first version that knows the event. It may be too late, but never too early: some clients reject a file with
    /// an event that they do not know.
    pub since: Version,
    /// The tool calls for which the event fires, and so starts a process.
    pub tool_call: ToolCall,
    /// The fact that only this event reports.
    pub reason: &'static str,
}

/// Says for which tool calls an event fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToolCall {
    /// The event is not a part of every tool call.
    No,
    /// The event fires for each call.
    Always,
    /// The event fires for each call that succeeded.
    Succeeded,
    /// The event fires for each call that failed.
    Failed,
}

/// Returns a path below a profile for a conversation, the path in an event, and the working directory.
type TranscriptBelow = fn(&str, Option<&str>, Option<&str>) -> Option<Vec<String>>;

/// Returns a directory for the current directory, the folder of the transcript, and the transcript's first lines.
type FirstDirectory = fn(Option<&Path>, Option<&str>, &[u8]) -> Option<PathBuf>;

/// The files of an agent.
#[derive(Debug)]
pub(crate) struct Files {
    /// Returns the configuration directory above a transcript.
    pub(crate) profile_above: fn(&Path) -> Option<PathBuf>,
    /// The files that show the status of each process, if the agent writes such files.
    pub(crate) status: Option<SessionFiles>,
    /// Returns the path of a conversation's transcript below its profile, from the path in an event, or else from the
    /// working directory.
    pub(crate) transcript_below: TranscriptBelow,
    /// Derives from the end of a transcript how the turn ended that began after a time in Unix milliseconds.
    pub(crate) last_turn: fn(&[u8], u64) -> LastTurn,
}

/// The session files of an agent: one for each process.
#[derive(Debug)]
pub(crate) struct SessionFiles {
    /// The name of their directory in the profile.
    pub(crate) directory: &'static str,
    /// Returns the pid in the name of a session file.
    pub(crate) pid_of: fn(&str) -> Option<u32>,
    /// Returns the pid in the name of the file that the agent creates before its session file.
    pub(crate) pid_of_key: fn(&str) -> Option<u32>,
    /// Returns true if a process with these arguments never creates a session file.
    pub(crate) never_has_one: fn(&[String]) -> bool,
    /// Reads a session file.
    pub(crate) read: fn(&[u8]) -> Option<SessionFile>,
}

/// The way in which a session of an agent is resumed.
#[derive(Debug)]
pub struct Resume {
    /// Returns the arguments that resume a conversation, or `None` if the id cannot be one of the agent.
    pub arguments: fn(&str) -> Option<Vec<String>>,
    /// Returns the arguments that attach to a background session, from the directory of its job.
    pub attach_arguments: fn(&str) -> Option<Vec<String>>,
    /// Returns the directory in which a conversation must be resumed, from its current directory, the folder of its
    /// transcript, and the first lines of the transcript.
    pub directory: FirstDirectory,
}

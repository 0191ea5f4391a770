use crate::session::identity::{AgentName, ConversationId, Process};
use crate::session::place::{Place, sanitise_directory, sanitise_optional};
use crate::session::prompt::PromptKind;
use crate::text::clean_in_place;
use crate::time::Stamp;
use crate::{MAX_ID, MAX_LINE, MAX_PATH, MAX_USER_PROMPT};
use serde::{Deserialize, Serialize};

/// The content of an agent's own files about one process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// The agent.
    pub agent: AgentName,
    /// The process to which the file belongs.
    pub process: Process,
    /// The source, with the agent's own word for its status: `file:idle`.
    pub source: String,
    /// The time at which the daemon read the file.
    pub seen: Stamp,
    /// The result.
    pub finding: FileFinding,
    /// The metadata in the file.
    pub about: FileMetadata,
}

/// The result of reading an agent's file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FileFinding {
    /// The agent's own status, and when it began by the agent's own clock.
    #[serde(rename = "status")]
    FileStatus { status: FileStatus, since: Stamp },
    /// The same from a file that is not watched and was read because a client asked. No event reports its changes.
    UnwatchedStatus { status: FileStatus, since: Stamp },
    /// The agent removed its file, as it does when it exits.
    Removed,
    /// The file does not exist or cannot be read.
    Unreadable,
    /// The agent keeps no such file. Its transcript shows how a turn ends.
    NoSessionFile,
    /// The transcript shows how the turn ended that had begun before `at`.
    TurnEnd { how: TurnEnd, at: Stamp },
    /// The transcript does not show how the last turn ended.
    EndNotFound,
}

/// The status that an agent's session file shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FileStatus {
    /// The file has no status yet, or one that Crewboard does not know.
    Unknown,
    /// A turn runs, or a subagent works.
    Busy,
    /// The agent is at its prompt. At most background shells run.
    Idle { shells: bool },
    /// A prompt of this kind is open.
    Prompt { prompt_kind: PromptKind },
    /// Another dialog is open, such as a menu or an offer.
    Dialog,
    /// The conversation moved to a background process. This process only shows background sessions.
    MovedToBackground,
}

/// The end of a turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TurnEnd {
    /// The agent finished.
    Finished { message: String },
    /// The user interrupted the turn.
    Interrupted,
    /// The agent finished with a plan, and offers to carry it out.
    PlanOffered { plan: String },
    /// The turn ended with an API error.
    Failed { error: String, detail: String },
}

/// The metadata of a session in its session file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FileMetadata {
    /// The version of the agent's program.
    pub agent_version: Option<String>,
    /// The conversation. The first one of a process may differ from the one that the hooks name.
    pub session: ConversationId,
    /// The agent's working directory.
    pub cwd: Option<String>,
    /// The title that the agent or the user gave the conversation.
    pub title: Option<String>,
    /// No user can answer this agent.
    pub headless: bool,
    /// The job directory of a background session.
    pub job: Option<String>,
    /// The agent's configuration directory.
    pub profile: Option<String>,
    /// The place in which the agent runs.
    pub place: Place,
}

/// A request to read an agent's file once. The answer is an [`Observation`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileLookup {
    /// The agent.
    pub agent: AgentName,
    /// The process to which the file belongs.
    pub process: Process,
    /// The part to read.
    pub target: LookupTarget,
}

/// The part of an agent's files that a lookup reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LookupTarget {
    /// The present status in the session file.
    FileStatus,
    /// The end of a turn in the transcript, after a short delay, because agents write it late.
    TurnEnd(TranscriptQuery),
    /// The end of a turn in the transcript, as soon as the transcript grows.
    NextTurnEnd(TranscriptQuery),
    /// Cancels a [`LookupTarget::NextTurnEnd`].
    CancelNextTurnEnd,
}

/// A conversation and the turn to find in its transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TranscriptQuery {
    /// The conversation.
    pub session: ConversationId,
    /// The transcript's path, if a hook reported it.
    pub path: Option<String>,
    /// The agent's working directory, which names the transcript's folder.
    pub cwd: Option<String>,
    /// The time at which the turn began.
    pub since: Stamp,
}

impl FileFinding {
    /// Returns the time of the finding, if it has one of its own.
    pub fn moment(&mut self) -> Option<&mut Stamp> {
        match self {
            Self::FileStatus { since, .. } | Self::UnwatchedStatus { since, .. } => Some(since),
            Self::TurnEnd { at, .. } => Some(at),
            Self::Removed | Self::Unreadable | Self::NoSessionFile | Self::EndNotFound => None,
        }
    }
}

impl Observation {
    /// Cleans and bounds every text. The files of agents are not trusted before this.
    pub fn sanitise(&mut self) {
        self.agent.sanitise();
        clean_in_place(&mut self.source, MAX_ID, false);
        if let FileFinding::TurnEnd { how, .. } = &mut self.finding {
            match how {
                TurnEnd::Finished { message } => clean_in_place(message, MAX_USER_PROMPT, true),
                TurnEnd::PlanOffered { plan } => *plan = PromptKind::Plan.expose(plan),
                TurnEnd::Failed { error, detail } => {
                    clean_in_place(error, MAX_ID, false);
                    clean_in_place(detail, MAX_USER_PROMPT, true);
                }
                TurnEnd::Interrupted => {}
            }
        }
        let about = &mut self.about;
        about.session.sanitise();
        sanitise_optional(&mut about.agent_version, MAX_ID, false);
        sanitise_optional(&mut about.title, MAX_LINE, false);
        for field in [&mut about.cwd, &mut about.job] {
            sanitise_optional(field, MAX_PATH, false);
        }
        sanitise_directory(&mut about.profile);
        about.place.sanitise();
    }
}

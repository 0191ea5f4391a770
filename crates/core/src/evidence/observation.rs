use crate::session::identity::{AgentName, ConversationId, Process};
use crate::session::place::{Place, sanitise_directory, sanitise_optional};
use crate::state::prompts::PromptKind;
use crate::text::clean;
use crate::time::Stamp;
use crate::{MAX_ID, MAX_LINE, MAX_PATH, MAX_PROMPT};
use serde::{Deserialize, Serialize};

/// What an agent's own files said of one process: what no hook tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// Which agent it is.
    pub agent: AgentName,
    /// The process the file is of.
    pub process: Process,
    /// Who told, in the agent's own word: `file:idle`.
    pub source: String,
    /// When we looked.
    pub seen: Stamp,
    /// What we saw.
    pub finding: FileFinding,
    /// What the file says besides.
    pub about: FileMetadata,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FileFinding {
    /// The agent's own word for what it does, and since when by its own clock.
    #[serde(rename = "condition")]
    FileStatus { condition: FileStatus, since: Stamp },
    /// The same of a file that is not watched, read because a view asked: nothing tells when it changes.
    Glimpse { condition: FileStatus, since: Stamp },
    /// The agent took its file away, as it does when it leaves.
    Left,
    /// There is no such file, or none we may or can read.
    Blind,
    /// How the turn that began before `at` ended, by the conversation's transcript.
    #[serde(rename = "turn_over")]
    TurnEnd { how: TurnEnd, at: Stamp },
    /// The transcript does not tell how the last turn ended.
    NothingOver,
}

/// What an agent says it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FileStatus {
    /// It has not said yet, or in a word we do not know.
    Unknown,
    /// A turn runs, or a subagent works.
    Busy,
    /// At its prompt, and nothing runs but, it may be, shells in the background.
    Resting { shells: bool },
    /// A dialog is open that asks for this.
    Asking { request: PromptKind },
    /// Some other dialog is open, such as a menu or an offer.
    Dialog,
    /// Its conversation goes on in another process, in the background; here a list of such is shown, or that one.
    Parked,
}

/// How a turn ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TurnEnd {
    /// The agent had its last word.
    Finished { message: String },
    /// A person broke it off.
    Interrupted,
    /// The API failed.
    Failed { error: String, detail: String },
}

/// What a file says of the session besides what it does.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FileMetadata {
    /// The version of the program that the process runs.
    pub agent_version: Option<String>,
    /// The conversation; the process's first one may be another than its hooks tell of.
    pub session: ConversationId,
    /// The directory the agent works in.
    pub cwd: Option<String>,
    /// The title that the agent or the person gave the conversation.
    pub title: Option<String>,
    /// Nobody can answer this agent.
    pub headless: bool,
    /// The directory of a background session's job.
    pub job: Option<String>,
    /// The agent's configuration directory.
    pub profile: Option<String>,
    /// Where it runs.
    pub place: Place,
}

/// Something to be looked up, once; the answer comes as an [`Observation`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileLookup {
    /// Which agent it is.
    pub agent: AgentName,
    /// Whose files.
    pub process: Process,
    /// What to look for.
    pub subject: LookupTarget,
}

/// What to look for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LookupTarget {
    /// What the agent says it does now.
    FileStatus,
    /// How the turn ended: its transcript, read a moment from now, since it is written a moment after.
    TurnEnd(TranscriptQuery),
    /// The same, as soon as the transcript grows: there is nothing else that would tell.
    TurnEndToCome(TranscriptQuery),
    /// No more for that: the turn is over, or its end will be told otherwise.
    NoTurnEnd,
}

/// A conversation whose transcript is to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TranscriptQuery {
    /// The agent's own id of it.
    pub session: ConversationId,
    /// The transcript's path, where a hook told it.
    pub path: Option<String>,
    /// The directory the agent works in, which names the transcript's folder.
    pub cwd: Option<String>,
    /// When the turn began that is asked about.
    pub since: Stamp,
}

impl FileFinding {
    /// The moment it tells of, where it tells of another than that of the look.
    pub fn moment(&mut self) -> Option<&mut Stamp> {
        match self {
            Self::FileStatus { since, .. } | Self::Glimpse { since, .. } => Some(since),
            Self::TurnEnd { at, .. } => Some(at),
            Self::Left | Self::Blind | Self::NothingOver => None,
        }
    }
}

impl Observation {
    /// Cleans and bounds every text: agents' files are not trusted before this.
    pub fn sanitise(&mut self) {
        self.agent.sanitise();
        self.source = clean(&self.source, MAX_ID, false);
        if let FileFinding::TurnEnd { how, .. } = &mut self.finding {
            match how {
                TurnEnd::Finished { message } => *message = clean(message, MAX_PROMPT, true),
                TurnEnd::Failed { error, detail } => {
                    *error = clean(error, MAX_ID, false);
                    *detail = clean(detail, MAX_PROMPT, true);
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

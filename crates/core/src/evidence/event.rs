use crate::session::identity::{
    AgentName, ConversationId, InputDigest, Process, SubagentId, ToolUseId, TurnId,
};
use crate::session::place::{Place, sanitise_directory, sanitise_optional};
use crate::session::status::Status;
use crate::session::usage::UsageReport;
use crate::state::prompts::PromptKind;
use crate::text::clean;
use crate::time::Stamp;
use crate::{MAX_BACKGROUND, MAX_ID, MAX_LINE, MAX_PATH, MAX_PROMPT, MAX_REQUEST_TEXT};
use serde::{Deserialize, Serialize};

/// One event of one agent, with all that came with it: what a hook sends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Which agent it is.
    pub agent: AgentName,
    /// The conversation the event belongs to.
    pub session: ConversationId,
    /// Who told us, in the agent's own words: `hook:PermissionRequest`, `report`.
    pub source: String,
    /// When the hook process started.
    pub stamp: Stamp,
    /// The agent's own process; unknown for `crewboard report` and in containers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<Process>,
    /// Set where the event is a subagent's and not the session's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subagent: Option<SubagentId>,
    /// What kind of subagent, in the agent's own word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subagent_type: Option<String>,
    /// The agent's own id of the turn the event is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<TurnId>,
    /// The directory the agent works in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// The branch `cwd` is on: empty if it is on none, absent if nobody looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The folder the session was started for; names the row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// The agent's configuration directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The path of the conversation's transcript. A text to show; it is not opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transcript: Option<String>,
    /// The agent's permission mode, in its own word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// The model, in the agent's own word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// A program started this agent (`claude -p`, an SDK): no user can answer it, unless its file shows that
    /// dialogs are answered.
    #[serde(default, skip_serializing_if = "is_false")]
    pub headless: bool,
    /// The agent was started without a prompt, and a program sends it its prompts.
    #[serde(default, skip_serializing_if = "is_false")]
    pub resident: bool,
    /// The teammate that the agent was started as, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub teammate: Option<Teammate>,
    /// A background session's job (its directory); it has no pane of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// Where the agent runs.
    #[serde(default)]
    pub place: Place,
    /// The sender counts processes otherwise than the daemon: it is in a container. Set by the daemon.
    #[serde(default, skip_serializing_if = "is_false")]
    pub elsewhere: bool,
    /// What happened.
    pub event: Event,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_false(value: &bool) -> bool {
    !*value
}

/// What happened, in Crewboard's own terms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    /// A conversation began or was taken up in this process.
    SessionStarted { origin: StartOrigin },
    /// The conversation left this process.
    SessionEnded { reason: EndReason },
    /// A prompt was sent.
    PromptSubmitted {
        prompt: String,
        /// Nobody typed it: the agent was woken by background work.
        #[serde(default, skip_serializing_if = "is_false")]
        automatic: bool,
        /// The background task whose end woke the agent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ended_task: Option<String>,
    },
    /// A tool is about to run (or to ask whether it may).
    ToolStarted {
        tool: String,
        /// What it is asked to do, in a line.
        text: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tool_use: Option<ToolUseId>,
        /// The digest of its whole input: pairs a request that bears no tool-use id with its tool.
        input: InputDigest,
        /// What the tool asks a person for, where asking is what it is for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        asks: Option<PromptKind>,
    },
    /// A tool ran, well or not.
    ToolEnded {
        tool: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tool_use: Option<ToolUseId>,
        input: InputDigest,
    },
    /// All tools of one answer are over, the refused ones too.
    ToolsEnded,
    /// The agent waits for a person.
    RequestOpened {
        request: PromptKind,
        tool: String,
        /// The whole question, plan or input of the tool.
        text: String,
        /// The same in a line, where that is not just `text` with marks for its line breaks.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        line: String,
        input: InputDigest,
    },
    /// A request is over without its tool having run.
    RequestClosed {
        tool: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tool_use: Option<ToolUseId>,
        input: InputDigest,
    },
    /// The agent says that it has been waiting for a person for a while.
    AttentionCalled { request: PromptKind, text: String },
    /// The agent says that it has been at its prompt for a while.
    Rested,
    /// The turn is over.
    TurnEnded {
        /// The agent's last words.
        message: String,
        /// What goes on all the same.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        background: Vec<BackgroundTask>,
        /// Wake-ups it has planned for itself.
        #[serde(default, skip_serializing_if = "is_zero")]
        scheduled: u32,
    },
    /// The turn ended in an error of the API.
    TurnFailed {
        /// The kind of error, in the agent's own word (`rate_limit`).
        error: String,
        detail: String,
    },
    /// The report's subagent began.
    SubagentStarted,
    /// The report's subagent ended.
    SubagentEnded,
    /// What the agent's status line told of what it uses. No news of what it does.
    #[serde(rename = "usage_told")]
    UsageReport(UsageReport),
    /// The hook read the branch after it had sent the event of the same moment: the report's `branch`. No
    /// news of what the agent does.
    BranchRead,
    /// `crewboard report`: the reporter names the status itself.
    StatusReported {
        status: Status,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        activity: String,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        text: String,
    },
    /// An event of a newer hook than this daemon. It still says that the agent lives and where.
    #[serde(other)]
    Unknown,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(value: &u32) -> bool {
    *value == 0
}

/// How a conversation came into a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StartOrigin {
    /// A new conversation in a new process.
    Startup,
    /// A former conversation is taken up again.
    Resume,
    /// A copy of a former conversation goes on.
    Fork,
    /// A new conversation after `/clear`.
    Clear,
    /// The same conversation, its context made smaller.
    Compact,
    #[serde(other)]
    Unknown,
}

/// Why a conversation left a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// Another conversation takes its place in the same process.
    Switch,
    /// The agent leaves.
    #[serde(other)]
    Exit,
}

/// Something that goes on after a turn has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackgroundTask {
    /// The agent's id of it; for a subagent the subagent's id.
    pub id: String,
    /// `shell`, `subagent`, `monitor`, …
    pub kind: String,
}

/// A session that another one, its lead, started in a process of its own, and that reports to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Teammate {
    /// The name that its lead gave it.
    pub name: String,
    /// Its lead's conversation.
    pub lead: ConversationId,
}

impl Report {
    /// A report of which nothing is known but who, when and what.
    pub fn new(agent: &str, session: &str, source: &str, stamp: Stamp, event: Event) -> Self {
        Self {
            agent: AgentName::new(agent),
            session: ConversationId::new(session),
            source: source.to_owned(),
            stamp,
            process: None,
            subagent: None,
            subagent_type: None,
            turn: None,
            cwd: None,
            branch: None,
            project: None,
            profile: None,
            transcript: None,
            mode: None,
            model: None,
            headless: false,
            resident: false,
            teammate: None,
            job: None,
            place: Place::default(),
            elsewhere: false,
            event,
        }
    }

    /// It comes from where numbers and paths are others: a container. What it names here may be another process,
    /// and another's files and terminals.
    pub fn come_from_elsewhere(&mut self) {
        self.elsewhere = true;
        self.process = None;
        self.profile = None;
        self.transcript = None;
        self.job = None;
        self.place = Place { tty: None, ..std::mem::take(&mut self.place).without_pane() };
    }

    /// Cleans and bounds every text: nothing that came over a socket is trusted before this.
    pub fn sanitise(&mut self) {
        self.agent.sanitise();
        self.session.sanitise();
        self.source = clean(&self.source, MAX_ID, false);
        if let Some(subagent) = &mut self.subagent {
            subagent.sanitise();
        }
        if let Some(turn) = &mut self.turn {
            turn.sanitise();
        }
        for field in [&mut self.subagent_type, &mut self.mode, &mut self.model] {
            sanitise_optional(field, MAX_ID, false);
        }
        for field in [&mut self.cwd, &mut self.project, &mut self.transcript, &mut self.job] {
            sanitise_optional(field, MAX_PATH, false);
        }
        sanitise_directory(&mut self.profile);
        if let Some(branch) = &mut self.branch {
            // Not as the others: an empty one says something.
            *branch = clean(branch, MAX_LINE, false);
        }
        if let Some(teammate) = &mut self.teammate {
            teammate.name = clean(&teammate.name, MAX_ID, false);
            teammate.lead.sanitise();
        }
        self.place.sanitise();
        self.event.sanitise();
    }
}

impl Event {
    /// Whether it can only be the last of something: no session begins, or lives again, with it.
    pub(crate) fn is_last_word(&self) -> bool {
        matches!(self, Self::SessionEnded { .. } | Self::SubagentEnded | Self::Rested)
    }

    fn sanitise(&mut self) {
        match self {
            Self::PromptSubmitted { prompt, ended_task, .. } => {
                *prompt = clean(prompt, MAX_PROMPT, true);
                sanitise_optional(ended_task, MAX_ID, false);
            }
            Self::ToolStarted { tool, text, tool_use, .. } => {
                *tool = PromptKind::Permission.expose_line(tool, MAX_ID);
                *text = PromptKind::Permission.expose_line(text, MAX_LINE);
                sanitise_tool_use(tool_use);
            }
            Self::ToolEnded { tool, tool_use, .. } | Self::RequestClosed { tool, tool_use, .. } => {
                *tool = PromptKind::Permission.expose_line(tool, MAX_ID);
                sanitise_tool_use(tool_use);
            }
            Self::RequestOpened { request, tool, text, line, .. } => {
                *tool = PromptKind::Permission.expose_line(tool, MAX_ID);
                *text = request.expose(text);
                *line = request.expose_line(line, MAX_LINE);
            }
            Self::AttentionCalled { request, text } => *text = request.expose(text),
            Self::TurnEnded { message, background, .. } => {
                *message = clean(message, MAX_PROMPT, true);
                background.truncate(MAX_BACKGROUND);
                for task in background {
                    task.id = clean(&task.id, MAX_ID, false);
                    task.kind = clean(&task.kind, MAX_ID, false);
                }
            }
            Self::TurnFailed { error, detail } => {
                *error = clean(error, MAX_ID, false);
                *detail = clean(detail, MAX_PROMPT, true);
            }
            Self::StatusReported { status, activity, text } => {
                if let Some(request) = status.request() {
                    *activity = request.expose_line(activity, MAX_LINE);
                    *text = request.expose(text);
                } else {
                    *activity = clean(activity, MAX_LINE, false);
                    *text = clean(text, MAX_REQUEST_TEXT, true);
                }
            }
            Self::UsageReport(told) => told.sanitise(),
            Self::SessionStarted { .. }
            | Self::SessionEnded { .. }
            | Self::ToolsEnded
            | Self::Rested
            | Self::SubagentStarted
            | Self::SubagentEnded
            | Self::BranchRead
            | Self::Unknown => {}
        }
    }
}

fn sanitise_tool_use(tool_use: &mut Option<ToolUseId>) {
    if let Some(id) = tool_use {
        id.sanitise();
    }
}

use crate::evidence::program::{ProgramEnd, ProgramRecord};
use crate::session::identity::{
    AgentName, ConversationId, InputDigest, Process, SubagentId, ToolUseId, TurnId,
};
use crate::session::place::{Place, sanitise_directory, sanitise_optional};
use crate::session::prompt::PromptKind;
use crate::session::pull_request::{PullRequest, sanitise_repository};
use crate::session::status::Status;
use crate::session::usage::UsageReport;
use crate::text::clean_in_place;
use crate::time::Stamp;
use crate::{MAX_BACKGROUND, MAX_ID, MAX_LINE, MAX_PATH, MAX_PROMPT_TEXT, MAX_USER_PROMPT};
use serde::{Deserialize, Serialize};

/// One event of one agent with its metadata. A hook sends it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The agent.
    pub agent: AgentName,
    /// The conversation to which the event belongs.
    pub session: ConversationId,
    /// The source of the event: `hook:PermissionRequest`, `report`.
    pub source: String,
    /// The time at which the hook process started.
    pub stamp: Stamp,
    /// The agent's own process. It is unknown for `crewboard report` and in containers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<Process>,
    /// The subagent, if the event is a subagent's and not the session's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subagent: Option<SubagentId>,
    /// The kind of subagent, as the agent spells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subagent_type: Option<String>,
    /// The agent's own id of the event's turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<TurnId>,
    /// The agent's working directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// The git branch of `cwd`. It is empty if there is none, and absent if the hook has not read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The repository of `cwd` at its forge. Only a status line reports it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// The open pull request of the branch. Only a status line reports it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_request: Option<PullRequest>,
    /// The top directory of the git repository of `cwd`, if the hook has read `branch` and `cwd` is in a repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository_root: Option<String>,
    /// The folder for which the session was started. It names the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// The agent's configuration directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The path of the conversation's transcript. It is shown and never opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transcript: Option<String>,
    /// The agent's permission mode, as the agent spells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// The model, as the agent spells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// A program started this agent (`claude -p`, an SDK). No user can answer it, unless its session file shows a
    /// prompt that stays open.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub headless: bool,
    /// The agent was started without a prompt, and a program sends it its prompts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub resident: bool,
    /// The teammate as which the agent was started, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub teammate: Option<Teammate>,
    /// The job directory of a background session, which has no pane of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// The place in which the agent runs.
    #[serde(default)]
    pub place: Place,
    /// The sender is in another process namespace than the daemon, such as a container. The daemon sets this.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub elsewhere: bool,
    /// The event.
    pub event: Event,
}

/// An event in Crewboard's own terms.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    /// A conversation began or was resumed in this process.
    SessionStarted { origin: StartOrigin },
    /// The conversation left this process.
    SessionEnded { reason: EndReason },
    /// The agent got a user prompt.
    PromptSubmitted {
        prompt: String,
        /// Background work woke the agent, and the user typed nothing.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        automatic: bool,
        /// The background task whose end woke the agent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ended_task: Option<String>,
    },
    /// A tool is about to run, or to ask for permission.
    ToolStarted {
        tool: String,
        /// The tool's input, in one line.
        text: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tool_use: Option<ToolUseId>,
        /// The digest of the whole input, which pairs a prompt without a tool-use id with its tool.
        input: InputDigest,
        /// The kind of prompt that the tool itself shows, if that is its purpose.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        asks: Option<PromptKind>,
    },
    /// A tool has run, with or without success.
    ToolEnded {
        tool: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tool_use: Option<ToolUseId>,
        input: InputDigest,
    },
    /// All tools of one answer of the model have ended, including the denied ones.
    ToolsEnded,
    /// A prompt opened.
    PromptOpened {
        prompt_kind: PromptKind,
        tool: String,
        /// The whole question, plan or input of the tool.
        text: String,
        /// The same in one line. It is empty if that is `text` with marks for its line breaks.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        line: String,
        input: InputDigest,
    },
    /// A prompt closed, and its tool has not run.
    PromptClosed {
        tool: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tool_use: Option<ToolUseId>,
        input: InputDigest,
    },
    /// The agent reports that it has been waiting for the user for a while.
    AttentionRequested { prompt_kind: PromptKind, text: String },
    /// The agent reports that it has been idle for a while.
    IdleReported,
    /// The turn is over.
    TurnEnded {
        /// The agent's last message.
        message: String,
        /// The background work that still runs.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        background: Vec<BackgroundTask>,
        /// The number of wake-ups that the agent has planned for itself.
        #[serde(default, skip_serializing_if = "is_zero")]
        scheduled: u32,
    },
    /// The user interrupted the turn, or refused a call so that the turn is over.
    TurnInterrupted,
    /// The turn ended with an API error.
    TurnFailed {
        /// The kind of error, as the agent spells it (`rate_limit`).
        error: String,
        detail: String,
    },
    /// The report's subagent started.
    SubagentStarted,
    /// The report's subagent ended.
    SubagentEnded,
    /// The agent's status line reported usage. This changes no status.
    #[serde(rename = "usage_reported")]
    UsageReport(UsageReport),
    /// The hook read the report's `branch` after it had sent its event. This changes no status.
    BranchRead,
    /// `crewboard report` named the status itself.
    StatusReported {
        status: Status,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        activity: String,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        text: String,
    },
    /// `crewboard run` started the report's process.
    ProgramStarted,
    /// The program of `crewboard run` reported a status to its terminal.
    ProgramReported(ProgramRecord),
    /// The program of `crewboard run` ended.
    ProgramExited(ProgramEnd),
    /// An event of a hook that is newer than this daemon. Its metadata still counts.
    #[default]
    #[serde(other)]
    Unknown,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(value: &u32) -> bool {
    *value == 0
}

/// The origin of a conversation in a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StartOrigin {
    /// A new conversation in a new process.
    Startup,
    /// A former conversation is resumed.
    Resume,
    /// A copy of a former conversation continues.
    Fork,
    /// A new conversation after `/clear`.
    Clear,
    /// The same conversation with a compacted context.
    Compact,
    #[serde(other)]
    Unknown,
}

/// The reason why a conversation left a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// Another conversation replaces it in the same process.
    Switch,
    /// The agent exits.
    #[serde(other)]
    Exit,
}

/// A task that still runs after a turn has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackgroundTask {
    /// The agent's own id of the task. A subagent's task has the subagent's id.
    pub id: String,
    /// `shell`, `subagent`, `monitor`, …
    pub kind: String,
}

/// An agent that another session, its lead, started in a process of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Teammate {
    /// The name that the lead gave the teammate.
    pub name: String,
    /// The lead's conversation.
    pub lead: ConversationId,
}

impl Report {
    /// Creates a report without metadata.
    pub fn new(agent: &str, session: &str, source: &str, stamp: Stamp, event: Event) -> Self {
        Self {
            agent: AgentName::new(agent),
            session: ConversationId::new(session),
            source: source.to_owned(),
            stamp,
            event,
            ..Self::default()
        }
    }

    /// Marks the report as one from a container, and removes the processes, paths and panes that mean something else
    /// outside of it.
    pub fn come_from_elsewhere(&mut self) {
        self.elsewhere = true;
        self.process = None;
        self.profile = None;
        self.transcript = None;
        self.job = None;
        self.place = Place { tty: None, ..std::mem::take(&mut self.place).without_pane() };
    }

    /// Cleans and bounds every text. Nothing that came over a socket is trusted before this.
    pub fn sanitise(&mut self) {
        self.agent.sanitise();
        self.session.sanitise();
        clean_in_place(&mut self.source, MAX_ID, false);
        if let Some(subagent) = &mut self.subagent {
            subagent.sanitise();
        }
        if let Some(turn) = &mut self.turn {
            turn.sanitise();
        }
        for field in [&mut self.subagent_type, &mut self.mode, &mut self.model] {
            sanitise_optional(field, MAX_ID, false);
        }
        let paths =
            [&mut self.cwd, &mut self.repository_root, &mut self.project, &mut self.transcript];
        for field in paths.into_iter().chain([&mut self.job]) {
            sanitise_optional(field, MAX_PATH, false);
        }
        sanitise_directory(&mut self.profile);
        if let Some(branch) = &mut self.branch {
            // An empty branch stays, because it means that there is no branch.
            clean_in_place(branch, MAX_LINE, false);
        }
        sanitise_repository(&mut self.repository, &mut self.pull_request);
        if let Some(teammate) = &mut self.teammate {
            clean_in_place(&mut teammate.name, MAX_ID, false);
            teammate.lead.sanitise();
        }
        self.place.sanitise();
        self.event.sanitise();
    }
}

impl Event {
    /// Returns true for an event that ends something. Such an event creates and reopens no session.
    pub(crate) fn is_final(&self) -> bool {
        matches!(
            self,
            Self::SessionEnded { .. }
                | Self::SubagentEnded
                | Self::IdleReported
                | Self::ProgramExited(_)
                | Self::TurnInterrupted
        )
    }

    /// Returns true for an event with which the user starts something.
    pub(crate) fn is_start(&self) -> bool {
        matches!(self, Self::SessionStarted { .. } | Self::PromptSubmitted { automatic: false, .. })
    }

    fn sanitise(&mut self) {
        match self {
            Self::PromptSubmitted { prompt, ended_task, .. } => {
                clean_in_place(prompt, MAX_USER_PROMPT, true);
                sanitise_optional(ended_task, MAX_ID, false);
            }
            Self::ToolStarted { tool, text, tool_use, .. } => {
                *tool = PromptKind::Permission.expose_line(tool, MAX_ID);
                *text = PromptKind::Permission.expose_line(text, MAX_LINE);
                sanitise_tool_use(tool_use);
            }
            Self::ToolEnded { tool, tool_use, .. } | Self::PromptClosed { tool, tool_use, .. } => {
                *tool = PromptKind::Permission.expose_line(tool, MAX_ID);
                sanitise_tool_use(tool_use);
            }
            Self::PromptOpened { prompt_kind, tool, text, line, .. } => {
                *tool = PromptKind::Permission.expose_line(tool, MAX_ID);
                *text = prompt_kind.expose(text);
                *line = prompt_kind.expose_line(line, MAX_LINE);
            }
            Self::AttentionRequested { prompt_kind, text } => *text = prompt_kind.expose(text),
            Self::TurnEnded { message, background, .. } => {
                clean_in_place(message, MAX_USER_PROMPT, true);
                background.truncate(MAX_BACKGROUND);
                for task in background {
                    clean_in_place(&mut task.id, MAX_ID, false);
                    clean_in_place(&mut task.kind, MAX_ID, false);
                }
            }
            Self::TurnFailed { error, detail } => {
                clean_in_place(error, MAX_ID, false);
                clean_in_place(detail, MAX_USER_PROMPT, true);
            }
            Self::StatusReported { status, activity, text } => {
                if let Some(prompt_kind) = PromptKind::of_status(*status) {
                    *activity = prompt_kind.expose_line(activity, MAX_LINE);
                    *text = prompt_kind.expose(text);
                } else {
                    clean_in_place(activity, MAX_LINE, false);
                    clean_in_place(text, MAX_PROMPT_TEXT, true);
                }
            }
            Self::UsageReport(usage) => usage.sanitise(),
            Self::ProgramReported(record) => record.sanitise(),
            Self::SessionStarted { .. }
            | Self::SessionEnded { .. }
            | Self::ToolsEnded
            | Self::IdleReported
            | Self::TurnInterrupted
            | Self::SubagentStarted
            | Self::SubagentEnded
            | Self::BranchRead
            | Self::ProgramStarted
            | Self::ProgramExited(_)
            | Self::Unknown => {}
        }
    }
}

fn sanitise_tool_use(tool_use: &mut Option<ToolUseId>) {
    if let Some(id) = tool_use {
        id.sanitise();
    }
}

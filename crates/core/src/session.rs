pub(crate) mod identity;
pub(crate) mod place;
pub(crate) mod status;
pub(crate) mod usage;

use crate::session::identity::{AgentName, ConversationId, Process, RowKey, SubagentId};
use crate::session::place::Place;
use crate::session::status::Status;
use crate::state::prompts::Prompt;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::cmp::{Ordering, Reverse};

/// A row: one agent process with its present conversation. Its JSON is what `list --json` prints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a field of its own in the JSON")]
pub struct Session {
    /// Constant for the row's life; subscriptions and waits name it by this.
    pub key: RowKey,
    /// Which agent runs here.
    pub agent: AgentName,
    /// The version of the agent's program, in the agent's own word.
    pub agent_version: Option<String>,
    /// The present conversation; former ones are in `lineage`.
    pub id: ConversationId,
    /// What it is doing.
    pub status: Status,
    /// When the status was entered.
    pub since: Timestamp,
    /// Who told: `hook:Stop`, `process:exited`, `report`, …
    pub source: String,
    /// False where nothing would tell us if the status were no longer true.
    pub confirmed: bool,
    /// Why it is not confirmed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unconfirmed: Option<String>,
    /// Its process is suspended (Ctrl-Z), as far as somebody has looked.
    pub stopped: bool,
    /// It waits for a person; or it failed or is done, and nobody has seen that.
    pub needs_you: bool,
    /// A person has seen this status; the next one is unseen again.
    pub seen: bool,
    /// ChangeKind on top of the board.
    pub pinned: bool,
    /// Quiet until then, or until the next status.
    pub snoozed_until: Option<Timestamp>,
    /// Hidden until it next needs you.
    pub dismissed: bool,
    /// What it does, or its last words, in one line.
    pub activity: Option<String>,
    /// What it waits for, where the status is a request's.
    pub request: Option<Prompt>,
    /// What still runs after the turn ended.
    pub background: u32,
    /// Wake-ups planned.
    pub scheduled: u32,
    /// Those at work, in the order in which they were heard of.
    pub subagents: Vec<Subagent>,
    /// A short name for people: the project's folder.
    pub name: String,
    /// The directory it works in.
    pub cwd: Option<String>,
    /// The git branch of that directory.
    pub branch: Option<String>,
    /// The conversation's title.
    pub title: Option<String>,
    /// The last prompt a person typed.
    pub prompt: Option<String>,
    /// The model, in the agent's own word.
    pub model: Option<String>,
    /// The agent's permission mode, in its own word.
    pub mode: Option<String>,
    /// No user can answer it, as far as is known; it never needs you.
    pub headless: bool,
    /// The row of the agent that runs this one.
    pub parent: Option<RowKey>,
    /// The name by which its lead knows it, where it is a teammate. It works for the row `parent`, which hears what
    /// became of it and asks for it.
    pub teammate: Option<String>,
    /// The directory of a background session's job; such a session has no pane.
    pub job: Option<String>,
    /// The agent's configuration directory: that of `origin`, where it is known, else what an event claims.
    pub profile: Option<String>,
    /// The path of its transcript. A text to show; it is not opened.
    pub transcript: Option<String>,
    /// How its process was started. Absent where nothing but events tells: they can claim anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// Its process's number.
    pub pid: Option<u32>,
    /// The process's start time (see [`Process::start`]).
    pub pid_start: Option<u64>,
    /// Where it runs.
    pub place: Place,
    /// What the conversation has used, where something tells.
    pub usage: Option<Usage>,
    /// When the row was first heard of.
    pub started: Timestamp,
    /// When anything of it but `usage` and what came with that last changed.
    pub updated: Timestamp,
    /// Former conversations of this row, oldest first.
    pub lineage: Vec<ConversationId>,
    /// How it ended, where it has.
    pub end: Option<End>,
    /// Which daemon counted `revision`.
    pub epoch: String,
    /// Counts every change of every row.
    pub revision: u64,
    /// The last statuses, oldest first. Only in snapshots: a notice must not grow with age.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<Transition>,
}

/// How an agent's process was started, as the kernel said it when the daemon began to watch the process.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Origin {
    /// The agent's configuration directory, by the variables of the process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The working directory of the process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
}

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum End {
    /// It said goodbye.
    Exit,
    /// It died without a word.
    Killed,
    /// It cannot be watched and was silent for a day.
    Lost,
}

/// A subagent at work within a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subagent {
    /// The agent's own id of it.
    pub id: SubagentId,
    /// What kind of subagent, in the agent's own word.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Working, or the request that it waits with.
    pub status: Status,
    /// When it began, or began to wait.
    pub since: Timestamp,
}

/// A status entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transition {
    /// The status.
    pub status: Status,
    /// When it was entered.
    pub at: Timestamp,
}

/// What the conversation has used.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// How full the model's context is, 0 to 100.
    pub context_percent: Option<f64>,
    /// What it has cost, in US dollars.
    pub cost_usd: Option<f64>,
    /// When that was told, to the minute.
    pub at: Timestamp,
}

impl Default for Session {
    fn default() -> Self {
        Self {
            key: RowKey::default(),
            agent: AgentName::default(),
            agent_version: None,
            id: ConversationId::default(),
            status: Status::Idle,
            since: Timestamp::default(),
            source: String::new(),
            confirmed: false,
            unconfirmed: None,
            stopped: false,
            needs_you: false,
            seen: false,
            pinned: false,
            snoozed_until: None,
            dismissed: false,
            activity: None,
            request: None,
            background: 0,
            scheduled: 0,
            subagents: Vec::new(),
            name: String::new(),
            cwd: None,
            branch: None,
            title: None,
            prompt: None,
            model: None,
            mode: None,
            headless: false,
            parent: None,
            teammate: None,
            job: None,
            profile: None,
            transcript: None,
            origin: None,
            pid: None,
            pid_start: None,
            place: Place::default(),
            usage: None,
            started: Timestamp::default(),
            updated: Timestamp::default(),
            lineage: Vec::new(),
            end: None,
            epoch: String::new(),
            revision: 0,
            history: Vec::new(),
        }
    }
}

impl Session {
    /// The agent's process, where it is known.
    pub fn process(&self) -> Option<Process> {
        Some(Process { pid: self.pid?, start: self.pid_start? })
    }

    /// The order of the list: what needs you first, longest wait first; then working, done and
    /// seen, idle, closed. In each of these the pinned come first, then the oldest session first (the latest closed first), so that
    /// rows do not trade places as they work.
    pub fn compare_for_list(&self, other: &Self) -> Ordering {
        let waiting = |session: &Self| if session.needs_you { session.since.0 } else { 0 };
        let closed = |session: &Self| {
            Reverse(if session.status == Status::Closed { session.since.0 } else { 0 })
        };
        (self.list_group(), !self.pinned, waiting(self), closed(self), self.started, &self.key).cmp(
            &(
                other.list_group(),
                !other.pinned,
                waiting(other),
                closed(other),
                other.started,
                &other.key,
            ),
        )
    }

    fn list_group(&self) -> u8 {
        match self.status {
            _ if self.needs_you => 0,
            Status::Permission | Status::Question | Status::Plan | Status::Working => 1,
            Status::Failed | Status::Done => 2,
            Status::Idle => 3,
            Status::Closed => 4,
        }
    }
}

use crewboard_core::{Goal, Limits, Mark, Observation, Report, RowKey, Session, WaitScope};
use serde::{Deserialize, Serialize};

/// What a client asks, or tells, the daemon.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Request {
    /// An agent's event. Never answered: a hook does not wait.
    Event(EventLine),
    /// What somebody saw in an agent's files: how a recording is played. Never answered.
    Observe(ObservationLine),
    /// All rows, then every change, until the client leaves.
    Subscribe {
        #[serde(skip_serializing_if = "Option::is_none")]
        after: Option<After>,
    },
    /// All rows, once.
    List,
    /// One reply, when the rows have reached a goal or no longer can.
    Wait(WaitRequest),
    /// Why a row has the status it has.
    Explain { row: RowKey },
    /// A person marks a row.
    Mark { row: RowKey, mark: Mark },
    /// A row that an earlier daemon had told this client.
    Restore { row: Box<Session> },
    /// The accounts' limits that an earlier daemon had told this client.
    RestoreLimits { limits: Vec<Limits> },
    /// Look whether agents are suspended: a visible clock has ticked. Never answered.
    Look,
    /// Whether this subscriber can call a person: one of those that can gets each announcement. Never
    /// answered.
    Attend { on: bool },
    /// This subscriber told the person what the announcement of this number says. Never answered.
    Told { id: u64 },
    /// Something that a person is to be told now, by a view that can. Answered when one has, or none did.
    Announce { title: String, text: String },
    /// The client has shown the user that this many events were lost. Never answered.
    LossesSeen { count: u64 },
    /// Every event that the daemon takes in and every process's end, from now on.
    Record,
    /// Who is there.
    Hello {
        /// The newest protocol the client speaks.
        #[serde(default)]
        protocol: u32,
    },
    /// Leave.
    Stop,
}

/// The line a hook writes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EventLine {
    /// The hook's own pid as it sees itself. Where the socket's peer has another, the hook is in
    /// another pid namespace and no pid it names can be trusted to be ours.
    #[serde(default)]
    pub hook_pid: u32,
    /// The event.
    pub report: Box<Report>,
}

/// What was seen in an agent's files.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ObservationLine {
    /// The sender's own pid as it sees itself, as in an [`EventLine`].
    #[serde(default)]
    pub hook_pid: u32,
    /// What was seen.
    pub observation: Box<Observation>,
}

/// From where to resume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct After {
    /// The daemon's run whose revision it is.
    pub epoch: String,
    /// The last revision that is known (`known`, or that of `synced`).
    pub revision: u64,
}

/// What to wait for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitRequest {
    /// What the rows should reach.
    pub goal: Goal,
    /// How many of them.
    pub scope: WaitScope,
    /// The rows it is pinned to; all present ones where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<Vec<RowKey>>,
    /// Rows that come later count too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub new: bool,
    /// Rows named that are not there yet are waited for: a client that saw its daemon die asks so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub missing_may_come: bool,
    /// Rows that reached the goal before: a client that saw its daemon die remembers them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reached: Vec<RowKey>,
}

impl Request {
    /// The request as a line, its newline included.
    pub fn encode(&self) -> Vec<u8> {
        crate::reply::encode_line(self)
    }
}

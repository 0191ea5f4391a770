use crate::loss::Losses;
use crate::texts;
use crewboard_core::{
    Limits, Observation, Process, Report, RowKey, Session, Stamp, TrailEntry, Transition,
    WaitOutcome,
};
use serde::{Deserialize, Serialize};

/// What the daemon answers, or pushes to a subscriber.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Reply {
    /// Forget what you knew: the rows that follow are all there are.
    Snapshot {
        epoch: String,
        revision: u64,
    },
    /// You resume: what follows is what changed since.
    Resumed {
        epoch: String,
        revision: u64,
    },
    /// A row as it is now, with its history.
    Row {
        row: Box<Session>,
    },
    /// A row as it is now, and the statuses it entered since the last you heard of it.
    Change {
        row: Box<Session>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        transitions: Vec<Transition>,
        /// How many older transitions were left out, because you read slowly.
        #[serde(default, skip_serializing_if = "is_zero")]
        skipped: u64,
        /// With this line you know all there is up to this revision, and may resume from it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        known: Option<u64>,
    },
    /// A row is no more.
    Removed {
        key: RowKey,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        known: Option<u64>,
    },
    /// The limits of every account of which anything is known: all of them, in place of those told before.
    Limits {
        limits: Vec<Limits>,
    },
    /// You know all there is; what follows is news.
    Synced {
        epoch: String,
        revision: u64,
    },
    /// A wait is over.
    Waited {
        outcome: WaitOutcome,
        row: Box<Session>,
    },
    /// Why a row has its status.
    Explanation(Box<Explanation>),
    /// The row as it is after a mark.
    Marked {
        row: Box<Session>,
    },
    /// A person is to be told this, by you. Say that you did: [`crate::Request::Told`].
    Announcement {
        /// Absent in what an older daemon says, which asks no more.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<u64>,
        title: String,
        text: String,
    },
    /// Whether a view has told it.
    Announced {
        delivered: bool,
        /// How many were asked to.
        #[serde(default)]
        asked: u64,
    },
    /// What follows is all that is taken in from now on.
    Recording,
    /// An event was taken in.
    Recorded {
        report: Box<Report>,
        /// How many lines before it were left out, because you read slowly.
        #[serde(default, skip_serializing_if = "is_zero")]
        skipped: u64,
    },
    /// An agent's own files said something.
    Observed {
        observation: Box<Observation>,
        /// How many lines before it were left out, because you read slowly.
        #[serde(default, skip_serializing_if = "is_zero")]
        skipped: u64,
    },
    /// A process that the daemon watched has ended.
    Exited {
        process: Process,
        /// When the daemon heard of it.
        stamp: Stamp,
        /// How many lines before it were left out, because you read slowly.
        #[serde(default, skip_serializing_if = "is_zero")]
        skipped: u64,
    },
    /// The lost events that no client has shown yet. Say that you did: [`crate::Request::LossesSeen`].
    Losses {
        unseen: Losses,
    },
    /// Who is there.
    Hello(DaemonFacts),
    /// The daemon leaves, as asked.
    Stopping,
    Error {
        code: ErrorCode,
        message: String,
    },
    /// A message of a newer daemon.
    #[serde(other)]
    Unknown,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(value: &u64) -> bool {
    *value == 0
}

/// Why a row has its status.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Explanation {
    /// The row, with its history.
    pub row: Box<Session>,
    /// The last events and observations, in the order in which they arrived.
    pub trail: Vec<TrailEntry>,
}

/// Who the daemon is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaemonFacts {
    /// The newest protocol it speaks.
    pub protocol: u32,
    /// The release it is of.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// Names this run: revisions of another do not compare.
    pub epoch: String,
    /// When it started, in Unix milliseconds.
    pub started: u64,
    /// Rows, closed ones included.
    pub rows: u64,
    /// Views that are told every change.
    pub subscribers: u64,
    /// Waits in course.
    #[serde(default)]
    pub waits: u64,
    /// Events taken in so far.
    pub events: u64,
    /// Events that were lost since the lock files were made.
    pub dropped: u64,
    /// How many of them for which reason.
    #[serde(default, skip_serializing_if = "Losses::is_empty")]
    pub lost: Losses,
    /// Why this run of the daemon did not take the last event that it refused or did not understand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused_why: Option<String>,
    /// The sockets it listens on.
    pub sockets: Vec<String>,
    /// What the system does not let it watch, and what follows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub degraded: Vec<String>,
}

/// Why a request was refused, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// No JSON object with a type, or a field is missing or wrong.
    BadRequest,
    /// The line is over [`crate::MAX_REQUEST_LINE`].
    TooLong,
    /// A type this daemon does not know.
    UnknownRequest,
    /// The client wants a newer protocol.
    UnsupportedVersion,
    /// No such row.
    NotFound,
    /// The daemon serves as many as it can.
    Busy,
    /// Not for a client in another pid namespace.
    Forbidden,
    /// A code of a newer daemon.
    #[serde(other)]
    Other,
}

impl Reply {
    /// Reads a line (with or without its newline). Every text in it, and in the error, is cleaned of what a
    /// terminal would obey: the process at the other end may be no daemon of ours.
    pub fn decode(line: &[u8]) -> Result<Self, serde_json::Error> {
        texts::decode_clean(line)
    }

    /// The reply as a line, its newline included.
    pub fn encode(&self) -> Vec<u8> {
        encode_line(self)
    }
}

/// A [`Reply::Row`] of a borrowed row.
pub fn encode_row(row: &Session) -> Vec<u8> {
    encode_line(&Borrowed::Row { row })
}

/// A [`Reply::Limits`] of borrowed limits.
pub fn encode_limits(limits: &[&Limits]) -> Vec<u8> {
    encode_line(&Borrowed::Limits { limits })
}

/// A [`Reply::Change`] of a borrowed row.
pub fn encode_change(
    row: &Session,
    transitions: &[Transition],
    skipped: u64,
    known: Option<u64>,
) -> Vec<u8> {
    encode_line(&Borrowed::Change { row, transitions, skipped, known })
}

/// A [`Reply::Snapshot`] or, if `resumed`, a [`Reply::Resumed`].
pub fn encode_snapshot(epoch: &str, revision: u64, resumed: bool) -> Vec<u8> {
    if resumed {
        encode_line(&Borrowed::Resumed { epoch, revision })
    } else {
        encode_line(&Borrowed::Snapshot { epoch, revision })
    }
}

/// The replies that are sent often, without a copy of what they hold.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Borrowed<'a> {
    Snapshot {
        epoch: &'a str,
        revision: u64,
    },
    Resumed {
        epoch: &'a str,
        revision: u64,
    },
    Row {
        row: &'a Session,
    },
    Limits {
        limits: &'a [&'a Limits],
    },
    Change {
        row: &'a Session,
        #[serde(skip_serializing_if = "<[_]>::is_empty")]
        transitions: &'a [Transition],
        #[serde(skip_serializing_if = "is_zero")]
        skipped: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        known: Option<u64>,
    },
}

/// `value` as a JSON line.
pub(crate) fn encode_line<T: Serialize>(value: &T) -> Vec<u8> {
    let mut line = serde_json::to_vec(value)
        .expect("a message has string keys only and fails nowhere in its serialisation");
    line.push(b'\n');
    line
}

use crate::dropped_events::{DroppedEvents, is_zero};
use crate::notifications::NotificationRecord;
use crate::texts;
use crewboard_core::{
    Observation, PastStatuses, Process, RateLimits, Report, RowKey, Session, Stamp, TrailEntry,
    Transition, WaitOutcome,
};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// A reply to a request, or a line for a subscriber.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Reply {
    /// The rows that follow are all rows. The client drops the rows that it knew.
    Snapshot {
        epoch: String,
        revision: u64,
    },
    /// The subscription resumes: the rows that follow have changed since.
    Resumed {
        epoch: String,
        revision: u64,
    },
    /// The present row, with its history.
    Row {
        row: Box<Session>,
    },
    /// The present row, and the statuses that it has entered since the last line about it.
    Change {
        row: Box<Session>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        transitions: Vec<Transition>,
        /// The number of older transitions that were skipped because the client read slowly.
        #[serde(default, skip_serializing_if = "is_zero")]
        skipped: u64,
        /// After this line the client knows everything up to this revision, and can resume from it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        known: Option<u64>,
    },
    /// A row was removed.
    Removed {
        key: RowKey,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        known: Option<u64>,
    },
    /// The known rate limits of all accounts. They replace the rate limits sent before.
    #[serde(rename = "limits")]
    RateLimits {
        limits: Vec<RateLimits>,
    },
    /// The snapshot is complete. Changes follow.
    Synced {
        epoch: String,
        revision: u64,
    },
    /// A wait has ended.
    Waited {
        outcome: WaitOutcome,
        row: Box<Session>,
    },
    /// The reason for the status of a row.
    Explanation(Box<Explanation>),
    /// The row after a mark.
    Marked {
        row: Box<Session>,
    },
    /// The row was removed at the user's request.
    Forgotten {
        key: RowKey,
    },
    /// The client is to show this notification, and to send [`crate::Request::NotificationShown`].
    Notification {
        /// An older daemon does not send an id, and expects no acknowledgement.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<u64>,
        title: String,
        text: String,
    },
    /// The result of [`crate::Request::Notify`].
    NotifyResult {
        delivered: bool,
        /// The number of boards that got the notification.
        #[serde(default)]
        subscribers: u64,
    },
    /// The last notifications, newest last.
    Notifications {
        notifications: Vec<NotificationRecord>,
    },
    /// All evidence that the daemon receives from now on follows.
    Recording,
    /// The daemon has received an event.
    Recorded {
        report: Box<Report>,
        /// The number of lines before this one that were skipped because the client read slowly.
        #[serde(default, skip_serializing_if = "is_zero")]
        skipped: u64,
    },
    /// The daemon has read an agent's files.
    Observed {
        observation: Box<Observation>,
        /// The number of lines before this one that were skipped because the client read slowly.
        #[serde(default, skip_serializing_if = "is_zero")]
        skipped: u64,
    },
    /// A process that the daemon watched has ended.
    Exited {
        process: Process,
        /// The time at which the daemon noticed it.
        stamp: Stamp,
        /// The number of lines before this one that were skipped because the client read slowly.
        #[serde(default, skip_serializing_if = "is_zero")]
        skipped: u64,
    },
    /// The dropped events that no client has shown yet. The client sends [`crate::Request::DroppedEventsSeen`] when it has
    /// shown them.
    DroppedEvents {
        unseen: DroppedEvents,
    },
    /// A description of the daemon.
    Hello(DaemonInfo),
    /// The daemon stops, as requested.
    Stopping,
    Error {
        code: ErrorCode,
        message: String,
    },
    /// A message of a newer daemon.
    #[serde(other)]
    Unknown,
}

/// The first bytes of a [`Reply::Row`] as the daemon writes it.
const ROW_PREFIX: &[u8] = br#"{"type":"row","row":"#;

/// The first bytes of a [`Reply::Change`] as the daemon writes it.
const CHANGE_PREFIX: &[u8] = br#"{"type":"change","row":"#;

/// The fields of a [`Reply::Row`].
#[derive(Deserialize)]
struct RowFields {
    row: Box<Session>,
}

/// The fields of a [`Reply::Change`].
#[derive(Deserialize)]
struct ChangeFields {
    row: Box<Session>,
    #[serde(default)]
    transitions: Vec<Transition>,
    #[serde(default)]
    skipped: u64,
    #[serde(default)]
    known: Option<u64>,
}

/// The reason for the status of a row.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Explanation {
    /// The row, with its history.
    pub row: Box<Session>,
    /// The last events and observations, in the order in which they arrived.
    pub trail: Vec<TrailEntry>,
}

/// A description of the daemon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaemonInfo {
    /// The newest protocol of the daemon.
    pub protocol: u32,
    /// The version of the daemon.
    pub version: String,
    /// The pid of the daemon.
    pub pid: u32,
    /// The name of this run. Revisions of different runs cannot be compared.
    pub epoch: String,
    /// The time of the start, in Unix milliseconds.
    pub started: u64,
    /// The number of rows, including closed ones.
    pub rows: u64,
    /// The number of subscriptions.
    pub subscribers: u64,
    /// The number of waits in progress.
    #[serde(default)]
    pub waits: u64,
    /// The number of events received so far.
    pub events: u64,
    /// The number of events dropped since the lock files were created.
    pub dropped: u64,
    /// The number of dropped events by reason.
    #[serde(default, skip_serializing_if = "DroppedEvents::is_empty")]
    pub dropped_by_reason: DroppedEvents,
    /// The reason why this run of the daemon last refused an event or did not understand one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused_why: Option<String>,
    /// The sockets of the daemon.
    pub sockets: Vec<String>,
    /// The events that the system does not let the daemon watch, each with the consequence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub degraded: Vec<String>,
}

/// The reason for an error, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The line is not a JSON object with a type, or a field is missing or wrong.
    BadRequest,
    /// The line is longer than [`crate::MAX_REQUEST_LINE`].
    TooLong,
    /// The daemon does not know the type.
    UnknownRequest,
    /// The client requires a newer protocol.
    UnsupportedVersion,
    /// There is no such row.
    NotFound,
    /// The daemon has reached a bound.
    Busy,
    /// The client is in another pid namespace.
    Forbidden,
    /// The row is open, and only a closed one can be forgotten.
    RowOpen,
    /// A code of a newer daemon.
    #[serde(other)]
    Other,
}

impl Reply {
    /// Decodes a line, with or without its newline. Removes terminal control characters from every text in it and in the
    /// error, because the process at the other end may not be our daemon.
    pub fn decode(line: &[u8]) -> Result<Self, serde_json::Error> {
        // The frequent replies begin with their type. Otherwise serde keeps all fields in a buffer until it has read the
        // type.
        if line.starts_with(ROW_PREFIX) {
            let RowFields { row } = texts::decode_clean(line)?;
            return Ok(Self::Row { row });
        }
        if line.starts_with(CHANGE_PREFIX) {
            let ChangeFields { row, transitions, skipped, known } = texts::decode_clean(line)?;
            return Ok(Self::Change { row, transitions, skipped, known });
        }
        texts::decode_clean(line)
    }

    /// Encodes the reply as a line with its newline.
    pub fn encode(&self) -> Vec<u8> {
        encode_line(self)
    }
}

/// Encodes a [`Reply::Row`] of a borrowed row, which has no history by itself.
pub fn encode_row(row: &Session, history: &VecDeque<Transition>, past: &PastStatuses) -> Vec<u8> {
    encode_line(&Borrowed::Row { row: RowWithHistory { row, history, past } })
}

/// Encodes a [`Reply::RateLimits`] of borrowed limits.
pub fn encode_limits(limits: &[&RateLimits]) -> Vec<u8> {
    encode_line(&Borrowed::RateLimits { limits })
}

/// Encodes a [`Reply::Change`] of a borrowed row.
pub fn encode_change(
    row: &Session,
    transitions: &[Transition],
    skipped: u64,
    known: Option<u64>,
) -> Vec<u8> {
    encode_line(&Borrowed::Change { row, transitions, skipped, known })
}

/// Encodes a [`Reply::Snapshot`] or, if `resumed`, a [`Reply::Resumed`].
pub fn encode_snapshot(epoch: &str, revision: u64, resumed: bool) -> Vec<u8> {
    if resumed {
        encode_line(&Borrowed::Resumed { epoch, revision })
    } else {
        encode_line(&Borrowed::Snapshot { epoch, revision })
    }
}

/// A row and its history, as one object.
#[derive(Serialize)]
struct RowWithHistory<'a> {
    #[serde(flatten)]
    row: &'a Session,
    #[serde(skip_serializing_if = "VecDeque::is_empty")]
    history: &'a VecDeque<Transition>,
    #[serde(skip_serializing_if = "PastStatuses::is_empty")]
    past: &'a PastStatuses,
}

/// The frequent replies, with borrowed fields.
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
        row: RowWithHistory<'a>,
    },
    #[serde(rename = "limits")]
    RateLimits {
        limits: &'a [&'a RateLimits],
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

/// Bytes reserved for a line before it is encoded.
const USUAL_LINE: usize = 2048;

/// Encodes `value` as a JSON line.
pub(crate) fn encode_line<T: Serialize>(value: &T) -> Vec<u8> {
    // A row with a history of some statuses fits. A buffer that grows from nothing is copied five times.
    let mut line = Vec::with_capacity(USUAL_LINE);
    serde_json::to_writer(&mut line, value)
        .expect("a message has only string keys, and its serialisation cannot fail");
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reply_is_the_same_in_any_order_of_its_fields() {
        let row = r#""row":{"key":"kaaaa","prompt":"one\ntwo\u001b[31m","name":"“é”\ta"}"#;
        let rest = r#""transitions":[{"status":"done","at":5}],"skipped":2,"known":9"#;
        for [usual, other] in [
            [format!(r#"{{"type":"row",{row}}}"#), format!(r#"{{{row},"type":"row"}}"#)],
            [format!(r#"{{"type":"change",{row}}}"#), format!(r#"{{{row},"type":"change"}}"#)],
            [
                format!(r#"{{"type":"change",{row},{rest}}}"#),
                format!(r#"{{{rest},{row},"type":"change"}}"#),
            ],
        ] {
            let [usual, other] = [usual, other].map(|line| Reply::decode(line.as_bytes()).unwrap());
            assert_eq!(format!("{usual:?}"), format!("{other:?}"));
            let (Reply::Row { row } | Reply::Change { row, .. }) = usual else {
                panic!("{usual:?}")
            };
            assert_eq!(
                (row.user_prompt.as_deref(), row.name.as_str()),
                (Some("one\ntwo"), "“é” a")
            );
        }
        assert!(Reply::decode(br#"{"type":"row","row":7}"#).is_err());
    }
}

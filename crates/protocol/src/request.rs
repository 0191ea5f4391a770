use crate::notifications::NotificationReport;
use crewboard_core::{Mark, Observation, RateLimits, Report, RowKey, Session, WaitGoal, WaitScope};
use serde::{Deserialize, Serialize};

/// A request of a client.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Request {
    /// Reports an event of an agent. Has no reply: a hook does not wait.
    Event(EventLine),
    /// Reports an observation of an agent's files, when a recording is played. Has no reply.
    Observe(ObservationLine),
    /// Requests all rows, and then every change until the client leaves.
    Subscribe(SubscribeRequest),
    /// Requests all rows, once.
    List,
    /// Waits until the rows have reached a goal or no longer can.
    Wait(WaitRequest),
    /// Requests the reason for the status of a row.
    Explain(ExplainRequest),
    /// Sets a mark of the user on a row.
    Mark(MarkRequest),
    /// Removes a closed row.
    Forget(ForgetRequest),
    /// Restores a row that an earlier daemon sent to this client. Has no reply.
    Restore(RestoreRequest),
    /// Restores the rate limits that an earlier daemon sent to this client. Has no reply.
    RestoreLimits(RestoreLimitsRequest),
    /// Checks for suspended agents. A board sends it when a visible clock ticks. Has no reply.
    Look(LookRequest),
    /// Sets whether this subscriber accepts notifications. One such subscriber gets each notification. Has no reply.
    AcceptNotifications(AcceptNotificationsRequest),
    /// Acknowledges a notification that this subscriber has shown. Has no reply.
    NotificationShown(NotificationShownRequest),
    /// Notifies the user through a subscriber that shows notifications. The reply comes when one has shown it or none did.
    Notify(NotifyRequest),
    /// Adds notifications to those that the daemon remembers. Has no reply.
    AddNotifications(AddNotificationsRequest),
    /// Requests the last notifications.
    Notifications,
    /// Acknowledges this number of dropped events, which the client has shown to the user. Has no reply.
    DroppedEventsSeen(DroppedEventsSeenRequest),
    /// Requests all evidence that the daemon receives from now on.
    Record,
    /// Requests a description of the daemon.
    Hello(HelloRequest),
    /// Stops the daemon.
    Stop,
}

/// The line that a hook writes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EventLine {
    /// The pid that the hook has in its own namespace. If the peer of the socket has another pid, the hook is in another
    /// namespace, and the pids that it names mean other processes.
    #[serde(default)]
    pub hook_pid: u32,
    /// The event.
    pub report: Box<Report>,
}

/// An observation of an agent's files.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ObservationLine {
    /// The pid that the sender has in its own namespace, as in an [`EventLine`].
    #[serde(default)]
    pub hook_pid: u32,
    /// The observation.
    pub observation: Box<Observation>,
}

/// The point from which a subscription resumes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct After {
    /// The run of the daemon that the revision belongs to.
    pub epoch: String,
    /// The last revision that the client knows (`known`, or that of `synced`).
    pub revision: u64,
}

/// The goal and the rows of a wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitRequest {
    /// The statuses that the rows are to reach.
    pub goal: WaitGoal,
    /// The number of rows that have to reach the goal.
    pub scope: WaitScope,
    /// The awaited rows. `None` means all present rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<Vec<RowKey>>,
    /// Rows that appear later count too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub new: bool,
    /// Awaited rows need not exist yet. A client sets this after its daemon has ended.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub missing_may_return: bool,
    /// Rows that had reached the goal before the daemon of the client ended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reached: Vec<RowKey>,
}

/// The point from which the changes are wanted. `None` means all rows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscribeRequest {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<After>,
}

/// The row whose status is to be explained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplainRequest {
    pub row: RowKey,
}

/// A row and the mark that the user sets on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkRequest {
    pub row: RowKey,
    pub mark: Mark,
}

/// The closed row that the user removes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForgetRequest {
    pub row: RowKey,
}

/// The rows whose agents may be suspended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookRequest {
    /// The rows that the client shows, at most [`MAX_LOOK_ROWS`]. `None` means all rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<Vec<RowKey>>,
}

/// Maximum number of rows in a [`LookRequest`]. The daemon ignores further ones.
pub const MAX_LOOK_ROWS: usize = 128;

/// A row that an earlier daemon sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RestoreRequest {
    pub row: Box<Session>,
}

/// The rate limits that an earlier daemon sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RestoreLimitsRequest {
    pub limits: Vec<RateLimits>,
}

/// True if the subscriber shows notifications from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptNotificationsRequest {
    pub on: bool,
}

/// The id of a notification that the subscriber has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotificationShownRequest {
    pub id: u64,
}

/// The text of a notification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotifyRequest {
    pub title: String,
    pub text: String,
}

/// Notifications that were sent to the user or suppressed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddNotificationsRequest {
    pub notifications: Vec<NotificationReport>,
}

/// The number of dropped events that the user has seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DroppedEventsSeenRequest {
    pub count: u64,
}

/// The newest protocol of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HelloRequest {
    #[serde(default)]
    pub protocol: u32,
}

impl Request {
    /// The request for a description of the daemon, in the protocol of this program.
    pub const HELLO: Self = Self::Hello(HelloRequest { protocol: crate::PROTOCOL });

    /// Encodes the request as a line with its newline.
    pub fn encode(&self) -> Vec<u8> {
        crate::reply::encode_line(self)
    }
}

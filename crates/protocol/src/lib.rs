//! The messages of the socket: requests and replies, one JSON object per line.
//!
//! Never: sockets, async, files. `PROTOCOL.md` describes every message; its examples are tests.
//! Start at [`Request::decode`] and [`Reply`].
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail by panicking"))]

mod decode;
mod dropped_events;
mod notifications;
mod reply;
mod request;
mod texts;

pub use decode::RequestError;
pub use dropped_events::{DROPPED_EVENTS_SEEN, DropReason, DroppedEvents};
pub use notifications::{NotificationRecord, NotificationReport, Notifier, Suppressed};
pub use reply::{
    DaemonInfo, ErrorCode, Explanation, Reply, encode_change, encode_limits, encode_row,
    encode_snapshot,
};
pub use request::{
    AcceptNotificationsRequest, AddNotificationsRequest, After, DroppedEventsSeenRequest,
    EventLine, ExplainRequest, ForgetRequest, HelloRequest, LookRequest, MAX_LOOK_ROWS,
    MarkRequest, NotificationShownRequest, NotifyRequest, ObservationLine, Request,
    RestoreLimitsRequest, RestoreRequest, SubscribeRequest, WaitRequest,
};

/// The version of this protocol. Only an incompatible change raises it.
pub const PROTOCOL: u32 = 1;

/// Maximum bytes of a line that a daemon reads: a restored row in which every text has its full length.
pub const MAX_REQUEST_LINE: usize = 256 * 1024;

/// Maximum bytes of a line that a client has to read.
pub const MAX_REPLY_LINE: usize = 1024 * 1024;

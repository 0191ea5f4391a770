//! Lines on their way to a connection.

use crate::ids::ConnectionId;
use std::sync::Arc;

/// A line for a connection. Connections that get the same line share it.
pub(crate) type Line = Arc<[u8]>;

/// Bytes that a connection gets at once. It gets more when it has written them.
pub(crate) const BATCH_BYTES: usize = 64 * 1024;

/// Replies that a client may wait for, written or not. The daemon stops reading from a client that sends more
/// requests than this without reading the replies.
pub(crate) const MAX_PENDING_REPLIES: usize = 64;

/// Lines for one connection.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) connection: ConnectionId,
    pub(crate) lines: Vec<Line>,
    /// The last line ends the reply to a request.
    pub(crate) answers: bool,
}

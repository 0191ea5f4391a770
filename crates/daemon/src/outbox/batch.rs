//! Lines on their way to a connection.

use crate::ids::ConnectionId;
use std::sync::Arc;

/// A line for a connection. Connections that get the same line share it.
pub(crate) type Line = Arc<[u8]>;

/// Bytes after which a batch is full. A connection gets the next batch when it has written the last one.
const BATCH_BYTES: usize = 64 * 1024;

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

/// The place for the one batch that a connection writes at a time.
#[derive(Debug, Default)]
pub(crate) struct BatchSlot {
    is_taken: bool,
}

impl BatchSlot {
    /// Returns true if the connection has written its last batch.
    pub(crate) fn is_free(&self) -> bool {
        !self.is_taken
    }

    /// Notes that the connection has written its last batch.
    pub(crate) fn batch_written(&mut self) {
        self.is_taken = false;
    }

    /// Returns the batch with these lines, which then takes the place. Returns `None` without a line.
    pub(crate) fn take(
        &mut self,
        connection: ConnectionId,
        lines: Vec<Line>,
        answers: bool,
    ) -> Option<Batch> {
        self.is_taken |= !lines.is_empty();
        (!lines.is_empty()).then_some(Batch { connection, lines, answers })
    }
}

/// Adds lines from `next` until there is none or the batch is full. Returns the number of bytes added.
pub(crate) fn fill(lines: &mut Vec<Line>, mut next: impl FnMut() -> Option<Line>) -> usize {
    let mut bytes = 0;
    while bytes < BATCH_BYTES
        && let Some(line) = next()
    {
        bytes += line.len();
        lines.push(line);
    }
    bytes
}

//! The screen of a session's pane, as the board shows it.

use crewboard_core::{RowKey, Timestamp};

/// The time between two requests for a screen. A pane may change much more often than a user can read.
pub(crate) const PEEK_INTERVAL_MS: u64 = 1000;

/// The screen of the row that is shown, and the request that has not ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Peek {
    /// The row of the last request.
    pub(crate) row: Option<RowKey>,
    /// The lines of its screen, or the reason why there are none. `None` until the first reply.
    pub(crate) screen: Option<Result<Vec<String>, String>>,
    /// The last request has not ended. Only one runs at a time.
    pub(crate) is_pending: bool,
    /// The time at which the last request began.
    pub(crate) requested_at: Timestamp,
    /// The row has changed since the last request.
    pub(crate) is_row_changed: bool,
}

impl Peek {
    /// Returns the milliseconds until the next request for the screen of `row`, or `None` if none is due. A pane that
    /// cannot be read is tried again only when its row has changed.
    pub(crate) fn due_in(&self, row: &RowKey, now: Timestamp) -> Option<u64> {
        if self.is_pending {
            return None;
        }
        if self.row.as_ref() != Some(row) {
            return Some(0);
        }
        let is_readable = !matches!(self.screen, Some(Err(_)));
        let rest = PEEK_INTERVAL_MS.saturating_sub(now.since(self.requested_at));
        (is_readable || self.is_row_changed).then_some(rest)
    }
}

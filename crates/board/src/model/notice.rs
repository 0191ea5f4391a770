//! Notices: messages that are shown for a few seconds, and not longer than they are true.

use crewboard_core::{RowKey, Timestamp};

/// A message that is shown for a few seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    pub text: String,
    pub until: Timestamp,
    pub(crate) scope: Scope,
}

/// The state that a notice describes. The notice disappears with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scope {
    /// It reports something that has happened, which stays true.
    Past,
    /// The row has not changed its status since this time.
    Row(RowKey, Timestamp),
    /// The row is hidden.
    Hidden(RowKey),
    Disconnected,
    Navigating,
    NothingNeedsYou,
    NoProblems,
}

//! Navigation from the board to a session: its kinds and its state.

use crewboard_core::RowKey;

/// A kind of navigation to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Navigation {
    /// Shows the session's pane.
    Jump,
    /// Resumes a closed session, or attaches to a background session.
    Open,
}

/// The result of a navigation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NavigationOutcome {
    /// The session is shown; the text is a note for the user, or empty.
    Shown(String),
    /// The navigation failed; the text says why and what to do.
    Failed(String),
    /// The session needs this terminal: the host runs a command on it.
    RunHere,
}

/// A navigation that has not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PendingNavigation {
    pub(crate) navigation: Navigation,
    pub(crate) row: RowKey,
    pub(crate) name: String,
    /// The revision of the row that the board showed at the start.
    pub(crate) revision: u64,
}

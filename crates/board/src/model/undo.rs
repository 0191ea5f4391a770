//! The marks that can be undone.

use crewboard_core::{Mark, RowKey, Timestamp};

/// The marks that take a mark back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UndoStep {
    pub(crate) row: RowKey,
    /// The word for the mark.
    pub(crate) word: &'static str,
    /// The time at which the row got its status. With another status only a pin is left to undo.
    pub(crate) since: Timestamp,
    pub(crate) marks: Vec<Mark>,
}

//! The effects that an update returns.

use crate::model::navigation::Navigation;
use crewboard_core::{Mark, RowKey, Session};

/// Something that the event loop does for the board.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Sends a mark to the daemon.
    Mark {
        row: RowKey,
        mark: Mark,
    },
    /// Starts a navigation to a session.
    Navigate {
        navigation: Navigation,
        row: Box<Session>,
    },
    /// Copies a text to the clipboard of the terminal.
    Copy {
        /// The word for the text.
        word: &'static str,
        text: String,
    },
    /// Asks the host for the screen of a session's pane.
    Peek(Box<Session>),
    /// Runs on this terminal the command that the navigation needs.
    RunHere,
    /// Reports to the daemon that the user has seen this number of dropped events.
    DroppedEventsSeen(u64),
    /// Asks the host which changes an install would make.
    PreviewInstall,
    Install,
    Redraw,
    Suspend,
    Quit,
}

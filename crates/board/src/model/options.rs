//! The options of the board.

use crate::keymap::Keymap;
use crate::theme::Theme;

/// The options that the configuration sets.
#[derive(Debug, Clone)]
pub struct Options {
    pub theme: Theme,
    pub keymap: Keymap,
    /// Shows the details until the user's key hides them.
    pub detail: bool,
    /// A notice about the configuration.
    pub notice: Option<String>,
    /// The problems of the configuration, the worst first.
    pub problems: Vec<String>,
}

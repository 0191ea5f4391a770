//! The options of the board.

use crate::keymap::Keymap;
use crate::theme::Theme;

/// When the board is a strip, which has a chip for each session in one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LayoutMode {
    /// In at most three lines.
    #[default]
    Auto,
    List,
    Strip,
}

/// The options that the configuration sets.
#[derive(Debug, Clone)]
pub struct Options {
    pub theme: Theme,
    pub keymap: Keymap,
    /// Shows the details until the user's key hides them.
    pub detail: bool,
    pub layout_mode: LayoutMode,
    /// Shows headings over the columns of the list.
    pub headings: bool,
    /// A notice about the configuration.
    pub notice: Option<String>,
    /// The problems of the configuration, the worst first.
    pub problems: Vec<String>,
}

//! The options of the board.

use crate::keymap::Keymap;
use crate::model::order::RowOrder;
use crate::theme::Theme;

/// The form of the board. A strip has a chip for each session in one line.
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
#[expect(clippy::struct_excessive_bools, reason = "the switches are independent")]
pub struct Options {
    pub theme: Theme,
    pub keymap: Keymap,
    /// Shows the details until the user's key hides them.
    pub detail: bool,
    pub layout_mode: LayoutMode,
    /// The order of the list, until the user's key changes it.
    pub order: RowOrder,
    /// Shows headings over the columns of the list and over its groups.
    pub headings: bool,
    /// Shows in the terminal's title how many sessions need the user.
    pub title: bool,
    /// Reports the status to a terminal that knows the Program Status Protocol.
    pub report_status: bool,
    /// A notice about the configuration.
    pub notice: Option<String>,
    /// The problems of the configuration, the worst first.
    pub problems: Vec<String>,
}

//! The counts as a line: plain, and with the style tags of tmux. The line holds no text from agents.

use crewboard_board::theme::Theme;
use crewboard_core::{Counts, Status};
use std::fmt::Write as _;

pub(super) fn plain(counts: &Counts, theme: Theme) -> String {
    let shown = |(status, count): &(Status, usize)| format!("{}{count}", theme.shape(*status));
    let shown: Vec<String> = counts.by_status().iter().map(shown).collect();
    shown.join(" ")
}

/// Returns the counts in the bar's own colours. A status that needs the user is reversed, and underlined if it blocks the
/// agent. Bold is not used: many terminals show bold black as grey, which makes the green bar of tmux illegible, reversed or
/// not.
pub(super) fn uncoloured(counts: &Counts, theme: Theme) -> String {
    let mut line = String::new();
    for (status, count) in counts.by_status() {
        let (before, after) = match status {
            Status::Permission | Status::Question | Status::Plan => {
                ("#[reverse,underscore]", "#[noreverse,nounderscore]")
            }
            Status::Failed | Status::Done => ("#[reverse]", "#[noreverse]"),
            Status::Working | Status::Idle | Status::Closed => ("", ""),
        };
        let space = if line.is_empty() { "" } else { " " };
        let _ = write!(line, "{space}{before}{}{count}{after}", theme.shape(status));
    }
    line
}

/// Returns the counts with a colour for each status that needs the user. Each colour has a background of its own, so that
/// no bar makes it illegible. The first sixteen colours are not used, because users set them. zjstatus takes these tags too.
pub(super) fn coloured(counts: &Counts, theme: Theme) -> String {
    let mut line = String::new();
    for (status, count) in counts.by_status() {
        let style = match status {
            Status::Permission => "fg=#000000,bg=#ffaf00",
            Status::Question => "fg=#000000,bg=#ff87ff",
            Status::Plan => "fg=#000000,bg=#87d7ff",
            Status::Failed => "fg=#ffffff,bg=#af0000",
            Status::Done => "fg=#000000,bg=#87d787",
            Status::Working | Status::Idle | Status::Closed => "",
        };
        let space = if line.is_empty() { "" } else { " " };
        let text = format!("{}{count}", theme.shape(status));
        let _ = match style {
            "" => write!(line, "{space}{text}"),
            style => write!(line, "{space}#[{style}]{text}#[default]"),
        };
    }
    line
}

//! The counts as a line: plain, and with the style tags of tmux. The line holds no text from agents.

use crewboard_board::theme::Theme;
use crewboard_core::{Counts, Status};
use std::fmt::Write as _;

pub(super) fn plain(counts: &Counts, theme: Theme) -> String {
    let shown = |(status, count): &(Status, usize)| format!("{}{count}", theme.shape(*status));
    let shown: Vec<String> = counts.by_status().iter().map(shown).collect();
    shown.join(" ")
}

/// Returns the counts in the bar's own colours. A status that needs the user is reversed, and bold if it blocks the
/// agent. Bold without reverse is not used: many terminals show bold black as grey, which the green bar of tmux hides.
pub(super) fn uncoloured(counts: &Counts, theme: Theme) -> String {
    let mut line = String::new();
    for (status, count) in counts.by_status() {
        let (before, after) = match status {
            Status::Permission | Status::Question | Status::Plan => {
                ("#[bold,reverse]", "#[nobold,noreverse]")
            }
            Status::Failed | Status::Done => ("#[reverse]", "#[noreverse]"),
            Status::Working | Status::Idle | Status::Closed => ("", ""),
        };
        let space = if line.is_empty() { "" } else { " " };
        let _ = write!(line, "{space}{before}{}{count}{after}", theme.shape(status));
    }
    line
}

/// Returns the counts with a colour for each status. zjstatus understands these tags too (it ignores `nobold`, because
/// each tag there starts from the default style).
pub(super) fn coloured(counts: &Counts, theme: Theme) -> String {
    let mut line = String::new();
    for (status, count) in counts.by_status() {
        let style = match status {
            Status::Permission => "fg=yellow,bold",
            Status::Question => "fg=magenta,bold",
            Status::Plan => "fg=blue,bold",
            Status::Failed => "fg=red,bold",
            Status::Done => "fg=green,nobold",
            Status::Working => "fg=cyan,nobold",
            Status::Idle | Status::Closed => "fg=default,nobold",
        };
        let space = if line.is_empty() { "" } else { " " };
        let _ = write!(line, "{space}#[{style}]{}{count}", theme.shape(status));
    }
    if !line.is_empty() {
        line.push_str("#[default]");
    }
    line
}

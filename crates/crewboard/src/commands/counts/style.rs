//! The counts as a line: plain, and with the style tags of tmux. The line holds no text from agents.

use crewboard_board::theme::Theme;
use crewboard_core::{Counts, Status};

pub(super) fn plain(counts: &Counts, theme: Theme) -> String {
    styled(counts, theme, |_| ("", ""))
}

/// Returns the counts in the bar's own colours. A status that needs the user is reversed, and underlined if it blocks the
/// agent. Bold is not used: many terminals show bold black as grey, which makes the green bar of tmux illegible, reversed or
/// not.
pub(super) fn uncoloured(counts: &Counts, theme: Theme) -> String {
    styled(counts, theme, |status| match status {
        Status::Permission | Status::Question | Status::Plan => {
            ("#[reverse,underscore]", "#[noreverse,nounderscore]")
        }
        Status::Failed | Status::Done => ("#[reverse]", "#[noreverse]"),
        Status::Working | Status::Idle | Status::Closed => ("", ""),
    })
}

/// Returns the counts with a colour for each status that needs the user. Each colour has a background of its own, so that
/// no bar makes it illegible. The first sixteen colours are not used, because users set them. zjstatus takes these tags too.
pub(super) fn coloured(counts: &Counts, theme: Theme) -> String {
    styled(counts, theme, |status| match status {
        Status::Permission => ("#[fg=#000000,bg=#ffaf00]", "#[default]"),
        Status::Question => ("#[fg=#000000,bg=#ff87ff]", "#[default]"),
        Status::Plan => ("#[fg=#000000,bg=#87d7ff]", "#[default]"),
        Status::Failed => ("#[fg=#ffffff,bg=#af0000]", "#[default]"),
        Status::Done => ("#[fg=#000000,bg=#87d787]", "#[default]"),
        Status::Working | Status::Idle | Status::Closed => ("", ""),
    })
}

/// Returns the shape and the count of each status, between the tags of the status.
fn styled(
    counts: &Counts,
    theme: Theme,
    tags: fn(Status) -> (&'static str, &'static str),
) -> String {
    let part = |(status, count)| {
        let (before, after) = tags(status);
        format!("{before}{}{count}{after}", theme.shape(status))
    };
    counts.by_status().into_iter().map(part).collect::<Vec<_>>().join(" ")
}

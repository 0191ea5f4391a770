//! Short texts of the list and the details.

use crate::format::text::cut;
use crewboard_core::{PullRequest, Session, Status};
use std::borrow::Cow;
use unicode_width::UnicodeWidthStr;

/// Returns the cost of a session, in at most six columns up to a hundred thousand dollars.
pub(crate) fn cost(row: &Session) -> String {
    let Some(cost) = row.usage.and_then(|usage| usage.cost_usd) else { return String::new() };
    if cost < 100.0 { dollars(whole(cost * 100.0)) } else { format!("${}", whole(cost)) }
}

/// Returns an amount of cents as text.
pub fn dollars(cents: u64) -> String {
    format!("${}.{:02}", cents / 100, cents % 100)
}

/// Returns the nearest whole number. Formatting a float takes ten times as long, for each row of each frame.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
pub(crate) fn whole(number: f64) -> u64 {
    number.round() as u64
}

/// Returns the number of background tasks, or of subagents.
pub(crate) fn work(row: &Session) -> String {
    let subagents = row.subagents.len();
    if row.background > 0 && row.status != Status::Working {
        format!("{} bg", row.background)
    } else if subagents > 0 {
        format!("{subagents} sub")
    } else {
        String::new()
    }
}

/// Returns the number of the open pull request: `#7`.
pub(crate) fn pull_request(row: &Session) -> String {
    row.pull_request.as_ref().map(PullRequest::short_name).unwrap_or_default()
}

/// Returns a source such as `hook:Stop` in words.
pub fn source_name(source: &str) -> Cow<'_, str> {
    match source.strip_prefix("hook:") {
        Some(event) => Cow::Owned(format!("{event} hook")),
        None => Cow::Borrowed(source),
    }
}

/// Returns the pane or terminal of a session. A session without a pane gets a short text, so that it does not
/// widen the column.
pub(crate) fn place(row: &Session) -> &str {
    if row.job.is_some() {
        return "bg";
    }
    let place = row.place.target.as_ref().or(row.place.pane.as_ref());
    match place.or(row.place.terminal.as_ref()) {
        Some(place) => place,
        None if row.headless => "-p",
        None => "",
    }
}

/// The columns that a name keeps in front of its key.
const MIN_NAME_WIDTH: usize = 8;

/// Returns the beginning of a row's name in at most `width` columns. If the name ends with the row's key, only the key
/// distinguishes it from another row's name, so the part before the key is cut.
pub(crate) fn cut_name(name: &str, row: &Session, width: usize, unicode: bool) -> String {
    let suffix = format!(" ({})", row.key);
    let space = width.saturating_sub(suffix.width());
    match name.strip_suffix(&suffix) {
        Some(front) if name.width() > width && space >= MIN_NAME_WIDTH => {
            cut(front, space, unicode) + &suffix
        }
        _ => cut(name, width, unicode),
    }
}

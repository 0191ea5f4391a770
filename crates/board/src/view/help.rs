//! The help: the keys, and the meaning of statuses and signs.

use super::detail::Line;
use crate::format::text::{fit, wrap};
use crate::keymap::TABLE;
use crate::model::Model;
use crate::theme::Theme;
use crewboard_core::Status;
use ratatui::style::Style;
use unicode_width::UnicodeWidthStr;

/// The least width of a help with two columns.
const TWO_COLUMNS_WIDTH: u16 = 110;

/// The width of the keys and terms in the help.
const TERM_WIDTH: usize = 15;

/// Returns a term and its meaning, wrapped.
fn definition(term: &str, meaning: &str, style: Style, width: usize, unicode: bool) -> Vec<Line> {
    let room = width.saturating_sub(TERM_WIDTH + 1).max(1);
    let lines = wrap(meaning, room, usize::MAX, unicode).into_iter().enumerate();
    lines
        .map(|(index, line)| {
            let term = if index == 0 { term } else { "" };
            vec![(fit(term, TERM_WIDTH, unicode), style), (line, Style::new())]
        })
        .collect()
}

/// Returns the lines of the help. With a filter only those stay whose term or meaning has all its words.
pub(super) fn lines(model: &Model, filter: &str, width: u16) -> Vec<Line> {
    let unicode = model.theme.unicode;
    let text_width = usize::from(width.saturating_sub(2));
    let has_columns = width >= TWO_COLUMNS_WIDTH && filter.is_empty();
    let column = if has_columns { text_width / 2 } else { text_width };
    let filter = filter.to_lowercase();
    let words: Vec<&str> = filter.split_whitespace().collect();
    let definition = |term: &str, meaning: &str, style| {
        let text = format!("{term} {meaning}").to_lowercase();
        if !words.iter().all(|word| text.contains(word)) {
            return Vec::new();
        }
        self::definition(term, meaning, style, column, unicode)
    };
    let mut keys: Vec<Line> =
        definition("crewboard", concat!("version ", env!("CARGO_PKG_VERSION")), model.theme.dim());
    for entry in TABLE {
        let names: Vec<String> =
            model.keymap.keys(entry.action).iter().map(ToString::to_string).collect();
        if !names.is_empty() {
            keys.extend(definition(&names.join(" "), entry.help, Theme::strong()));
        }
    }
    let mut statuses: Vec<Line> = Vec::new();
    for status in Status::ALL {
        let meaning = match status {
            Status::Permission => "waits until you approve or deny a tool",
            Status::Question => "asked you a question",
            Status::Plan => "waits until you approve a plan",
            Status::Failed => "its turn ended with an error; needs you until seen",
            Status::Done => "finished its turn; needs you until seen",
            Status::Working => "the model or a tool runs",
            Status::Idle => "at its prompt, nothing pending",
            Status::Closed => "ended; kept for a day",
        };
        let term = format!("{} {}", model.theme.shape(status), status.word());
        let style = model.theme.status(status);
        statuses.extend(definition(&term, meaning, style));
    }
    let signs = [
        ("2 sub", "two subagents working"),
        ("ctx", "how full the model's context is"),
        ("pace", "the used share of a limit in % of the share of its window that has passed"),
        ("2 bg", "two background tasks still running"),
        ("zz", "snoozed"),
        (if unicode { "◆" } else { "^" }, "pinned"),
        ("- name", "run by another session"),
        ("killed", "killed or crashed"),
        ("lost", "unreachable, silent for a day"),
        ("unconfirmed", "no hook or file would report a change"),
        ("suspended", "its process is stopped (Ctrl-Z)"),
        ("hidden", "dismissed until it needs you again"),
        ("mouse", "click a row, a key or a count; double-click jumps; wheel scrolls"),
        ("Shift+mouse", "selects text in the terminal (Option in iTerm2)"),
        ("/word", "rows with all the words; !word: rows without it"),
        ("/is:done", "rows of a status; is:needs-you: rows that need you"),
    ];
    if filter.is_empty() {
        statuses.push(Line::new());
    }
    for (sign, meaning) in signs {
        statuses.extend(definition(sign, meaning, Theme::strong()));
    }
    if !has_columns {
        if filter.is_empty() {
            keys.push(Line::new());
        }
        keys.append(&mut statuses);
        return keys;
    }
    let rows = keys.len().max(statuses.len());
    keys.resize(rows, Line::new());
    statuses.resize(rows, Line::new());
    for (line, other) in keys.iter_mut().zip(statuses) {
        let used: usize = line.iter().map(|(text, _)| text.width()).sum();
        line.push((" ".repeat(column.saturating_sub(used)), Style::new()));
        line.extend(other);
    }
    keys
}

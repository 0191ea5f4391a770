//! What lies over the screen: the help, a session's details in full, and the change that an install
//! would make.

use super::canvas::{put, room};
use super::detail::{self, Line};
use crate::format::text::{cut, fit, wrap};
use crate::keymap::TABLE;
use crate::layout::{FULL, layout};
use crate::model::{Model, Overlay};
use crate::theme::Theme;
use crewboard_core::Status;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_width::UnicodeWidthStr;

/// From this width on the help has two columns.
const TWO_COLUMNS: u16 = 110;

/// Where an overlay lies: between the first line and the last, or everywhere on a strip.
fn area(model: &Model) -> Rect {
    if model.height <= 3 {
        return Rect { x: 0, y: 0, width: model.width, height: model.height };
    }
    layout(model).body()
}

/// Where its lines go: under the heading.
fn page(model: &Model) -> Rect {
    let area = area(model);
    let Some(overlay) = &model.overlay else { return Rect::default() };
    let above = match overlay {
        Overlay::Details { .. } if area.height >= 4 => 1,
        _ => 0,
    };
    Rect { y: area.y + above, height: area.height - above, ..area }
}

/// How many lines of it are shown at once.
pub(crate) fn height(model: &Model) -> usize {
    usize::from(page(model).height)
}

/// How many lines there are to scroll through.
pub(crate) fn lines_in_all(model: &Model) -> usize {
    lines(model).len()
}

/// Whether a session's details, and so its times, are shown.
pub(super) fn shows_detail(model: &Model) -> bool {
    matches!(model.overlay, Some(Overlay::Details { .. }))
}

pub(super) fn draw(model: &Model, buffer: &mut Buffer) {
    let Some(overlay) = &model.overlay else { return };
    let (area, page) = (area(model), page(model));
    let visible = area.intersection(buffer.area);
    for position in visible.positions() {
        if let Some(cell) = buffer.cell_mut(position) {
            cell.reset();
        }
    }
    let lines = lines(model);
    let shown = lines.iter().skip(overlay.scroll()).take(usize::from(page.height));
    for (y, line) in (page.y..).zip(shown) {
        detail::draw_line(line, page, y, buffer);
    }
    if let Some(row) = model.selected_row().filter(|_| page.y > area.y) {
        let width = usize::from(area.width.saturating_sub(2));
        let text = cut(&detail::heading(model, row), width, model.theme.unicode);
        let end = put(buffer, area, area.x + 1, area.y, &text, Theme::strong());
        let rule = if model.theme.unicode { "─" } else { "-" };
        let rest = rule.repeat(room(area, end + 1));
        put(buffer, area, end + 1, area.y, &rest, model.theme.dim());
    }
}

/// All lines of the overlay, however many are shown.
fn lines(model: &Model) -> Vec<Line> {
    let width = usize::from(area(model).width);
    match &model.overlay {
        None => Vec::new(),
        Some(Overlay::Help { .. }) => help(model, area(model).width),
        Some(Overlay::Details { .. }) => {
            let row = model.selected_row();
            row.map(|row| detail::whole(model, row, width)).unwrap_or_default()
        }
        Some(Overlay::Problems { .. }) => problems(model, width),
        Some(Overlay::Install { .. }) if model.height < FULL => {
            let text = format!("Too small to show the change; it wants {FULL} lines.");
            plain(&text, width, Theme::strong(), model.theme.unicode).collect()
        }
        Some(Overlay::Install { change, .. }) => {
            change.lines().flat_map(|line| changed(line, model, width)).collect()
        }
    }
}

/// A text on as many lines as it takes.
fn plain(text: &str, width: usize, style: Style, unicode: bool) -> impl Iterator<Item = Line> {
    let lines = wrap(text, width.saturating_sub(2), usize::MAX, unicode);
    lines.into_iter().map(move |line| vec![(line, style)])
}

/// What is wrong with the options.
fn problems(model: &Model, width: usize) -> Vec<Line> {
    let unicode = model.theme.unicode;
    let head = match model.version_problem {
        Some(_) => "What is wrong with the daemon or the configuration:",
        None => "What is wrong with the configuration, and so not in force:",
    };
    let mut lines: Vec<Line> = plain(head, width, Theme::strong(), unicode).collect();
    for problem in &model.problems {
        lines.push(Line::new());
        lines.extend(plain(problem, width, Style::new(), unicode));
    }
    lines
}

/// A line of a change, in one colour however many lines of the screen it takes.
fn changed(line: &str, model: &Model, width: usize) -> Vec<Line> {
    let style = match line.chars().next() {
        Some('+') => model.theme.status(Status::Done),
        Some('-') => model.theme.status(Status::Failed),
        _ => Style::new(),
    };
    let line = line.replace('\t', "    ");
    // An empty line is one too.
    let line = if line.is_empty() { " ".to_owned() } else { line };
    plain(&line, width, style, model.theme.unicode).collect()
}

/// Columns of what the help explains.
const EXPLAINED: usize = 13;

/// A word and what it means, on as many lines as that takes.
fn explained(word: &str, meaning: &str, style: Style, width: usize, unicode: bool) -> Vec<Line> {
    let room = width.saturating_sub(EXPLAINED + 1).max(1);
    let lines = wrap(meaning, room, usize::MAX, unicode).into_iter().enumerate();
    lines
        .map(|(index, line)| {
            let word = if index == 0 { word } else { "" };
            vec![(fit(word, EXPLAINED, unicode), style), (line, Style::new())]
        })
        .collect()
}

/// The keys and what the statuses mean.
fn help(model: &Model, width: u16) -> Vec<Line> {
    let unicode = model.theme.unicode;
    let text_width = usize::from(width.saturating_sub(2));
    let column = if width >= TWO_COLUMNS { text_width / 2 } else { text_width };
    let mut keys: Vec<Line> = Vec::new();
    for entry in TABLE {
        let names: Vec<String> =
            model.keymap.keys(entry.action).iter().map(ToString::to_string).collect();
        if !names.is_empty() {
            keys.extend(explained(&names.join(" "), entry.help, Theme::strong(), column, unicode));
        }
    }
    let mut statuses: Vec<Line> = Vec::new();
    for status in Status::ALL {
        let meaning = match status {
            Status::Permission => "it waits until you approve or deny a tool",
            Status::Question => "it asked you something and waits",
            Status::Plan => "its plan waits for your approval",
            Status::Failed => "its turn ended in an error; needs you until seen",
            Status::Done => "it finished its turn; needs you until seen",
            Status::Working => "the model or a tool runs",
            Status::Idle => "at its prompt, nothing owed",
            Status::Closed => "ended; kept for a day",
        };
        let word = format!("{} {}", model.theme.shape(status), status.word());
        let style = model.theme.status(status);
        statuses.extend(explained(&word, meaning, style, column, unicode));
    }
    let signs = [
        (if unicode { "⋔2" } else { "+2" }, "two subagents at work"),
        ("2 bg", "two of its tasks run on, though its turn is over"),
        (if unicode { "zᶻ" } else { "zz" }, "snoozed"),
        (if unicode { "◆" } else { "^" }, "pinned"),
        (if unicode { "↳" } else { "-" }, "run by another session"),
        ("killed", "its process died without a word"),
        ("lost", "it cannot be watched, and was silent for a day"),
        ("unconfirmed", "nothing would tell if this were no longer true"),
        ("suspended", "its process is stopped, as by Ctrl-Z"),
        ("hidden", "dismissed, until it next needs you"),
        ("mouse", "click selects, double click jumps, the wheel moves"),
    ];
    statuses.push(Line::new());
    for (sign, meaning) in signs {
        statuses.extend(explained(sign, meaning, Theme::strong(), column, unicode));
    }
    if width < TWO_COLUMNS {
        keys.push(Line::new());
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

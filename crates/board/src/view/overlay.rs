//! The overlays: the help, the full details of a session, the problems, and the change that an install would make.

use super::canvas::{put, room};
use super::detail::{self, Line};
use crate::format::text::{cut, fit, wrap};
use crate::keymap::TABLE;
use crate::layout::{FOOTER_HEIGHT, layout};
use crate::model::{Model, Overlay};
use crate::theme::Theme;
use crewboard_core::Status;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_width::UnicodeWidthStr;

/// The least width of a help with two columns.
const TWO_COLUMNS_WIDTH: u16 = 110;

/// Returns the area of an overlay: between the header and the footer, or all of a strip.
fn area(model: &Model) -> Rect {
    if model.height <= 3 {
        return Rect { x: 0, y: 0, width: model.width, height: model.height };
    }
    layout(model).body()
}

/// Returns the area of the overlay's lines, below its heading.
fn page(model: &Model) -> Rect {
    let area = area(model);
    let Some(overlay) = &model.overlay else { return Rect::default() };
    let heading_lines = match overlay {
        Overlay::Details { .. } if area.height >= 4 => 1,
        _ => 0,
    };
    Rect { y: area.y + heading_lines, height: area.height - heading_lines, ..area }
}

/// Returns the number of lines that the overlay shows at once.
pub(crate) fn height(model: &Model) -> usize {
    usize::from(page(model).height)
}

/// Returns the number of all lines of the overlay.
pub(crate) fn line_count(model: &Model) -> usize {
    lines(model).len()
}

/// Returns true if the overlay shows the details of a session, which have times.
pub(super) fn shows_details(model: &Model) -> bool {
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

/// Returns all lines of the overlay, also those that are scrolled away.
fn lines(model: &Model) -> Vec<Line> {
    let width = usize::from(area(model).width);
    match &model.overlay {
        None => Vec::new(),
        Some(Overlay::Help { .. }) => help(model, area(model).width),
        Some(Overlay::Details { .. }) => {
            let row = model.selected_row();
            row.map(|row| detail::full_details(model, row, width)).unwrap_or_default()
        }
        Some(Overlay::Problems { .. }) => problems(model, width),
        Some(Overlay::Install { .. }) if model.height < FOOTER_HEIGHT => {
            let text =
                format!("Window too small to show the change (needs {FOOTER_HEIGHT} lines).");
            paragraph(&text, width, Theme::strong(), model.theme.unicode).collect()
        }
        Some(Overlay::Install { change, .. }) => {
            change.lines().flat_map(|line| diff_line(line, model, width)).collect()
        }
    }
}

/// Wraps a text into as many lines as it needs.
fn paragraph(text: &str, width: usize, style: Style, unicode: bool) -> impl Iterator<Item = Line> {
    let lines = wrap(text, width.saturating_sub(2), usize::MAX, unicode);
    lines.into_iter().map(move |line| vec![(line, style)])
}

/// Returns the problems of the daemon's version and of the configuration.
fn problems(model: &Model, width: usize) -> Vec<Line> {
    let unicode = model.theme.unicode;
    let heading = match model.version_problem {
        Some(_) => "Problems with the daemon or the configuration:",
        None => "Problems with the configuration (these settings are ignored):",
    };
    let mut lines: Vec<Line> = paragraph(heading, width, Theme::strong(), unicode).collect();
    for problem in &model.problems {
        lines.push(Line::new());
        lines.extend(paragraph(problem, width, Style::new(), unicode));
    }
    lines
}

/// Returns a line of a diff, wrapped, in the colour of its sign.
fn diff_line(line: &str, model: &Model, width: usize) -> Vec<Line> {
    let style = match line.chars().next() {
        Some('+') => model.theme.status(Status::Done),
        Some('-') => model.theme.status(Status::Failed),
        _ => Style::new(),
    };
    let line = line.replace('\t', "    ");
    // `wrap` returns no line for an empty text.
    let line = if line.is_empty() { " ".to_owned() } else { line };
    paragraph(&line, width, style, model.theme.unicode).collect()
}

/// The width of the keys and terms in the help.
const TERM_WIDTH: usize = 13;

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

/// Returns the help: the keys, and the meaning of statuses and signs.
fn help(model: &Model, width: u16) -> Vec<Line> {
    let unicode = model.theme.unicode;
    let text_width = usize::from(width.saturating_sub(2));
    let column = if width >= TWO_COLUMNS_WIDTH { text_width / 2 } else { text_width };
    let mut keys: Vec<Line> = Vec::new();
    for entry in TABLE {
        let names: Vec<String> =
            model.keymap.keys(entry.action).iter().map(ToString::to_string).collect();
        if !names.is_empty() {
            keys.extend(definition(&names.join(" "), entry.help, Theme::strong(), column, unicode));
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
        statuses.extend(definition(&term, meaning, style, column, unicode));
    }
    let signs = [
        ("2 sub", "two subagents working"),
        ("2 bg", "two background tasks still running"),
        ("zz", "snoozed"),
        (if unicode { "◆" } else { "^" }, "pinned"),
        ("- name", "run by another session"),
        ("killed", "killed or crashed"),
        ("lost", "unreachable, silent for a day"),
        ("unconfirmed", "no hook or file would report a change"),
        ("suspended", "its process is stopped (Ctrl-Z)"),
        ("hidden", "dismissed until it needs you again"),
        ("mouse", "click to select, double-click to jump, wheel to scroll"),
    ];
    statuses.push(Line::new());
    for (sign, meaning) in signs {
        statuses.extend(definition(sign, meaning, Theme::strong(), column, unicode));
    }
    if width < TWO_COLUMNS_WIDTH {
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

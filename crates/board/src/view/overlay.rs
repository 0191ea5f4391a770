//! The overlays: the help, the palette, the full details of a session, the problems, and the change that an install would make.

use super::canvas::{put, room};
use super::detail::{self, Line};
use super::{help, palette, peek};
use crate::format::text::{cut, cut_start, wrap};
use crate::keymap::TABLE;
use crate::layout::{FOOTER_HEIGHT, layout};
use crate::model::{Model, Overlay};
use crate::theme::Theme;
use crewboard_core::Status;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Returns the area of an overlay: between the header and the footer, or all of a strip.
fn area(model: &Model) -> Rect {
    if model.height <= 3 {
        return Rect { x: 0, y: 0, width: model.width, height: model.height };
    }
    layout(model).body()
}

/// Returns the area of the overlay's lines, below its heading.
pub(crate) fn page(model: &Model) -> Rect {
    let area = area(model);
    let Some(overlay) = &model.overlay else { return Rect::default() };
    let heading_lines = match overlay {
        Overlay::Details { .. } | Overlay::Peek { .. } if area.height >= 4 => 1,
        _ if area.height >= 2 && input(model).is_some() => 1,
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
    if let Some((input, count)) = input(model) {
        if page.y > area.y {
            let input = cut_start(&input, room(area, area.x + 1), model.theme.unicode);
            let x = put(buffer, area, area.x + 1, area.y, &input, Theme::strong());
            put(buffer, area, x + 2, area.y, &count, model.theme.dim());
        }
    } else if let Some(row) = model.selected_row().filter(|_| page.y > area.y) {
        let width = usize::from(area.width.saturating_sub(2));
        let text = cut(&detail::heading(model, row), width, model.theme.unicode);
        let end = put(buffer, area, area.x + 1, area.y, &text, Theme::strong());
        let rule = if model.theme.unicode { "─" } else { "-" };
        let rest = rule.repeat(room(area, end + 1));
        put(buffer, area, end + 1, area.y, &rest, model.theme.dim());
    }
}

/// Returns the input line of the overlay and what it has found. `None` if there is no input.
fn input(model: &Model) -> Option<(String, String)> {
    let cursor = if model.theme.unicode { "▏" } else { "_" };
    match &model.overlay {
        Some(Overlay::Palette { query, .. }) => {
            let count = palette::entries(query).len();
            Some((format!(":{query}{cursor}"), format!("{count} of {} actions", TABLE.len())))
        }
        Some(Overlay::Help { filter, filtering, .. }) if *filtering || !filter.is_empty() => {
            let cursor = if *filtering { cursor } else { "" };
            Some((format!("/{filter}{cursor}"), format!("{} lines", lines(model).len())))
        }
        _ => None,
    }
}

/// Returns all lines of the overlay, also those that are scrolled away.
fn lines(model: &Model) -> Vec<Line> {
    let width = usize::from(area(model).width);
    match &model.overlay {
        None => Vec::new(),
        Some(Overlay::Help { filter, .. }) => help::lines(model, filter, area(model).width),
        Some(Overlay::Palette { query, index, .. }) => {
            let mut lines = palette::lines(model, query, *index, width);
            if area(model).height == 1
                && let Some((input, _)) = input(model)
            {
                // The input and the actions share the only line.
                for line in &mut lines {
                    line.insert(
                        0,
                        (
                            cut_start(&format!("{input} "), width / 2, model.theme.unicode),
                            Theme::strong(),
                        ),
                    );
                }
            }
            lines
        }
        Some(Overlay::Details { .. }) => {
            let row = model.selected_row();
            row.map(|row| detail::full_details(model, row, width)).unwrap_or_default()
        }
        Some(Overlay::Peek { .. }) => {
            let row = model.selected_row();
            row.map(|row| peek::lines(model, row, width)).unwrap_or_default()
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

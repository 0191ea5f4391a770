//! The first line: the number of sessions in each status, and the rate limits.

use super::canvas::{Piece, put, room};
use super::limits::{self, Detail, Extent};
use crate::format::text::cut;
use crate::model::{ConnectionState, Model, Screen};
use crate::theme::Theme;
use crewboard_core::Status;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_width::UnicodeWidthStr;

const BRAND: &str = "crewboard  ";

/// The least number of blanks between the counts and the limits.
const GAP: usize = 3;

pub(super) fn draw(model: &Model, area: Rect, buffer: &mut Buffer) {
    if area.height == 0 {
        return;
    }
    let theme = model.theme;
    let mut x = area.x;
    if model.height > 3 && area.width >= 60 {
        x = put(buffer, area, x + 1, area.y, BRAND, Theme::strong());
    }
    if let Some(problem) = model.connection_problem() {
        let text = cut(&problem, room(area, x), theme.unicode);
        put(buffer, area, x, area.y, &text, theme.status(Status::Failed));
        return;
    }
    if super::hints::is_in_header(model) {
        for (text, style) in brief(model) {
            x = put(buffer, area, x, area.y, &text, style);
        }
        super::hints::draw(model, area, line_start(model), buffer);
        return;
    }
    let right = right(model);
    let losses = losses(model, space(model, room(area, x)));
    if !losses.is_empty() {
        x = put(buffer, area, x, area.y, &losses, theme.status(Status::Failed));
    }
    let (pieces, extent) = parts(model, space(model, room(area, x)));
    for (text, style) in pieces {
        x = put(buffer, area, x, area.y, &text, style);
    }
    if model.rows.is_empty() && model.height <= 3 && right.is_empty() {
        put(buffer, area, x, area.y, "no sessions", theme.dim());
    }
    let start = area.right().saturating_sub(u16::try_from(right.width()).unwrap_or(0));
    if !right.is_empty() && start > x {
        put(buffer, area, start, area.y, right, theme.dim());
    }
    if let Some(extent) = extent {
        let pieces = limits::pieces(model, extent);
        let mut x = start.saturating_sub(u16::try_from(width(&pieces) + 1).unwrap_or(0));
        for (text, style) in pieces {
            x = put(buffer, area, x, area.y, &text, style);
        }
    }
}

/// Returns the number of lost events that the user has not seen yet, with as much detail as fits in `space` columns
/// with the counts. Empty if there are none.
fn losses(model: &Model, space: usize) -> String {
    if model.losses.is_empty() {
        return String::new();
    }
    let separator = model.theme.separator();
    let total = model.losses.total();
    let needed = if model.rows.is_empty() { 0 } else { width(&needs(model, StatusForm::None)) };
    let texts = [
        format!("{}{separator}", model.losses),
        format!("{total} event{} lost{separator}", if total == 1 { "" } else { "s" }),
    ];
    let found = texts.into_iter().find(|text| text.width() + needed <= space);
    found.unwrap_or_else(|| format!("{total} lost "))
}

/// Returns the word at the right end of the line.
fn right(model: &Model) -> &'static str {
    match (&model.connection, model.screen) {
        (ConnectionState::Connecting, _) => "connecting ",
        (_, Screen::Timeline) => "timeline ",
        _ => "",
    }
}

/// Returns how many of `room` columns are left for the counts and the limits.
fn space(model: &Model, room: usize) -> usize {
    let right = right(model);
    room.saturating_sub(right.width() + usize::from(!right.is_empty()))
}

/// Returns the milliseconds until each time in the line changes.
pub(super) fn clocks(model: &Model) -> Vec<u64> {
    if model.connection_problem().is_some() {
        return Vec::new();
    }
    let room = usize::from(model.width).saturating_sub(start(model));
    let room = room.saturating_sub(losses(model, space(model, room)).width());
    let (_, extent) = parts(model, space(model, room));
    extent.map_or_else(Vec::new, |extent| limits::clocks(model, extent))
}

fn width(pieces: &[Piece]) -> usize {
    pieces.iter().map(|(text, _)| text.width()).sum()
}

/// Returns the text of the line for `space` columns. It always has the number of hidden rows that need the user.
fn parts(model: &Model, space: usize) -> (Vec<Piece>, Option<Extent>) {
    let Some([long, short]) = hidden(model) else { return counts_and_limits(model, space) };
    let (mut pieces, extent) = counts_and_limits(model, space.saturating_sub(long.width()));
    if width(&pieces) + long.width() <= space {
        pieces.push((long, model.theme.dim()));
        return (pieces, extent);
    }
    let (mut pieces, extent) = counts_and_limits(model, space.saturating_sub(short.width()));
    if width(&pieces) + short.width() > space {
        // Not even the shortest counts fit with it.
        let count = model.rows.totals().needs().iter().map(|(_, count)| count).sum::<usize>();
        pieces = vec![(count.to_string(), model.theme.dim())];
    }
    pieces.push((short, model.theme.dim()));
    (pieces, extent)
}

/// Returns the number of hidden rows that need the user, in words and in short. `None` if there are none.
fn hidden(model: &Model) -> Option<[String; 2]> {
    let count = model.rows.totals().hidden_needs;
    let is_shown = count > 0 && !model.rows.shows_dismissed();
    is_shown.then(|| [format!("{}{count} hidden", model.theme.separator()), format!(" (+{count})")])
}

/// Returns the count in front of the line for the user, where that is in the header.
fn brief(model: &Model) -> Vec<Piece> {
    let needs = model.rows.totals().needs();
    let Some((first, _)) = needs.first() else { return Vec::new() };
    let count: usize = needs.iter().map(|(_, count)| count).sum();
    let verb = if count == 1 { "needs" } else { "need" };
    let text =
        if model.width < 60 { format!("{count}  ") } else { format!("{count} {verb} you  ") };
    let [_, short] = hidden(model).unwrap_or_default();
    let text = text.replacen("  ", &format!("{short}  "), 1);
    vec![(text, model.theme.status(*first))]
}

/// Returns the column at which the line for the user begins, where that is in the header.
pub(super) fn line_start(model: &Model) -> u16 {
    let text = start(model) + width(&brief(model));
    u16::try_from(text).unwrap_or(u16::MAX)
}

/// Returns the width of the name of the program, if it is shown.
fn start(model: &Model) -> usize {
    if model.height > 3 && model.width >= 60 { BRAND.width() + 1 } else { 0 }
}

/// Returns the counts and the limits with as much detail as fits in `space` columns. The percentages of the limits
/// are more important than the words of the counts, which the list shows as well. Bars and reset times are less
/// important than the words, and than the percentages of a further account.
fn counts_and_limits(model: &Model, space: usize) -> (Vec<Piece>, Option<Extent>) {
    let counts = |form| {
        // Without rows nothing is known yet.
        if model.rows.is_empty() { Vec::new() } else { counts(model, form) }
    };
    let sets = limits::count(model);
    let all_sets = [
        (StatusForm::Words, Detail::Bars),
        (StatusForm::Words, Detail::Resets),
        (StatusForm::Shapes, Detail::Bars),
        (StatusForm::Shapes, Detail::Resets),
    ]
    .map(|(form, detail)| (form, Extent { sets, detail }));
    let percentages = |sets| (StatusForm::Shapes, Extent { sets, detail: Detail::Percentages });
    let candidates = all_sets.into_iter().chain((1..=sets).rev().map(percentages));
    for (form, extent) in candidates.filter(|(_, extent)| extent.sets > 0) {
        let pieces = counts(form);
        if width(&pieces) + GAP + width(&limits::pieces(model, extent)) < space {
            return (pieces, Some(extent));
        }
    }
    (if model.rows.is_empty() { Vec::new() } else { headline(model, space) }, None)
}

/// Returns the number of rows that need the user, and of the other rows.
fn counts(model: &Model, form: StatusForm) -> Vec<Piece> {
    let mut pieces = needs(model, form);
    pieces.extend(other_counts(model));
    pieces
}

/// Returns the counts with as much detail as fits in `space` columns.
fn headline(model: &Model, space: usize) -> Vec<Piece> {
    let mut candidates =
        [StatusForm::Words, StatusForm::Shapes, StatusForm::None].map(|form| counts(model, form));
    let found = candidates.iter().position(|pieces| width(pieces) <= space);
    match found {
        Some(index) => std::mem::take(&mut candidates[index]),
        // A narrow line has room for the most important count only.
        None => needs(model, StatusForm::None),
    }
}

/// The form in which the statuses that need the user are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StatusForm {
    Words,
    Shapes,
    None,
}

/// Returns the number of rows that need the user, and their statuses.
fn needs(model: &Model, form: StatusForm) -> Vec<Piece> {
    let theme = model.theme;
    let needs = model.rows.totals().needs();
    let count: usize = needs.iter().map(|(_, count)| count).sum();
    let Some((first, _)) = needs.first() else {
        return vec![("no session needs you".to_owned(), theme.dim())];
    };
    let verb = if count == 1 { "needs" } else { "need" };
    let mut pieces = vec![(format!("{count} {verb} you"), theme.status(*first))];
    for (index, (status, count)) in needs.iter().enumerate() {
        let before = if index == 0 { ": " } else { ", " };
        let text = match form {
            StatusForm::None => break,
            StatusForm::Shapes => format!(" {}{count}", theme.shape(*status)),
            StatusForm::Words => {
                let is_plural = *count > 1 && status.is_prompt();
                let plural = if is_plural { "s" } else { "" };
                let number = if needs.len() == 1 { String::new() } else { format!("{count} ") };
                format!("{before}{number}{status}{plural}")
            }
        };
        pieces.push((text, theme.status(*status)));
    }
    pieces
}

/// Returns the number of rows that work or are idle.
fn other_counts(model: &Model) -> impl Iterator<Item = Piece> {
    let separator = model.theme.separator();
    [(model.rows.totals().working, "working"), (model.rows.totals().idle, "idle")]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(move |(count, word)| (format!("{separator}{count} {word}"), Style::new()))
}

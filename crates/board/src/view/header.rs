//! The first line: how many sessions are what.

use super::canvas::{Piece, put, room};
use super::limits::{self, Detail, Extent};
use crate::format::cells::grain;
use crate::format::text::{activity, age, cut};
use crate::layout::FULL;
use crate::model::{ConnectionState, Model, Screen};
use crate::theme::Theme;
use crewboard_core::Status;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_width::UnicodeWidthStr;

const BRAND: &str = "crewboard  ";

/// Blanks between the counts and the limits, at least.
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
    if let Some(loss) = model.connection_problem() {
        let text = cut(&loss, room(area, x), theme.unicode);
        put(buffer, area, x, area.y, &text, theme.status(Status::Failed));
        return;
    }
    // Without a footer, what was just said is said here.
    if let Some(notice) = model.notice.as_ref().filter(|_| model.height < FULL) {
        let text = cut(&notice.text.replace('\n', " "), room(area, x), theme.unicode);
        put(buffer, area, x, area.y, &text, Theme::strong());
        return;
    }
    if model.height == 1 && model.rows.most_urgent().is_some() {
        return draw_strip(model, area, buffer);
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

/// Returns how many events were lost that the user has not seen yet, as fully as `space` columns and the counts
/// allow; empty if there are none.
fn losses(model: &Model, space: usize) -> String {
    if model.losses.is_empty() {
        return String::new();
    }
    let separator = model.theme.separator();
    let total = model.losses.total();
    let needed = if model.rows.is_empty() { 0 } else { width(&needs(model, Kinds::None)) };
    let tries = [
        format!("{}{separator}", model.losses),
        format!("{total} event{} lost{separator}", if total == 1 { "" } else { "s" }),
    ];
    let found = tries.into_iter().find(|text| text.width() + needed <= space);
    found.unwrap_or_else(|| format!("{total} lost "))
}

/// What the line ends with.
fn right(model: &Model) -> &'static str {
    match (&model.connection, model.screen) {
        (ConnectionState::Connecting, _) => "connecting ",
        (_, Screen::Timeline) => "timeline ",
        _ => "",
    }
}

/// What of so many columns is left for the counts and the limits.
fn space(model: &Model, room: usize) -> usize {
    let right = right(model);
    room.saturating_sub(right.width() + usize::from(!right.is_empty()))
}

/// Milliseconds until something of the line is another.
pub(super) fn clocks(model: &Model) -> Vec<u64> {
    if model.connection_problem().is_some()
        || model.height == 1 && model.rows.most_urgent().is_some()
    {
        return Vec::new();
    }
    let brand = if model.height > 3 && model.width >= 60 { BRAND.width() + 1 } else { 0 };
    let room = usize::from(model.width).saturating_sub(brand);
    let room = room.saturating_sub(losses(model, space(model, room)).width());
    let (_, extent) = parts(model, space(model, room));
    extent.map_or_else(Vec::new, |extent| limits::clocks(model, extent))
}

fn width(pieces: &[Piece]) -> usize {
    pieces.iter().map(|(text, _)| text.width()).sum()
}

/// What the line says in `space` columns: how many wait that are not on the screen, where that leaves the rest as it is.
fn parts(model: &Model, space: usize) -> (Vec<Piece>, Option<Extent>) {
    let (mut pieces, extent) = counts_and_limits(model, space);
    let hidden = model.rows.totals().hidden_needs;
    if hidden > 0 && !model.rows.shows_dismissed() {
        let piece = (format!("{}{hidden} hidden", model.theme.separator()), model.theme.dim());
        let limits = extent.map_or(0, |extent| GAP + width(&limits::pieces(model, extent)));
        if width(&pieces) + piece.0.width() + limits < space {
            pieces.push(piece);
        }
    }
    (pieces, extent)
}

/// The counts and the limits as fully as `space` columns allow: figures of limits are worth the words of
/// the counts, which stand below as well; bars and times are not, nor are they worth another account's figures.
fn counts_and_limits(model: &Model, space: usize) -> (Vec<Piece>, Option<Extent>) {
    let counts = |kinds| {
        // Of what is not known yet nothing is claimed.
        if model.rows.is_empty() { Vec::new() } else { counts(model, kinds) }
    };
    let sets = limits::count(model);
    let of_all = [
        (Kinds::Words, Detail::Bars),
        (Kinds::Words, Detail::Resets),
        (Kinds::Shapes, Detail::Bars),
        (Kinds::Shapes, Detail::Resets),
    ]
    .map(|(kinds, detail)| (kinds, Extent { sets, detail }));
    let figures = |sets| (Kinds::Shapes, Extent { sets, detail: Detail::Figures });
    let tries = of_all.into_iter().chain((1..=sets).rev().map(figures));
    for (kinds, extent) in tries.filter(|(_, extent)| extent.sets > 0) {
        let pieces = counts(kinds);
        if width(&pieces) + GAP + width(&limits::pieces(model, extent)) < space {
            return (pieces, Some(extent));
        }
    }
    (if model.rows.is_empty() { Vec::new() } else { headline(model, space) }, None)
}

/// What `kinds` say of those that need somebody, and how many others there are.
fn counts(model: &Model, kinds: Kinds) -> Vec<Piece> {
    let mut pieces = needs(model, kinds);
    pieces.extend(others(model));
    pieces
}

/// The counts, as fully as `space` columns allow.
fn headline(model: &Model, space: usize) -> Vec<Piece> {
    let mut tries = [Kinds::Words, Kinds::Shapes, Kinds::None].map(|kinds| counts(model, kinds));
    let found = tries.iter().position(|pieces| width(pieces) <= space);
    match found {
        Some(index) => std::mem::take(&mut tries[index]),
        // Of a narrow line what matters most.
        None => needs(model, Kinds::None),
    }
}

/// How the kinds of need are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kinds {
    Words,
    Shapes,
    None,
}

fn needs(model: &Model, kinds: Kinds) -> Vec<Piece> {
    let theme = model.theme;
    let needs = model.rows.totals().needs();
    let count: usize = needs.iter().map(|(_, count)| count).sum();
    let Some((first, _)) = needs.first() else {
        return vec![("nobody needs you".to_owned(), theme.dim())];
    };
    let verb = if count == 1 { "needs" } else { "need" };
    let mut pieces = vec![(format!("{count} {verb} you"), theme.status(*first))];
    for (index, (status, count)) in needs.iter().enumerate() {
        let before = if index == 0 { ": " } else { ", " };
        let text = match kinds {
            Kinds::None => break,
            Kinds::Shapes => format!(" {}{count}", theme.shape(*status)),
            Kinds::Words => {
                let noun = *count > 1 && status.is_prompt();
                let plural = if noun { "s" } else { "" };
                let number = if needs.len() == 1 { String::new() } else { format!("{count} ") };
                format!("{before}{number}{status}{plural}")
            }
        };
        pieces.push((text, theme.status(*status)));
    }
    pieces
}

fn others(model: &Model) -> impl Iterator<Item = Piece> {
    let separator = model.theme.separator();
    [(model.rows.totals().working, "working"), (model.rows.totals().idle, "idle")]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(move |(count, word)| (format!("{separator}{count} {word}"), Style::new()))
}

/// All there is to say in one line: how many need somebody, and who needs it most.
fn draw_strip(model: &Model, area: Rect, buffer: &mut Buffer) {
    let theme = model.theme;
    let Some(row) = model.rows.most_urgent() else { return };
    let mut pieces = needs(model, Kinds::None);
    if area.width < 60 {
        let count: usize = model.rows.totals().needs().iter().map(|(_, count)| count).sum();
        pieces = vec![(format!("{count}"), theme.status(row.status))];
    }
    if !model.losses.is_empty() {
        let text = format!("{} lost ", model.losses.total());
        pieces.insert(0, (text, theme.status(Status::Failed)));
    }
    let mut x = area.x;
    for (text, style) in pieces {
        x = put(buffer, area, x, area.y, &text, style);
    }
    let text = format!(
        "  {} {} {}  {}",
        theme.shape(row.status),
        model.display_name(row),
        age(row.since, model.display_time(), grain(row)),
        activity(row, theme.unicode)
    );
    let text = cut(&text, room(area, x), theme.unicode);
    put(buffer, area, x, area.y, &text, theme.status(row.status));
}

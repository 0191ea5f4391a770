//! Divides a strip: one line with a chip for each session, the most urgent first.

use crate::format::cells::cut_name;
use crate::format::text::{age, cut};
use crate::model::Model;
use crewboard_core::{RowKey, Session};
use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

/// The greatest width of a name in a chip.
const MAX_NAME_WIDTH: usize = 20;
/// The greatest width of a name in a narrow strip, which would otherwise have room for one session only.
const MAX_NARROW_NAME_WIDTH: usize = 12;
/// A strip with fewer columns is narrow.
const NARROW_WIDTH: u16 = 60;

/// A session in a strip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chip {
    /// The index of its row in the list.
    pub(crate) index: usize,
    pub(crate) x: u16,
    /// The text after the marker and the shape.
    pub(crate) text: String,
    pub(crate) end: u16,
}

/// The chips that a strip has room for, and the number of sessions before and after them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Strip {
    pub(crate) before: usize,
    pub(crate) chips: Vec<Chip>,
    pub(crate) after: usize,
}

/// Returns the mark for this number of sessions beyond the end of a strip. Empty for none.
pub(crate) fn mark(count: usize) -> String {
    if count == 0 { String::new() } else { format!("+{count}") }
}

/// Returns the number of dropped events, of rows that need the user and of hidden ones, and the filter. A strip of one line
/// begins with them, because it has no header.
pub(crate) fn prefix(model: &Model) -> String {
    if model.height > 1 {
        return String::new();
    }
    let dropped = match model.dropped_events.total() {
        0 => String::new(),
        total => format!("{total} dropped  "),
    };
    let needs: usize = model.rows.totals().needs().iter().map(|(_, count)| count).sum();
    let needs = match needs {
        0 => String::new(),
        count if model.width < NARROW_WIDTH => format!("{count} "),
        1 => "1 needs you ".to_owned(),
        count => format!("{count} need you "),
    };
    let hidden = match model.rows.totals().hidden_needs {
        count if count > 0 && !model.rows.shows_dismissed() => format!("(+{count}) "),
        _ => String::new(),
    };
    let filter = match model.rows.filter() {
        "" => String::new(),
        filter => cut(&format!("/{filter} "), MAX_NAME_WIDTH, model.theme.unicode),
    };
    dropped + &needs + &hidden + &filter
}

/// Returns the text of a chip: the name, and how long the session has needed the user.
fn text(model: &Model, row: &Session) -> String {
    let width = if model.width < NARROW_WIDTH { MAX_NARROW_NAME_WIDTH } else { MAX_NAME_WIDTH };
    let name = cut_name(model.display_name(row), row, width, model.theme.unicode);
    if row.needs_you { format!("{name} {}", age(row.since, model.display_time())) } else { name }
}

/// Divides the line `area`. The first chip is that of the row with the index `first`.
pub(crate) fn divide(model: &Model, area: Rect, first: usize) -> Strip {
    let count = model.rows.order().len();
    let end = area.right();
    let columns = |text: &str| u16::try_from(text.width()).unwrap_or(u16::MAX);
    let before = first.min(count);
    let mut strip = Strip { before, chips: Vec::new(), after: count - before };
    let mut x = area.x.saturating_add(columns(&prefix(model)));
    if before > 0 {
        x = x.saturating_add(columns(&mark(before)) + 1);
    }
    for (index, row) in model.rows.listed().enumerate().skip(first) {
        let after = count - index - 1;
        // A blank, the mark and a blank.
        let mark_width = if after > 0 { columns(&mark(after)) + 2 } else { 0 };
        let limit = end.saturating_sub(mark_width);
        let mut text = text(model, row);
        // The marker, the shape and a blank.
        let start = x.saturating_add(3);
        if start.saturating_add(columns(&text)) > limit {
            if !strip.chips.is_empty() {
                break;
            }
            // At least one session is shown, however narrow the strip is.
            text = cut(&text, usize::from(limit.saturating_sub(start)), model.theme.unicode);
        }
        let end = start.saturating_add(columns(&text));
        strip.chips.push(Chip { index, x, text, end });
        strip.after = after;
        x = end.saturating_add(1);
    }
    strip
}

/// Returns the index of the first chip with which the selected row is visible: as near to the present one as possible, and
/// without free space behind the last row.
pub(crate) fn first_chip(model: &Model, area: Rect) -> usize {
    let selected = model.selected_index().unwrap_or(0);
    let shows = |first: usize| {
        let chips = divide(model, area, first).chips;
        chips.iter().any(|chip| chip.index == selected)
    };
    let mut first = model.scroll.min(selected);
    while first < selected && !shows(first) {
        first += 1;
    }
    while first > 0 && divide(model, area, first - 1).after == 0 && shows(first - 1) {
        first -= 1;
    }
    first
}

/// Returns the row of the chip at a column, or the next row beyond the end whose mark is there.
pub(crate) fn row_at(model: &Model, area: Rect, column: u16) -> Option<RowKey> {
    let strip = divide(model, area, model.scroll);
    let (first, last) = (strip.chips.first()?, strip.chips.last()?);
    let index = match strip.chips.iter().find(|chip| (chip.x..chip.end).contains(&column)) {
        Some(chip) => chip.index,
        None if strip.before > 0 && column < first.x => first.index - 1,
        None if strip.after > 0 && column >= last.end => last.index + 1,
        None => return None,
    };
    model.rows.order().get(index).cloned()
}

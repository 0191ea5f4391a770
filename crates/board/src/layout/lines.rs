//! Divides the list into lines: its rows, with a heading over each group.

use crate::layout::is_strip;
use crate::model::{Model, Screen};

/// The least height of a window with headings over groups.
const MIN_HEIGHT: u16 = 14;
/// The least width of a window with headings over groups.
const MIN_WIDTH: u16 = 30;

/// A line of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ListLine {
    /// The heading of the group with this number. It cannot be selected.
    Heading(usize),
    /// The listed row with this index.
    Row(usize),
}

/// Returns true if the list has headings over its groups.
pub(crate) fn has_group_headings(model: &Model) -> bool {
    model.headings
        && !model.rows.groups().is_empty()
        && model.height >= MIN_HEIGHT
        && model.width >= MIN_WIDTH
        && model.screen == Screen::List
        && !is_strip(model)
}

/// Returns the number of lines of the whole list.
pub(crate) fn line_count(model: &Model) -> usize {
    let headings = if has_group_headings(model) { model.rows.groups().len() } else { 0 };
    model.rows.order().len() + headings
}

/// Returns the visible lines of a list of this height. The first one is the heading of the first visible row, even if
/// that row is not the first of its group.
pub(crate) fn visible_lines(model: &Model, height: usize) -> Vec<ListLine> {
    let has_headings = has_group_headings(model);
    let mut lines = Vec::new();
    let mut last_group = None;
    for index in model.scroll..model.rows.order().len() {
        let group = has_headings.then(|| model.rows.group_at(index));
        let heading = group.filter(|_| group != last_group && height > 1);
        // A heading is not the last line.
        if lines.len() + usize::from(heading.is_some()) >= height {
            break;
        }
        lines.extend(heading.map(ListLine::Heading));
        lines.push(ListLine::Row(index));
        last_group = group;
    }
    lines
}

/// Returns the index of the first visible row if the row `index` is the last visible one.
pub(crate) fn first_row_if_last(model: &Model, index: usize, height: usize) -> usize {
    let has_headings = has_group_headings(model) && height > 1;
    let (mut first, mut lines) = (index, 0);
    loop {
        let is_new = first == index || model.rows.group_at(first) != model.rows.group_at(first + 1);
        lines += 1 + usize::from(has_headings && is_new);
        if lines > height {
            return (first + 1).min(index);
        }
        if first == 0 {
            return 0;
        }
        first -= 1;
    }
}

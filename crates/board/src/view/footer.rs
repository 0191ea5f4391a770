//! The last line: the line for the user, and the position in the list or the overlay.

use super::canvas::put;
use super::hints;
use crate::layout::visible_rows;
use crate::model::{Model, Overlay};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

/// The least width that the position leaves for the rest.
const MIN_HINTS_WIDTH: u16 = 24;

pub(super) fn draw(model: &Model, area: Rect, buffer: &mut Buffer) {
    if area.height == 0 {
        return;
    }
    let hints = hints_area(model, area);
    hints::draw(model, hints, area.x + 1, buffer);
    if hints.width < area.width {
        let x = hints.right() + u16::try_from(hints::GAP).unwrap_or(0) - 1;
        put(buffer, area, x, area.y, &position(model), model.theme.dim());
    }
}

/// Returns the area of the footer without the position.
pub(super) fn hints_area(model: &Model, area: Rect) -> Rect {
    let position = position(model);
    if position.is_empty() {
        return area;
    }
    let taken = u16::try_from(position.width() + hints::GAP).unwrap_or(u16::MAX);
    let width = area.width.saturating_sub(taken);
    // The question of an install is more important than the position.
    let is_question = matches!(model.overlay, Some(Overlay::Install { .. })) && width < 38;
    if width < MIN_HINTS_WIDTH || is_question { area } else { Rect { width, ..area } }
}

/// Returns which rows or lines are shown, or an empty text if all are.
fn position(model: &Model) -> String {
    let (shown, all) = match &model.overlay {
        Some(overlay) => {
            let height = super::overlay::height(model);
            (overlay.scroll()..overlay.scroll() + height, super::overlay::line_count(model))
        }
        None => (model.scroll..model.scroll + visible_rows(model), model.rows.order().len()),
    };
    if shown.len() >= all || all == 0 {
        return String::new();
    }
    let dash = if model.theme.unicode { "–" } else { "-" };
    format!("{}{dash}{} of {all}", shown.start + 1, shown.end.min(all))
}

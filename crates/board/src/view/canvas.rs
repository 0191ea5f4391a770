//! Writes text into a part of the screen.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// A text in one style.
pub(super) type Piece = (String, Style);

/// Milliseconds of a minute.
pub(super) const MINUTE: u64 = 60_000;

/// Writes one line of text from `(x, y)`, at most to the area's right edge, and returns where it ends. Never writes
/// outside the buffer: the terminal may have shrunk before the model gets the new size.
pub(super) fn put(
    buffer: &mut Buffer,
    area: Rect,
    x: u16,
    y: u16,
    text: &str,
    style: Style,
) -> u16 {
    let area = area.intersection(buffer.area);
    if y >= area.bottom() || x >= area.right() {
        return x;
    }
    let (end, _) = buffer.set_stringn(x, y, text, usize::from(area.right() - x), style);
    end
}

/// Returns the number of columns from `x` to the right edge.
pub(super) fn room(area: Rect, x: u16) -> usize {
    usize::from(area.right().saturating_sub(x))
}

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
    let width = usize::from(area.right() - x);
    let (ascii, rest) = split_ascii(text);
    let end = put_ascii(buffer, (x, y), ascii, width, style);
    let width = width.saturating_sub(usize::from(end - x));
    if rest.is_empty() || width == 0 {
        return end;
    }
    let (end, _) = buffer.set_stringn(end, y, rest, width, style);
    end
}

/// Splits a text after its first part in which each byte is a column. A mark after a letter belongs to the letter, so the
/// letter goes with the rest.
fn split_ascii(text: &str) -> (&str, &str) {
    let other = text.bytes().position(|byte| !matches!(byte, b' '..=b'~'));
    text.split_at(other.map_or(text.len(), |other| other.saturating_sub(1)))
}

/// Writes a text in which each byte is a column, and returns where it ends. Nearly all texts are of this form, and the
/// search for clusters and their widths would take most of the time of a frame.
fn put_ascii(
    buffer: &mut Buffer,
    (x, y): (u16, u16),
    text: &str,
    width: usize,
    style: Style,
) -> u16 {
    let length = text.len().min(width);
    let start = buffer.index_of(x, y);
    let cells = buffer.content.get_mut(start..start + length).unwrap_or_default();
    for (cell, character) in cells.iter_mut().zip(text.chars()) {
        cell.set_char(character).set_style(style);
    }
    x + u16::try_from(length).unwrap_or_default()
}

/// Returns the number of columns from `x` to the right edge.
pub(super) fn room(area: Rect, x: u16) -> usize {
    usize::from(area.right().saturating_sub(x))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::style::Color;

    #[test]
    fn ascii_text_is_drawn_as_by_ratatui() {
        let area = Rect { x: 1, y: 1, width: 9, height: 2 };
        let style = Style::new().fg(Color::Red);
        for text in [
            "",
            " ",
            "ab",
            "a b~",
            "exactly_8",
            "longer than the area",
            "tab\tx",
            "é!",
            "ae\u{301}b c",
            "a …",
            "longe…x",
        ] {
            let (mut own, mut other) = (Buffer::empty(area), Buffer::empty(area));
            let end = put(&mut own, area, 2, 2, text, style);
            let (expected, _) = other.set_stringn(2, 2, text, 8, style);
            assert_eq!((end, &own), (expected, &other), "{text:?}");
        }
    }
}

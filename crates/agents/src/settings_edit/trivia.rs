//! Splits the text between two JSON values into blanks, line ends, commas and comments.

use std::ops::Range;

/// A piece of the text between two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece {
    Blank,
    Newline,
    Comma,
    LineComment,
    BlockComment,
}

/// Splits a gap between two values into pieces.
pub(super) fn trivia(text: &str, gap: Range<usize>) -> Vec<(Piece, Range<usize>)> {
    let mut pieces = Vec::new();
    let mut position = gap.start;
    while let Some(rest) = text.get(position..gap.end).filter(|rest| !rest.is_empty()) {
        let (piece, length) = if rest.starts_with("//") {
            (Piece::LineComment, rest.find(['\r', '\n']).unwrap_or(rest.len()))
        } else if rest.starts_with("/*") {
            (Piece::BlockComment, rest.find("*/").map_or(rest.len(), |end| end + 2))
        } else if rest.starts_with(',') {
            (Piece::Comma, 1)
        } else if rest.starts_with("\r\n") {
            (Piece::Newline, 2)
        } else if rest.starts_with('\n') {
            (Piece::Newline, 1)
        } else {
            (Piece::Blank, rest.chars().next().map_or(1, char::len_utf8))
        };
        pieces.push((piece, position..position + length));
        position += length;
    }
    pieces
}

//! Converts a byte of a text to a line and a column.

/// A text with an index of its lines.
pub(crate) struct Lines<'a> {
    text: &'a str,
    /// The byte at which each line except the first begins.
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, starts: text.match_indices('\n').map(|(at, _)| at + 1).collect() }
    }

    /// Returns the line and the column of a byte, both counted from one.
    pub(crate) fn position(&self, byte: usize) -> (usize, usize) {
        let line = self.line(byte);
        let start = line.checked_sub(2).and_then(|before| self.starts.get(before)).copied();
        let before = self.text.get(start.unwrap_or_default()..byte).unwrap_or_default();
        (line, before.chars().count() + 1)
    }

    /// Returns the line of a byte, counted from one.
    pub(crate) fn line(&self, byte: usize) -> usize {
        self.starts.partition_point(|start| *start <= byte) + 1
    }
}

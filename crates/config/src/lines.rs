//! Where in a text a byte is, as people say it.

/// A text with an index of its lines, to be asked often.
pub(crate) struct Lines<'a> {
    text: &'a str,
    /// Where each line but the first begins.
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub(crate) fn of(text: &'a str) -> Self {
        Self { text, starts: text.match_indices('\n').map(|(at, _)| at + 1).collect() }
    }

    /// Line and column of a byte, counted from one.
    pub(crate) fn position(&self, byte: usize) -> (usize, usize) {
        let line = self.line(byte);
        let start = line.checked_sub(2).and_then(|before| self.starts.get(before)).copied();
        let before = self.text.get(start.unwrap_or_default()..byte).unwrap_or_default();
        (line, before.chars().count() + 1)
    }

    /// The line of a byte, counted from one.
    pub(crate) fn line(&self, byte: usize) -> usize {
        self.starts.partition_point(|start| *start <= byte) + 1
    }
}

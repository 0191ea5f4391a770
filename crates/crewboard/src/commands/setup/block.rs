//! Crewboard's lines in a configuration file of another program, between two marks. A removal leaves every other byte as
//! it was.

use std::ops::Range;

const START: &str = "# >>> crewboard >>>";
const END: &str = "# <<< crewboard <<<";

/// The note after the first mark if install created the file.
const NEW_FILE: &str = " (install created this file)";

/// The note after the first mark if the file had no newline at its end.
const NO_NEWLINE: &str = " (the line before had no newline)";

/// The lines to put between the marks.
#[derive(Debug)]
pub(super) struct Block {
    lines: String,
}

/// The result of putting the lines into a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The text has these lines already.
    Unchanged,
    Added(Vec<u8>),
    /// The text had older lines.
    Replaced(Vec<u8>),
}

/// A text without Crewboard's lines.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Removed {
    pub(super) text: Vec<u8>,
    /// Install created the file.
    pub(super) was_new: bool,
}

impl Block {
    pub(super) fn new(lines: String) -> Self {
        Self { lines }
    }

    /// Puts the lines at the end of a text, or in place of older ones.
    pub(super) fn insert(&self, text: &[u8], is_new: bool) -> Result<Outcome, &'static str> {
        let old = find(text)?;
        let lacks_newline = text.last().is_some_and(|last| *last != b'\n');
        let note = match &old {
            Some(at) => note(&text[at.clone()]),
            None if is_new => NEW_FILE.to_owned(),
            None if lacks_newline => NO_NEWLINE.to_owned(),
            None => String::new(),
        };
        let block = format!("{START}{note}\n{}{END}\n", self.lines);
        let Some(at) = old else {
            let newline: &[u8] = if lacks_newline { b"\n" } else { b"" };
            return Ok(Outcome::Added([text, newline, block.as_bytes()].concat()));
        };
        if text[at.clone()] == *block.as_bytes() {
            return Ok(Outcome::Unchanged);
        }
        Ok(Outcome::Replaced([&text[..at.start], block.as_bytes(), &text[at.end..]].concat()))
    }
}

/// Removes the lines from a text. Returns `None` if there are none.
pub(super) fn remove(text: &[u8]) -> Result<Option<Removed>, &'static str> {
    let Some(at) = find(text)? else { return Ok(None) };
    let note = note(&text[at.clone()]);
    let (mut before, after) = (&text[..at.start], &text[at.end..]);
    // Lines that the user has added below need the newline.
    if note == NO_NEWLINE && after.is_empty() {
        before = before.strip_suffix(b"\n").unwrap_or(before);
    }
    Ok(Some(Removed { text: [before, after].concat(), was_new: note == NEW_FILE }))
}

/// Finds the marks and the lines between them.
pub(super) fn find(text: &[u8]) -> Result<Option<Range<usize>>, &'static str> {
    let (mut start, mut found, mut offset) = (None, None, 0);
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let end = offset + line.len();
        if line.starts_with(START.as_bytes()) {
            if start.is_some() || found.is_some() {
                return Err("it has the first mark of Crewboard's lines twice");
            }
            start = Some(offset);
        } else if line.trim_ascii_end() == END.as_bytes() {
            let Some(start) = start.take() else {
                return Err("it has the last mark of Crewboard's lines without the first");
            };
            found = Some(start..end);
        }
        offset = end;
    }
    match start {
        Some(_) => Err("it has the first mark of Crewboard's lines without the last"),
        None => Ok(found),
    }
}

/// Returns the rest of the first mark's line.
fn note(block: &[u8]) -> String {
    let line = block.split(|byte| *byte == b'\n').next().unwrap_or_default();
    String::from_utf8_lossy(line.get(START.len()..).unwrap_or_default()).into_owned()
}

/// Returns true if a line of a configuration of tmux binds the key after the prefix.
pub(super) fn binds(text: &[u8], key: &str) -> bool {
    String::from_utf8_lossy(text).lines().any(|line| {
        let mut words = line.split_whitespace();
        if !matches!(words.next(), Some("bind" | "bind-key")) {
            return false;
        }
        let words: Vec<&str> = words.collect();
        let is_other_table = words.iter().any(|word| ["-n", "-T"].contains(word));
        let named = words.iter().find(|word| !word.starts_with('-') || word.len() == 1);
        !is_other_table && named == Some(&key)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn added(text: &str, is_new: bool) -> Vec<u8> {
        let block = Block::new("set -g a b\n".to_owned());
        let Ok(Outcome::Added(after)) = block.insert(text.as_bytes(), is_new) else {
            panic!("{text:?} has the block already")
        };
        assert_eq!(block.insert(&after, false), Ok(Outcome::Unchanged));
        after
    }

    #[test]
    fn removal_restores_every_byte() {
        for text in ["", "set -g x 1\n", "set -g x 1", "set -g x 1\n\n", "a\r\nb\r\n", "\n"] {
            let removed = remove(&added(text, false)).unwrap().unwrap();
            assert_eq!(removed, Removed { text: text.into(), was_new: false }, "{text:?}");
        }
        let removed = remove(&added("", true)).unwrap().unwrap();
        assert_eq!(removed, Removed { text: Vec::new(), was_new: true });
        assert_eq!(remove(b"set -g x 1\n"), Ok(None));
    }

    #[test]
    fn lines_after_the_block_stay() {
        let mut text = added("first", false);
        text.extend(b"second\n");
        assert_eq!(remove(&text).unwrap().unwrap().text, b"first\nsecond\n");
        // An update keeps the note, so that a later removal still restores the bytes.
        let newer = Block::new("set -g c d\n".to_owned());
        let Ok(Outcome::Replaced(updated)) = newer.insert(&added("first", false), false) else {
            panic!("the older block is replaced")
        };
        assert!(String::from_utf8(updated.clone()).unwrap().contains("set -g c d"));
        assert_eq!(remove(&updated).unwrap().unwrap().text, b"first");
    }

    #[test]
    fn broken_marks_are_refused() {
        for text in [
            format!("{START}\n"),
            format!("{END}\n"),
            format!("{START}\n{START}\n{END}\n"),
            format!("{START}\n{END}\n{START}\n{END}\n"),
        ] {
            find(text.as_bytes()).unwrap_err();
            remove(text.as_bytes()).unwrap_err();
            Block::new(String::new()).insert(text.as_bytes(), false).unwrap_err();
        }
    }

    #[test]
    fn bound_key_is_found() {
        for (line, expected) in [
            ("bind g display-popup", true),
            ("  bind-key -r g next-window", true),
            ("bind -n g next-window", false),
            ("bind -T copy-mode g next-window", false),
            ("bind G next-window", false),
            ("# bind g next-window", false),
        ] {
            assert_eq!(binds(line.as_bytes(), "g"), expected, "{line}");
        }
    }
}

use std::str::Chars;

/// The greatest length of a string sequence such as a title or a link, in characters. A longer one is plain text.
const MAX_SEQUENCE: usize = 2048;

/// Cleans a text from an agent for display: removes escape sequences, control characters and bidirectional controls,
/// turns tabs into spaces, and line breaks too unless `multiline` is set, and cuts at `max` bytes between two
/// characters. A cut is marked with `…`.
pub fn clean(text: &str, max: usize, multiline: bool) -> String {
    if is_clean_ascii(text, max, multiline) {
        return text.to_owned();
    }
    let mut cleaned = String::with_capacity(text.len().min(max));
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        let character = match character {
            ESCAPE | '\u{80}'..='\u{9f}' => {
                rest = after_sequence(character, rest);
                continue;
            }
            '\n' if multiline => '\n',
            '\n' | '\t' => ' ',
            character if is_hostile(character) => continue,
            character => character,
        };
        if cleaned.len() + character.len_utf8() > max {
            while cleaned.len() + '…'.len_utf8() > max {
                if cleaned.pop().is_none() {
                    return cleaned;
                }
            }
            cleaned.push('…');
            return cleaned;
        }
        cleaned.push(character);
    }
    cleaned
}

/// Cleans a text in place like [`clean`]. Copies nothing if the text is clean, as nearly every text is.
pub(crate) fn clean_in_place(text: &mut String, max: usize, multiline: bool) {
    if !is_clean_ascii(text, max, multiline) {
        *text = clean(text, max, multiline);
    }
}

/// Returns true if [`clean`] certainly leaves the text unchanged, as it does with nearly every text.
pub(crate) fn is_clean_ascii(text: &str, max: usize, multiline: bool) -> bool {
    text.len() <= max && is_printable_ascii(text, multiline)
}

/// Returns true if the text consists of printable ASCII characters, and of line breaks if it may have several lines.
pub(crate) fn is_printable_ascii(text: &str, multiline: bool) -> bool {
    let line_break = if multiline { b'\n' } else { b' ' };
    let is_printable = |byte: &u8| matches!(byte, b' '..=b'~') || *byte == line_break;
    // Without an early exit the compiler checks many bytes at once.
    text.as_bytes().iter().fold(true, |all, byte| all & is_printable(byte))
}

/// Returns true if `text` has no control character, nor another one that could hide or reorder text. Line breaks and
/// tabs are control characters.
pub fn is_plain(text: &str) -> bool {
    is_printable_ascii(text, false) || !text.chars().any(is_hostile)
}

/// Returns the first line of `text` that is not blank, cleaned and cut at `max` bytes.
pub fn excerpt(text: &str, max: usize) -> String {
    let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    clean(line.trim(), max, false)
}

const ESCAPE: char = '\u{1b}';

/// Returns the text after the escape sequence (ECMA-48) that begins with `first`, so that a colour does not leave
/// `[31m` behind.
fn after_sequence(first: char, rest: Chars<'_>) -> Chars<'_> {
    let mut after = rest.clone();
    let kind = match first {
        ESCAPE => after.next(),
        // A C1 control is the same in one character.
        first => u32::from(first).checked_sub(0x40).and_then(char::from_u32),
    };
    match kind {
        Some('[') => skip(&mut after, |character| matches!(character, ' '..='?')),
        Some(']' | 'P' | 'X' | '^' | '_') => return after_string(&after).unwrap_or(after),
        Some(' '..='/') => skip(&mut after, |character| matches!(character, ' '..='/')),
        Some('0'..='~') => {}
        _ => return rest,
    }
    after
}

/// Skips the characters for which `goes_on` holds, and the one that ends the sequence.
fn skip(rest: &mut Chars<'_>, goes_on: impl Fn(char) -> bool) {
    loop {
        let mut next = rest.clone();
        match next.next() {
            Some(character) if goes_on(character) => *rest = next,
            Some('@'..='~' | '0'..='?') => {
                *rest = next;
                return;
            }
            // The sequence is broken off, and text follows.
            _ => return,
        }
    }
}

/// Returns the text after a sequence that carries a string, such as a title, or `None` if the sequence has no end.
fn after_string<'a>(text: &Chars<'a>) -> Option<Chars<'a>> {
    let mut rest = text.clone();
    for _ in 0..MAX_SEQUENCE {
        match rest.next()? {
            '\u{7}' | '\u{9c}' => return Some(rest),
            ESCAPE if rest.clone().next() == Some('\\') => {
                rest.next();
                return Some(rest);
            }
            _ => {}
        }
    }
    None
}

/// Returns true if a terminal might obey the character, or hide or reorder text because of it.
fn is_hostile(character: char) -> bool {
    character.is_control()
        || matches!(character,
            // Bidirectional marks, embeddings, overrides and isolates.
            '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            // Line and paragraph separators; byte-order mark; interlinear annotation; tags.
            | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Prepends a letter that is not ASCII, so that the text takes the slow path.
    #[test]
    fn clean_of_ascii_is_the_same_in_other_text() {
        for byte in 0..=0x7f_u8 {
            let text = format!("a{}b", char::from(byte));
            for multiline in [false, true] {
                for max in [2, 3, 100] {
                    let long = clean(&format!("é{text}"), max + 'é'.len_utf8(), multiline);
                    let short = clean(&text, max, multiline);
                    let is_cut = short.contains('…') || long.contains('…');
                    assert!(is_cut || long == format!("é{short}"), "{text:?} {max} {multiline}");
                    let mut in_place = text.clone();
                    clean_in_place(&mut in_place, max, multiline);
                    assert_eq!(in_place, short);
                }
                assert_eq!(is_plain(&text), is_plain(&format!("é{text}")));
            }
        }
    }

    #[test]
    fn clean_removes_escape_sequences() {
        for (text, multiline, expected) in [
            ("plain", false, "plain"),
            ("a\x1b[31mred\x1b[0m\x07", false, "ared"),
            ("\x1b]0;title\x07\x1b[2J\x1b[?25lx\x1b(By\x1b=\x1bcz", false, "xyz"),
            (
                "\x1b]8;;http://a.b\x1b\\link\x1b]8;;\x1b\\ and \u{9d}0;t\u{9c}on",
                false,
                "link and on",
            ),
            ("\x1bP+q544e\x1b\\a\x1b_Gi=1\x1b\\b\x1b", false, "ab"),
            ("\x1b]no end, so \x1b[3", false, "no end, so "),
            ("\x1b[3\nline \x1b日本", true, "\nline 日本"),
            ("a\nb\tc\r", false, "a b c"),
            ("a\nb\tc\r", true, "a\nb c"),
            ("user\u{202e}txt.exe", false, "usertxt.exe"),
            ("\u{feff}日本 👩‍👩‍👧", false, "日本 👩‍👩‍👧"),
            ("c1 \u{9b}2J\u{85}", false, "c1 "),
        ] {
            assert_eq!(clean(text, 100, multiline), expected);
        }
    }

    #[test]
    fn is_plain_agrees_with_clean_for_every_character() {
        for character in '\0'..=char::MAX {
            let text = format!("a{character}b");
            let is_left = clean(&text, 100, true) == text && clean(&text, 100, false) == text;
            assert_eq!(is_plain(&text), is_left, "U+{:04X}", u32::from(character));
        }
    }

    #[test]
    fn clean_marks_a_cut_and_splits_no_character() {
        assert_eq!(clean("abcdef", 6, false), "abcdef");
        assert_eq!(clean("abcdefg", 6, false), "abc…");
        assert_eq!(clean("日本語", 8, false), "日…");
        assert_eq!(clean("日本語", 2, false), "");
    }

    #[test]
    fn excerpt_is_the_first_line_that_is_not_blank() {
        assert_eq!(excerpt("\n  \n  Done.  \nMore.", 100), "Done.");
        assert_eq!(excerpt("", 100), "");
    }
}

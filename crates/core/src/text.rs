/// Cleans a text from an agent for showing: drops control, zero-width-override and bidirectional
/// control characters, turns line breaks and tabs into spaces where `multiline` is false, and cuts
/// at `max` bytes on a character's edge, marking the cut with `…`.
pub fn clean(text: &str, max: usize, multiline: bool) -> String {
    let mut cleaned = String::with_capacity(text.len().min(max));
    for character in text.chars() {
        let character = match character {
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

/// The first line of `text` that says something, cleaned and cut at `max` bytes.
pub fn excerpt(text: &str, max: usize) -> String {
    let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    clean(line.trim(), max, false)
}

/// Whether a terminal might obey, hide or reorder text because of this character.
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

    #[test]
    fn terminals_get_no_orders() {
        for (text, multiline, expected) in [
            ("plain", false, "plain"),
            ("a\x1b[31mred\x07", false, "a[31mred"),
            ("a\nb\tc\r", false, "a b c"),
            ("a\nb\tc\r", true, "a\nb c"),
            ("user\u{202e}txt.exe", false, "usertxt.exe"),
            ("\u{feff}日本 👩‍👩‍👧", false, "日本 👩‍👩‍👧"),
            ("c1 \u{9b}2J", false, "c1 2J"),
        ] {
            assert_eq!(clean(text, 100, multiline), expected);
        }
    }

    #[test]
    fn a_cut_text_says_so_and_ends_on_a_character() {
        assert_eq!(clean("abcdef", 6, false), "abcdef");
        assert_eq!(clean("abcdefg", 6, false), "abc…");
        assert_eq!(clean("日本語", 8, false), "日…");
        assert_eq!(clean("日本語", 2, false), "");
    }

    #[test]
    fn an_excerpt_is_the_first_line_that_says_something() {
        assert_eq!(excerpt("\n  \n  Done.  \nMore.", 100), "Done.");
        assert_eq!(excerpt("", 100), "");
    }
}

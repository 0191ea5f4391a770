use std::str::Chars;

/// Characters of a terminal's title, link or the like at most: what goes on for longer is no order but
/// text that happened to come after the beginning of one.
const MAX_ORDER: usize = 2048;

/// Cleans a text from an agent for showing: drops what terminals would take for orders, control,
/// zero-width-override and bidirectional control characters, turns line breaks and tabs into spaces where
/// `multiline` is false, and cuts at `max` bytes on a character's edge, marking the cut with `…`.
pub fn clean(text: &str, max: usize, multiline: bool) -> String {
    let mut cleaned = String::with_capacity(text.len().min(max));
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        let character = match character {
            ESCAPE | '\u{80}'..='\u{9f}' => {
                rest = after_order(character, rest);
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

/// Returns whether `text` has no character that a terminal might obey, hide or reorder text for. Line breaks and
/// tabs count as such characters.
pub fn is_plain(text: &str) -> bool {
    !text.chars().any(is_hostile)
}

/// The first line of `text` that says something, cleaned and cut at `max` bytes.
pub fn excerpt(text: &str, max: usize) -> String {
    let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    clean(line.trim(), max, false)
}

const ESCAPE: char = '\u{1b}';

/// What follows an order to a terminal (ECMA-48) of which `first` was the first character: a colour is not
/// to leave `[31m` behind.
fn after_order(first: char, rest: Chars<'_>) -> Chars<'_> {
    let mut after = rest.clone();
    let kind = match first {
        ESCAPE => after.next(),
        // The same in one character.
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

/// Skips what `goes_on` holds of, and the character that ends it.
fn skip(rest: &mut Chars<'_>, goes_on: impl Fn(char) -> bool) {
    loop {
        let mut next = rest.clone();
        match next.next() {
            Some(character) if goes_on(character) => *rest = next,
            Some('@'..='~' | '0'..='?') => {
                *rest = next;
                return;
            }
            // Broken off; what is there now is text.
            _ => return,
        }
    }
}

/// What follows an order that carries a text, such as a title; `None` if it has no end.
fn after_string<'a>(text: &Chars<'a>) -> Option<Chars<'a>> {
    let mut rest = text.clone();
    for _ in 0..MAX_ORDER {
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
    fn a_plain_text_is_one_that_cleaning_leaves_as_it_is() {
        for character in '\0'..=char::MAX {
            let text = format!("a{character}b");
            let is_left = clean(&text, 100, true) == text && clean(&text, 100, false) == text;
            assert_eq!(is_plain(&text), is_left, "U+{:04X}", u32::from(character));
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

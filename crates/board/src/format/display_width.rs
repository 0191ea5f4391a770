//! Converts text to a form that has the same width on all terminals. A character that is wider than expected shifts the
//! rest of the line; a narrower one leaves old text on the screen.

use std::borrow::Cow;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Returns `text` without the characters that terminals draw in different widths. A joined emoji becomes its first
/// emoji, a flag becomes its letters, and symbols lose their variation selectors.
pub(crate) fn portable(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || text.chars().all(is_portable) {
        return Cow::Borrowed(text);
    }
    let mut portable = String::with_capacity(text.len());
    for cluster in text.graphemes(true) {
        for (index, character) in cluster.chars().enumerate() {
            match character {
                // Terminals draw a joined emoji as one, or as its parts one after the other.
                JOINER if index > 0 && cluster.chars().next() >= Some(SYMBOLS) => break,
                '\u{1f1e6}'..='\u{1f1ff}' => portable.push(letter_of(character)),
                // A skin colour alone is drawn as a square.
                '\u{1f3fb}'..='\u{1f3ff}' if index == 0 => portable.push(character),
                '\u{2630}' => portable.push('≡'),
                _ if is_unstable(character) => portable.push('\u{fffd}'),
                _ if is_portable(character) => portable.push(character),
                _ => {}
            }
        }
    }
    Cow::Owned(portable)
}

/// Returns the number of columns of `text`, the sum over its grapheme clusters. The width of the whole text would count
/// a ligature, such as the Arabic lam and alef, as one column.
pub fn columns(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    text.graphemes(true).map(UnicodeWidthStr::width).sum()
}

const JOINER: char = '\u{200d}';

/// The first of the arrows, symbols and emoji. The scripts in which a joiner joins letters are before it.
const SYMBOLS: char = '\u{2190}';

/// Returns the letter of a regional indicator: two of them are a flag.
fn letter_of(character: char) -> char {
    let index = u32::from(character).wrapping_sub(0x1_f1e6);
    u8::try_from(index).map_or('?', |index| char::from(b'A' + index % 26))
}

/// Returns true if all terminals draw the character in the same width.
pub(crate) fn is_portable(character: char) -> bool {
    character.is_ascii()
        || !(is_invisible(character) || is_unstable(character) || is_disputed_mark(character))
}

/// Returns true for characters that have no width, or that change the width of the character before them: joiners,
/// variation selectors, regional indicators, skin colours, the keycap, and format controls.
fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{61c}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{20e3}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{13430}'..='\u{1343f}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d165}'..='\u{1d17a}'
        | '\u{1f1e6}'..='\u{1f1ff}' | '\u{1f3fb}'..='\u{1f3ff}' | '\u{e0000}'..='\u{e0fff}')
}

/// Returns true for characters whose width differs between versions of Unicode, and for the signs that enclose the
/// digits after them (`U+0600`): terminals give these one column, none, or one together with the digits.
fn is_unstable(character: char) -> bool {
    matches!(character,
        '\u{600}'..='\u{605}' | '\u{6dd}' | '\u{70f}' | '\u{890}' | '\u{891}' | '\u{8e2}'
        | '\u{110bd}' | '\u{110cd}' | '\u{17a4}' | '\u{17d8}' | '\u{2630}'..='\u{2637}' | '\u{268a}'..='\u{268f}' | '\u{2d7f}'
        | '\u{3248}'..='\u{324f}' | '\u{1171e}' | '\u{1d300}'..='\u{1d376}')
}

/// Returns true for marks of Indic and other scripts that have no width in `unicode-width` and one column in tmux. The
/// list was measured: every character that either of them knows was written to tmux 3.3a, and the cursor was read.
fn is_disputed_mark(character: char) -> bool {
    matches!(
        character,
        '\u{9be}'
            | '\u{9d7}'
            | '\u{b3e}'
            | '\u{b57}'
            | '\u{bbe}'
            | '\u{bd7}'
            | '\u{cc0}'
            | '\u{cc2}'
            | '\u{cc7}'
            | '\u{cc8}'
            | '\u{cca}'
            | '\u{ccb}'
            | '\u{cd5}'
            | '\u{cd6}'
            | '\u{d3e}'
            | '\u{d4e}'
            | '\u{d57}'
            | '\u{dcf}'
            | '\u{ddf}'
            | '\u{1715}'
            | '\u{1734}'
            | '\u{1b35}'
            | '\u{1b3b}'
            | '\u{1b3d}'
            | '\u{1b43}'
            | '\u{1b44}'
            | '\u{1baa}'
            | '\u{1bf2}'
            | '\u{1bf3}'
            | '\u{302e}'
            | '\u{302f}'
            | '\u{a8fa}'
            | '\u{a953}'
            | '\u{a9c0}'
            | '\u{111c0}'
            | '\u{111c2}'
            | '\u{111c3}'
            | '\u{11235}'
            | '\u{1133e}'
            | '\u{1134d}'
            | '\u{11357}'
            | '\u{114b0}'
            | '\u{114bd}'
            | '\u{115af}'
            | '\u{116b6}'
            | '\u{11930}'
            | '\u{1193d}'
            | '\u{1193f}'
            | '\u{11941}'
            | '\u{11a84}'
            ..='\u{11a89}' | '\u{11d46}' | '\u{16d67}' | '\u{16ff0}' | '\u{16ff1}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn portable_replaces_characters_of_disputed_width() {
        for (text, expected) in [
            ("plain", "plain"),
            ("日本語 한국어 e\u{301} 🚀", "日本語 한국어 e\u{301} 🚀"),
            ("👩‍👩‍👧 and 🏃‍♂️", "👩 and 🏃"),
            ("👍🏽", "👍"),
            ("🏽", "🏽"),
            ("🇪🇺 🇩", "EU D"),
            ("❤️ ⌚︎ 1️⃣", "❤ ⌚ 1"),
            ("☰ ☱", "≡ \u{fffd}"),
            ("क्\u{200d}ष", "क्ष"),
            ("a\u{200b}b\u{ad}c", "abc"),
            ("பா", "ப"),
            ("\u{600}\u{601}١٢", "\u{fffd}\u{fffd}١٢"),
        ] {
            assert_eq!(portable(text), expected, "{text}");
        }
        assert_eq!((columns("لا"), columns("日a")), (2, 3));
    }

    /// A terminal adds up the columns of single characters, the board those of grapheme clusters.
    #[test]
    fn clusters_are_as_wide_as_their_characters() {
        let mut wrong = Vec::new();
        // The characters above are ideographs and tags.
        for character in ('\0'..'\u{20000}').chain('\u{e0000}'..='\u{e0fff}') {
            // `cut` measures no text that has fewer bytes than the columns.
            assert!(columns(&character.to_string()) <= character.len_utf8(), "{character:?}");
            let texts =
                [format!("a{character}{character}b"), format!("ا{character}日{character}1")];
            for text in texts {
                let text = portable(&text);
                let sum: usize = text.chars().map(|one| one.to_string().width()).sum();
                if !character.is_control() && columns(&text) != sum {
                    wrong.push(format!("{:04x}", u32::from(character)));
                }
            }
        }
        wrong.dedup();
        assert!(wrong.is_empty(), "{} {wrong:?}", wrong.len());
    }
}

//! Texts that the user pastes into a shell.

use crewboard_core::is_plain;

/// Returns a text as one word of a POSIX shell, which expands nothing in it. Returns `None` for an empty text, and for
/// one with control characters or invisible ones: a line break would press Enter where the user pastes it.
pub(crate) fn shell_word(text: &str) -> Option<String> {
    if text.is_empty() || !is_plain(text) {
        return None;
    }
    let is_literal =
        |character: char| character.is_alphanumeric() || "%+,-./:@_".contains(character);
    if text.chars().all(is_literal) {
        return Some(text.to_owned());
    }
    Some(format!("'{}'", text.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shell_word_expands_nothing() {
        for (text, expected) in [
            ("/home/dev/caf\u{e9}_1.2", Some("/home/dev/caf\u{e9}_1.2")),
            ("/a b", Some("'/a b'")),
            ("/a$(touch x);~", Some("'/a$(touch x);~'")),
            ("it's", Some(r"'it'\''s'")),
            ("/a\nb", None),
            ("/a\u{1b}[201~", None),
            ("/a\u{202e}b", None),
            ("", None),
        ] {
            assert_eq!(shell_word(text).as_deref(), expected, "{text:?}");
        }
    }
}

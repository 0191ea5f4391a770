//! Reads the bytes that a terminal sent while it was asked something: its replies, and what the user typed meanwhile.
//! The library for events cannot be given bytes that have been read already.

use crate::colour::Rgb;
use crate::keymap::Key;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// An input of the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Typed {
    Key(Key),
    Pasted(String),
}

/// Returns the background, if `bytes` contain it, whether the terminal knows the Program Status Protocol, and the inputs
/// of the user. Clicks and unknown sequences are left out.
pub(crate) fn read_typed(bytes: &[u8]) -> (Option<Rgb>, bool, Vec<Typed>) {
    let (mut background, mut knows_status, mut typed) = (None, false, Vec::new());
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        rest = match (first, after) {
            (0x1b, [b']', body @ ..]) => {
                let (reply, after) = split_command(body);
                let colour =
                    std::str::from_utf8(reply).ok().and_then(|reply| reply.strip_prefix("11;"));
                knows_status |= reply.starts_with(b"7501;?");
                background = background.or(colour.and_then(Rgb::parse));
                after
            }
            (0x1b, [b'[', b'2', b'0', b'0', b'~', body @ ..]) => {
                let end = b"\x1b[201~";
                let length = body.windows(end.len()).position(|window| window == end);
                let (pasted, after) = body.split_at(length.unwrap_or(body.len()));
                typed.push(Typed::Pasted(String::from_utf8_lossy(pasted).into_owned()));
                after.get(end.len()..).unwrap_or_default()
            }
            (0x1b, [b'[' | b'O', body @ ..]) => {
                // An escape breaks a sequence off.
                let end = body.iter().position(|byte| matches!(byte, 0x1b | 0x40..=0x7e));
                let end = end.map(|end| if body.get(end) == Some(&0x1b) { end } else { end + 1 });
                let (sequence, after) = body.split_at(end.unwrap_or(body.len()));
                typed.extend(code_of_sequence(sequence).map(|code| key(code, KeyModifiers::NONE)));
                after
            }
            (0x1b, [] | [0x1b, ..]) => {
                typed.push(key(KeyCode::Esc, KeyModifiers::NONE));
                after
            }
            (0x1b, _) => {
                let (code, modifiers, after) = read_key(after);
                typed.extend(code.map(|code| key(code, modifiers | KeyModifiers::ALT)));
                after
            }
            _ => {
                let (code, modifiers, after) = read_key(rest);
                typed.extend(code.map(|code| key(code, modifiers)));
                after
            }
        };
    }
    (background, knows_status, typed)
}

fn key(code: KeyCode, modifiers: KeyModifiers) -> Typed {
    Typed::Key(Key::from(KeyEvent::new(code, modifiers)))
}

/// Splits the body of an operating system command from what follows its end: BEL, or `ESC \`.
fn split_command(body: &[u8]) -> (&[u8], &[u8]) {
    let end = body.iter().position(|byte| matches!(byte, 0x07 | 0x1b)).unwrap_or(body.len());
    let (command, after) = body.split_at(end);
    let after = match after {
        [0x1b, b'\\', rest @ ..] | [0x07, rest @ ..] => rest,
        _ => after,
    };
    (command, after)
}

/// Returns the key of a control sequence without its beginning.
fn code_of_sequence(sequence: &[u8]) -> Option<KeyCode> {
    Some(match sequence {
        b"A" => KeyCode::Up,
        b"B" => KeyCode::Down,
        b"C" => KeyCode::Right,
        b"D" => KeyCode::Left,
        b"H" | b"1~" | b"7~" => KeyCode::Home,
        b"F" | b"4~" | b"8~" => KeyCode::End,
        b"Z" => KeyCode::BackTab,
        b"3~" => KeyCode::Delete,
        b"5~" => KeyCode::PageUp,
        b"6~" => KeyCode::PageDown,
        b"P" => KeyCode::F(1),
        _ => return None,
    })
}

/// Reads one key. `bytes` are not empty.
fn read_key(bytes: &[u8]) -> (Option<KeyCode>, KeyModifiers, &[u8]) {
    let (first, after) = bytes.split_first().unwrap_or((&0, &[]));
    let code = match first {
        b'\r' | b'\n' => KeyCode::Enter,
        b'\t' => KeyCode::Tab,
        0x7f | 0x08 => KeyCode::Backspace,
        0 => return (Some(KeyCode::Char(' ')), KeyModifiers::CONTROL, after),
        0x01..0x1b => {
            let letter = char::from(first + b'a' - 1);
            return (Some(KeyCode::Char(letter)), KeyModifiers::CONTROL, after);
        }
        0x1b..0x20 => return (None, KeyModifiers::NONE, after),
        _ => {
            let length = (1..=4.min(bytes.len()))
                .find(|length| std::str::from_utf8(&bytes[..*length]).is_ok());
            let Some(length) = length else { return (None, KeyModifiers::NONE, after) };
            let (character, after) = bytes.split_at(length);
            let character =
                std::str::from_utf8(character).ok().and_then(|text| text.chars().next());
            return (character.map(KeyCode::Char), KeyModifiers::NONE, after);
        }
    };
    (Some(code), KeyModifiers::NONE, after)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inputs(bytes: &[u8]) -> (Option<Rgb>, String) {
        let (background, _, typed) = read_typed(bytes);
        let words = typed.iter().map(|typed| match typed {
            Typed::Key(key) => key.to_string(),
            Typed::Pasted(text) => format!("paste:{text}"),
        });
        (background, words.collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn status_protocol_is_known_if_the_terminal_answers() {
        for (bytes, expected) in [
            (&b"\x1b]7501;?\x1b\\\x1b[?6c"[..], true),
            (b"\x1b]11;rgb:ff/ff/ff\x07\x1b]7501;?\x07", true),
            (b"\x1b[?6c7501;?", false),
        ] {
            assert_eq!(read_typed(bytes).1, expected, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn read_typed_keeps_all_keys_around_the_replies() {
        let white = Some(Rgb(255, 255, 255));
        for (bytes, expected) in [
            (&b"\x1b]11;rgb:ffff/ffff/ffff\x1b\\\x1b[?64;1c"[..], (white, "")),
            (b"jj\x1b]11;rgb:ff/ff/ff\x07k\x1b[?6cq", (white, "j j k q")),
            (
                "é/x\r\x03\t\x1b[B\x1bOA\x1bx\x1b".as_bytes(),
                (None, "é / x Enter Ctrl-c Tab Down Up Alt-x Esc"),
            ),
            (b"\x1b\x1b[Z", (None, "Esc Shift-Tab")),
            (b"a\x1b[200~q\x1b[x\x1b[201~b", (None, "a paste:q\x1b[x b")),
            (b"\x1b[<0;3;4Mj\x1b[1;5Cj", (None, "j j")),
            (b"\x1b]11;rgb:ff/", (None, "")),
            (b"\x1b[?64;\x1b[?6cj\x1b[1;\x1b[A", (None, "j Up")),
            (b"\xff\xc3", (None, "")),
        ] {
            let (background, words) = inputs(bytes);
            assert_eq!((background, words.as_str()), expected, "{}", bytes.escape_ascii());
        }
    }
}

//! Writes the bytes that make a terminal notify its user.

/// The kind of notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BellKind {
    /// The bell, which every terminal has.
    Bell,
    /// A notification as iTerm2 introduced it. `WezTerm`, Ghostty and kitty show it too (their documentation).
    Osc9,
    /// A notification with a title, as rxvt introduced it. foot and `WezTerm` show it too (their documentation).
    Osc777,
}

/// The multiplexer between a program and its terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Multiplexer {
    None,
    /// It passes on a wrapped sequence if `allow-passthrough` is on (tmux 3.3 and newer; its manual).
    Tmux,
    /// It passes on a wrapped sequence (its manual, "DCS").
    Screen,
}

/// Returns the bytes for the terminal. `title` and `text` must not have control characters.
pub fn bell_bytes(kind: BellKind, multiplexer: Multiplexer, title: &str, text: &str) -> Vec<u8> {
    let sequence = match kind {
        // Every multiplexer handles a bell itself and marks the window.
        BellKind::Bell => return b"\x07".to_vec(),
        // The text begins with a letter, because a number would mean something else (ConEmu's progress).
        BellKind::Osc9 => format!("\x1b]9;Crewboard: {title}. {text}\x07"),
        // A semicolon ends the title.
        BellKind::Osc777 => format!("\x1b]777;notify;{};{text}\x07", title.replace(';', ",")),
    };
    match multiplexer {
        Multiplexer::None => sequence,
        Multiplexer::Tmux => format!("\x1bPtmux;{}\x1b\\", sequence.replace('\x1b', "\x1b\x1b")),
        Multiplexer::Screen => format!("\x1bP{sequence}\x1b\\"),
    }
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bell_bytes_are_wrapped_for_the_multiplexer() {
        for (kind, multiplexer, expected) in [
            (BellKind::Bell, Multiplexer::Tmux, "\x07"),
            (BellKind::Osc9, Multiplexer::None, "\x1b]9;Crewboard: 4;1: done. Over; out.\x07"),
            (BellKind::Osc777, Multiplexer::None, "\x1b]777;notify;4,1: done;Over; out.\x07"),
            (
                BellKind::Osc9,
                Multiplexer::Tmux,
                "\x1bPtmux;\x1b\x1b]9;Crewboard: 4;1: done. Over; out.\x07\x1b\\",
            ),
            (
                BellKind::Osc777,
                Multiplexer::Screen,
                "\x1bP\x1b]777;notify;4,1: done;Over; out.\x07\x1b\\",
            ),
        ] {
            let bytes = bell_bytes(kind, multiplexer, "4;1: done", "Over; out.");
            assert_eq!(String::from_utf8(bytes).unwrap(), expected, "{kind:?} {multiplexer:?}");
        }
    }
}

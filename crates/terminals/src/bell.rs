//! What makes a terminal call the person before it.

/// What a terminal is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BellKind {
    /// The bell, which every terminal has.
    Bell,
    /// A notification as iTerm2 began it; `WezTerm`, Ghostty and kitty show it too (their documentation).
    Osc9,
    /// A notification with a title, as rxvt began it; foot and `WezTerm` show it too (their documentation).
    Osc777,
}

/// What a program's output passes on its way to the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Multiplexer {
    None,
    /// It hands on what is wrapped, where `allow-passthrough` is on (tmux 3.3 and newer; its manual).
    Tmux,
    /// It hands on what is wrapped (its manual, "DCS").
    Screen,
}

/// The bytes for the terminal. `title` and `text` have no control characters.
pub fn bell_bytes(kind: BellKind, multiplexer: Multiplexer, title: &str, text: &str) -> Vec<u8> {
    let order = match kind {
        // Every multiplexer has a bell of its own, and marks the window.
        BellKind::Bell => return b"\x07".to_vec(),
        // Never first in it is a number, which means something else (ConEmu's progress).
        BellKind::Osc9 => format!("\x1b]9;Crewboard: {title}. {text}\x07"),
        // A semicolon ends the title.
        BellKind::Osc777 => format!("\x1b]777;notify;{};{text}\x07", title.replace(';', ",")),
    };
    match multiplexer {
        Multiplexer::None => order,
        Multiplexer::Tmux => format!("\x1bPtmux;{}\x1b\\", order.replace('\x1b', "\x1b\x1b")),
        Multiplexer::Screen => format!("\x1bP{order}\x1b\\"),
    }
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_is_told() {
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

//! Asks the terminal for its background colour, and whether it takes the board's status.

use crate::colour::Rgb;
use crate::outside::STATUS_QUERY;
use crate::runtime::terminal::Screen;
use crate::runtime::typed::{Typed, read_typed};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, read};
use std::io;
use std::time::{Duration, Instant};

/// The time limit for the terminal's reply: a reply over a distant SSH connection takes that long.
const TIMEOUT: Duration = Duration::from_millis(300);

/// The time for which the first frame waits for the reply: a terminal on this machine replies sooner.
const FIRST_FRAME_TIMEOUT: Duration = Duration::from_millis(5);

/// A terminal that replies later than this does not reply at all.
const LATE_REPLY_TIMEOUT: Duration = Duration::from_secs(5);

/// Asks for the background.
const BACKGROUND_QUERY: &str = "\x1b]11;?\x1b\\";

/// Asks for the terminal's attributes. Nearly every terminal answers this question, so the end of the replies is known
/// also for a terminal that does not know the other questions.
const LAST_QUERY: &str = "\x1b[c";

/// The most bytes that are read: the user may type or paste meanwhile.
const MAX_BYTES: usize = 64 * 1024;

/// The reply of the terminal, and what the user typed meanwhile.
#[derive(Debug, Default)]
pub(crate) struct Reply {
    pub(crate) background: Option<Rgb>,
    /// The terminal knows the Program Status Protocol.
    pub(crate) knows_status: bool,
    pub(crate) typed: Vec<Typed>,
    /// Swallows a reply that arrives later.
    pub(crate) late: LateReply,
}

/// The questions for the terminal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Questions {
    pub(crate) background: bool,
    pub(crate) status: bool,
}

/// A reply of the terminal that has not arrived in full. Until it has, the input is read here and not as keys.
#[derive(Debug)]
pub(crate) struct PendingReply {
    questions: Questions,
    sent_at: Instant,
    bytes: Vec<u8>,
    is_complete: bool,
}

/// Asks the terminal. Returns `None` if nothing was asked. The terminal must be in raw mode.
pub(crate) fn send_questions(questions: Questions) -> io::Result<Option<PendingReply>> {
    // The palettes for dark and for light backgrounds need the colours. A terminal without them, such as the Linux
    // console, may show an unknown question as text.
    if !has_256_colours(&variable("TERM"), &variable("COLORTERM"))
        || !questions.background && !questions.status
    {
        return Ok(None);
    }
    let background_query = if questions.background { BACKGROUND_QUERY } else { "" };
    let status_query = if questions.status { STATUS_QUERY } else { "" };
    Screen::send(format!("{background_query}{status_query}{LAST_QUERY}").as_bytes())?;
    let sent_at = Instant::now();
    Ok(Some(PendingReply { questions, sent_at, bytes: Vec::new(), is_complete: false }))
}

impl PendingReply {
    /// Returns the time that is left for the reply. Returns `None` if it has arrived, or if the time is over.
    pub(crate) fn remaining(&self) -> Option<Duration> {
        let remaining = TIMEOUT.saturating_sub(self.sent_at.elapsed());
        (!self.is_complete && !remaining.is_zero()).then_some(remaining)
    }

    /// Returns the time for which the first frame waits, so that a terminal that replies at once gets no frame in the
    /// wrong colours.
    pub(crate) fn remaining_for_first_frame(&self) -> Duration {
        FIRST_FRAME_TIMEOUT.saturating_sub(self.sent_at.elapsed())
    }

    /// Reads the bytes that have arrived. Waits if there are none.
    pub(crate) fn read(&mut self) -> io::Result<()> {
        let mut buffer = [0; 1024];
        match read(io::stdin(), &mut buffer) {
            // The terminal is gone; the event loop finds that out.
            Ok(0) => self.is_complete = true,
            Ok(count) => self.bytes.extend_from_slice(buffer.get(..count).unwrap_or_default()),
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(error) => return Err(error.into()),
        }
        self.is_complete |= has_attributes(&self.bytes) || self.bytes.len() >= MAX_BYTES;
        Ok(())
    }

    /// Reads until the reply is complete or its time is over.
    pub(crate) fn read_all(&mut self) -> io::Result<()> {
        while let Some(remaining) = self.remaining() {
            let timeout = Timespec { tv_sec: 0, tv_nsec: remaining.subsec_nanos().into() };
            match poll(&mut [PollFd::new(&io::stdin(), PollFlags::IN)], Some(&timeout)) {
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) => self.read()?,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Returns the reply as far as it has arrived. The background may also come from `COLORFGBG`.
    pub(crate) fn finish(self) -> Reply {
        let (background, knows_status, typed) = read_typed(&self.bytes);
        let background = background
            .or_else(|| Rgb::of_colorfgbg(&variable("COLORFGBG")))
            .filter(|_| self.questions.background);
        let is_answered = has_attributes(&self.bytes);
        let late =
            if is_answered { LateReply::default() } else { LateReply::expected(&self.bytes) };
        Reply { background, knows_status, typed, late }
    }
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

/// Returns true if `bytes` contain the terminal's attributes: `ESC [ ? 6 4 ; 1 c`.
fn has_attributes(bytes: &[u8]) -> bool {
    let mut starts = bytes.windows(3).enumerate().filter(|(_, window)| window == b"\x1b[?");
    starts.any(|(start, _)| {
        let rest = bytes.get(start + 3..).unwrap_or_default();
        rest.iter().find(|byte| !matches!(byte, b'0'..=b'9' | b';')) == Some(&b'c')
    })
}

/// Returns true if the terminal has the 256 colours.
fn has_256_colours(term: &str, colorterm: &str) -> bool {
    let known = ["256color", "direct", "kitty", "ghostty", "alacritty", "foot", "wezterm"];
    known.iter().any(|word| term.contains(word)) || matches!(colorterm, "truecolor" | "24bit")
}

/// Swallows the keys as which a late reply appears: `ESC ] 1 1 ; r g b : …` begins with Alt-].
#[derive(Debug, Default)]
pub(crate) struct LateReply {
    until: Option<Instant>,
    is_inside: bool,
}

impl LateReply {
    /// Returns the state after `bytes`, which may end within a reply.
    fn expected(bytes: &[u8]) -> Self {
        let begin = bytes.windows(2).rposition(|window| window == b"\x1b]");
        let body = begin.and_then(|begin| bytes.get(begin + 2..));
        let is_inside = body.is_some_and(|body| !body.contains(&0x07) && !body.contains(&0x1b));
        Self { until: Some(Instant::now() + LATE_REPLY_TIMEOUT), is_inside }
    }

    /// Returns true if this key is part of a late reply.
    pub(crate) fn swallows(&mut self, key: &KeyEvent) -> bool {
        let Some(until) = self.until else { return false };
        let is_alt = key.modifiers == KeyModifiers::ALT;
        match key.code {
            KeyCode::Char(']') if is_alt && Instant::now() < until => self.is_inside = true,
            _ if !self.is_inside => return false,
            // The reply to the next question may follow.
            KeyCode::Char('\\') if is_alt => self.is_inside = false,
            KeyCode::Char('g') if key.modifiers == KeyModifiers::CONTROL => self.is_inside = false,
            KeyCode::Char('0'..='9' | 'a'..='f' | 'r' | 'g' | ':' | ';' | '/' | '?')
                if key.modifiers.is_empty() => {}
            // The user typed.
            _ => {
                self.is_inside = false;
                return false;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_end_the_replies() {
        for (bytes, expected) in [
            (&b"\x1b[?64;1;9c"[..], true),
            (b"jj\x1b]11;rgb:0/0/0\x07\x1b[?6cq", true),
            (b"\x1b[?64;1", false),
            (b"\x1b[?25h", false),
            (b"c", false),
        ] {
            assert_eq!(has_attributes(bytes), expected, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn palettes_need_256_colours() {
        for (term, colorterm, expected) in [
            ("xterm-256color", "", true),
            ("tmux-256color", "", true),
            ("xterm-kitty", "", true),
            ("xterm", "truecolor", true),
            ("xterm", "", false),
            ("linux", "", false),
            ("dumb", "", false),
        ] {
            assert_eq!(has_256_colours(term, colorterm), expected, "{term}");
        }
    }

    #[test]
    fn late_reply_presses_no_key() {
        let key = |code, modifiers| KeyEvent::new(KeyCode::Char(code), modifiers);
        let plain = |code| key(code, KeyModifiers::NONE);
        let mut keys = vec![plain('j'), key(']', KeyModifiers::ALT)];
        keys.extend("11;rgb:ffff/abcd/0000".chars().map(plain));
        keys.extend([key('\\', KeyModifiers::ALT), plain('g')]);
        let mut late_reply = LateReply::expected(b"");
        let left: Vec<_> = keys.iter().filter(|key| !late_reply.swallows(key)).collect();
        assert_eq!(left, [&plain('j'), &plain('g')]);
        // The reply to the second question comes after that to the first.
        let mut keys = vec![key(']', KeyModifiers::ALT)];
        keys.extend("7501;?".chars().map(plain));
        keys.push(key('\\', KeyModifiers::ALT));
        assert!(keys.iter().all(|key| late_reply.swallows(key)), "it must not open the help");
        let mut none = LateReply::default();
        assert!(keys.iter().all(|key| !none.swallows(key)));
        let mut late_reply = LateReply::expected(b"j\x1b]11;rgb:ff");
        assert!("/ff/ff".chars().map(plain).all(|key| late_reply.swallows(&key)), "half a reply");
        let mut late_reply = LateReply::expected(b"\x1b]11;rgb:ff/ff/ff\x07");
        assert!(!late_reply.swallows(&plain('/')), "a whole reply");
        assert!(late_reply.swallows(&key(']', KeyModifiers::ALT)));
        assert!(!late_reply.swallows(&plain('q')), "a key of the user ends a broken reply");
        assert!(!late_reply.swallows(&plain('g')));
    }
}

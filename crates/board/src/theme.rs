//! How things look: shapes, words and colours of statuses, and the themes.

use crewboard_core::Status;
use ratatui::style::{Color, Modifier, Style};

/// What a terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    pub palette: &'static Palette,
    /// The locale can show more than ASCII.
    pub unicode: bool,
}

/// A set of colours. Every status has its own shape and word too, so a theme may have none.
#[derive(Debug, PartialEq, Eq)]
pub struct Palette {
    pub name: &'static str,
    permission: Color,
    question: Color,
    plan: Color,
    failed: Color,
    done: Color,
    working: Color,
    dim: Color,
    selected: Option<Color>,
}

/// The terminal's own sixteen colours: what the user chose for everything else.
pub const TERMINAL: Palette = Palette {
    name: "terminal",
    permission: Color::Yellow,
    question: Color::Magenta,
    plan: Color::LightBlue,
    failed: Color::Red,
    done: Color::Green,
    // Not blue: on many a black background it cannot be read.
    working: Color::Cyan,
    // Faint rather than a grey: in some palettes bright black is the background itself.
    dim: Color::Reset,
    selected: None,
};

/// For dark backgrounds. The hues are told apart with any kind of colour vision (Okabe and Ito).
pub const DARK: Palette = Palette {
    name: "dark",
    permission: Color::Rgb(0xe6, 0x9f, 0x00),
    question: Color::Rgb(0xcc, 0x79, 0xa7),
    plan: Color::Rgb(0x56, 0xb4, 0xe9),
    failed: Color::Rgb(0xd5, 0x5e, 0x00),
    done: Color::Rgb(0x00, 0x9e, 0x73),
    // The most frequent, so the calmest: theirs is a yellow that calls louder than what needs somebody.
    working: Color::Rgb(0xa8, 0xbb, 0xcc),
    dim: Color::Rgb(0x80, 0x80, 0x80),
    selected: Some(Color::Rgb(0x26, 0x2b, 0x33)),
};

/// For light backgrounds.
pub const LIGHT: Palette = Palette {
    name: "light",
    permission: Color::Rgb(0x9a, 0x5b, 0x00),
    question: Color::Rgb(0x8f, 0x2f, 0x6b),
    plan: Color::Rgb(0x00, 0x5f, 0x99),
    failed: Color::Rgb(0xb0, 0x2a, 0x00),
    done: Color::Rgb(0x00, 0x6b, 0x4f),
    working: Color::Rgb(0x2f, 0x4f, 0x8f),
    dim: Color::Rgb(0x70, 0x70, 0x70),
    selected: Some(Color::Rgb(0xe4, 0xe8, 0xf0)),
};

/// Shapes and weights only (`NO_COLOR`).
pub const PLAIN: Palette = Palette {
    name: "plain",
    permission: Color::Reset,
    question: Color::Reset,
    plan: Color::Reset,
    failed: Color::Reset,
    done: Color::Reset,
    working: Color::Reset,
    dim: Color::Reset,
    selected: None,
};

/// All of them, the default first.
pub const PALETTES: [&Palette; 4] = [&TERMINAL, &DARK, &LIGHT, &PLAIN];

impl Theme {
    /// A status's shape: legible without colour, and in plain ASCII where it must be.
    pub fn shape(self, status: Status) -> &'static str {
        let (unicode, ascii) = match status {
            Status::Permission => ("!", "!"),
            Status::Question => ("?", "?"),
            Status::Plan => ("≡", "="),
            Status::Failed => ("✗", "x"),
            Status::Done => ("✓", "+"),
            Status::Working => ("●", "*"),
            Status::Idle => ("○", "o"),
            Status::Closed => ("·", "."),
        };
        if self.unicode { unicode } else { ascii }
    }

    /// What a bar is made of for a status, one column wide.
    pub fn cell(self, status: Status) -> &'static str {
        match status {
            Status::Working if self.unicode => "━",
            Status::Working => "=",
            Status::Idle | Status::Closed if self.unicode => "·",
            Status::Idle | Status::Closed => ".",
            status => self.shape(status),
        }
    }

    pub fn status(self, status: Status) -> Style {
        let palette = self.palette;
        let (colour, weight) = match status {
            Status::Permission => (palette.permission, Modifier::BOLD),
            Status::Question => (palette.question, Modifier::BOLD),
            Status::Plan => (palette.plan, Modifier::BOLD),
            Status::Failed => (palette.failed, Modifier::BOLD),
            Status::Done => (palette.done, Modifier::empty()),
            Status::Working => (palette.working, Modifier::empty()),
            Status::Idle => return Style::new(),
            Status::Closed => return self.dim(),
        };
        let style = Style::new().add_modifier(weight);
        if colour == Color::Reset { style } else { style.fg(colour) }
    }

    /// For what matters less.
    pub fn dim(self) -> Style {
        match self.palette.dim {
            Color::Reset => Style::new().add_modifier(Modifier::DIM),
            colour => Style::new().fg(colour),
        }
    }

    /// What stands before a row: whether it is selected.
    pub fn marker(self, is_selected: bool) -> &'static str {
        match (is_selected, self.unicode) {
            (true, true) => "▌",
            (true, false) => ">",
            (false, _) => " ",
        }
    }

    /// What stands behind a row's shape: whether it is pinned.
    pub fn pin(self, is_pinned: bool) -> &'static str {
        match (is_pinned, self.unicode) {
            (true, true) => "◆",
            (true, false) => "^",
            (false, _) => " ",
        }
    }

    pub fn separator(self) -> &'static str {
        if self.unicode { " · " } else { ", " }
    }

    pub fn strong() -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// For the selected row.
    pub fn selected(self) -> Style {
        match self.palette.selected {
            Some(colour) => Style::new().bg(colour),
            None => Style::new().add_modifier(Modifier::REVERSED),
        }
    }
}

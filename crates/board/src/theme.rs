//! The themes: colours, and the shapes of statuses.

use crewboard_core::Status;
use ratatui::style::{Color, Modifier, Style};

/// The colours and characters of the board.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    pub palette: &'static Palette,
    /// The locale has more characters than ASCII.
    pub unicode: bool,
}

/// A set of colours. A palette may have none, because every status also has its own shape and word.
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

/// The sixteen colours of the terminal, which the user may have set.
pub const TERMINAL: Palette = Palette {
    name: "terminal",
    permission: Color::Yellow,
    question: Color::Magenta,
    plan: Color::LightBlue,
    failed: Color::Red,
    done: Color::Green,
    // Blue is unreadable on many black backgrounds.
    working: Color::Cyan,
    // Faint instead of grey: in some terminal palettes bright black is the background colour.
    dim: Color::Reset,
    selected: None,
};

/// Colours for dark backgrounds. The hues can be distinguished with any kind of colour vision (Okabe and Ito).
pub const DARK: Palette = Palette {
    name: "dark",
    permission: Color::Rgb(0xe6, 0x9f, 0x00),
    question: Color::Rgb(0xcc, 0x79, 0xa7),
    plan: Color::Rgb(0x56, 0xb4, 0xe9),
    failed: Color::Rgb(0xd5, 0x5e, 0x00),
    done: Color::Rgb(0x00, 0x9e, 0x73),
    // The most frequent status has the calmest colour. The yellow of Okabe and Ito would outshine the statuses that
    // need the user.
    working: Color::Rgb(0xa8, 0xbb, 0xcc),
    dim: Color::Rgb(0x80, 0x80, 0x80),
    selected: Some(Color::Rgb(0x26, 0x2b, 0x33)),
};

/// Colours for light backgrounds.
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

/// No colours, only shapes and weights (`NO_COLOR`).
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

/// All palettes, the default first.
pub const PALETTES: [&Palette; 4] = [&TERMINAL, &DARK, &LIGHT, &PLAIN];

impl Theme {
    /// Returns the shape of a status, which identifies it without colour. It is ASCII if the locale is.
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

    /// Returns the character of a status in a bar, one column wide.
    pub fn cell(self, status: Status) -> &'static str {
        match status {
            Status::Working if self.unicode => "━",
            Status::Working => "=",
            Status::Idle | Status::Closed if self.unicode => "·",
            Status::Idle | Status::Closed => ".",
            status => self.shape(status),
        }
    }

    /// Returns the style of a status.
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

    /// Returns the style of less important text.
    pub fn dim(self) -> Style {
        match self.palette.dim {
            Color::Reset => Style::new().add_modifier(Modifier::DIM),
            colour => Style::new().fg(colour),
        }
    }

    /// Returns the character at the start of a row, which marks the selected row.
    pub fn marker(self, is_selected: bool) -> &'static str {
        match (is_selected, self.unicode) {
            (true, true) => "▌",
            (true, false) => ">",
            (false, _) => " ",
        }
    }

    /// Returns the character after a row's shape, which marks a pinned row.
    pub fn pin(self, is_pinned: bool) -> &'static str {
        match (is_pinned, self.unicode) {
            (true, true) => "◆",
            (true, false) => "^",
            (false, _) => " ",
        }
    }

    /// Returns the text between two facts on a line.
    pub fn separator(self) -> &'static str {
        if self.unicode { " · " } else { ", " }
    }

    /// Returns the style of important text.
    pub fn strong() -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// Returns the style of the selected row.
    pub fn selected(self) -> Style {
        match self.palette.selected {
            Some(colour) => Style::new().bg(colour),
            None => Style::new().add_modifier(Modifier::REVERSED),
        }
    }
}

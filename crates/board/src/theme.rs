//! The themes: colours, and the shapes of statuses.

use crate::colour::Rgb;
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
    /// The background nearest to middle grey on which every colour is legible. `None` if the colours depend on the
    /// terminal.
    pub background: Option<Rgb>,
    /// Text on [`Self::selected`].
    text: Color,
    permission: Color,
    question: Color,
    plan: Color,
    failed: Color,
    done: Color,
    working: Color,
    dim: Color,
    /// The background of the selected row.
    selected: Option<Color>,
}

/// The palette that the terminal's background selects. These are its colours while the background is unknown.
pub const AUTO: Palette = Palette { name: "auto", ..TERMINAL };

/// The terminal's own colour of text, with weights and shapes only, while the background is unknown.
///
/// The user may have changed the sixteen colours, and none of them has a contrast of 4.5 on both the black and the white
/// backgrounds of common terminals (a test has their palettes).
pub const TERMINAL: Palette = Palette {
    name: "terminal",
    background: None,
    text: Color::Reset,
    permission: Color::Reset,
    question: Color::Reset,
    plan: Color::Reset,
    failed: Color::Reset,
    done: Color::Reset,
    working: Color::Reset,
    // Faint instead of grey: in some terminal palettes bright black is the background colour.
    dim: Color::Reset,
    selected: None,
};

/// One of the sixteen colours on a dark background. Bright cyan is the only one that is legible on all dark backgrounds of
/// common terminals, except for the colours of text.
pub const TERMINAL_DARK: Palette = terminal_with(Color::LightCyan);

/// One of the sixteen colours on a light background. Red is as legible as text on all light backgrounds of common terminals.
pub const TERMINAL_LIGHT: Palette = terminal_with(Color::Red);

/// Returns the terminal's palette with a colour for the statuses that need the user.
const fn terminal_with(colour: Color) -> Palette {
    Palette { permission: colour, question: colour, plan: colour, failed: colour, ..TERMINAL }
}

/// Colours for dark backgrounds, near those of Okabe and Ito, which can be distinguished with any kind of colour vision.
/// They are from the part of the 256 colours that terminals do not let the user set: Apple's Terminal has no others.
pub const DARK: Palette = Palette {
    name: "dark",
    background: Some(Rgb(0x30, 0x34, 0x46)),
    text: Color::Indexed(253),
    permission: Color::Indexed(214),
    question: Color::Indexed(175),
    plan: Color::Indexed(75),
    failed: Color::Indexed(209),
    done: Color::Indexed(72),
    // The most frequent status has the calmest colour. The yellow of Okabe and Ito would outshine the statuses that
    // need the user.
    working: Color::Indexed(146),
    dim: Color::Indexed(247),
    selected: Some(Color::Indexed(236)),
};

/// Colours for light backgrounds.
pub const LIGHT: Palette = Palette {
    name: "light",
    background: Some(Rgb(0xee, 0xee, 0xec)),
    text: Color::Indexed(235),
    permission: Color::Indexed(94),
    question: Color::Indexed(126),
    plan: Color::Indexed(25),
    failed: Color::Indexed(124),
    done: Color::Indexed(22),
    working: Color::Indexed(60),
    dim: Color::Indexed(242),
    selected: Some(Color::Indexed(255)),
};

/// No colours on any background (`NO_COLOR`).
pub const PLAIN: Palette = Palette { name: "plain", ..TERMINAL };

/// All palettes, the default first.
pub const PALETTES: [&Palette; 5] = [&AUTO, &TERMINAL, &DARK, &LIGHT, &PLAIN];

impl Palette {
    /// Returns the colours of text, and the background of the selected row.
    pub fn colours(&self) -> ([Color; 8], Option<Color>) {
        let Self { text, permission, question, plan, failed, done, working, dim, .. } = *self;
        ([text, permission, question, plan, failed, done, working, dim], self.selected)
    }
}

impl Theme {
    /// Returns true if the terminal's background selects the colours.
    pub fn depends_on_background(self) -> bool {
        self.palettes_by_background().is_some()
    }

    /// Returns the palettes for a dark and for a light background, if the background selects the colours.
    fn palettes_by_background(self) -> Option<[&'static Palette; 2]> {
        if self.palette == &AUTO {
            Some([&DARK, &LIGHT])
        } else if self.palette == &TERMINAL {
            Some([&TERMINAL_DARK, &TERMINAL_LIGHT])
        } else {
            None
        }
    }

    /// Returns the theme for a terminal with this background.
    #[must_use]
    pub fn on(self, background: Option<Rgb>) -> Self {
        let Some([dark, light]) = self.palettes_by_background() else { return self };
        let limit = |palette: &Palette| palette.background.map(Rgb::luminance);
        let luminance = background.map(Rgb::luminance);
        let palette = if luminance.is_some() && luminance <= limit(&DARK) {
            dark
        } else if luminance.is_some() && luminance >= limit(&LIGHT) {
            light
        } else {
            &TERMINAL
        };
        Self { palette, ..self }
    }

    /// Returns the shape of a status, which identifies it without colour. It is ASCII if the locale is.
    pub fn shape(self, status: Status) -> &'static str {
        let (unicode, ascii) = match status {
            Status::Permission => ("!", "!"),
            Status::Question => ("?", "?"),
            Status::Plan => ("≡", "="),
            Status::Failed => ("×", "x"),
            Status::Done => ("√", "+"),
            Status::Working => ("●", "*"),
            Status::Idle => ("◯", "o"),
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

    /// Returns the style of the selected row: heavier, and never reversed, so that the status keeps its colour.
    pub fn selected(self) -> Style {
        let style = Style::new().add_modifier(Modifier::BOLD).remove_modifier(Modifier::DIM);
        match self.palette.selected {
            Some(colour) => style.bg(colour),
            None => style,
        }
    }

    /// Returns the colour of text without a colour of its own in the selected row.
    pub fn selected_text(self) -> Color {
        self.palette.text
    }

    /// Returns all characters outside ASCII that the board draws itself. Common monospaced fonts have them
    /// (docs/fonts.md).
    pub const SYMBOLS: &str = "≡×√●◯·━▌◆─▏▎▍▋▊▉█▕–…“”→";
}

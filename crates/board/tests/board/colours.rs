//! Colours and weights, and that the board is legible without them.

use crate::sample::{NOW, UNICODE, board, buffer, day, empty, press};
use crewboard_board::colour::Rgb;
use crewboard_board::model::Model;
use crewboard_board::theme::{
    AUTO, DARK, LIGHT, PALETTES, PLAIN, Palette, TERMINAL, TERMINAL_DARK, TERMINAL_LIGHT, Theme,
};
use crewboard_board::update::{Message, update};
use crewboard_core::{Status, Timestamp};
use insta::assert_snapshot;
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier, Style};
use std::collections::BTreeSet;
use std::fmt::Write as _;

fn themed(palette: &'static Palette) -> Model {
    let mut model = board(day(), 72, 22);
    model.theme = Theme { palette, ..UNICODE };
    press(&mut model, "down");
    model
}

/// Returns the screen with a letter for each style, and a legend of the letters.
fn styles(buffer: &Buffer) -> String {
    let mut legend: Vec<Style> = Vec::new();
    let mut map = String::new();
    for y in 0..buffer.area.height {
        let mut line = String::new();
        for x in 0..buffer.area.width {
            let cell = &buffer[(x, y)];
            let style = Style::new().fg(cell.fg).bg(cell.bg).add_modifier(cell.modifier);
            let index = legend.iter().position(|known| *known == style).unwrap_or_else(|| {
                legend.push(style);
                legend.len() - 1
            });
            let is_blank = cell.symbol() == " "
                && style.bg == Some(Color::Reset)
                && !cell.modifier.contains(Modifier::REVERSED);
            let letter = char::from(b'a' + u8::try_from(index).unwrap());
            line.push(if is_blank { ' ' } else { letter });
        }
        let _ = writeln!(map, "{}", line.trim_end());
    }
    for (letter, style) in ('a'..).zip(legend) {
        let _ = writeln!(
            map,
            "{letter} {:?} on {:?} {:?}",
            style.fg.unwrap(),
            style.bg.unwrap(),
            style.add_modifier
        );
    }
    map
}

#[test]
fn themes_style_the_board() {
    assert_snapshot!("terminal", styles(&buffer(&themed(&TERMINAL))));
    assert_snapshot!("terminal_dark", styles(&buffer(&themed(&TERMINAL_DARK))));
    assert_snapshot!("dark", styles(&buffer(&themed(&DARK))));
    assert_snapshot!("light", styles(&buffer(&themed(&LIGHT))));
    assert_snapshot!("plain", styles(&buffer(&themed(&PLAIN))));
}

#[test]
fn rows_are_dim_without_a_daemon() {
    let mut model = themed(&TERMINAL);
    update(&mut model, Message::Disconnected("gone".to_owned()), NOW);
    update(&mut model, Message::ClockTick, Timestamp(NOW.0 + 1000));
    assert_snapshot!("lost", styles(&buffer(&model)));
}

#[test]
fn plain_theme_sets_no_colour() {
    for keys in ["down", "t", "?", "v", "/ a"] {
        let mut model = themed(&PLAIN);
        press(&mut model, keys);
        for cell in &buffer(&model).content {
            assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset), "{keys}");
        }
    }
}

/// The terminal may have sixteen colours only.
#[test]
fn default_theme_uses_sixteen_colours() {
    for cell in &buffer(&themed(&TERMINAL)).content {
        for colour in [cell.fg, cell.bg] {
            assert!(!matches!(colour, Color::Rgb(..) | Color::Indexed(_)), "{colour:?}");
        }
    }
}

/// Returns the colour of a cell, or `otherwise` if the terminal chooses it.
fn rgb(colour: Color, otherwise: Rgb) -> Rgb {
    match colour {
        Color::Reset => otherwise,
        Color::Indexed(index) => Rgb::of_index(index).expect("a colour that the user may have set"),
        colour => panic!("{colour:?} depends on the terminal"),
    }
}

/// The contrast that WCAG 2.2 asks of text.
const TEXT_CONTRAST: f64 = 4.5;

#[test]
fn every_pair_of_colours_of_a_theme_is_legible() {
    for palette in PALETTES {
        let Some(own) = palette.background else { continue };
        let (texts, selected) = palette.colours();
        let end = if own.luminance() < 0.2 { Rgb(0, 0, 0) } else { Rgb(255, 255, 255) };
        for background in [own, end, rgb(selected.unwrap(), own)] {
            for text in texts {
                let contrast = rgb(text, own).contrast(background);
                let pair = format!("{}: {text:?} on {background:?}: {contrast:.2}", palette.name);
                assert!(contrast >= TEXT_CONTRAST, "{pair}");
            }
        }
    }
}

/// The screens use no other pairs of colours than the palettes.
#[test]
fn every_cell_of_the_board_is_legible() {
    for palette in [&DARK, &LIGHT] {
        let own = palette.background.unwrap();
        let end = if own.luminance() < 0.2 { Rgb(255, 255, 255) } else { Rgb(0, 0, 0) };
        for keys in ["down", "t", "?", "v", "x X", "/ a"] {
            let mut model = themed(palette);
            press(&mut model, keys);
            for cell in &buffer(&model).content {
                let contrast = rgb(cell.fg, end).contrast(rgb(cell.bg, own));
                assert!(contrast >= TEXT_CONTRAST, "{keys}: {cell:?}: {contrast:.2}");
                assert!(!cell.modifier.contains(Modifier::REVERSED), "{keys}: {cell:?}");
            }
        }
    }
}

/// A common terminal: its name, its background and its colour of text, and the two of its sixteen colours that the theme
/// `terminal` uses: red and bright cyan.
struct Common {
    name: &'static str,
    background: Rgb,
    text: Rgb,
    red: Rgb,
    bright_cyan: Rgb,
}

const BLACK: Rgb = Rgb(0, 0, 0);
const WHITE: Rgb = Rgb(0xff, 0xff, 0xff);

const fn common(name: &'static str, [background, text, red, bright_cyan]: [Rgb; 4]) -> Common {
    Common { name, background, text, red, bright_cyan }
}

/// The defaults of common terminals.
const COMMON: [Common; 16] = [
    common("xterm", [WHITE, BLACK, Rgb(0xcd, 0, 0), Rgb(0, 0xff, 0xff)]),
    common("xterm -rv", [BLACK, WHITE, Rgb(0xcd, 0, 0), Rgb(0, 0xff, 0xff)]),
    common("Linux, VGA", [BLACK, Rgb(0xaa, 0xaa, 0xaa), Rgb(0xaa, 0, 0), Rgb(0x55, 0xff, 0xff)]),
    common("Tango", [WHITE, Rgb(0x2e, 0x34, 0x36), Rgb(0xcc, 0, 0), Rgb(0x34, 0xe2, 0xe2)]),
    common(
        "Tango, grey",
        [Rgb(0xee, 0xee, 0xec), Rgb(0x2e, 0x34, 0x36), Rgb(0xcc, 0, 0), Rgb(0x34, 0xe2, 0xe2)],
    ),
    common(
        "Tango, dark",
        [Rgb(0x2e, 0x34, 0x36), Rgb(0xd3, 0xd7, 0xcf), Rgb(0xcc, 0, 0), Rgb(0x34, 0xe2, 0xe2)],
    ),
    common("Tango, black", [BLACK, Rgb(0xd3, 0xd7, 0xcf), Rgb(0xcc, 0, 0), Rgb(0x34, 0xe2, 0xe2)]),
    common("Ubuntu", [Rgb(0x30, 0x0a, 0x24), WHITE, Rgb(0xcc, 0, 0), Rgb(0x34, 0xe2, 0xe2)]),
    common("GNOME", [WHITE, Rgb(0x17, 0x14, 0x21), Rgb(0xc0, 0x1c, 0x28), Rgb(0x33, 0xc7, 0xde)]),
    common(
        "GNOME, dark",
        [Rgb(0x1d, 0x1d, 0x1d), WHITE, Rgb(0xc0, 0x1c, 0x28), Rgb(0x33, 0xc7, 0xde)],
    ),
    common("Terminal.app", [WHITE, BLACK, Rgb(0x99, 0, 0), Rgb(0, 0xe5, 0xe5)]),
    common(
        "Terminal.app, Pro",
        [BLACK, Rgb(0xf2, 0xf2, 0xf2), Rgb(0x99, 0, 0), Rgb(0, 0xe5, 0xe5)],
    ),
    common("iTerm2", [BLACK, Rgb(0xc7, 0xc7, 0xc7), Rgb(0xc9, 0x1b, 0), Rgb(0x5f, 0xfd, 0xff)]),
    common(
        "Windows Terminal",
        [
            Rgb(0x0c, 0x0c, 0x0c),
            Rgb(0xcc, 0xcc, 0xcc),
            Rgb(0xc5, 0x0f, 0x1f),
            Rgb(0x61, 0xd6, 0xd6),
        ],
    ),
    common(
        "Solarized, dark",
        [Rgb(0, 0x2b, 0x36), Rgb(0x83, 0x94, 0x96), Rgb(0xdc, 0x32, 0x2f), Rgb(0x93, 0xa1, 0xa1)],
    ),
    common(
        "Solarized, light",
        [
            Rgb(0xfd, 0xf6, 0xe3),
            Rgb(0x65, 0x7b, 0x83),
            Rgb(0xdc, 0x32, 0x2f),
            Rgb(0x93, 0xa1, 0xa1),
        ],
    ),
];

/// The theme of the sixteen colours has the terminal's own colour of text, and one more only where the background is
/// known. It reaches the contrast of text; Solarized's own text on its light background reaches only 4.1, so there the
/// colour must reach that.
#[test]
fn sixteen_colours_are_legible_in_common_terminals() {
    for common in COMMON {
        let Common { name, background, .. } = common;
        let least = TEXT_CONTRAST.min(common.text.contrast(background));
        assert!(least >= 4.1, "{name}: {least:.2}");
        for known in [None, Some(background)] {
            let palette = Theme { palette: &TERMINAL, ..UNICODE }.on(known).palette;
            let (texts, selected) = palette.colours();
            assert_eq!(selected, None, "{name}");
            for colour in texts {
                let colour = match colour {
                    Color::Reset => common.text,
                    Color::Red => common.red,
                    Color::LightCyan => common.bright_cyan,
                    colour => panic!("{colour:?} is not in the list of palettes"),
                };
                let contrast = colour.contrast(background);
                assert!(contrast >= least, "{name}, {known:?}: {colour:?}: {contrast:.2}");
            }
            let has_colour = texts.into_iter().any(|colour| colour != Color::Reset);
            assert_eq!(has_colour, known.is_some(), "{name}");
        }
    }
    for palette in [&AUTO, &PLAIN] {
        assert_eq!(palette.colours(), TERMINAL.colours());
    }
}

#[test]
fn theme_follows_the_background() {
    let auto = Theme { palette: &AUTO, ..UNICODE };
    for (background, expected) in [
        (None, "terminal"),
        (Some(Rgb(0, 0, 0)), "dark"),
        (Some(Rgb(0x2e, 0x34, 0x40)), "dark"),
        (Some(Rgb(0x80, 0x80, 0x80)), "terminal"),
        (Some(Rgb(0xfd, 0xf6, 0xe3)), "light"),
        (Some(Rgb(255, 255, 255)), "light"),
    ] {
        assert_eq!(auto.on(background).palette.name, expected, "{background:?}");
        let fixed = Theme { palette: &LIGHT, ..UNICODE };
        assert_eq!(fixed.on(background), fixed);
    }
    let terminal = Theme { palette: &TERMINAL, ..UNICODE };
    for (background, expected) in [
        (None, &TERMINAL),
        (Some(BLACK), &TERMINAL_DARK),
        (Some(Rgb(0x80, 0x80, 0x80)), &TERMINAL),
        (Some(WHITE), &TERMINAL_LIGHT),
    ] {
        assert_eq!(terminal.on(background).palette, expected, "{background:?}");
    }
    let mut model = empty(80, 24, auto);
    update(&mut model, Message::Background(BLACK), NOW);
    assert_eq!(model.theme.palette.name, "dark");
}

/// Common monospaced fonts have all characters that the board draws (docs/fonts.md).
#[test]
fn board_draws_only_symbols_of_common_fonts() {
    let mut used = BTreeSet::new();
    for (width, height) in [(200, 50), (80, 24), (120, 3), (60, 1)] {
        for keys in ["down", "t", "?", "v", "p z x X", "/ a"] {
            let mut model = board(day(), width, height);
            press(&mut model, keys);
            used.extend(
                buffer(&model)
                    .content
                    .iter()
                    .flat_map(|cell| cell.symbol().chars().collect::<Vec<_>>()),
            );
        }
    }
    for status in Status::ALL {
        used.extend(UNICODE.shape(status).chars().chain(UNICODE.cell(status).chars()));
    }
    let strange: Vec<_> =
        used.into_iter().filter(|c| !c.is_ascii() && !Theme::SYMBOLS.contains(*c)).collect();
    assert_eq!(strange, []);
    let page = include_str!("../../../../docs/fonts.md");
    for symbol in Theme::SYMBOLS.chars().filter(|symbol| !symbol.is_ascii()) {
        assert!(page.contains(&format!("U+{:04X}", u32::from(symbol))), "{symbol}");
    }
}

/// The selected row differs from other rows in more than its marker.
#[test]
fn selected_row_is_visible_in_every_theme() {
    for palette in PALETTES {
        let model = themed(palette);
        let buffer = buffer(&model);
        let line = crewboard_board::layout::layout(&model).list.y
            + u16::try_from(model.selected_index().unwrap()).unwrap();
        let style = |y: u16| buffer[(30, y)].style();
        assert_ne!(style(line), style(line + 1), "{}", palette.name);
        let even = (3..72).map(|x| (buffer[(x, line)].bg, buffer[(x, line)].modifier));
        let even: Vec<_> = even.collect();
        assert!(
            even.iter().all(|cell| *cell == even[0]),
            "{}: the bar has several styles",
            palette.name
        );
    }
}

//! Colours and weights, and that the board is legible without them.

use crate::sample::{NOW, UNICODE, board, buffer, day, press};
use crewboard_board::model::Model;
use crewboard_board::theme::{DARK, LIGHT, PALETTES, PLAIN, Palette, TERMINAL, Theme};
use crewboard_board::update::{Message, update};
use crewboard_core::Timestamp;
use insta::assert_snapshot;
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier, Style};
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
        let even = (3..72).map(|x| {
            (buffer[(x, line)].bg, buffer[(x, line)].modifier.contains(Modifier::REVERSED))
        });
        let even: Vec<_> = even.collect();
        assert!(
            even.iter().all(|cell| *cell == even[0]),
            "{}: the bar has several styles",
            palette.name
        );
    }
}

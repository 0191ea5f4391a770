//! The pictures of the documentation: the board as SVG and the list as text, drawn from the demo at fixed moments.
//!
//! Each test compares a stored picture with what the program draws now. With `UPDATE_DOCS` set, as `cargo xtask
//! pictures` does, it writes the picture first.

mod svg;

use crate::commands::board::AGENT_TEXT;
use crate::configuration::BoardConfig;
use crate::recording::demo::play_until;
use crate::render::{Names, Style, list_line_at};
use crewboard_board::Options;
use crewboard_board::keymap::Keymap;
use crewboard_board::model::{HookState, Model};
use crewboard_board::theme::{PALETTES, Theme};
use crewboard_board::update::{Message, update};
use crewboard_board::view::draw;
use crewboard_core::{RateLimits, Session, Timestamp};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use std::fs;
use std::path::{Path, PathBuf};
use svg::{Look, svg};

/// The moment of the still pictures, in milliseconds from the demo's start.
const MOMENT: i64 = 5500;

/// The moments of the animated picture.
const MOMENTS: [i64; 5] = [5500, 9500, 14_000, 20_500, 36_000];

/// Columns and lines of the board.
const SIZE: (u16, u16) = (110, 28);

/// Columns and lines of the animated board, which has room for the list only.
const ANIMATED_SIZE: (u16, u16) = (100, 16);

/// Columns of the list.
const LIST_WIDTH: usize = 100;

/// Returns the rows of the demo in the order of the list, the rate limits, and the time.
fn state_at(moment: i64) -> (Vec<Session>, Vec<RateLimits>, Timestamp) {
    let (sessions, now) = play_until(moment);
    let mut rows: Vec<Session> =
        sessions.iter().filter_map(|row| sessions.with_history(&row.key)).collect();
    rows.sort_by(Session::compare_for_list);
    (rows, sessions.limits().cloned().collect(), now)
}

/// Returns the screens of a board at moments of the demo.
fn screens(theme: &str, moments: &[i64], (width, height): (u16, u16)) -> Vec<Buffer> {
    let palette = PALETTES.iter().find(|palette| palette.name == theme).unwrap();
    let theme = Theme { palette, unicode: true };
    let mut model = Model::new(theme, Keymap::default(), HookState::NotApplicable, Timestamp(0));
    model.set_agent_text(AGENT_TEXT);
    let (_, options) = BoardConfig::open(crewboard_config::Environment::default(), true, None);
    let options = Options { theme, detail: (width, height) == SIZE, ..options };
    let mut screens = Vec::new();
    for moment in moments {
        let (rows, limits, now) = state_at(*moment);
        for message in [
            Message::Configured(Box::new(options.clone())),
            Message::Resized { width, height },
            Message::Rows(rows),
            Message::RateLimits(limits),
        ] {
            update(&mut model, message, now);
        }
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        draw(&model, &mut buffer);
        screens.push(buffer);
    }
    screens
}

fn docs(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(path)
}

/// Compares a stored file with `now`, after it has written the file if `UPDATE_DOCS` is set.
fn assert_stored(path: &str, now: &str) {
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(docs(path), now).unwrap();
    }
    let stored = fs::read_to_string(docs(path)).unwrap_or_default();
    assert!(stored == now, "docs/{path}: run `cargo xtask pictures` and look at the difference");
}

#[test]
fn pictures_of_the_board_are_what_it_draws() {
    for look in [Look::DARK, Look::LIGHT] {
        let theme = look.theme;
        let title = "The board of Crewboard: twelve sessions, five of which need you";
        let picture = svg(&screens(theme, &[MOMENT], SIZE), title, look);
        assert_stored(&format!("pictures/board-{theme}.svg"), &picture);
        let title = "The board over half a minute";
        let picture = svg(&screens(theme, &MOMENTS, ANIMATED_SIZE), title, look);
        assert_stored(&format!("pictures/demo-{theme}.svg"), &picture);
    }
}

#[test]
fn pictures_of_the_list_are_what_it_prints() {
    let style = Style { colour: false, unicode: true, width: LIST_WIDTH };
    let (rows, _, now) = state_at(MOMENT);
    let names = Names::of(&rows, style);
    let lines = rows.iter().map(|row| {
        let line = list_line_at(row, &names, now, style);
        format!("{}\n", line.trim_end())
    });
    let list: String = lines.collect();
    let page = fs::read_to_string(docs("commands.md")).unwrap();
    let (before, rest) = page.split_once("<!-- picture:list -->").unwrap();
    let (_, after) = rest.split_once("<!-- /picture -->").unwrap();
    let block = format!("```text\n$ crewboard list\n{list}```");
    let page = format!("{before}<!-- picture:list -->\n{block}\n<!-- /picture -->{after}");
    assert_stored("commands.md", &page);
}

//! Options that change while the board is open.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use crewboard_board::keymap::{Action, Key, Keymap};
use crewboard_board::model::{HookState, Model};
use crewboard_board::theme::{DARK, TERMINAL, Theme};
use crewboard_board::update::{Effect, Message, update};
use crewboard_board::view::draw;
use crewboard_board::{LayoutMode, Options};
use crewboard_core::Timestamp;
use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;

#[test]
fn changed_options_apply_at_once() {
    let now = Timestamp(1_795_331_980_546);
    let key = |word: &str| -> Key { word.parse().unwrap() };
    let theme = |palette| Theme { palette, unicode: true };
    let mut options = Options {
        theme: theme(&TERMINAL),
        keymap: Keymap::default(),
        detail: true,
        layout_mode: LayoutMode::Auto,
        order: crewboard_board::RowOrder::Urgency,
        headings: true,
        title: true,
        report_status: true,
        notice: None,
        problems: Vec::new(),
    };
    let mut model = Model::new(options.theme, Keymap::default(), HookState::Installed, now);
    let apply = |model: &mut Model, message| update(model, message, now);
    let configured = |options: &Options| Message::Configured(Box::new(options.clone()));

    apply(&mut model, configured(&options));
    assert!(model.detail && model.notice.is_none());

    options.theme = theme(&DARK);
    options.keymap.rebind(Action::Quit, &[key("Q")]);
    apply(&mut model, configured(&options));
    assert_eq!(model.theme.palette.name, "dark");
    assert_eq!(apply(&mut model, Message::Key(key("q"))), []);
    assert_eq!(apply(&mut model, Message::Key(key("Q"))), [Effect::Quit]);

    // The user's key counts until the option itself changes.
    apply(&mut model, Message::Key(key("d")));
    assert!(!model.detail);
    options.notice = Some("config.toml:1:1: no".to_owned());
    apply(&mut model, configured(&options));
    assert!(!model.detail);
    assert_eq!(model.notice.as_ref().unwrap().text, "config.toml:1:1: no");
    options.detail = false;
    apply(&mut model, configured(&options));
    apply(&mut model, Message::Key(key("d")));
    assert!(model.detail);
    apply(&mut model, configured(&options));
    assert!(model.detail);
}

fn shows(model: &Model, text: &str) -> bool {
    let mut buffer = Buffer::empty(Rect::new(0, 0, model.width, model.height));
    draw(model, &mut buffer);
    buffer.content.iter().map(Cell::symbol).collect::<String>().contains(text)
}

#[test]
fn problems_are_shown_until_they_are_fixed_or_hidden() {
    let now = Timestamp(1_795_331_980_546);
    let theme = Theme { palette: &TERMINAL, unicode: true };
    let (keymap, detail, notice) = (Keymap::default(), true, None);
    let problem =
        "config.toml:2:9: board.theme is \"drak\"; it must be one of terminal, dark, light";
    let problems = vec![problem.to_owned(), "config.toml:3:1: unknown option".to_owned()];
    let layout_mode = LayoutMode::Auto;
    let (title, report_status) = (true, true);
    let keymap_now = keymap.clone();
    let wrong = Options {
        theme,
        keymap: keymap_now,
        detail,
        layout_mode,
        order: crewboard_board::RowOrder::Urgency,
        headings: true,
        title,
        report_status,
        notice,
        problems,
    };
    let right = Options { problems: Vec::new(), ..wrong.clone() };
    let mut model = Model::new(theme, keymap, HookState::Installed, now);
    let key = |model: &mut Model, word: &str, later: u64| {
        update(model, Message::Key(word.parse().unwrap()), Timestamp(now.0 + later));
    };
    update(&mut model, Message::Resized { width: 80, height: 24 }, now);
    update(&mut model, Message::Configured(Box::new(wrong.clone())), now);
    // Problems stay longer than a notice.
    update(&mut model, Message::ClockTick, Timestamp(now.0 + 600_000));
    assert!(shows(&model, "config.toml:2:9: board.theme is"));
    assert!(!shows(&model, " light"), "cut");
    key(&mut model, "e", 600_000);
    assert!(shows(&model, " light") && shows(&model, "config.toml:3:1: unknown option"));
    key(&mut model, "esc", 600_000);
    assert!(shows(&model, "e show all   Esc hide"));
    key(&mut model, "esc", 600_000);
    assert!(!shows(&model, "config.toml") && model.problems.is_empty());
    update(&mut model, Message::Configured(Box::new(wrong)), now);
    key(&mut model, "e", 600_000);
    update(&mut model, Message::Configured(Box::new(right)), now);
    assert!(!shows(&model, "config.toml") && model.overlay.is_none());
}

#[test]
fn version_problem_is_shown_until_it_is_gone() {
    let problem =
        "the daemon is out of date: expected 2.0.0, got 1.0.0; run `crewboard daemon restart`";
    let now = Timestamp(1_795_331_980_546);
    let theme = Theme { palette: &TERMINAL, unicode: true };
    let mut model = Model::new(theme, Keymap::default(), HookState::Installed, now);
    update(&mut model, Message::Resized { width: 120, height: 24 }, now);
    update(&mut model, Message::Version(Some(problem.to_owned())), now);
    assert!(shows(&model, "the daemon is out of date"));
    // The same problem again causes no frame.
    model.needs_redraw = false;
    update(&mut model, Message::Version(Some(problem.to_owned())), now);
    assert!(!model.needs_redraw && shows(&model, "the daemon is out of date"));
    update(&mut model, Message::Version(None), now);
    assert!(!shows(&model, "the daemon is out of date") && model.problems.is_empty());
}

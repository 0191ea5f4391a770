//! Properties that hold after any messages.

use crate::sample::{NOW, asking, buffer, empty, row, text};
use crewboard_board::keymap::{Key, TABLE};
use crewboard_board::layout::{columns, layout, row_at, visible_rows};
use crewboard_board::model::{HookState, Model, Screen};
use crewboard_board::theme::{PALETTES, Theme};
use crewboard_board::update::{Message, next_clock, update};
use crewboard_board::view::draw;
use crewboard_core::{
    PromptKind, RowKey, Session, Status, Subagent, SubagentId, Timestamp, Transition,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

/// Generates short texts that can break a screen: letters of all widths, marks, joiners, controls, overrides.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-zA-Z0-9 ./-]{0,12}",
        2 => "[日本語ｱ한é]{1,6}",
        1 => Just("👩‍👩‍👧‍👦".to_owned()),
        1 => Just("🇪🇺👍🏽❤️".to_owned()),
        1 => "[\u{300}-\u{30f}\u{200b}-\u{200f}\u{202a}-\u{202e}\u{2066}-\u{2069}\u{feff}]{1,4}",
        1 => "[\u{0}-\u{1f}\u{7f}-\u{9f}]{1,4}",
        1 => "[א-תء-ي]{1,8}",
        1 => any::<char>().prop_map(String::from),
    ];
    vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

fn status() -> impl Strategy<Value = Status> {
    prop::sample::select(Status::ALL.to_vec())
}

/// Generates a time before `NOW`, or a little after it, because clocks differ.
fn moment() -> impl Strategy<Value = Timestamp> {
    prop_oneof![0..4_000_u64, 0..700_000_u64, 0..100_000_000_u64, Just(NOW.0),]
        .prop_map(|before| Timestamp(NOW.0 + 5_000 - before.min(NOW.0)))
}

fn session() -> impl Strategy<Value = Session> {
    let texts = (hostile(), option::of(hostile()), option::of(hostile()), option::of(hostile()));
    let times = (moment(), moment(), vec((status(), moment()), 0..6), option::of(moment()));
    let marks = (any::<[bool; 7]>(), 0..4_u32, 0..3_u32);
    (0..24_u32, status(), texts, times, marks, vec((status(), moment()), 0..4)).prop_map(
        |(key, status, texts, times, (flags, background, scheduled), subagents)| {
            let (name, activity, prompt, branch) = texts;
            let (since, started, mut history, snoozed_until) = times;
            let [pinned, dismissed, seen, confirmed, headless, child, asks] = flags;
            history.sort_by_key(|(_, at)| *at);
            let base = row(&format!("k{key}"), &name, status, 0);
            let request = prompt.clone().unwrap_or_default();
            let base = if asks && status.is_prompt() {
                asking(base, PromptKind::Permission, Some("Bash"), &request.repeat(5))
            } else {
                base
            };
            let history = history.into_iter().map(|(status, at)| Transition { status, at });
            let subagents = subagents.into_iter().map(|(status, since)| Subagent {
                id: SubagentId::new("a"),
                kind: None,
                status,
                since,
            });
            Session {
                since,
                started,
                history: history.collect(),
                subagents: subagents.collect(),
                activity: base.activity.clone().or(activity),
                user_prompt: prompt,
                branch,
                pinned,
                dismissed,
                seen,
                needs_you: base.needs_you && !seen && !headless,
                confirmed,
                headless,
                snoozed_until: snoozed_until.filter(|_| pinned),
                parent: child.then(|| RowKey::new("k1")),
                background,
                scheduled,
                ..base
            }
        },
    )
}

/// Generates a message, and the milliseconds that pass before it.
fn message() -> impl Strategy<Value = (Message, u64)> {
    let keys: Vec<Key> = TABLE
        .iter()
        .flat_map(|entry| entry.keys)
        .chain(&["y", "n", "1", "é", "!", "backspace", "ctrl-u", "ctrl-w", "left", "f9"])
        .map(|word| word.parse().unwrap())
        .collect();
    let size = prop_oneof![1 => 0..300_u16, 3 => 0..12_u16, 3 => 30..130_u16];
    let message = prop_oneof![
        8 => prop::sample::select(keys).prop_map(Message::Key),
        6 => session().prop_map(|row| Message::Row(Box::new(row))),
        2 => (0..24_u32).prop_map(|key| Message::Removed(RowKey::new(&format!("k{key}")))),
        1 => vec(session(), 0..20).prop_map(Message::Rows),
        1 => (size.clone(), size).prop_map(|(width, height)| Message::Resized { width, height }),
        1 => (0..300_u16, 0..100_u16).prop_map(|(column, line)| Message::Clicked { column, line }),
        2 => (0..210u16, 0..60u16, any::<bool>())
            .prop_map(|(column, line, down)| Message::Wheel { column, line, down }),
        2 => Just(Message::ClockTick),
        1 => hostile().prop_map(Message::Disconnected),
        1 => hostile().prop_map(|change| Message::InstallPreview(Ok(change.repeat(9)))),
        1 => hostile().prop_map(Message::Notice),
        1 => Just(Message::Unresponsive),
        1 => Just(Message::Responsive),
    ];
    (message, prop_oneof![Just(0), 0..100_u64, 0..200_000_u64])
}

fn theme() -> impl Strategy<Value = Theme> {
    (0..PALETTES.len(), any::<bool>())
        .prop_map(|(theme, unicode)| Theme { palette: PALETTES[theme], unicode })
}

/// Applies messages to a new board, and calls `check` after each.
fn apply_all(
    theme: Theme,
    hooks: HookState,
    messages: Vec<(Message, u64)>,
    mut check: impl FnMut(&mut Model),
) {
    let mut model = empty(80, 24, theme);
    model.hooks = hooks;
    let mut now = NOW;
    for (message, later) in messages {
        now.0 += later;
        update(&mut model, message, now);
        check(&mut model);
    }
}

fn check_selection(model: &Model) {
    assert_eq!(model.selected.is_some(), !model.rows.order().is_empty());
    if let Some(index) = model.selected_index() {
        let window = model.scroll..model.scroll + visible_rows(model).max(1);
        assert!(window.contains(&index), "{index} outside {window:?}");
        assert!(model.selected_row().is_some());
    }
    let mut rows: Vec<&Session> = model.rows.listed().collect();
    assert_eq!(rows.len(), model.rows.order().len());
    assert!(rows.is_sorted_by(|one, other| model.rows.sort().compare(one, other).is_lt()));
    rows.dedup_by_key(|row| &row.key);
    assert_eq!(rows.len(), model.rows.order().len());
}

fn check_layout(model: &Model) {
    let screen = Rect::new(0, 0, model.width, model.height);
    let areas = layout(model).all();
    for (index, area) in areas.iter().enumerate().filter(|(_, area)| !area.is_empty()) {
        assert_eq!(area.intersection(screen), *area, "part outside the screen");
        for other in &areas[index + 1..] {
            assert!(area.intersection(*other).is_empty(), "{area:?} and {other:?} overlap");
        }
    }
    let columns = columns(model, usize::from(model.width));
    let sum = columns.status + columns.name + columns.text + columns.work + columns.age;
    let sum = sum + columns.context + columns.model + columns.agent + columns.place + columns.host;
    assert_eq!(sum, usize::from(model.width), "the columns fill the line");
}

/// Checks that no character is cut at the edge, and that nothing is drawn outside the screen.
fn check_picture(model: &Model) {
    let drawn = buffer(model);
    assert_eq!(drawn, buffer(model), "two pictures of one model differ");
    for line in text(&drawn).lines() {
        let width = unicode_width::UnicodeWidthStr::width(line);
        assert!(width <= usize::from(model.width), "{width} columns: {line:?}");
        assert!(!line.contains(|character: char| character.is_control()), "{line:?}");
        assert!(model.theme.unicode || line.is_ascii(), "{line:?}");
    }
    // The terminal has shrunk, and the board has not received the new size yet.
    let (width, height) = (model.width, model.height);
    for area in [Rect::new(0, 0, width / 2, height / 2), Rect::new(0, 0, width, height / 3)] {
        draw(model, &mut Buffer::empty(area));
    }
    // The terminal is larger than the model's size: nothing may be drawn outside that size.
    let wide = Rect::new(0, 0, width + 7, height + 5);
    let mut buffer = Buffer::empty(wide);
    draw(model, &mut buffer);
    let within = Rect::new(0, 0, width, height);
    for position in wide.positions() {
        let is_blank = buffer[position] == ratatui::buffer::Cell::EMPTY;
        assert!(within.contains(position) || is_blank, "drawn outside at {position:?}");
    }
    // A strip marks a chip, which may be at any column.
    if model.theme.unicode && model.overlay.is_none() && model.height > 3 {
        let list = layout(model).list;
        if model.height <= 3 && model.screen == Screen::List {
            // The selected session is visible in a strip, wherever its chip is.
            let mut columns = list.columns().filter(|_| model.width >= 30 && !list.is_empty());
            let is_marked = columns.any(|column| buffer[(column.x, list.y)].symbol() == "▌");
            let is_expected = model.selected.is_some() && !list.is_empty() && model.width >= 30;
            assert_eq!(is_marked, is_expected, "no selected chip");
            return;
        }
        let marked = (list.y..list.bottom()).filter(|y| buffer[(0, *y)].symbol() == "▌").count();
        let expected = usize::from(model.selected.is_some() && !list.is_empty());
        assert_eq!(marked, expected, "not exactly one selected row");
    }
}

fn check_mouse(model: &Model) {
    let list = layout(model).list;
    for y in 0..model.height {
        let row = row_at(model, 0, y);
        assert!(row.is_none() || list.contains(Position { x: 0, y }));
    }
}

/// Checks that the picture does not change before the next clock tick.
fn check_clock(model: &Model) {
    let horizon = 200_000;
    let next = next_clock(model).map_or(horizon, |next| next.min(horizon));
    let drawn = buffer(model);
    for later in [next - 1, next / 2] {
        let mut waited = model.clone();
        waited.now = Timestamp(model.now.0 + later);
        if drawn != buffer(&waited) {
            let (drawn, waited) = (text(&drawn), text(&buffer(&waited)));
            panic!("the picture changed after {later} ms, before {next}:\n{drawn}\n{waited}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn board_is_consistent_after_any_messages(
        theme in theme(),
        missing in any::<bool>(),
        messages in vec(message(), 1..40),
    ) {
        let hooks = if missing { HookState::Missing } else { HookState::Installed };
        apply_all(theme, hooks, messages, |model| {
            check_selection(model);
            check_layout(model);
            check_picture(model);
            check_mouse(model);
            check_clock(model);
        });
    }

    #[test]
    fn selection_stays_when_a_row_changes(messages in vec(message(), 1..60)) {
        let mut before: Option<RowKey> = None;
        apply_all(crate::sample::UNICODE, HookState::Installed, messages, |model| {
            // Only keys, clicks and the wheel may move the selection.
            let stays = before.as_ref().is_some_and(|key| model.rows.order().contains(key));
            let row = model.rows.all().next().cloned();
            before = model.selected.clone();
            if let Some(row) = row.filter(|_| stays && !model.follows_urgent) {
                let selected = model.selected.clone();
                let moved = Session { needs_you: !row.needs_you, ..row };
                let now = model.now;
                update(model, Message::Row(Box::new(moved)), now);
                assert!(model.selected == selected);
            }
        });
    }
}

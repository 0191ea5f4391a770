//! The changes that messages make.

use crate::sample::{NOW, UNICODE, board, day, empty, idle, press, row, working};
use crewboard_board::keymap::{Action, Key};
use crewboard_board::layout::{layout, row_at, visible_rows};
use crewboard_board::model::{ConnectionState, HookState, Model, Overlay, Screen};
use crewboard_board::update::{Effect, Message, update};
use crewboard_board::{Navigation, NavigationOutcome};
use crewboard_core::{ConversationId, Mark, RowKey, Session, Status, Timestamp};

/// Returns idle rows `r00` to at most `r99`, in this order.
fn rows(count: usize) -> Vec<Session> {
    let named = |index: usize| {
        let key = format!("r{index:02}");
        let started = Timestamp(NOW.0 - 1_000_000 + index as u64);
        Session { started, ..row(&key, &key, Status::Idle, 60) }
    };
    (0..count).map(named).collect()
}

fn selected(model: &Model) -> &str {
    model.selected.as_ref().map_or("", RowKey::as_str)
}

fn change(model: &mut Model, row: Session) {
    update(model, Message::Row(Box::new(row)), NOW);
}

fn waiting(key: &str) -> Session {
    row(key, key, Status::Permission, 1)
}

#[test]
fn selection_stays_on_its_row() {
    let mut model = board(rows(6), 80, 24);
    press(&mut model, "down down");
    assert_eq!(selected(&model), "r02");
    // Other rows move above it, appear and disappear.
    change(&mut model, waiting("r05"));
    change(&mut model, waiting("new"));
    assert_eq!(selected(&model), "r02");
    update(&mut model, Message::Removed(RowKey::new("r00")), NOW);
    assert_eq!(selected(&model), "r02");
    // The row itself moves.
    change(&mut model, Session { since: NOW, ..waiting("r02") });
    assert_eq!((selected(&model), model.selected_index()), ("r02", Some(2)));
    // The row is dismissed, and the row that is now in its place is selected.
    change(&mut model, Session { dismissed: true, needs_you: false, ..waiting("r02") });
    assert_eq!((selected(&model), model.selected_index()), ("r01", Some(2)));
}

#[test]
fn closing_row_does_not_move_the_selection_of_a_strip() {
    let closed =
        |pinned| Session { pinned, status: Status::Closed, ..row("r01", "r01", Status::Idle, 1) };
    for (pinned, keys, expected) in [(false, "", "r02"), (true, "", "r01"), (false, "v", "r01")] {
        // On a larger screen the row keeps the selection.
        let mut model = board(rows(4), 80, 24);
        press(&mut model, "down");
        change(&mut model, closed(pinned));
        assert_eq!(selected(&model), "r01");

        let mut model = board(rows(4), 80, 3);
        press(&mut model, "down");
        press(&mut model, keys);
        change(&mut model, closed(pinned));
        assert_eq!(selected(&model), expected, "pinned {pinned}, {keys}");
        // A closed row that the user has selected stays selected when it changes.
        model.overlay = None;
        model.selected = Some(RowKey::new("r01"));
        change(&mut model, Session { revision: 99, ..closed(pinned) });
        assert_eq!(selected(&model), "r01");
    }
}

#[test]
fn removal_selects_the_next_or_the_last_row() {
    let mut model = board(rows(3), 80, 24);
    press(&mut model, "down");
    for (removed, expected) in [("r01", "r02"), ("r02", "r00"), ("r00", "")] {
        update(&mut model, Message::Removed(RowKey::new(removed)), NOW);
        assert_eq!(selected(&model), expected);
    }
    update(&mut model, Message::Rows(rows(2)), NOW);
    assert_eq!(selected(&model), "r00");
}

#[test]
fn changed_row_is_listed_as_if_all_were_sorted() {
    let mut model = board(day(), 80, 24);
    for changed in [
        Session { status: Status::Closed, needs_you: false, ..waiting("c1") },
        Session { pinned: true, ..idle() },
        Session { dismissed: true, ..working() },
        waiting("c8"),
        row("z1", "z1", Status::Done, 5),
        Session { dismissed: false, ..working() },
    ] {
        change(&mut model, changed);
        let all = board(model.rows.all().cloned().collect(), 80, 24);
        assert_eq!(model.rows.order(), all.rows.order());
        assert_eq!(model.rows.totals(), all.rows.totals());
    }
}

#[test]
fn tab_cycles_through_rows_that_need_the_user() {
    let mut rows = rows(4);
    rows.extend([waiting("a"), Session { since: NOW, ..waiting("b") }]);
    let mut model = board(rows, 80, 24);
    press(&mut model, "G");
    let mut visited = Vec::new();
    for _ in 0..3 {
        press(&mut model, "tab");
        visited.push(selected(&model).to_owned());
    }
    assert_eq!(visited, ["a", "b", "a"]);
    press(&mut model, "G");
    let back = ["b", "a", "b"].map(|_| {
        press(&mut model, "shift-tab");
        selected(&model).to_owned()
    });
    assert_eq!(back, ["b", "a", "b"]);
    let mut model = board(self::rows(2), 80, 24);
    press(&mut model, "tab");
    assert_eq!(selected(&model), "r00");
    assert_eq!(model.notice.unwrap().text, "No session needs you.");
}

#[test]
fn pasted_text_runs_no_actions() {
    let mut model = board(rows(20), 80, 24);
    let paste = || Message::Pasted("r1\nq".to_owned());
    assert_eq!(update(&mut model, paste(), NOW), []);
    assert_eq!(model.rows.filter(), "");
    press(&mut model, "/");
    assert_eq!(update(&mut model, paste(), NOW), []);
    assert_eq!((model.rows.filter(), model.filtering), ("r1 q", true));
}

#[test]
fn selection_returns_after_a_filter_without_match() {
    let mut model = board(rows(20), 80, 24);
    press(&mut model, "j j");
    let selected = model.selected.clone();
    press(&mut model, "/ q j x");
    assert!(model.rows.order().is_empty() && model.selected.is_none());
    press(&mut model, "esc");
    assert_eq!(model.selected, selected);
}

#[test]
fn selection_returns_when_the_filter_is_cleared() {
    let mut model = board(day(), 80, 24);
    press(&mut model, "down down");
    let before = selected(&model).to_owned();
    press(&mut model, "/ s c r a t c h");
    assert_eq!(selected(&model), "c8");
    press(&mut model, "esc");
    assert_eq!(selected(&model), before);
    // Also if the filter was kept, or was edited letter by letter.
    press(&mut model, "/ s c r a t c h enter esc");
    assert_eq!(selected(&model), before);
    press(&mut model, "/ s c r a ctrl-u");
    assert_eq!(selected(&model), before);
    press(&mut model, "esc");
    // A change of the row that is not listed does not move the selection.
    press(&mut model, "/ s c r a t c h enter");
    let renamed = Session {
        name: "scratch".to_owned(),
        ..model.rows.get(&RowKey::new(&before)).unwrap().clone()
    };
    change(&mut model, renamed);
    assert_eq!(selected(&model), "c8");
    press(&mut model, "esc");
    assert_eq!(selected(&model), before);
    // After an action on the row that was found, the selection stays there.
    for keys in ["/ w e b enter p esc", "/ a enter down up esc"] {
        press(&mut model, keys.split(" esc").next().unwrap());
        let found = selected(&model).to_owned();
        press(&mut model, "esc");
        assert_eq!(selected(&model), found, "{keys}");
    }
}

#[test]
fn filter_lists_rows_that_match_all_words() {
    let mut rows = day();
    rows.push(Session {
        id: ConversationId::new("another"),
        ..row("wq7xz", "plain", Status::Idle, 9)
    });
    let mut model = board(rows, 80, 24);
    for (filter, expected) in [
        ("working", "c6 c7"),
        ("working nextest", "c7"),
        ("nextest working", "c7"),
        ("shop staging question", "c1"),
        ("shop nextest", ""),
        // Letters of a name may be left out, but must be in order. Case counts only in a word with a capital letter.
        ("qstn", "c1"),
        ("Qstn", ""),
        ("nstq", ""),
        // Keys and ids match by their beginning, which needs three letters.
        ("wq", ""),
        ("wq7", "wq7xz"),
        ("6cf", "c1 c3 c2 c4 c5 c6 c7 c8 c9"),
        ("6cf7f83b-1c2d-4e5f-8a9b-000000000049", "c1"),
        ("1c2d", ""),
    ] {
        press(&mut model, "esc");
        update(&mut model, Message::Key("/".parse().unwrap()), NOW);
        update(&mut model, Message::Pasted(filter.to_owned()), NOW);
        let keys: Vec<&str> = model.rows.order().iter().map(RowKey::as_str).collect();
        assert_eq!(keys.join(" "), expected, "{filter}");
    }
}

#[test]
fn filter_is_edited_with_the_usual_keys() {
    let mut model = board(rows(20), 80, 24);
    for (keys, filter, filtering, listed) in [
        ("/ r 1", "r1", true, 11),
        ("7", "r17", true, 1),
        ("backspace", "r1", true, 11),
        // Keys that type nothing still run their actions.
        ("down", "r1", true, 11),
        ("ctrl-w", "", true, 20),
        ("q j x", "qjx", true, 0),
        ("ctrl-u", "", true, 20),
        ("backspace", "", false, 20),
        ("/ 1 8 enter", "18", false, 1),
        ("esc", "", false, 20),
        ("/ r esc", "", false, 20),
    ] {
        assert_eq!(press(&mut model, keys), [], "{keys}");
        let now = (model.rows.filter(), model.filtering, model.rows.order().len());
        assert_eq!(now, (filter, filtering, listed), "{keys}");
    }
}

#[test]
fn two_quick_clicks_on_a_row_are_a_double_click() {
    let mut model = board(rows(5), 80, 24);
    let list = layout(&model).list;
    let click = |model: &mut Model, line: u16, later: u64| {
        let message = Message::Clicked { column: 9, line: list.y + line };
        let effects = update(model, message, Timestamp(NOW.0 + later));
        update(model, Message::Navigated(NavigationOutcome::Shown(String::new())), NOW);
        !effects.is_empty()
    };
    assert!(!click(&mut model, 2, 0));
    assert_eq!(selected(&model), "r02");
    assert!(!click(&mut model, 3, 100), "another row");
    assert!(!click(&mut model, 3, 600), "too late");
    assert!(click(&mut model, 3, 900));
    assert!(!click(&mut model, 3, 950), "the third click is single");
    assert!(!click(&mut model, 12, 1000), "below the rows");
    assert_eq!(selected(&model), "r03");
}

#[test]
fn list_scrolls_with_the_selection() {
    let mut model = board(rows(60), 80, 24);
    let height = visible_rows(&model);
    let page = height - 1;
    for (keys, expected) in [
        ("pagedown", page),
        ("pagedown", 2 * page),
        ("pageup", page),
        ("G", 59),
        ("down", 59),
        ("g", 0),
        ("up", 0),
        ("ctrl-f", page),
    ] {
        press(&mut model, keys);
        assert_eq!(model.selected_index(), Some(expected), "{keys}");
        assert!((model.scroll..model.scroll + height).contains(&expected), "{keys}");
    }
    for _ in 0..3 {
        update(&mut model, Message::Wheel { column: 9, line: 5, down: true }, NOW);
    }
    update(&mut model, Message::Wheel { column: 9, line: 5, down: false }, NOW);
    assert_eq!(model.selected_index(), Some(page + 2));
    // Also when the window shrinks, and in the timeline.
    press(&mut model, "G");
    update(&mut model, Message::Resized { width: 80, height: 9 }, NOW);
    assert_eq!(model.scroll, 60 - visible_rows(&model));
    press(&mut model, "t");
    let bottom = layout(&model).list.bottom();
    let row = row_at(&model, 3, bottom - 1);
    assert_eq!(row, model.selected, "a click in the timeline selects the row under it");
}

#[test]
fn marks_carry_the_revision_on_the_screen() {
    let done = row("a", "a", Status::Done, 1);
    let mut model = board(vec![Session { revision: 7, ..done }], 80, 24);
    let mark = |mark| Effect::Mark { row: RowKey::new("a"), mark };
    assert_eq!(press(&mut model, "space"), [mark(Mark::Seen { revision: 7 })]);
    assert_eq!(press(&mut model, "p"), [mark(Mark::Pinned { on: true })]);
    let snooze = |time| mark(Mark::Snoozed { on: true, for_ms: Some(time) });
    assert_eq!(press(&mut model, "z z"), [snooze(3_600_000)]);
    assert_eq!(press(&mut model, "x x"), [mark(Mark::Dismissed { on: true, revision: 7 })]);
    let marked = Session {
        revision: 9,
        pinned: true,
        snoozed_until: Some(NOW),
        dismissed: true,
        ..waiting("a")
    };
    change(&mut model, marked);
    assert_eq!(selected(&model), "");
    assert_eq!(press(&mut model, "space p z x"), [], "hidden");
    press(&mut model, "X");
    assert_eq!(press(&mut model, "p"), [mark(Mark::Pinned { on: false })]);
    assert_eq!(press(&mut model, "z"), [mark(Mark::Snoozed { on: false, for_ms: None })]);
    assert_eq!(press(&mut model, "x"), [mark(Mark::Dismissed { on: false, revision: 9 })]);
    press(&mut model, "X");
    assert_eq!(selected(&model), "");
}

#[test]
fn mark_without_a_daemon_shows_a_notice() {
    let mut model = board(vec![row("a", "a", Status::Done, 1)], 80, 24);
    update(&mut model, Message::Disconnected("gone".to_owned()), NOW);
    for key in ["space", "p", "z", "x"] {
        assert_eq!(press(&mut model, key), []);
        assert!(model.notice.as_ref().unwrap().text.contains("try again"), "{key}");
        assert_eq!(model.choice, None);
    }
    update(&mut model, Message::Rows(vec![waiting("a")]), NOW);
    assert_eq!(model.notice, None, "the daemon is back");
}

#[test]
fn jump_marks_the_revision_at_its_start_as_seen() {
    let mut model = board(vec![Session { revision: 7, ..waiting("r1") }], 80, 24);
    let row = |model: &Model| Box::new(model.rows.get(&RowKey::new("r1")).unwrap().clone());
    let jump = |model: &Model| [Effect::Navigate { navigation: Navigation::Jump, row: row(model) }];
    assert_eq!(press(&mut model, "enter"), jump(&model));
    // Only one navigation runs at a time, and a change meanwhile is not seen.
    assert_eq!(press(&mut model, "enter"), []);
    assert!(model.notice.take().unwrap().text.contains("Still jumping to r1"));
    change(&mut model, Session { revision: 8, ..waiting("r1") });
    let shown = Message::Navigated(NavigationOutcome::Shown(String::new()));
    let seen = |revision| Effect::Mark { row: RowKey::new("r1"), mark: Mark::Seen { revision } };
    assert_eq!(update(&mut model, shown.clone(), NOW), [seen(7)]);
    assert_eq!(model.notice, None);
    // A failure is shown, and marks nothing.
    assert_eq!(press(&mut model, "enter"), jump(&model));
    assert_eq!(
        update(
            &mut model,
            Message::Navigated(NavigationOutcome::Failed("it is gone".to_owned())),
            NOW
        ),
        []
    );
    assert_eq!(model.notice.take().unwrap().text, "it is gone");
    // A command that needs a terminal runs here, and its end ends the navigation.
    let job = Some("/home/dev/.claude/jobs/387c1190".to_owned());
    change(&mut model, Session { revision: 8, job, ..waiting("r1") });
    assert_eq!(
        press(&mut model, "o"),
        [Effect::Navigate { navigation: Navigation::Open, row: row(&model) }]
    );
    assert_eq!(
        update(&mut model, Message::Navigated(NavigationOutcome::RunHere), NOW),
        [Effect::RunHere]
    );
    assert_eq!(update(&mut model, shown.clone(), NOW), []);
    change(&mut model, Session { revision: 8, ..waiting("r1") });
    // A board for one jump quits after it, with or without a daemon, and stays after a failure.
    model.quit_after_jump = true;
    press(&mut model, "enter");
    assert_eq!(
        update(&mut model, Message::Navigated(NavigationOutcome::Failed("no".to_owned())), NOW),
        []
    );
    press(&mut model, "enter");
    assert_eq!(update(&mut model, shown.clone(), NOW), [seen(8), Effect::Quit]);
    press(&mut model, "enter");
    update(&mut model, Message::Disconnected("gone".to_owned()), NOW);
    assert_eq!(update(&mut model, shown, NOW), [Effect::Quit]);
}

#[test]
fn key_that_does_not_fit_names_the_right_key() {
    let closed = Session { status: Status::Closed, needs_you: false, ..waiting("r1") };
    let job = Session { job: Some("jobs/387c1190".to_owned()), ..waiting("r1") };
    let mut model = board(vec![waiting("r1")], 80, 24);
    model.keymap.rebind(Action::Open, &["w".parse().unwrap()]);
    for (row, key, notice) in [
        (&closed, "enter", "r1 is closed; press w to resume it"),
        (&job, "enter", "r1 runs in the background, in no pane; press w to attach to it"),
        (&waiting("r1"), "w", "r1 is open; press Enter to show its pane"),
    ] {
        change(&mut model, row.clone());
        assert_eq!(press(&mut model, key), [], "{notice}");
        assert_eq!(model.notice.take().unwrap().text, notice);
    }
    // A session without an id cannot be resumed, and the host says that it is closed.
    let without_id = Session { id: ConversationId::new(""), ..closed.clone() };
    assert_eq!(press(&mut board(vec![without_id], 80, 24), "enter").len(), 1);
    // Without such a key the navigation starts, and the host names a command.
    model.keymap.rebind(Action::Open, &[]);
    change(&mut model, closed);
    assert_eq!(press(&mut model, "enter").len(), 1);
}

#[test]
fn overlay_keeps_keys_from_the_rows() {
    for open in ["?", "v"] {
        let mut model = board(rows(9), 80, 12);
        press(&mut model, open);
        assert!(model.overlay.is_some());
        assert_eq!(press(&mut model, "x p z space i t X d o tab u y n down down"), []);
        assert_eq!((selected(&model), model.screen), ("r00", Screen::List));
        assert!(model.overlay.is_some() && model.rows.filter().is_empty() && !model.filtering);
        update(&mut model, Message::Clicked { column: 3, line: 3 }, NOW);
        assert_eq!(selected(&model), "r00");
        assert_eq!(press(&mut model, "q"), [], "{open}: `q` closes the overlay only");
        assert_eq!(model.overlay, None);
        press(&mut model, open);
        assert_eq!(press(&mut model, "ctrl-c"), [Effect::Quit]);
    }
}

#[test]
fn overlay_scrolls_to_its_last_line() {
    let mut model = board(rows(1), 80, 12);
    press(&mut model, "? G");
    let last = model.overlay.as_ref().unwrap().scroll();
    press(&mut model, "down pagedown down");
    assert_eq!(model.overlay.as_ref().unwrap().scroll(), last);
    press(&mut model, "up");
    assert_eq!(model.overlay.as_ref().unwrap().scroll(), last - 1);
    update(&mut model, Message::Resized { width: 140, height: 60 }, NOW);
    assert_eq!(
        model.overlay,
        Some(Overlay::Help { scroll: 0, filter: String::new(), filtering: false })
    );
}

#[test]
fn full_details_close_when_their_row_is_removed() {
    let mut model = board(rows(2), 80, 24);
    press(&mut model, "v");
    update(&mut model, Message::Removed(RowKey::new("r00")), NOW);
    assert_eq!(model.overlay, None);
}

#[test]
fn hooks_are_installed_after_the_user_confirms() {
    let mut model = empty(80, 24, UNICODE);
    press(&mut model, "i");
    assert!(model.notice.take().unwrap().text.contains("already"));
    model.hooks = HookState::Missing;
    assert_eq!(press(&mut model, "i"), [Effect::PreviewInstall]);
    update(&mut model, Message::InstallPreview(Err("the file is not JSON".to_owned())), NOW);
    assert_eq!(model.notice.take().unwrap().text, "the file is not JSON");
    let change = "+ hooks\n".repeat(90);
    update(&mut model, Message::InstallPreview(Ok(change.clone())), NOW);
    assert_eq!(press(&mut model, "x enter down down"), []);
    assert_eq!(model.overlay, Some(Overlay::Install { change: change.clone(), scroll: 2 }));
    assert_eq!(press(&mut model, "n"), []);
    assert_eq!((&model.overlay, model.hooks), (&None, HookState::Missing));
    update(&mut model, Message::InstallPreview(Ok(change)), NOW);
    assert_eq!(press(&mut model, "y"), [Effect::Install]);
    assert_eq!(model.overlay, None);
    update(&mut model, Message::Installed(Ok("Hooks installed.".to_owned())), NOW);
    assert_eq!(model.hooks, HookState::Installed);
    for (hooks, word) in
        [(HookState::Installed, "already"), (HookState::NotApplicable, "recording")]
    {
        model.hooks = hooks;
        assert_eq!(press(&mut model, "i"), []);
        assert!(model.notice.as_ref().unwrap().text.contains(word), "{hooks:?}");
    }
}

#[test]
fn toggle_key_pressed_twice_restores_the_screen() {
    for key in ["d", "t", "X"] {
        let mut rows = day();
        rows[0].dismissed = true;
        let mut model = board(rows, 80, 24);
        let before = (model.detail, model.screen, model.rows.shows_dismissed());
        press(&mut model, key);
        assert_ne!((model.detail, model.screen, model.rows.shows_dismissed()), before, "{key}");
        press(&mut model, key);
        assert_eq!((model.detail, model.screen, model.rows.shows_dismissed()), before, "{key}");
    }
    let mut model = board(day(), 80, 24);
    press(&mut model, "t esc");
    assert_eq!(model.screen, Screen::List);
    assert_eq!(press(&mut model, "q"), [Effect::Quit]);
    assert_eq!(press(&mut model, "ctrl-l ctrl-z"), [Effect::Redraw, Effect::Suspend]);
}

#[test]
fn unchanged_state_is_not_drawn() {
    let mut model = board(day(), 80, 24);
    model.needs_redraw = false;
    let known = model.rows.all().next().unwrap().clone();
    update(&mut model, Message::Row(Box::new(known)), NOW);
    update(&mut model, Message::Removed(RowKey::new("unknown")), NOW);
    update(&mut model, Message::Resized { width: 80, height: 24 }, NOW);
    assert!(!model.needs_redraw);
    assert_eq!(model.connection, ConnectionState::Connected);
}

#[test]
fn configured_key_runs_its_action() {
    let mut model = board(rows(2), 80, 24);
    let key: Key = "n".parse().unwrap();
    model.keymap.rebind(Action::Down, &[key]);
    press(&mut model, "n");
    assert_eq!(selected(&model), "r01");
    press(&mut model, "down");
    assert_eq!(selected(&model), "r01");
}

#[test]
fn key_sorts_the_list_and_the_selection_stays() {
    let mut model = board(day(), 80, 24);
    let selected = model.selected.clone();
    let names = |model: &Model| -> Vec<String> {
        model.rows.listed().take(8).map(|row| row.name.clone()).collect()
    };
    press(&mut model, "s s");
    let sorted = names(&model);
    assert!(sorted.is_sorted(), "{sorted:?}");
    assert_eq!(model.notice.as_ref().unwrap().text, "Sorted by name.");
    assert_eq!(model.selected, selected);
    press(&mut model, "s s s");
    assert!(!names(&model).is_sorted(), "by urgency again");
}

//! Keys and clicks: the choices, the undo, the filter, the palette, and what they say where they do nothing.

use crate::sample::{NOW, ago, board, day, idle, picture, press, question, row, working};
use crewboard_board::model::choice::Choice;
use crewboard_board::model::{Model, Overlay};
use crewboard_board::update::{Effect, Message, update};
use crewboard_core::{Mark, RowKey, Session, Status};
use insta::assert_snapshot;

fn selected(model: &Model) -> &str {
    model.selected.as_ref().map_or("", RowKey::as_str)
}

fn notice(model: &Model) -> &str {
    model.notice.as_ref().map_or("", |notice| &notice.text)
}

fn change(model: &mut Model, row: Session) {
    update(model, Message::Row(Box::new(row)), NOW);
}

fn first_line(model: &Model) -> String {
    picture(model).lines().next().unwrap().to_owned()
}

fn last_line(model: &Model) -> String {
    picture(model).lines().last().unwrap().trim().to_owned()
}

/// Clicks the first character of `word` in a line of the screen.
fn click(model: &mut Model, line: usize, word: &str) -> Vec<Effect> {
    let picture = picture(model);
    let text = picture.lines().nth(line).unwrap();
    let (before, _) = text.split_once(word).unwrap_or_else(|| panic!("no {word:?} in {text:?}"));
    let column = u16::try_from(before.chars().count()).unwrap();
    update(model, Message::Clicked { column, line: u16::try_from(line).unwrap() }, NOW)
}

fn done(key: &str) -> Session {
    Session { revision: 7, ..row(key, key, Status::Done, 60) }
}

#[test]
fn selection_follows_the_most_urgent_row_until_moved() {
    let idle_row = |key: &str| row(key, key, Status::Idle, 60);
    let mut model = board(vec![idle_row("r1"), idle_row("r2")], 80, 24);
    assert_eq!(selected(&model), "r1");
    change(&mut model, row("r2", "r2", Status::Done, 9));
    assert_eq!(selected(&model), "r2");
    change(&mut model, row("r1", "r1", Status::Done, 10));
    assert_eq!(selected(&model), "r1");
    change(&mut model, row("r2", "r2", Status::Permission, 99));
    assert_eq!(selected(&model), "r2");
    change(&mut model, Session { since: NOW, ..idle_row("r2") });
    assert_eq!(selected(&model), "r1");
    // The page of a row does not change while the user reads it.
    press(&mut model, "v");
    change(&mut model, row("r2", "r2", Status::Permission, 99));
    press(&mut model, "esc");
    assert_eq!(selected(&model), "r1");
    press(&mut model, "down");
    change(&mut model, row("r3", "r3", Status::Permission, 999));
    assert_ne!(selected(&model), "r3");
}

#[test]
fn snooze_asks_for_how_long() {
    for (keys, time) in [
        ("z 5", 300_000),
        ("z 3", 1_800_000),
        ("z 1", 3_600_000),
        ("z 2", 7_200_000),
        ("z z", 3_600_000),
    ] {
        let mut model = board(vec![question()], 80, 24);
        let mark = Mark::Snoozed { on: true, for_ms: Some(time) };
        assert_eq!(press(&mut model, keys), [Effect::Mark { row: RowKey::new("c1"), mark }]);
        assert_eq!(model.choice, None);
    }
    let mut model = board(vec![question()], 80, 24);
    press(&mut model, "z");
    assert_snapshot!(last_line(&model), @"Snooze shop for:   5 5m   3 30m   1 1h   2 2h   Esc cancel");
    assert_eq!(press(&mut model, "esc 5"), [], "the question is over");
    assert_eq!(notice(&model), "5 does nothing here; ? lists the keys");
    // Another key takes the question back, and does what it always does.
    press(&mut model, "z ?");
    assert!(model.choice.is_none() && model.overlay.is_some());
    // A click on an answer gives it.
    let mut model = board(vec![question()], 80, 24);
    press(&mut model, "z");
    assert_eq!(click(&mut model, 23, "30m").len(), 1);
}

#[test]
fn hiding_a_row_that_needs_you_takes_two_presses() {
    let mut model = board(vec![question(), idle()], 80, 24);
    assert_eq!(press(&mut model, "x"), []);
    assert_eq!(model.choice, Some(Choice::Dismiss(RowKey::new("c1"))));
    assert_snapshot!(last_line(&model), @"shop needs you (question):   x hide it   Esc cancel");
    assert_eq!(press(&mut model, "esc"), []);
    assert_eq!(model.choice, None);
    assert_eq!(press(&mut model, "x j"), [], "another key is not a yes");
    assert_eq!(press(&mut model, "x").len(), 1, "an idle row is hidden at once");
    // A question about a row that is gone is over.
    press(&mut model, "k x");
    update(&mut model, Message::Removed(RowKey::new("c1")), NOW);
    assert_eq!(model.choice, None);
}

#[test]
fn questions_and_undo_tell_sessions_of_one_name_apart() {
    let rows = vec![row("c1", "shop", Status::Done, 60), row("c2", "shop", Status::Done, 30)];
    let mut model = board(rows, 80, 24);
    press(&mut model, "z");
    assert_snapshot!(last_line(&model), @"Snooze shop (c1) for:   5 5m   3 30m   1 1h   2 2h   Esc cancel");
    press(&mut model, "esc p u");
    assert_eq!(notice(&model), "Undone: pin shop (c1)");
    let screen = picture(&model);
    let heading = screen.lines().find(|line| line.contains("claude")).unwrap_or(&screen);
    assert_eq!(heading.matches("c1").count(), 1, "{heading}");
}

#[test]
fn long_names_are_cut_in_front_of_their_key() {
    let rows = ["c1", "c2"].map(|key| row(key, "rewrite-the-whole-checkout", Status::Done, 60));
    for (width, height) in [(80, 24), (200, 50), (80, 3)] {
        let mut model = board(rows.to_vec(), width, height);
        for keys in ["", "t"] {
            press(&mut model, keys);
            let screen = picture(&model);
            assert!(screen.contains("rewrite") && screen.contains("… (c1)"), "{screen}");
            assert!(screen.contains("… (c2)"), "{screen}");
        }
    }
}

#[test]
fn undo_takes_marks_back_one_by_one() {
    let mut model = board(vec![done("d1")], 80, 24);
    let mark = |mark| Effect::Mark { row: RowKey::new("d1"), mark };
    press(&mut model, "space p z 5 x x");
    let hidden =
        [mark(Mark::Dismissed { on: false, revision: 7 }), mark(Mark::Unseen { revision: 7 })];
    assert_eq!(press(&mut model, "u"), hidden);
    assert_eq!(notice(&model), "Undone: hide d1");
    assert_eq!(press(&mut model, "u"), [mark(Mark::Snoozed { on: false, for_ms: None })]);
    assert_eq!(press(&mut model, "u"), [mark(Mark::Pinned { on: false })]);
    assert_eq!(press(&mut model, "u"), [mark(Mark::Unseen { revision: 7 })]);
    assert_eq!(press(&mut model, "u"), []);
    assert_eq!(notice(&model), "Nothing to undo.");
    // A snooze that was ended lasts as long as before.
    let until = crewboard_core::Timestamp(NOW.0 + 90_000);
    change(&mut model, Session { snoozed_until: Some(until), needs_you: false, ..done("d1") });
    press(&mut model, "z");
    let again = Mark::Snoozed { on: true, for_ms: Some(90_000) };
    assert_eq!(press(&mut model, "u"), [mark(again)]);
    // A status that has changed since has no such mark any more.
    change(&mut model, done("d1"));
    press(&mut model, "space");
    change(&mut model, Session { since: NOW, ..done("d1") });
    assert_eq!(press(&mut model, "u"), []);
    assert_eq!(notice(&model), "d1 has changed since: its mark (seen) is gone already");
}

#[test]
fn undone_row_is_selected_when_it_is_listed_again() {
    let mut model = board(vec![done("d1"), idle()], 80, 24);
    press(&mut model, "x x");
    change(&mut model, Session { dismissed: true, seen: true, needs_you: false, ..done("d1") });
    assert_eq!(selected(&model), "c8");
    press(&mut model, "u");
    change(&mut model, done("d1"));
    assert_eq!(selected(&model), "d1");
}

#[test]
fn key_that_does_nothing_says_why() {
    let seen = Session { seen: true, needs_you: false, ..done("d1") };
    for (row, key, expected) in [
        (question(), "space", "shop waits for your answer; Enter jumps to it"),
        (working(), "space", "web is working: nothing to mark as seen"),
        (seen.clone(), "space", "d1 is seen already"),
        (seen.clone(), "z", "d1 does not need you: nothing to snooze"),
        (idle(), "n", "No filter to repeat; / starts one."),
        (idle(), "u", "Nothing to undo."),
        (idle(), "X", "No session is hidden."),
        (idle(), "esc", "Nothing to close; q quits."),
        (idle(), "tab", "No session needs you."),
        (idle(), "w", "w does nothing here; ? lists the keys"),
    ] {
        let mut model = board(vec![row], 80, 24);
        assert_eq!(press(&mut model, key), [], "{key}");
        assert_eq!(notice(&model), expected);
        press(&mut model, "j");
        assert_eq!(notice(&model), "", "the next key removes the notice");
    }
    let mut model = board(Vec::new(), 80, 24);
    for key in ["enter", "space", "p", "z", "x", "y", "v", "o"] {
        press(&mut model, key);
        assert_eq!(notice(&model), "No session is selected.", "{key}");
    }
    let mut model = board(vec![idle()], 80, 9);
    press(&mut model, "d d");
    assert_eq!(notice(&model), "No room for the details here; v shows them in full");
}

#[test]
fn notice_ends_with_the_state_it_describes() {
    let mut model = board(vec![idle()], 80, 24);
    press(&mut model, "tab");
    change(&mut model, question());
    assert_eq!(notice(&model), "");
    let mut model = board(vec![working()], 80, 24);
    press(&mut model, "space");
    change(&mut model, Session { since: NOW, status: Status::Done, ..working() });
    assert_eq!(notice(&model), "");
    let mut model = board(vec![idle()], 80, 24);
    press(&mut model, "x");
    let hidden = Session { dismissed: true, ..idle() };
    change(&mut model, hidden);
    assert!(notice(&model).contains("hidden"));
    let later = crewboard_core::Timestamp(NOW.0 + 2000);
    update(&mut model, Message::Row(Box::new(idle())), later);
    assert_eq!(notice(&model), "", "another board shows the row again");
}

#[test]
fn filter_is_visible_at_every_height() {
    for height in [1, 2, 3, 7, 8, 24] {
        for width in [20, 40, 80] {
            let mut model = board(day(), width, height);
            press(&mut model, "/ o r d");
            let line = if height < 8 { first_line(&model) } else { last_line(&model) };
            assert!(line.contains("/ord"), "{width}x{height}: {line:?}");
            press(&mut model, "enter");
            let line = if height < 8 { first_line(&model) } else { last_line(&model) };
            // One line has to show the chips, too.
            let kept = if height == 1 { "/ord " } else { "/ord  3 of 9" };
            assert!(line.contains(kept), "{width}x{height}: {line:?}");
            if height < 8 {
                assert!(line.trim_start().contains('5'), "{line:?} has the count of needs");
            }
        }
    }
    // A notice stands next to the filter.
    let mut model = board(day(), 80, 24);
    press(&mut model, "/ o r d enter w");
    assert_snapshot!(last_line(&model), @"/ord  3 of 9   w does nothing here; ? lists the keys");
}

#[test]
fn filter_words_can_be_negated_and_name_a_status() {
    for (filter, expected) in [
        ("!shop", 8),
        ("! ", 9),
        ("!work", 7),
        ("is:done", 1),
        ("is:needs-you", 5),
        ("is:needs-you !is:done", 4),
        ("is:work", 2),
        ("!is:closed", 8),
        ("is:nothing", 0),
    ] {
        let mut model = board(day(), 80, 24);
        press(&mut model, "/");
        update(&mut model, Message::Pasted(filter.to_owned()), NOW);
        assert_eq!(model.rows.order().len(), expected, "{filter}");
    }
}

#[test]
fn next_match_repeats_the_last_filter() {
    let mut model = board(day(), 80, 24);
    press(&mut model, "/ i s : w o r k esc g");
    let visited = ["n", "n", "n", "N"].map(|key| {
        press(&mut model, key);
        selected(&model).to_owned()
    });
    assert_eq!(visited[0], visited[2]);
    assert_eq!(visited[1], visited[3]);
    assert_ne!(visited[0], visited[1]);
    press(&mut model, "/ q q q esc n");
    assert_eq!(notice(&model), "No session matches /qqq");
}

#[test]
fn copy_sends_the_chosen_text() {
    let mut model = board(vec![question()], 80, 24);
    let id = question().id.to_string();
    for (keys, word, text) in [
        ("y y", "session id", id.clone()),
        ("y i", "session id", id.clone()),
        ("y r", "resume command", format!("claude --resume {id}")),
        ("y p", "path", "/home/dev/shop".to_owned()),
    ] {
        assert_eq!(press(&mut model, keys), [Effect::Copy { word, text }]);
    }
    // An agent reports the path and the id.
    let hostile = Session {
        cwd: Some("/srv/$(touch x); it's".to_owned()),
        id: crewboard_core::ConversationId::new("`touch x`"),
        ..question()
    };
    for (keys, word, text) in
        [("y i", "session id", "'`touch x`'"), ("y p", "path", r"'/srv/$(touch x); it'\''s'")]
    {
        let mut model = board(vec![hostile.clone()], 80, 24);
        let text = text.to_owned();
        assert_eq!(press(&mut model, keys), [Effect::Copy { word, text }]);
    }
    for cwd in [None, Some("/a\nb".to_owned()), Some("/x".repeat(4000))] {
        let mut model = board(vec![Session { cwd, ..question() }], 80, 24);
        assert_eq!(press(&mut model, "y p"), []);
        assert_eq!(notice(&model), "shop has no path that can be copied");
    }
}

#[test]
fn palette_runs_an_action_by_its_name() {
    let mut model = board(day(), 80, 24);
    press(&mut model, ":");
    assert_snapshot!("palette", picture(&model));
    press(&mut model, "t i m e");
    assert_snapshot!(picture(&model).lines().take(5).collect::<Vec<_>>().join("\n"));
    press(&mut model, "enter");
    assert_eq!((model.screen, &model.overlay), (crewboard_board::model::Screen::Timeline, &None));
    // It moves, scrolls, and is closed without a run.
    press(&mut model, "ctrl-k ctrl-n down up end");
    let Some(Overlay::Palette { index, scroll, .. }) = model.overlay else { panic!("closed") };
    assert!(index > 20 && scroll > 0 && scroll <= index);
    assert_eq!(press(&mut model, "backspace esc"), []);
    assert_eq!(model.overlay, None);
    press(&mut model, ": q q q enter");
    assert!(model.overlay.is_some(), "nothing matches");
    for height in [1, 2, 3, 5] {
        let mut model = board(day(), 80, height);
        press(&mut model, ": p i n");
        let shown = picture(&model);
        assert!(shown.contains(":pin") && shown.contains("pin to the top"), "{height}: {shown}");
    }
    // A click runs the action under it.
    let mut model = board(day(), 80, 24);
    press(&mut model, ": q u i t");
    assert_eq!(click(&mut model, 3, "quit"), [Effect::Quit]);
}

#[test]
fn help_can_be_filtered() {
    let mut model = board(day(), 80, 24);
    press(&mut model, "? / s n o o z e enter");
    assert_snapshot!(picture(&model).lines().skip(1).take(6).collect::<Vec<_>>().join("\n"));
    press(&mut model, "esc");
    assert!(picture(&model).contains(concat!("version ", env!("CARGO_PKG_VERSION"))));
    press(&mut model, "esc");
    assert_eq!(model.overlay, None);
}

#[test]
fn click_on_a_count_filters_by_it() {
    let mut rows = day();
    rows[8] = Session { dismissed: true, ..row("c9", "old", Status::Done, 7300) };
    for width in [200, 80] {
        let mut model = board(rows.clone(), width, 24);
        let count = |model: &mut Model, word: &str| {
            click(model, 0, word);
            model.rows.order().len()
        };
        assert_eq!(count(&mut model, "need you"), 5);
        assert_eq!(model.rows.filter(), "is:needs-you");
        assert_eq!(count(&mut model, "need you"), 8, "the second click clears the filter");
        assert_eq!(count(&mut model, "2 working"), 2);
        assert_eq!(count(&mut model, "5"), 5, "a number belongs to its word");
        assert_eq!(count(&mut model, if width < 200 { "√1" } else { "1 done" }), 1);
        assert_eq!(model.rows.filter(), "is:needs-you is:done");
        assert_eq!(count(&mut model, "1 hidden"), 1, "the hidden row");
        assert_eq!((model.rows.filter(), selected(&model)), ("is:hidden", "c9"));
    }
}

#[test]
fn click_on_a_hint_presses_its_key() {
    let mut model = board(vec![question(), idle()], 80, 24);
    assert_eq!(click(&mut model, 23, "q quit"), [Effect::Quit]);
    assert_eq!(click(&mut model, 23, "quit"), [Effect::Quit]);
    click(&mut model, 23, "help");
    assert!(matches!(model.overlay, Some(Overlay::Help { .. })));
    click(&mut model, 23, "back");
    assert_eq!(model.overlay, None);
}

#[test]
fn wheel_scrolls_what_it_is_over() {
    let long = crate::sample::plan();
    let mut model = board(vec![long, idle(), working()], 80, 24);
    press(&mut model, "g");
    let detail = crewboard_board::layout::layout(&model).detail;
    let over = |line: u16, down| Message::Wheel { column: 5, line, down };
    let before = picture(&model);
    for _ in 0..3 {
        update(&mut model, over(detail.y + 2, true), NOW);
    }
    assert_eq!(selected(&model), "c3");
    assert_ne!(picture(&model), before, "the details have scrolled");
    for _ in 0..9 {
        update(&mut model, over(detail.y + 2, false), NOW);
    }
    assert_eq!(picture(&model), before);
    update(&mut model, over(0, true), NOW);
    assert_eq!(selected(&model), "c3", "over the header it does nothing");
    update(&mut model, over(3, true), NOW);
    assert_ne!(selected(&model), "c3");
}

#[test]
fn keys_for_details_go_step_by_step() {
    let mut model = board(day(), 80, 24);
    press(&mut model, "h");
    assert!(!model.detail);
    press(&mut model, "l");
    assert!(model.detail && model.overlay.is_none());
    press(&mut model, "right");
    assert!(matches!(model.overlay, Some(Overlay::Details { .. })));
    press(&mut model, "left");
    assert!(model.detail && model.overlay.is_none());
    let mut small = board(day(), 80, 9);
    press(&mut small, "l");
    assert!(matches!(small.overlay, Some(Overlay::Details { .. })), "there is no room below");
}

#[test]
fn half_pages_and_ctrl_n_move_the_selection() {
    let rows = (0..60).map(|index| {
        let key = format!("r{index:02}");
        Session { started: ago(9000 - index), ..row(&key, &key, Status::Idle, 60) }
    });
    let mut model = board(rows.collect(), 80, 24);
    let half = (crewboard_board::layout::visible_rows(&model) - 1) / 2;
    for (keys, expected) in [
        ("g ctrl-n ctrl-n ctrl-p", 1),
        ("g ctrl-d", half),
        ("ctrl-d", 2 * half),
        ("ctrl-u", half),
        ("home", 0),
        ("end", 59),
    ] {
        press(&mut model, keys);
        assert_eq!(model.selected_index(), Some(expected), "{keys}");
    }
}

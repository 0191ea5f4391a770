//! The peek at the screen of a session's pane.

use crate::sample::{NOW, board, day, permission, picture, press, row};
use crewboard_board::model::Model;
use crewboard_board::update::{Effect, Message, next_clock, update};
use crewboard_core::{RowKey, Session, Status, Timestamp};
use insta::assert_snapshot;

fn at(milliseconds: u64) -> Timestamp {
    Timestamp(NOW.0 + milliseconds)
}

/// Returns the rows whose screens are asked for.
fn asked(effects: &[Effect]) -> Vec<RowKey> {
    let rows = effects.iter().filter_map(|effect| match effect {
        Effect::Peek(row) => Some(row.key.clone()),
        _ => None,
    });
    rows.collect()
}

fn screen(lines: usize) -> Message {
    Message::Peeked(Ok((0..lines).map(|line| format!("line {line} of the pane")).collect()))
}

fn one_row() -> Model {
    board(vec![permission()], 80, 14)
}

#[test]
fn peek_shows_the_end_of_the_screen() {
    let mut model = one_row();
    let effects = press(&mut model, "P");
    assert_eq!(asked(&effects), [permission().key]);
    assert!(picture(&model).contains("Reading the pane."));
    update(&mut model, screen(40), NOW);
    assert_snapshot!(picture(&model));
    press(&mut model, "g");
    update(&mut model, screen(41), at(1));
    assert!(
        picture(&model).contains("line 0 of"),
        "a new screen does not move what the user reads"
    );
    press(&mut model, "G");
    update(&mut model, screen(42), at(2));
    assert!(picture(&model).contains("line 41 of"), "the end stays visible");
    press(&mut model, "P");
    assert!(model.overlay.is_none());
}

#[test]
fn peek_shows_the_end_after_a_resize() {
    let mut model = board(vec![permission()], 80, 30);
    press(&mut model, "P");
    update(&mut model, screen(20), NOW);
    update(&mut model, Message::Resized { width: 80, height: 10 }, at(1));
    assert!(picture(&model).contains("line 19 of"), "{}", picture(&model));
    press(&mut model, "g");
    update(&mut model, Message::Resized { width: 80, height: 9 }, at(2));
    assert!(picture(&model).contains("line 0 of"), "a resize does not move what the user reads");
}

#[test]
fn peek_asks_once_a_second_while_it_is_open() {
    let mut model = one_row();
    assert_eq!(asked(&press(&mut model, "P")).len(), 1);
    assert_eq!(asked(&update(&mut model, Message::ClockTick, at(5000))), [], "one at a time");
    assert_eq!(asked(&update(&mut model, screen(1), at(5100))).len(), 1, "it is overdue");
    assert_eq!(asked(&update(&mut model, screen(1), at(5200))), []);
    assert_eq!(next_clock(&model).map(|rest| rest.min(900)), Some(900));
    assert_eq!(asked(&update(&mut model, Message::ClockTick, at(6099))), []);
    assert_eq!(asked(&update(&mut model, Message::ClockTick, at(6100))).len(), 1);
    update(&mut model, screen(1), at(6200));
    press(&mut model, "esc");
    assert_eq!(asked(&update(&mut model, Message::ClockTick, at(9000))), [], "it is closed");
}

#[test]
fn unreadable_pane_shows_the_last_words_and_waits_for_a_change() {
    let mut model = one_row();
    press(&mut model, "P");
    update(&mut model, Message::Peeked(Err("cannot read the pane of infra: no".to_owned())), NOW);
    assert_snapshot!(picture(&model));
    assert_eq!(asked(&update(&mut model, Message::ClockTick, at(5000))), []);
    let changed = Session { revision: 99, ..permission() };
    update(&mut model, Message::Row(Box::new(changed)), at(6000));
    assert_eq!(next_clock(&model), Some(1));
    assert_eq!(asked(&update(&mut model, Message::ClockTick, at(6001))).len(), 1);
}

#[test]
fn peek_moves_to_the_next_session_that_needs_you() {
    let mut model = board(day(), 80, 14);
    let first = asked(&press(&mut model, "P"));
    assert_eq!(asked(&press(&mut model, "tab")), [], "the first request has not ended");
    let second = asked(&update(&mut model, screen(3), at(1)));
    assert_eq!(second, model.selected.clone().into_iter().collect::<Vec<_>>());
    assert_ne!(first, second);
    assert!(!picture(&model).contains("line 1"), "the screen belongs to another session");
    update(&mut model, screen(3), at(2));
    assert!(picture(&model).contains("line 1"));
}

#[test]
fn peek_closes_when_its_row_is_removed() {
    let rows = vec![permission(), row("k2", "other", Status::Working, 9)];
    let mut model = board(rows, 80, 14);
    press(&mut model, "P");
    update(&mut model, Message::Removed(permission().key), at(1));
    assert!(model.overlay.is_none());
    update(&mut model, screen(3), at(2));
    assert!(!picture(&model).contains("line 1"), "a late screen is not shown");
}

//! Clock ticks: when the board wakes up to show a new time.

use crate::sample::{
    NOW, UNICODE, board, buffer, closed, day, empty, idle, permission, picture, press, question,
    row, working,
};
use crewboard_board::layout::{rows_to_check, visible_rows};
use crewboard_board::model::Model;
use crewboard_board::update::{Message, next_clock, update};
use crewboard_core::{Session, Status, Timestamp};
use crewboard_protocol::MAX_LOOK_ROWS;

/// Lets `span` milliseconds pass as the event loop does, and returns the number of wake-ups. Checks that the picture
/// does not change between two wake-ups.
pub(crate) fn wakes(model: &mut Model, span: u64) -> usize {
    let end = Timestamp(model.now.0 + span);
    let mut count = 0;
    while let Some(next) = next_clock(model) {
        let mut before = model.clone();
        before.now = Timestamp(model.now.0 + next - 1);
        assert_eq!(buffer(model), buffer(&before), "changed before {next} ms");
        let now = Timestamp(model.now.0 + next);
        if now > end {
            break;
        }
        update(model, Message::ClockTick, now);
        count += 1;
    }
    count
}

const MINUTE: u64 = 60_000;

#[test]
fn idle_board_wakes_up_once_a_minute() {
    // Twenty idle rows that became idle at different seconds.
    let mut rows: Vec<Session> = (0..20)
        .map(|index| row(&format!("r{index}"), "quiet", Status::Idle, 100 + 7 * index))
        .collect();
    rows.push(closed());
    let mut model = board(rows, 100, 40);
    assert_eq!(wakes(&mut model, 10 * MINUTE), 10);
    press(&mut model, "t");
    assert_eq!(wakes(&mut model, 10 * MINUTE), 10);
}

#[test]
fn working_rows_tick_together_once_a_minute() {
    let rows = (0..20)
        .map(|index| Session {
            since: Timestamp(NOW.0 - 137 * index),
            ..row(&format!("r{index}"), "busy", Status::Working, 0)
        })
        .chain([question(), permission()])
        .collect();
    assert_eq!(wakes(&mut board(rows, 100, 40), 10 * MINUTE), 10);
}

#[test]
fn screen_without_times_does_not_tick() {
    assert_eq!(next_clock(&empty(80, 24, UNICODE)), None);
    assert_eq!(next_clock(&board(Vec::new(), 80, 24)), None);
    let mut model = board(day(), 80, 24);
    press(&mut model, "?");
    assert_eq!(next_clock(&model), None, "the help hides all times");
    assert_eq!(next_clock(&board(day(), 0, 0)), None);
    assert_eq!(next_clock(&board(vec![idle()], 80, 1)), None, "a chip without a wait has no time");
}

#[test]
fn row_that_shows_days_ticks_after_hours() {
    let mut model = board(vec![row("r1", "old", Status::Closed, 90_000)], 80, 24);
    press(&mut model, "d");
    assert!(next_clock(&model).unwrap() > 60 * MINUTE);
}

#[test]
fn board_without_a_daemon_stands_still() {
    let mut model = board(vec![question(), permission()], 80, 24);
    update(&mut model, Message::Disconnected("gone".to_owned()), NOW);
    assert_eq!(wakes(&mut model, 10 * MINUTE), 1, "to show the loss");
    assert_eq!(next_clock(&model), None);
    model.needs_redraw = false;
    update(&mut model, Message::Disconnected("gone".to_owned()), Timestamp(NOW.0 + MINUTE));
    assert!(!model.needs_redraw, "the loss is shown already");
}

#[test]
fn notice_disappears_after_five_seconds() {
    let mut model = board(Vec::new(), 80, 24);
    update(&mut model, Message::Notice("hello".to_owned()), NOW);
    assert_eq!(next_clock(&model), Some(5000));
    update(&mut model, Message::ClockTick, Timestamp(NOW.0 + 4999));
    assert!(model.notice.is_some());
    update(&mut model, Message::ClockTick, Timestamp(NOW.0 + 5000));
    assert!(model.notice.is_none());
    assert_eq!(next_clock(&model), None);
}

#[test]
fn quiet_row_ticks_with_its_minutes() {
    // The row's own age changes once an hour.
    let since = Timestamp(NOW.0 - 11 * 60 * MINUTE);
    let evidence_at = Some(Timestamp(NOW.0 - 5 * MINUTE));
    let mut model = board(vec![Session { since, evidence_at, ..working() }], 100, 40);
    assert!(!picture(&model).contains("quiet"));
    assert_eq!(wakes(&mut model, 4 * MINUTE), 4);
    assert!(!picture(&model).contains("quiet"));
    wakes(&mut model, 3 * MINUTE);
    assert!(picture(&model).contains("quiet 11m: "), "{}", picture(&model));
    assert!(picture(&model).contains("quiet      11m without an event"), "{}", picture(&model));
}

/// A time on the screen has one form for less than a minute, so that no row changes by the second.
#[test]
fn new_row_shows_less_than_a_minute() {
    for status in [Status::Working, Status::Permission, Status::Done, Status::Idle] {
        let mut model = board(vec![row("r1", "shop", status, 0)], 100, 40);
        let next = next_clock(&model).unwrap();
        let shown = picture(&model);
        assert_eq!(shown.matches("<1m").count(), 2, "the row and its details: {shown}");
        update(&mut model, Message::ClockTick, Timestamp(NOW.0 + next - 1));
        assert_eq!(picture(&model), shown);
    }
}

#[test]
fn clock_looks_only_at_visible_processes() {
    let rows = |status| -> Vec<Session> {
        (0..1000).map(|index| row(&format!("r{index:04}"), "busy", status, index)).collect()
    };
    let looked = |model: &Model| rows_to_check(model);
    let mut model = board(rows(Status::Working), 100, 40);
    let first = looked(&model);
    assert_eq!(first, model.rows.order()[..visible_rows(&model)]);
    assert!((10..40).contains(&first.len()), "{}", first.len());
    press(&mut model, "G");
    assert_eq!(looked(&model).last(), model.rows.order().last());
    assert!(!looked(&model).contains(&first[0]));
    assert_eq!(looked(&board(rows(Status::Idle), 100, 40)), []);
    assert!(looked(&board(rows(Status::Working), 100, 400)).len() <= MAX_LOOK_ROWS);
    let without_process = Session { pid: None, ..working() };
    assert_eq!(looked(&board(vec![without_process, closed()], 100, 40)), []);
}

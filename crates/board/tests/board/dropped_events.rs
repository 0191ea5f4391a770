//! Dropped events in the header.

use crate::sample::{NOW, UNICODE, board, day, empty, idle, picture};
use crewboard_board::keymap::Key;
use crewboard_board::model::Model;
use crewboard_board::update::{Effect, Message, update};
use crewboard_core::Timestamp;
use crewboard_protocol::DroppedEvents;

fn with_dropped_events(mut model: Model) -> Model {
    let dropped_events = DroppedEvents { busy: 3, ..DroppedEvents::default() };
    update(&mut model, Message::DroppedEvents(dropped_events), NOW);
    model
}

fn first_line(model: &Model) -> String {
    picture(model).lines().next().unwrap_or_default().to_owned()
}

#[test]
fn dropped_events_are_in_the_header_at_every_size() {
    for width in [20, 30, 40, 60, 80, 100, 140, 200] {
        for height in [1, 2, 3, 4, 8, 12, 24, 50] {
            for rows in [day(), vec![idle()]] {
                let line = first_line(&with_dropped_events(board(rows, width, height)));
                assert!(
                    line.contains("3 events dropped") || line.contains("3 dropped"),
                    "{width}: {line}"
                );
            }
            let line = first_line(&with_dropped_events(empty(width, height, UNICODE)));
            assert!(
                line.contains("3 events dropped") || line.contains("3 dropped"),
                "{width}: {line}"
            );
        }
    }
    let line = first_line(&with_dropped_events(board(vec![idle()], 100, 24)));
    assert!(line.contains("3 events dropped: daemon busy"), "{line}");
}

#[test]
fn dropped_events_stay_until_a_key_after_a_second() {
    let mut model = with_dropped_events(board(day(), 100, 24));
    let key = || Message::Key("down".parse::<Key>().unwrap());
    let after = |ms: u64| Timestamp(NOW.0 + ms);
    assert_eq!(update(&mut model, key(), after(100)), []);
    update(&mut model, Message::ClockTick, after(3_600_000));
    assert!(first_line(&model).contains("3 events dropped"));
    assert_eq!(update(&mut model, key(), after(3_600_001)), [Effect::DroppedEventsSeen(3)]);
    // The daemon subtracts the number, because it may have counted more dropped events meanwhile.
    assert!(first_line(&model).contains("3 events dropped"));
    update(&mut model, Message::DroppedEvents(DroppedEvents::default()), after(3_600_002));
    assert!(!first_line(&model).contains("dropped"));
    assert_eq!(update(&mut model, key(), after(3_700_000)), []);
}

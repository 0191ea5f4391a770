//! Lost events in the header.

use crate::sample::{NOW, UNICODE, board, day, empty, idle, picture};
use crewboard_board::keymap::Key;
use crewboard_board::model::Model;
use crewboard_board::update::{Effect, Message, update};
use crewboard_core::Timestamp;
use crewboard_protocol::Losses;

fn with_losses(mut model: Model) -> Model {
    let losses = Losses { busy: 3, ..Losses::default() };
    update(&mut model, Message::Losses(losses), NOW);
    model
}

fn first_line(model: &Model) -> String {
    picture(model).lines().next().unwrap_or_default().to_owned()
}

#[test]
fn lost_events_are_in_the_header_at_every_size() {
    for width in [20, 30, 40, 60, 80, 100, 140, 200] {
        for height in [1, 2, 3, 4, 8, 12, 24, 50] {
            for rows in [day(), vec![idle()]] {
                let line = first_line(&with_losses(board(rows, width, height)));
                assert!(
                    line.contains("3 events lost") || line.contains("3 lost"),
                    "{width}: {line}"
                );
            }
            let line = first_line(&with_losses(empty(width, height, UNICODE)));
            assert!(line.contains("3 events lost") || line.contains("3 lost"), "{width}: {line}");
        }
    }
    let line = first_line(&with_losses(board(vec![idle()], 100, 24)));
    assert!(line.contains("3 events lost: daemon busy"), "{line}");
}

#[test]
fn lost_events_stay_until_a_key_after_a_second() {
    let mut model = with_losses(board(day(), 100, 24));
    let key = || Message::Key("down".parse::<Key>().unwrap());
    let after = |ms: u64| Timestamp(NOW.0 + ms);
    assert_eq!(update(&mut model, key(), after(100)), []);
    update(&mut model, Message::ClockTick, after(3_600_000));
    assert!(first_line(&model).contains("3 events lost"));
    assert_eq!(update(&mut model, key(), after(3_600_001)), [Effect::LossesSeen(3)]);
    // The daemon subtracts the number, because it may have counted more losses meanwhile.
    assert!(first_line(&model).contains("3 events lost"));
    update(&mut model, Message::Losses(Losses::default()), after(3_600_002));
    assert!(!first_line(&model).contains("lost"));
    assert_eq!(update(&mut model, key(), after(3_700_000)), []);
}

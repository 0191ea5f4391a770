//! Clients that ask for more than the daemon gives.

use super::*;

fn wait_for(rows: Option<Vec<RowKey>>, reached: Vec<RowKey>) -> Request {
    let goal = Goal { statuses: vec![Status::Done], needs_you: false };
    let (new, missing_may_come) = (true, true);
    let scope = WaitScope::All;
    Request::Wait(WaitRequest { goal, scope, rows, new, missing_may_come, reached })
}

fn unknown_keys(count: usize) -> Vec<RowKey> {
    (0..count).map(|number| RowKey::new(&format!("row{number}"))).collect()
}

fn is_busy(replies: &[(ConnectionId, Value)]) -> bool {
    matches!(replies, [(_, reply)] if reply["code"] == "busy")
}

#[test]
fn all_waits_together_remember_a_bounded_number_of_rows() {
    let mut stage = Stage::new();
    let mut refused = 0;
    for connection in 1..=4 {
        for _ in 0..32 {
            let replies = stage.ask(connection, wait_for(Some(unknown_keys(2000)), Vec::new()));
            refused += usize::from(is_busy(&replies));
        }
    }
    let most = 4 * crewboard_core::MAX_ROWS;
    assert_eq!(refused, 4 * 32 - most / 2000);
    assert!(stage.actor.waits.remembered() <= most);
    // There is room again when a client has left.
    stage.input(Input::Closed(1));
    assert_eq!(stage.actor.waits.remembered(), 0);
    assert_eq!(stage.ask(2, wait_for(None, unknown_keys(4096))), []);
    assert!(is_busy(&stage.ask(2, wait_for(None, unknown_keys(4097)))));
}

#[test]
fn waits_that_remember_ever_more_rows_end_at_the_bound() {
    let mut stage = Stage::new();
    for connection in 1..=3 {
        stage.ask(connection, wait_for(Some(unknown_keys(4096)), Vec::new()));
    }
    stage.ask(4, wait_for(Some(unknown_keys(4095)), Vec::new()));
    assert_eq!(stage.actor.waits.len(), 4);
    // One wait remembers the new row, the next finds no room, and there is enough when that has ended.
    assert!(is_busy(&stage.reported("new", Status::Working)));
    assert_eq!(stage.actor.waits.len(), 3);
    assert!(stage.actor.waits.remembered() <= 4 * crewboard_core::MAX_ROWS);
}

#[test]
fn a_wait_keeps_no_key_as_long_as_its_line() {
    let mut stage = Stage::new();
    let long: RowKey = serde_json::from_value(json!("x".repeat(200_000))).unwrap();
    let Request::Wait(wait) = wait_for(Some(vec![long]), Vec::new()) else { panic!() };
    let replies = stage.ask(1, Request::Wait(WaitRequest { missing_may_come: false, ..wait }));
    assert!(replies[0].1["message"].as_str().unwrap().len() < 200, "{replies:?}");
}

#[test]
fn connections_together_have_a_bounded_number_of_waits() {
    let mut stage = Stage::new();
    let asked = (0..1100).map(|number| is_busy(&stage.ask(number / 32, wait_for(None, vec![]))));
    assert_eq!(asked.filter(|refused| *refused).count(), 1100 - 1024);
}

#[test]
fn processes_are_looked_at_once_in_a_turn() {
    let mut stage = Stage::new();
    let look =
        |request: Request| Input::Request { connection: 1, peer: PEER, request: Box::new(request) };
    let asked = |stage: &mut Stage, request| stage.actor.wants_look(&look(request));
    for _ in 0..3 {
        assert!(!asked(&mut stage, Request::Hello { protocol: 1 }));
        let looks = (0..200).filter(|_| asked(&mut stage, Request::Look)).count();
        assert_eq!(looks, 1);
        assert!(!asked(&mut stage, Request::List));
        stage.actor.flush();
    }
}

#[test]
fn views_and_recorders_are_bounded_and_others_are_refused() {
    let mut stage = Stage::new();
    let records = (0..20).map(|connection| is_busy(&stage.ask(connection, Request::Record)));
    assert_eq!(records.filter(|refused| *refused).count(), 4);
    let views = (100..1200).map(|connection| is_busy(&stage.ask(connection, subscribe(None))));
    assert_eq!(views.filter(|refused| *refused).count(), 1100 - 1024);
    let lists = (1200..1800).map(|connection| is_busy(&stage.ask(connection, Request::List)));
    assert_eq!(lists.filter(|refused| *refused).count(), 600 - (1536 - 1024));
    // One that has a place may ask again, and another's is free when it has left.
    assert_eq!(stage.ask(100, Request::List), []);
    assert!(is_busy(&stage.ask(1200, subscribe(None))));
    stage.input(Input::Closed(101));
    assert_eq!(stage.ask(1200, subscribe(None)), []);
    assert_eq!(stage.ask(1800, Request::List), []);
}

#[test]
fn the_more_rows_there_are_the_fewer_clients_are_shown_them() {
    let mut stage = Stage::new();
    for row in 0..crewboard_core::MAX_ROWS {
        stage.reported(&format!("s{row}"), Status::Working);
    }
    let lists = (0..200).map(|connection| is_busy(&stage.ask(connection, Request::List)));
    assert_eq!(lists.filter(|refused| *refused).count(), 200 - 128);
}

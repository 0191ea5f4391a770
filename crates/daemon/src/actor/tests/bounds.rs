//! Bounds on what clients may ask for.

use super::*;
use crewboard_core::MAX_ROWS;

fn wait_for(rows: Option<Vec<RowKey>>, reached: Vec<RowKey>) -> Request {
    let goal = WaitGoal { statuses: vec![Status::Done], needs_you: false };
    let (new, missing_may_return) = (true, true);
    let scope = WaitScope::All;
    Request::Wait(WaitRequest { goal, scope, rows, new, missing_may_return, reached })
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
            let replies = stage.request(connection, wait_for(Some(unknown_keys(2000)), Vec::new()));
            refused += usize::from(is_busy(&replies));
        }
    }
    let most = 4 * MAX_ROWS;
    assert_eq!(refused, 4 * 32 - most / 2000);
    assert!(stage.actor.waits.remembered() <= most);
    // A client that leaves makes room.
    stage.input(Input::Closed(1));
    assert_eq!(stage.actor.waits.remembered(), 0);
    assert_eq!(stage.request(2, wait_for(None, unknown_keys(MAX_ROWS))), []);
    assert!(is_busy(&stage.request(2, wait_for(None, unknown_keys(MAX_ROWS + 1)))));
}

#[test]
fn wait_that_outgrows_the_bound_ends() {
    let mut stage = Stage::new();
    for connection in 1..=3 {
        stage.request(connection, wait_for(Some(unknown_keys(MAX_ROWS)), Vec::new()));
    }
    stage.request(4, wait_for(Some(unknown_keys(MAX_ROWS - 1)), Vec::new()));
    assert_eq!(stage.actor.waits.len(), 4);
    // The first wait remembers the new row, and the second ends because there is no room. That makes room for the others.
    assert!(is_busy(&stage.reported("new", Status::Working)));
    assert_eq!(stage.actor.waits.len(), 3);
    assert!(stage.actor.waits.remembered() <= 4 * MAX_ROWS);
}

#[test]
fn wait_shortens_overlong_keys() {
    let mut stage = Stage::new();
    let long: RowKey = serde_json::from_value(json!("x".repeat(200_000))).unwrap();
    let Request::Wait(wait) = wait_for(Some(vec![long]), Vec::new()) else { panic!() };
    let replies =
        stage.request(1, Request::Wait(WaitRequest { missing_may_return: false, ..wait }));
    assert!(replies[0].1["message"].as_str().unwrap().len() < 200, "{replies:?}");
}

#[test]
fn all_connections_together_have_a_bounded_number_of_waits() {
    let mut stage = Stage::new();
    let asked =
        (0..1100).map(|number| is_busy(&stage.request(number / 32, wait_for(None, vec![]))));
    assert_eq!(asked.filter(|refused| *refused).count(), 1100 - 1024);
}

fn check(stage: &mut Stage, request: Request) -> ProcessCheck {
    let input = Input::Request { connection: 1, peer: PEER, request: Box::new(request) };
    let now = stage.now();
    stage.actor.processes_to_check(&input, now)
}

fn look(rows: Option<Vec<RowKey>>) -> Request {
    Request::Look(LookRequest { rows })
}

/// Returns the number of processes if all are checked.
fn checked_processes(check: ProcessCheck) -> Option<usize> {
    match check {
        ProcessCheck::All(processes) => Some(processes.len()),
        ProcessCheck::None | ProcessCheck::Of(_) => None,
    }
}

#[test]
fn processes_are_checked_once_in_a_turn() {
    let mut stage = Stage::new();
    let [first, second] = [41, 42].map(|pid| {
        stage.event(&format!("s{pid}"), Some(pid), Event::ToolsEnded);
        let process = Process { pid, start: 7 };
        let row = stage.actor.sessions.iter().find(|row| row.process() == Some(process)).unwrap();
        (row.key.clone(), process)
    });
    for _ in 0..3 {
        let hello = Request::Hello(crewboard_protocol::HelloRequest { protocol: 1 });
        assert_eq!(check(&mut stage, hello), ProcessCheck::None);
        let named = look(Some(vec![first.0.clone()]));
        assert_eq!(check(&mut stage, named.clone()), ProcessCheck::Of(vec![first.1]));
        assert_eq!(check(&mut stage, named), ProcessCheck::Of(Vec::new()));
        let unknown = RowKey::new("nosuch");
        let more = look(Some(vec![first.0.clone(), unknown, second.0.clone()]));
        assert_eq!(check(&mut stage, more.clone()), ProcessCheck::Of(vec![second.1]));
        let all = (0..200).filter_map(|_| checked_processes(check(&mut stage, look(None))));
        assert_eq!(all.collect::<Vec<_>>(), [2]);
        assert_eq!(check(&mut stage, Request::List), ProcessCheck::None);
        assert_eq!(check(&mut stage, more), ProcessCheck::None);
        stage.actor.flush();
    }
}

#[test]
fn many_processes_are_checked_once_a_second() {
    let mut stage = Stage::new();
    let add = |stage: &mut Stage, pid: u32| {
        stage.event(&format!("s{pid}"), Some(pid), Event::ToolsEnded);
    };
    // Returns the number of checked processes of two lists, the second of which comes after `micros`.
    let lists = |stage: &mut Stage, micros: u64| {
        [0, micros].map(|wait| {
            stage.micros += wait;
            let checked = checked_processes(check(stage, Request::List));
            stage.actor.flush();
            checked
        })
    };
    (1..=100).for_each(|pid| add(&mut stage, pid));
    assert_eq!(lists(&mut stage, 1), [Some(100); 2]);
    add(&mut stage, 101);
    assert_eq!(lists(&mut stage, 999_999), [Some(101), None]);
    // A client that names its rows gets their check at once, also in the turn of a client that names none.
    let named = Some(vec![stage.key_of("s7")]);
    assert_eq!(check(&mut stage, Request::List), ProcessCheck::None);
    let process = Process { pid: 7, start: 7 };
    assert_eq!(check(&mut stage, look(named)), ProcessCheck::Of(vec![process]));
    stage.actor.flush();
    stage.micros += 1;
    assert_eq!(lists(&mut stage, 1_000_000), [Some(101); 2]);
}

#[test]
fn subscribers_and_recorders_are_bounded() {
    let mut stage = Stage::new();
    let records = (0..20).map(|connection| is_busy(&stage.request(connection, Request::Record)));
    assert_eq!(records.filter(|refused| *refused).count(), 4);
    let subscriptions =
        (100..1200).map(|connection| is_busy(&stage.request(connection, subscribe(None))));
    assert_eq!(subscriptions.filter(|refused| *refused).count(), 1100 - 1024);
    let lists = (1200..1800).map(|connection| is_busy(&stage.request(connection, Request::List)));
    assert_eq!(lists.filter(|refused| *refused).count(), 600 - (1536 - 1024));
    // A subscriber may ask again. A client that leaves makes room for another.
    assert_eq!(stage.request(100, Request::List), []);
    assert!(is_busy(&stage.request(1200, subscribe(None))));
    stage.input(Input::Closed(101));
    assert_eq!(stage.request(1200, subscribe(None)), []);
    assert_eq!(stage.request(1800, Request::List), []);
}

#[test]
fn many_rows_leave_room_for_fewer_clients() {
    let mut stage = Stage::new();
    for row in 0..MAX_ROWS {
        stage.reported(&format!("s{row}"), Status::Working);
    }
    let lists = (0..200).map(|connection| is_busy(&stage.request(connection, Request::List)));
    assert_eq!(lists.filter(|refused| *refused).count(), 200 - 128);
}

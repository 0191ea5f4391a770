//! How rows end, are kept and are ordered.

use crate::world::{DAY, EXIT, SWITCH, World, process, prompt, request, start, turn_end};
use crewboard_core::{ChangeKind, End, Event, Input, MAX_CLOSED, Report, StartOrigin, Status};

#[test]
fn how_a_session_ended() {
    let mut world = World::new();
    world.event(1, "killed", prompt("a"));
    world.apply(Input::ProcessExited { process: process(1) });
    world.event(2, "exit", prompt("a"));
    world.event(2, "exit", EXIT);
    world.apply(Input::ProcessExited { process: process(2) });
    world.event(3, "late goodbye", prompt("a"));
    let goodbye = world.report(3, "late goodbye", EXIT);
    world.apply(Input::ProcessExited { process: process(3) });
    world.told(goodbye);
    let late_word = world.report(1, "killed", turn_end());
    world.told(late_word);
    for (pid, end) in [(1, End::Killed), (2, End::Exit), (3, End::Exit)] {
        assert_eq!((world.of(pid).status, world.of(pid).end), (Status::Closed, Some(end)), "{pid}");
    }
}

#[test]
fn a_goodbye_that_ended_nothing_is_taken_back_by_the_next_word() {
    let mut world = World::new();
    world.event(1, "s1", prompt("a"));
    world.event(1, "s1", EXIT);
    world.event(1, "s1", prompt("b"));
    assert_eq!(world.only().status, Status::Working);
}

#[test]
fn last_words_of_the_unknown_make_no_row() {
    let mut world = World::new();
    for event in [EXIT, SWITCH, Event::SubagentEnded, Event::Rested] {
        assert!(world.event(1, "s1", event).changes.is_empty());
    }
    assert!(world.sessions.is_empty());
}

#[test]
fn a_row_that_cannot_be_watched_is_unconfirmed_and_lost_after_a_day() {
    let mut world = World::new();
    world.event(0, "container", prompt("a"));
    assert_eq!((world.only().status, world.only().confirmed), (Status::Working, false));
    assert_eq!(world.sessions.next_deadline(world.now()), Some(DAY - 10));
    world.milliseconds += DAY;
    world.apply(Input::Tick);
    assert_eq!((world.only().status, world.only().end), (Status::Closed, Some(End::Lost)));
    // It was only silent.
    world.event(0, "container", prompt("b"));
    assert_eq!((world.only().status, world.only().end), (Status::Working, None));
    // A watched one is silent for as long as it likes.
    let mut world = World::new();
    world.event(1, "s1", prompt("a"));
    assert_eq!((world.only().confirmed, world.sessions.next_deadline(world.now())), (true, None));
}

#[test]
fn closed_rows_are_kept_for_a_day_and_at_most_fifty() {
    let mut world = World::new();
    world.event(1, "s1", prompt("a"));
    world.event(1, "s1", EXIT);
    let key = world.only().key.clone();
    world.milliseconds += DAY - 1000;
    assert!(world.apply(Input::Tick).changes.is_empty());
    world.milliseconds += 1000;
    let outcome = world.apply(Input::Tick);
    assert_eq!((outcome.changes[0].kind, &outcome.changes[0].key), (ChangeKind::Removed, &key));
    assert!(world.sessions.is_empty());
    for pid in 1..=60 {
        world.event(pid, &format!("s{pid}"), prompt("a"));
        world.event(pid, &format!("s{pid}"), EXIT);
    }
    assert_eq!(world.sessions.len(), MAX_CLOSED);
    assert!(world.sessions.iter().all(|row| row.pid > Some(10)), "the oldest went");
}

#[test]
fn headless_rows_never_wait_and_are_done_only_if_they_live_on() {
    let mut world = World::new();
    let headless = |world: &World, event| Report { headless: true, ..world.report(1, "s1", event) };
    let started = headless(&world, start(StartOrigin::Startup));
    world.told(started);
    assert_eq!(world.only().status, Status::Working);
    let asks = headless(&world, request());
    world.told(asks);
    assert_eq!((world.only().status, world.only().needs_you), (Status::Working, false));
    let ends = headless(&world, turn_end());
    world.told(ends);
    assert_eq!(world.only().status, Status::Working);
    let wait = world.sessions.next_deadline(world.now()).unwrap();
    assert!((900..=1000).contains(&wait), "{wait}");
    world.milliseconds += wait;
    world.apply(Input::Tick);
    assert_eq!((world.only().status, world.only().needs_you), (Status::Done, false));
}

#[test]
fn a_headless_turn_whose_process_ends_with_it_in_good_order_was_done() {
    let failure = Event::TurnFailed { error: "overloaded".to_owned(), detail: String::new() };
    for (turn_ends, goodbye, passed) in [
        (Some(turn_end()), true, Some(Status::Done)),
        (Some(failure), true, Some(Status::Failed)),
        // Killed, or told to leave in the middle.
        (Some(turn_end()), false, None),
        (None, true, None),
    ] {
        let mut world = World::new();
        let headless =
            |world: &World, event| Report { headless: true, ..world.report(1, "s1", event) };
        for event in [start(StartOrigin::Startup), prompt("go")].into_iter().chain(turn_ends) {
            let told = headless(&world, event);
            assert!(world.told(told).changes.iter().all(|change| change.passed.is_none()));
        }
        let outcome = if goodbye {
            let told = headless(&world, EXIT);
            world.told(told)
        } else {
            world.apply(Input::ProcessExited { process: process(1) })
        };
        let [change] = outcome.changes.as_slice() else { panic!("{outcome:?}") };
        assert_eq!(change.passed.map(|passed| passed.status), passed);
        let row = world.only();
        let through = change.passed_through(row);
        assert_eq!(through.map(|row| (row.status, row.end)), passed.map(|status| (status, None)));
        // Views are shown no flash.
        let history: Vec<Status> = world
            .sessions
            .with_history(&row.key)
            .unwrap()
            .history
            .iter()
            .map(|entered| entered.status)
            .collect();
        assert_eq!(history, [Status::Working, Status::Closed]);
        let told = headless(&world, EXIT);
        assert!(world.told(told).changes.iter().all(|change| change.passed.is_none()));
    }
}

#[test]
fn the_list_shows_what_needs_you_first_and_the_longest_wait_first_of_all() {
    let mut world = World::new();
    for (pid, session) in
        [(1, "works"), (2, "asks late"), (3, "asks first"), (4, "idle"), (5, "gone")]
    {
        world.event(pid, session, start(StartOrigin::Startup));
    }
    world.event(1, "works", prompt("a"));
    world.event(3, "asks first", request());
    world.event(2, "asks late", request());
    world.event(5, "gone", EXIT);
    let ids: Vec<String> = world.rows().into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, ["asks first", "asks late", "works", "idle", "gone"]);
}

//! Tests how sessions end, how long they are kept, and in which order the list shows them.

use crate::world::{DAY, EXIT, SWITCH, World, process, prompt, request, start, tool, turn_end};
use crewboard_core::{
    ChangeKind, End, Event, Input, MAX_CLOSED, Mark, QUIET_AFTER_MS, Report, StartOrigin, Status,
    Timestamp, Transition,
};

#[test]
fn end_is_exit_or_killed() {
    let mut world = World::new();
    world.event(1, "killed", prompt("a"));
    world.apply(Input::ProcessExited { process: process(1) });
    world.event(2, "exit", prompt("a"));
    world.event(2, "exit", EXIT);
    world.apply(Input::ProcessExited { process: process(2) });
    world.event(3, "late exit", prompt("a"));
    let exit = world.report(3, "late exit", EXIT);
    world.apply(Input::ProcessExited { process: process(3) });
    world.apply_report(exit);
    let late_event = world.report(1, "killed", turn_end());
    world.apply_report(late_event);
    for (pid, end) in [(1, End::Killed), (2, End::Exit), (3, End::Exit)] {
        assert_eq!((world.of(pid).status, world.of(pid).end), (Status::Closed, Some(end)), "{pid}");
    }
}

#[test]
fn event_after_an_exit_reopens_the_session() {
    let mut world = World::new();
    world.event(1, "s1", prompt("a"));
    world.event(1, "s1", EXIT);
    world.event(1, "s1", prompt("b"));
    assert_eq!(world.only().status, Status::Working);
}

#[test]
fn final_event_creates_no_session() {
    let mut world = World::new();
    for event in [EXIT, SWITCH, Event::SubagentEnded, Event::IdleReported, Event::TurnInterrupted] {
        assert!(world.event(1, "s1", event).changes.is_empty());
    }
    assert!(world.sessions.is_empty());
}

#[test]
fn unwatched_session_is_lost_after_a_day() {
    let mut world = World::new();
    world.event(0, "container", prompt("a"));
    assert_eq!((world.only().status, world.only().confirmed), (Status::Working, false));
    assert_eq!(world.sessions.next_deadline(world.now()), Some(DAY - 10));
    world.milliseconds += DAY;
    world.apply(Input::Tick);
    assert_eq!((world.only().status, world.only().end), (Status::Closed, Some(End::Lost)));
    // The next event reopens it.
    world.event(0, "container", prompt("b"));
    assert_eq!((world.only().status, world.only().end), (Status::Working, None));
    // A watched session is never lost.
    let mut world = World::new();
    world.event(1, "s1", prompt("a"));
    assert_eq!((world.only().confirmed, world.sessions.next_deadline(world.now())), (true, None));
}

#[test]
fn fifty_closed_sessions_are_kept_for_a_day() {
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
    assert!(world.sessions.iter().all(|row| row.pid > Some(10)), "the oldest were removed");
}

#[test]
fn headless_session_shows_no_prompt() {
    let mut world = World::new();
    let headless = |world: &World, event| Report { headless: true, ..world.report(1, "s1", event) };
    let started = headless(&world, start(StartOrigin::Startup));
    world.apply_report(started);
    assert_eq!(world.only().status, Status::Working);
    let asks = headless(&world, request());
    world.apply_report(asks);
    assert_eq!((world.only().status, world.only().needs_you), (Status::Working, false));
    let ends = headless(&world, turn_end());
    world.apply_report(ends);
    assert_eq!(world.only().status, Status::Working);
    let wait = world.sessions.next_deadline(world.now()).unwrap();
    assert!((900..=1000).contains(&wait), "{wait}");
    world.milliseconds += wait;
    world.apply(Input::Tick);
    assert_eq!((world.only().status, world.only().needs_you), (Status::Done, false));
}

#[test]
fn closed_headless_session_reports_the_end_of_its_turn() {
    let failure = Event::TurnFailed { error: "overloaded".to_owned(), detail: String::new() };
    for (turn_ends, exits, passed) in [
        (Some(turn_end()), true, Some(Status::Done)),
        (Some(failure), true, Some(Status::Failed)),
        // Killed, or ended in the middle of the turn.
        (Some(turn_end()), false, None),
        (None, true, None),
    ] {
        let mut world = World::new();
        let headless =
            |world: &World, event| Report { headless: true, ..world.report(1, "s1", event) };
        for event in [start(StartOrigin::Startup), prompt("go")].into_iter().chain(turn_ends) {
            let report = headless(&world, event);
            assert!(
                world.apply_report(report).changes.iter().all(|change| change.passed.is_none())
            );
        }
        let outcome = if exits {
            let report = headless(&world, EXIT);
            world.apply_report(report)
        } else {
            world.apply(Input::ProcessExited { process: process(1) })
        };
        let [change] = outcome.changes.as_slice() else { panic!("{outcome:?}") };
        assert_eq!(change.passed.map(|passed| passed.status), passed);
        let row = world.only();
        let through = change.passed_through(row);
        assert_eq!(through.map(|row| (row.status, row.end)), passed.map(|status| (status, None)));
        // Clients see no short `done`.
        let history: Vec<Status> = world
            .sessions
            .with_history(&row.key)
            .unwrap()
            .history
            .iter()
            .map(|entered| entered.status)
            .collect();
        assert_eq!(history, [Status::Working, Status::Closed]);
        let report = headless(&world, EXIT);
        assert!(world.apply_report(report).changes.iter().all(|change| change.passed.is_none()));
    }
}

#[test]
fn list_shows_the_longest_wait_first() {
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

#[test]
fn hundreds_of_statuses_are_kept_and_restored() {
    let mut world = World::new();
    for _ in 0..120 {
        world.event(1, "s1", prompt("go"));
        world.event(1, "s1", turn_end());
    }
    let row = world.sessions.with_history(&world.only().key.clone()).unwrap();
    let entered: Vec<Transition> = row.statuses().collect();
    assert_eq!(entered.len(), 240);
    assert!(entered.windows(2).all(|pair| pair[0].at < pair[1].at));
    // Each event comes 20 milliseconds after the one before, and the first one's process is watched in between.
    let now = Timestamp(entered[239].at.0 + 5000);
    let spent = row.time_spent(Timestamp(0), now);
    assert_eq!((spent.worked, spent.waited, spent.idle), (120 * 20 + 10, 0, 119 * 20 + 5000));
    let later = row.time_spent(Timestamp(now.0 - 1000), now);
    assert_eq!((later.worked, later.idle), (0, 1000));
    let mut new = World { milliseconds: world.milliseconds, ..World::named("second") };
    new.apply(Input::Restored(vec![row.clone()]));
    let restored = new.sessions.with_history(&row.key).unwrap();
    assert!(restored.statuses().eq(entered));
}

#[test]
fn session_without_evidence_is_quiet_after_ten_minutes() {
    let mut world = World::new();
    world.event(1, "s1", prompt("a"));
    let at = world.only().evidence_at.unwrap();
    world.milliseconds += QUIET_AFTER_MS;
    assert_eq!(world.only().quiet_since(Timestamp(at.0 + QUIET_AFTER_MS - 1)), None);
    assert_eq!(world.only().quiet_since(Timestamp(at.0 + QUIET_AFTER_MS)), Some(at));
    // A mark is no evidence that the agent works.
    world.mark(1, Mark::Pinned { on: true });
    assert_eq!(world.only().quiet_since(world.now().wall), Some(at));
    world.event(1, "s1", tool());
    assert_eq!(world.only().quiet_since(world.now().wall), None);
    world.event(1, "s1", turn_end());
    world.milliseconds += QUIET_AFTER_MS;
    assert_eq!(world.only().quiet_since(world.now().wall), None, "it is done");
}

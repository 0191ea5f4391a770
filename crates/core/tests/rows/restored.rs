//! The sessions that a client restores to a new daemon.

use crate::world::{World, process, prompt, request, tool, turn_end};
use crewboard_core::{
    ChangeKind, ConversationId, End, Event, FileFinding, FileMetadata, FileStatus, Input,
    InputDigest, Place, ProcessToWatch, PromptKind, Report, RowKey, Session, Stamp, Status,
    Timestamp, Transition,
};

/// Returns the sessions of a subscription to `world`.
fn snapshot(world: &World) -> Vec<Session> {
    let keys: Vec<_> = world.sessions.iter().map(|row| row.key.clone()).collect();
    keys.iter().map(|key| world.sessions.with_history(key).unwrap()).collect()
}

#[test]
fn new_daemon_restores_the_sessions() {
    let mut old = World::new();
    old.event(1, "works", prompt("a"));
    old.event(1, "works", tool());
    old.event(2, "asks", request());
    old.event(3, "dies", prompt("a"));
    let snapshot = snapshot(&old);
    let mut new = World { milliseconds: old.milliseconds, ..World::named("second") };
    let outcome = new.apply(Input::Restored(snapshot.clone()));
    assert_eq!(outcome.watch.len(), 3);
    for ProcessToWatch { process, .. } in outcome.watch {
        if process.pid == 3 {
            new.apply(Input::ProcessExited { process });
        } else {
            new.apply(Input::ProcessWatched { process, ancestors: Vec::new() });
        }
    }
    for row in &snapshot {
        let again = new.sessions.get(&row.key).unwrap();
        let trail = new.sessions.trail(&row.key).unwrap();
        assert_eq!(trail[0].source, "restored", "{trail:?}");
        if row.pid == Some(1) {
            assert_eq!(again.activity.as_deref(), Some("Bash make"));
        }
        assert_eq!(
            (&again.id, &again.user_prompt, again.epoch.as_str()),
            (&row.id, &row.user_prompt, "second")
        );
        if row.pid != Some(3) {
            assert_eq!(
                (again.status, again.since, &again.open_prompt),
                (row.status, row.since, &row.open_prompt)
            );
        }
    }
    assert_eq!((new.of(3).status, new.of(3).end), (Status::Closed, Some(End::Killed)));
    // A second restore changes nothing, and events still apply.
    assert!(new.apply(Input::Restored(snapshot)).changes.is_empty());
    new.event(2, "asks", turn_end());
    assert_eq!(new.of(2).status, Status::Done);
}

#[test]
fn agent_version_is_restored_for_the_same_process() {
    let mut old = World::new();
    old.event(1, "s1", prompt("a"));
    let about = FileMetadata {
        session: ConversationId::new("s1"),
        agent_version: Some("2.1.400".to_owned()),
        ..FileMetadata::default()
    };
    let since = old.now().stamp;
    old.found_of(about, FileFinding::FileStatus { status: FileStatus::Busy, since });
    let snapshot = snapshot(&old);
    for (pid, expected) in [(None, Some("2.1.400")), (Some(1), Some("2.1.400")), (Some(2), None)] {
        let mut new = World { milliseconds: old.milliseconds, ..World::named("second") };
        if let Some(pid) = pid {
            new.event(pid, "s1", prompt("b"));
        }
        new.apply(Input::Restored(snapshot.clone()));
        let row = new.sessions.iter().find(|row| pid.is_none() || row.pid == pid).unwrap();
        assert_eq!(row.agent_version.as_deref(), expected, "{pid:?}");
    }
}

#[test]
fn restored_status_keeps_its_time() {
    let mut old = World::new();
    old.event(1, "s1", prompt("a"));
    old.milliseconds += 60_000;
    old.event(1, "s1", request());
    let since = old.only().since;
    let snapshot = snapshot(&old);
    // The new daemon reads the file before the client restores the session.
    let mut new = World { milliseconds: old.milliseconds + 480_000, ..World::named("second") };
    let status = FileStatus::Prompt { prompt_kind: PromptKind::Permission };
    let about = FileMetadata { session: ConversationId::new("s1"), ..FileMetadata::default() };
    let asks = FileFinding::FileStatus { status, since: new.now().stamp };
    new.found_of(about, asks);
    new.milliseconds += 1000;
    new.apply(Input::Tick);
    assert_eq!(new.only().status, Status::Permission);
    assert_ne!(new.only().since, since);
    new.apply(Input::Restored(snapshot.clone()));
    let key = new.only().key.clone();
    let row = new.sessions.with_history(&key).unwrap();
    assert_eq!((row.status, row.since), (Status::Permission, since));
    assert_eq!(row.history, snapshot[0].history);
    // A prompt from a hook may be another one.
    let mut new = World { milliseconds: old.milliseconds + 480_000, ..World::named("second") };
    new.event(1, "s1", request());
    let later = new.only().since;
    new.apply(Input::Restored(snapshot));
    assert_eq!(new.only().since, later);
}

#[test]
fn reported_prompt_keeps_its_line_and_its_text() {
    let asks = |status| Event::StatusReported {
        status,
        activity: "a database".to_owned(),
        text: "Which database should it be?".to_owned(),
    };
    for status in [Status::Permission, Status::Question, Status::Plan] {
        let mut old = World::new();
        old.event(1, "s1", asks(status));
        let shown = |world: &World| {
            let row = world.only();
            let prompt = row.open_prompt.as_ref().unwrap();
            (row.status, row.activity.clone().unwrap(), prompt.text.clone())
        };
        let expected = (status, "a database".to_owned(), "Which database should it be?".to_owned());
        assert_eq!(shown(&old), expected);
        let mut new = World { milliseconds: old.milliseconds, ..World::named("second") };
        new.apply(Input::Restored(snapshot(&old)));
        assert_eq!(shown(&new), expected);
        new.event(1, "s1", asks(Status::Working));
        assert_eq!(new.only().activity.as_deref(), Some("a database"));
    }
    // A report with one of the two texts shows it.
    let mut world = World::new();
    let (status, activity) = (Status::Working, String::new());
    world.event(1, "s1", Event::StatusReported { status, activity, text: "step 1".to_owned() });
    assert_eq!(world.only().activity.as_deref(), Some("step 1"));
}

#[test]
fn subagent_event_does_not_hide_a_restored_prompt() {
    let mut old = World::new();
    old.event(1, "s1", request());
    let snapshot = snapshot(&old);
    let mut new = World::named("second");
    let subagents = Report {
        subagent: Some(crewboard_core::SubagentId::new("a1")),
        ..new.report(1, "s1", Event::SubagentStarted)
    };
    new.apply_report(subagents);
    assert_eq!(new.only().status, Status::Working);
    new.apply(Input::Restored(snapshot));
    assert_eq!((new.only().status, new.only().needs_you), (Status::Permission, true));
    // The end of the tool closes the restored prompt, which has no input.
    let ended = Event::ToolEnded {
        tool: "Bash".to_owned(),
        tool_use: None,
        input: InputDigest::new([9; 16]),
    };
    new.event(1, "s1", ended);
    assert_eq!(new.only().status, Status::Working);
}

#[test]
fn future_times_do_not_make_the_daemon_spin() {
    let mut world = World::new();
    let ahead = Stamp { boot: 1, micros: u64::MAX - 5 };
    let report = Report { stamp: ahead, ..world.report(0, "s1", prompt("a")) };
    world.apply_report(report);
    world.apply(Input::Tick);
    // The following event is not late.
    world.event(0, "s1", turn_end());
    assert_eq!(world.only().status, Status::Done);
    let far = Session {
        key: RowKey::new("kaaaa"),
        id: ConversationId::new("s2"),
        snoozed_until: Some(Timestamp(u64::MAX)),
        ..Session::default()
    };
    world.apply(Input::Restored(vec![far]));
    world.apply(Input::Tick);
    assert!(world.sessions.next_deadline(world.now()).unwrap() > 0);
}

#[test]
fn restored_times_are_plausible() {
    let mut old = World::new();
    old.event(1, "s1", prompt("a"));
    let mut row = snapshot(&old).remove(0);
    for (milliseconds, is_plausible) in [(0, false), (u64::MAX, false), (1_794_000_000_000, true)] {
        let mut new = World::named("second");
        let time = Timestamp(milliseconds);
        (row.since, row.started, row.updated) = (time, time, time);
        row.history = vec![Transition { status: Status::Working, at: time }];
        new.apply(Input::Restored(vec![row.clone()]));
        let known = new.sessions.with_history(&row.key).unwrap();
        let expected = if is_plausible { time } else { new.now().wall };
        assert_eq!(
            [known.since, known.started, known.history[0].at],
            [expected; 3],
            "{milliseconds}"
        );
    }
}

#[test]
fn start_without_a_process_reopens_a_killed_session() {
    for (event, expected) in [
        (prompt("b"), (Status::Working, None)),
        // A service works on after its window has closed.
        (request(), (Status::Closed, Some(1))),
        (turn_end(), (Status::Closed, Some(1))),
    ] {
        let mut world = World::new();
        world.event(1, "s1", prompt("a"));
        world.apply(Input::ProcessExited { process: process(1) });
        world.milliseconds += 2000;
        world.event(0, "s1", event);
        assert_eq!((world.only().status, world.only().pid), expected);
    }
}

#[test]
fn session_without_a_process_gets_one_later() {
    let mut world = World::new();
    world.event(0, "s1", prompt("a"));
    assert!(!world.only().confirmed);
    world.event(1, "s1", prompt("b"));
    assert_eq!((world.only().pid, world.only().status), (Some(1), Status::Working));
    assert!(world.only().confirmed);
    // The events without a process that follow belong to the same session.
    world.event(0, "s1", request());
    assert_eq!((world.only().pid, world.only().status), (Some(1), Status::Permission));
    world.event(0, "s1", Event::TurnInterrupted);
    assert_eq!(world.only().status, Status::Idle);
}

#[test]
fn newer_copy_of_two_clients_wins() {
    let mut old = World::new();
    old.event(1, "s1", prompt("a"));
    let mut stale = snapshot(&old);
    stale[0].user_prompt = Some("stale".to_owned());
    old.event(1, "s1", turn_end());
    let mut fresh = snapshot(&old);
    fresh[0].dismissed = true;
    fresh[0].seen = true;
    fresh[0].needs_you = false;
    for order in [[stale.clone(), fresh.clone()], [fresh, stale]] {
        let mut new = World::named("second");
        for rows in order {
            new.apply(Input::Restored(rows));
        }
        let row = new.only();
        assert_eq!((row.status, row.dismissed, row.seen), (Status::Done, true, true));
        assert!(!row.needs_you);
    }
}

#[test]
fn restore_fills_the_gaps_of_a_known_session() {
    let mut old = World::new();
    old.event(1, "s1", prompt("fix it"));
    let mut snapshot = snapshot(&old);
    snapshot[0].pinned = true;
    snapshot[0].title = Some("The checkout test".to_owned());
    let mut new = World::named("second");
    new.event(1, "s1", request());
    new.apply(Input::Restored(snapshot));
    let row = new.only();
    assert_eq!((row.status, row.pinned), (Status::Permission, true));
    assert_eq!(row.title.as_deref(), Some("The checkout test"));
    assert_eq!(row.user_prompt.as_deref(), Some("fix it"));
}

#[test]
fn restored_session_takes_no_other_sessions_key() {
    let mut new = World::new();
    new.event(1, "s1", prompt("a"));
    new.event(2, "s2", prompt("b"));
    let mut confused = snapshot(&new).into_iter().find(|row| row.pid == Some(1)).unwrap();
    confused.key = new.of(2).key.clone();
    new.apply(Input::Restored(vec![confused]));
    assert_eq!((new.sessions.len(), new.of(1).id.as_str(), new.of(2).id.as_str()), (2, "s1", "s2"));
}

#[test]
fn restored_texts_are_cleaned() {
    let mut new = World::new();
    let hostile = Session {
        key: RowKey::new("kaaaa"),
        id: ConversationId::new("s"),
        name: "a\x1b[2J".to_owned(),
        activity: Some("x\u{202e}y".repeat(1000)),
        subagents: vec![crewboard_core::Subagent {
            id: crewboard_core::SubagentId::new("a"),
            kind: Some("b\x1b[2J".to_owned()),
            status: Status::Working,
            since: Timestamp(0),
        }],
        ..Session::default()
    };
    new.apply(Input::Restored(vec![hostile]));
    assert_eq!(new.only().name, "a");
    assert_eq!(new.only().subagents[0].kind.as_deref(), Some("b"));
    let nameless = Session { id: ConversationId::new("s2"), ..Session::default() };
    assert!(new.apply(Input::Restored(vec![nameless])).changes.is_empty());
}

/// Returns a session that a client has invented.
fn forged(key: &str, pid: u32) -> Session {
    Session {
        key: RowKey::new(key),
        agent: crewboard_core::AgentName::new("claude"),
        id: ConversationId::new("forged"),
        status: Status::Closed,
        pid: (pid > 0).then(|| process(pid).pid),
        pid_start: (pid > 0).then(|| process(pid).start),
        place: Place { host: "box".to_owned(), ..Place::default() },
        ..Session::default()
    }
}

#[test]
fn malformed_key_is_not_restored() {
    for key in
        ["x$(touch x)", "--help", "-n", "k", "kaaaaa", "ka aa", "kaa;a", "kaaa\u{200b}", "KAAAA"]
    {
        let mut new = World::new();
        assert!(new.apply(Input::Restored(vec![forged(key, 1)])).changes.is_empty(), "{key}");
    }
    let mut new = World::new();
    let child = Session { parent: Some(RowKey::new("$(touch x)")), ..forged("kaaaa", 1) };
    new.apply(Input::Restored(vec![child]));
    assert_eq!((new.only().key.as_str(), &new.only().parent), ("kaaaa", &None));
}

#[test]
fn restore_does_not_change_the_key_of_an_open_session() {
    for (key, has_events) in [("kzzzz", true), ("--help", true), ("kzzzz", false)] {
        let mut new = World::named("second");
        if has_events {
            new.event(1, "s1", prompt("a"));
        } else {
            // The session is known only from another client.
            let mut old = World::new();
            old.event(1, "s1", prompt("a"));
            for ProcessToWatch { process, .. } in new.apply(Input::Restored(snapshot(&old))).watch {
                new.apply(Input::ProcessWatched { process, ancestors: Vec::new() });
            }
        }
        let own = new.only().clone();
        let later = Session { revision: 9000, ..forged(key, 1) };
        let outcome = new.apply(Input::Restored(vec![later]));
        let row = new.only();
        assert_eq!((&row.key, &row.id, row.status), (&own.key, &own.id, Status::Working), "{key}");
        assert!(outcome.changes.iter().all(|change| change.kind == ChangeKind::Updated), "{key}");
    }
}

#[test]
fn restore_replaces_no_session_by_its_key() {
    let mut new = World::new();
    new.event(1, "s1", prompt("a"));
    new.event(0, "s2", prompt("b"));
    let rows: Vec<Session> = new.sessions.iter().cloned().collect();
    for row in &rows {
        for pid in [0, 7] {
            new.apply(Input::Restored(vec![forged(row.key.as_str(), pid)]));
            assert_eq!(new.sessions.get(&row.key), Some(row));
        }
    }
    assert!(new.sessions.iter().all(|row| row.key.as_str().len() == 5));
}

#[test]
fn no_session_gets_the_name_of_another_as_its_key() {
    let mut new = World::new();
    let report =
        Report { project: Some("/home/dev/webap".to_owned()), ..new.report(1, "s1", prompt("a")) };
    new.apply_report(report);
    assert_eq!(new.only().name, "webap");
    new.apply(Input::Restored(vec![forged("webap", 7)]));
    let other = new.sessions.iter().find(|row| row.id.as_str() == "forged").unwrap();
    assert_ne!(other.key.as_str(), "webap");
}

/// A resumed session keeps the key of its first process, and a new daemon derives another key.
#[test]
fn session_is_found_by_its_key_of_an_earlier_daemon() {
    let mut old = World::new();
    old.event(1, "s1", prompt("a"));
    old.apply(Input::ProcessExited { process: process(1) });
    old.event(2, "s1", prompt("b"));
    let snapshot = snapshot(&old);
    let mut new = World::named("second");
    new.event(2, "s1", prompt("c"));
    let key = new.only().key.clone();
    assert_ne!(key, snapshot[0].key);
    let outcome = new.apply(Input::Restored(snapshot.clone()));
    assert_eq!(outcome.renamed, [(snapshot[0].key.clone(), key.clone())]);
    assert_eq!((&new.only().key, new.sessions.current_key(&snapshot[0].key)), (&key, &key));
}

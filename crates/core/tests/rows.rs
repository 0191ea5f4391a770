//! Which row an event belongs to, and how rows come and go.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use crewboard_core::{
    End, EndReason, Event, Input, Kept, MAX_CLOSED, Mark, Now, Outcome, Place, Process, Report,
    RequestKind, Session, SessionId, Sessions, Stamp, StartOrigin, Status, Timestamp, Watch,
};

const DAY: u64 = 24 * 60 * 60 * 1000;

/// A map with a clock that a test sets.
struct World {
    sessions: Sessions,
    milliseconds: u64,
}

impl World {
    fn new() -> Self {
        Self::named("first")
    }

    fn named(epoch: &str) -> Self {
        Self { sessions: Sessions::new(epoch.to_owned()), milliseconds: 1_000_000 }
    }

    fn now(&self) -> Now {
        let stamp = Stamp { boot: 1, micros: self.milliseconds * 1000 };
        Now { wall: Timestamp(1_795_000_000_000 + self.milliseconds), stamp }
    }

    fn apply(&mut self, input: Input) -> Outcome {
        self.milliseconds += 10;
        let now = self.now();
        self.sessions.apply(input, now)
    }

    /// An event of process `pid` (0: none known) in `session`; the process is watched at once.
    fn event(&mut self, pid: u32, session: &str, event: Event) -> Outcome {
        self.milliseconds += 10;
        let report = self.report(pid, session, event);
        self.told(report)
    }

    fn told(&mut self, report: Report) -> Outcome {
        let mut outcome = self.apply(Input::Reported(Box::new(report)));
        for watch in std::mem::take(&mut outcome.watch) {
            let watched = Input::ProcessWatched { process: watch.process, ancestors: Vec::new() };
            outcome.changes.extend(self.apply(watched).changes);
        }
        outcome
    }

    fn report(&self, pid: u32, session: &str, event: Event) -> Report {
        Report {
            process: (pid > 0).then(|| process(pid)),
            cwd: Some("/home/dev/shop".to_owned()),
            place: Place {
                host: "box".to_owned(),
                pane: Some("%1".to_owned()),
                ..Place::default()
            },
            ..Report::new("claude", session, "hook:Test", self.now().stamp, event)
        }
    }

    /// Name, id and status of every row, in the list's order.
    fn rows(&self) -> Vec<(String, Status)> {
        let mut rows: Vec<&Session> = self.sessions.iter().collect();
        rows.sort_by(|one, other| one.compare_for_list(other));
        rows.iter().map(|row| (row.id.to_string(), row.status)).collect()
    }

    fn only(&self) -> &Session {
        assert_eq!(self.sessions.len(), 1, "{:?}", self.rows());
        self.sessions.iter().next().unwrap()
    }

    fn of(&self, pid: u32) -> &Session {
        self.sessions.iter().find(|row| row.pid == Some(pid)).unwrap()
    }
}

fn process(pid: u32) -> Process {
    Process { pid, start: u64::from(pid) + 100 }
}

fn start(origin: StartOrigin) -> Event {
    Event::SessionStarted { origin }
}

fn prompt(text: &str) -> Event {
    Event::PromptSubmitted { prompt: text.to_owned(), automatic: false, ended_task: None }
}

fn turn_end() -> Event {
    Event::TurnEnded { message: "Done.".to_owned(), background: Vec::new(), scheduled: 0 }
}

fn tool() -> Event {
    Event::ToolStarted {
        tool: "Bash".to_owned(),
        text: "make".to_owned(),
        tool_use: None,
        input: 3,
        asks: None,
    }
}

fn request() -> Event {
    Event::RequestOpened {
        request: RequestKind::Permission,
        tool: "Bash".to_owned(),
        text: "rm -rf node_modules".to_owned(),
        input: 7,
    }
}

const EXIT: Event = Event::SessionEnded { reason: EndReason::Exit };
const SWITCH: Event = Event::SessionEnded { reason: EndReason::Switch };

#[test]
fn clear_keeps_the_row_and_resets_what_was_the_conversations() {
    let mut world = World::new();
    world.event(1, "s1", start(StartOrigin::Startup));
    world.event(1, "s1", prompt("fix it"));
    world.event(1, "s1", turn_end());
    let key = world.only().key.clone();
    world.event(1, "s1", SWITCH);
    let left = world.report(1, "s1", turn_end());
    world.event(1, "s2", start(StartOrigin::Clear));
    // A word of the former conversation that comes late is nobody's.
    world.told(left);
    let row = world.only();
    assert_eq!((&row.key, row.id.as_str(), row.status), (&key, "s2", Status::Idle));
    assert_eq!(
        (row.prompt.as_deref(), row.lineage.as_slice()),
        (None, &[SessionId::new("s1")][..])
    );
    let history = world.sessions.with_history(&key).unwrap().history;
    assert!(history.iter().all(|entered| entered.status == Status::Idle), "{history:?}");
    // And back: an id that was left may return.
    world.event(1, "s2", SWITCH);
    world.event(1, "s1", start(StartOrigin::Resume));
    assert_eq!(world.only().lineage, [SessionId::new("s2")]);
}

#[test]
fn a_new_process_takes_a_closed_conversations_row_over() {
    let mut world = World::new();
    world.event(1, "s1", prompt("fix it"));
    world.event(1, "s1", EXIT);
    let key = world.only().key.clone();
    world.event(2, "s1", start(StartOrigin::Resume));
    let row = world.only();
    assert_eq!((&row.key, row.pid, row.status, row.end), (&key, Some(2), Status::Idle, None));
    assert_eq!(row.prompt.as_deref(), Some("fix it"));
    // The old process's late end is not the new one's.
    world.apply(Input::ProcessExited { process: process(1) });
    world.event(1, "s1", EXIT);
    assert_eq!(world.only().status, Status::Idle);
    // A conversation that is open elsewhere is a second row.
    world.event(3, "s1", start(StartOrigin::Resume));
    assert_eq!(world.rows().len(), 2);
}

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
fn a_nested_agent_is_a_child_and_claims_no_pane() {
    let mut world = World::new();
    world.event(1, "outer", prompt("a"));
    let inner = world.report(2, "inner", start(StartOrigin::Startup));
    let outcome = world.apply(Input::Reported(Box::new(inner)));
    assert_eq!(outcome.watch.iter().map(|watch| watch.process).collect::<Vec<_>>(), [process(2)]);
    let ancestors = vec![process(9), process(1)];
    world.apply(Input::ProcessWatched { process: process(2), ancestors });
    let parent = world.of(1).key.clone();
    assert_eq!((world.of(2).parent.as_ref(), &world.of(2).place.pane), (Some(&parent), &None));
    assert_eq!(world.of(1).place.pane.as_deref(), Some("%1"));
    // Its own later events do not bring the pane back.
    world.event(2, "inner", prompt("b"));
    assert_eq!(world.of(2).place.pane, None);
}

#[test]
fn a_parent_that_is_learnt_of_later_is_found() {
    let mut world = World::new();
    let inner = world.report(2, "inner", prompt("a"));
    world.apply(Input::Reported(Box::new(inner)));
    world.apply(Input::ProcessWatched { process: process(2), ancestors: vec![process(1)] });
    assert_eq!(world.of(2).parent, None);
    world.event(1, "outer", prompt("b"));
    assert_eq!(world.of(2).parent, Some(world.of(1).key.clone()));
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
    assert_eq!((outcome.changes[0].kind, &outcome.changes[0].key), (Kept::Removed, &key));
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

/// What a view that followed `world` holds.
fn held(world: &World) -> Vec<Session> {
    let keys: Vec<_> = world.sessions.iter().map(|row| row.key.clone()).collect();
    keys.iter().map(|key| world.sessions.with_history(key).unwrap()).collect()
}

#[test]
fn a_new_daemon_gets_the_rows_back() {
    let mut old = World::new();
    old.event(1, "works", prompt("a"));
    old.event(1, "works", tool());
    old.event(2, "asks", request());
    old.event(3, "dies", prompt("a"));
    let held = held(&old);
    let mut new = World::named("second");
    let outcome = new.apply(Input::Restored(held.clone()));
    assert_eq!(outcome.watch.len(), 3);
    for Watch { process, .. } in outcome.watch {
        if process.pid == 3 {
            new.apply(Input::ProcessExited { process });
        } else {
            new.apply(Input::ProcessWatched { process, ancestors: Vec::new() });
        }
    }
    for row in &held {
        let again = new.sessions.get(&row.key).unwrap();
        let trail = new.sessions.trail(&row.key).unwrap();
        assert_eq!(trail[0].source, "restored", "{trail:?}");
        if row.pid == Some(1) {
            assert_eq!(again.activity.as_deref(), Some("Bash make"));
        }
        assert_eq!(
            (&again.id, &again.prompt, again.epoch.as_str()),
            (&row.id, &row.prompt, "second")
        );
        if row.pid != Some(3) {
            assert_eq!(
                (again.status, again.since, &again.request),
                (row.status, row.since, &row.request)
            );
        }
    }
    assert_eq!((new.of(3).status, new.of(3).end), (Status::Closed, Some(End::Killed)));
    // The same again changes nothing, and life goes on.
    assert!(new.apply(Input::Restored(held)).changes.is_empty());
    new.event(2, "asks", turn_end());
    assert_eq!(new.of(2).status, Status::Done);
}

#[test]
fn a_subagents_word_does_not_hide_what_a_view_gives_back() {
    let mut old = World::new();
    old.event(1, "s1", request());
    let held = held(&old);
    let mut new = World::named("second");
    let subagents = Report {
        subagent: Some(crewboard_core::SubagentId::new("a1")),
        ..new.report(1, "s1", Event::SubagentStarted)
    };
    new.told(subagents);
    assert_eq!(new.only().status, Status::Working);
    new.apply(Input::Restored(held));
    assert_eq!((new.only().status, new.only().needs_you), (Status::Permission, true));
    // And its grant, whose request came back without its input, ends it.
    let ended = Event::ToolEnded { tool: "Bash".to_owned(), tool_use: None, input: 9 };
    new.event(1, "s1", ended);
    assert_eq!(new.only().status, Status::Working);
}

#[test]
fn no_clock_of_another_makes_the_daemon_spin() {
    let mut world = World::new();
    let ahead = Stamp { boot: 1, micros: u64::MAX - 5 };
    let report = Report { stamp: ahead, ..world.report(0, "s1", prompt("a")) };
    world.told(report);
    world.apply(Input::Tick);
    // What comes after it is not late for it.
    world.event(0, "s1", turn_end());
    assert_eq!(world.only().status, Status::Done);
    let far = Session {
        key: crewboard_core::RowKey::new("k"),
        id: SessionId::new("s2"),
        snoozed_until: Some(Timestamp(u64::MAX)),
        ..Session::default()
    };
    world.apply(Input::Restored(vec![far]));
    world.apply(Input::Tick);
    assert!(world.sessions.next_deadline(world.now()).unwrap() > 0);
}

#[test]
fn a_word_without_a_process_revives_a_row_whose_process_died() {
    let mut world = World::new();
    world.event(1, "s1", prompt("a"));
    world.apply(Input::ProcessExited { process: process(1) });
    world.event(0, "s1", request());
    assert_eq!((world.only().status, world.only().pid), (Status::Permission, None));
}

#[test]
fn of_two_views_the_newer_picture_stands() {
    let mut old = World::new();
    old.event(1, "s1", prompt("a"));
    let mut stale = held(&old);
    stale[0].prompt = Some("stale".to_owned());
    old.event(1, "s1", turn_end());
    let mut fresh = held(&old);
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
fn what_the_agent_said_since_stands_and_the_view_fills_in_the_rest() {
    let mut old = World::new();
    old.event(1, "s1", prompt("fix it"));
    let mut held = held(&old);
    held[0].pinned = true;
    held[0].title = Some("The checkout test".to_owned());
    let mut new = World::named("second");
    new.event(1, "s1", request());
    new.apply(Input::Restored(held));
    let row = new.only();
    assert_eq!((row.status, row.pinned), (Status::Permission, true));
    assert_eq!(row.title.as_deref(), Some("The checkout test"));
    assert_eq!(row.prompt.as_deref(), Some("fix it"));
}

#[test]
fn a_row_given_back_takes_no_other_rows_name() {
    let mut new = World::new();
    new.event(1, "s1", prompt("a"));
    new.event(2, "s2", prompt("b"));
    let mut confused = held(&new).into_iter().find(|row| row.pid == Some(1)).unwrap();
    confused.key = new.of(2).key.clone();
    new.apply(Input::Restored(vec![confused]));
    assert_eq!((new.sessions.len(), new.of(1).id.as_str(), new.of(2).id.as_str()), (2, "s1", "s2"));
}

#[test]
fn a_view_cannot_make_rows_that_terminals_would_obey() {
    let mut new = World::new();
    let hostile = Session {
        key: crewboard_core::RowKey::new("k"),
        id: SessionId::new("s"),
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
    assert_eq!(new.only().name, "a[2J");
    assert_eq!(new.only().subagents[0].kind.as_deref(), Some("b[2J"));
    let nameless = Session { id: SessionId::new("s2"), ..Session::default() };
    assert!(new.apply(Input::Restored(vec![nameless])).changes.is_empty());
}

impl World {
    fn mark(&mut self, pid: u32, mark: Mark) -> Outcome {
        let key = self.of(pid).key.clone();
        self.apply(Input::Marked { key, mark })
    }
}

#[test]
fn what_a_stale_view_has_seen_clears_no_newer_news() {
    let mut world = World::new();
    world.event(1, "s1", prompt("a"));
    let stale = world.only().revision;
    world.event(1, "s1", turn_end());
    assert!(world.mark(1, Mark::Seen { revision: stale }).changes.is_empty());
    assert!(world.only().needs_you);
    let revision = world.only().revision;
    world.mark(1, Mark::Seen { revision });
    assert_eq!(
        (world.only().status, world.only().seen, world.only().needs_you),
        (Status::Done, true, false)
    );
    // The next end is news again.
    world.event(1, "s1", prompt("b"));
    world.event(1, "s1", turn_end());
    assert_eq!((world.only().seen, world.only().needs_you), (false, true));
    // A question is answered, not seen.
    world.event(1, "s1", request());
    let revision = world.only().revision;
    world.mark(1, Mark::Seen { revision });
    assert!(world.only().needs_you);
}

#[test]
fn a_snoozed_row_is_quiet_for_an_hour_or_until_its_status_changes() {
    let mut world = World::new();
    world.event(1, "s1", request());
    world.mark(1, Mark::Snoozed { on: true });
    assert_eq!((world.only().status, world.only().needs_you), (Status::Permission, false));
    let wait = world.sessions.next_deadline(world.now()).unwrap();
    assert_eq!(wait, 60 * 60 * 1000);
    world.milliseconds += wait;
    assert_eq!(world.apply(Input::Tick).changes.len(), 1);
    assert_eq!((world.only().needs_you, world.only().snoozed_until), (true, None));
    world.mark(1, Mark::Snoozed { on: true });
    world.event(1, "s1", turn_end());
    assert_eq!((world.only().needs_you, world.only().snoozed_until), (true, None));
}

#[test]
fn a_dismissed_row_is_back_when_it_next_needs_you() {
    let mut world = World::new();
    world.event(1, "s1", prompt("a"));
    world.event(1, "s1", turn_end());
    let revision = world.only().revision;
    world.mark(1, Mark::Dismissed { on: true, revision });
    assert_eq!((world.only().dismissed, world.only().needs_you), (true, false));
    world.event(1, "s1", prompt("b"));
    assert!(world.only().dismissed);
    world.event(1, "s1", request());
    assert_eq!((world.only().dismissed, world.only().needs_you), (false, true));
    world.mark(1, Mark::Pinned { on: true });
    assert!(world.only().pinned);
}

//! The cost of each day: it counts what conversations cost from the start of the day.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use crewboard_core::{
    Day, DayCost, EndReason, Event, Input, Now, Outcome, Process, PullRequest, Report, Session,
    SessionStore, Stamp, StartOrigin, Status, Timestamp, UsageReport,
};

const HOUR: u64 = 3_600_000;
/// A midnight of a time zone that is not a whole number of hours from UTC.
const MIDNIGHT: u64 = 1_795_026_600_000;

/// Returns the day that begins this many days after the first one.
fn day(number: u64) -> Day {
    let start = MIDNIGHT + number * 24 * HOUR;
    Day { start: Timestamp(start), end: Timestamp(start + 24 * HOUR) }
}

/// A store, and a clock that the test sets.
struct World {
    sessions: SessionStore,
    wall: u64,
    /// The milliseconds by which the wall clock was set back.
    set_back: u64,
}

impl World {
    /// Begins at noon of the first day, without a session.
    fn new() -> Self {
        let sessions = SessionStore::new("first".to_owned());
        Self { sessions, wall: MIDNIGHT + 12 * HOUR, set_back: 0 }
    }

    fn now(&self) -> Now {
        let micros = (self.wall + self.set_back - MIDNIGHT) * 1000;
        Now { wall: Timestamp(self.wall), stamp: Stamp { boot: 1, micros } }
    }

    fn input(&mut self, input: Input) -> Outcome {
        self.wall += 10;
        let now = self.now();
        self.sessions.apply(input, now)
    }

    fn event(&mut self, pid: u32, session: &str, event: Event) -> Outcome {
        let stamp = self.now().stamp;
        self.input(Input::Reported(Box::new(Report {
            process: Some(Process { pid, start: 7 }),
            ..Report::new("claude", session, "test", stamp, event)
        })))
    }

    fn start(&mut self, pid: u32, session: &str, origin: StartOrigin) {
        self.event(pid, session, Event::SessionStarted { origin });
    }

    /// Reports the cost of a conversation. Looks up the day first, as the daemon does.
    fn cost(&mut self, pid: u32, session: &str, cents: u64) -> Outcome {
        let now = self.now();
        if self.sessions.needs_day(now) {
            let number = (self.wall - MIDNIGHT) / (24 * HOUR);
            self.input(Input::DayFound(day(number)));
        }
        let usage = UsageReport { cost_cents: Some(cents), ..UsageReport::default() };
        self.event(pid, session, Event::UsageReport(usage))
    }

    fn row(&self, pid: u32) -> &Session {
        self.sessions.iter().find(|row| row.pid == Some(pid)).unwrap()
    }

    /// Returns the cost of a session today in cents, and the number of the day.
    fn today(&self, pid: u32) -> Option<(u64, u64)> {
        let cost = self.row(pid).cost_today?;
        Some((cost.cents(), (cost.since.0 - MIDNIGHT) / (24 * HOUR)))
    }
}

#[test]
fn new_session_costs_what_it_reports() {
    let mut world = World::new();
    world.start(1, "s", StartOrigin::Startup);
    world.cost(1, "s", 0);
    assert_eq!(world.today(1), None);
    assert_eq!(world.cost(1, "s", 25).changes.len(), 1);
    world.cost(1, "s", 40);
    assert_eq!(world.today(1), Some((40, 0)));
    // The same report again adds nothing.
    assert!(world.cost(1, "s", 40).changes.is_empty());
    assert_eq!(world.today(1), Some((40, 0)));
}

#[test]
fn cost_before_a_resumed_sessions_first_report_is_left_out() {
    for origin in [StartOrigin::Resume, StartOrigin::Fork] {
        let mut world = World::new();
        world.start(1, "s", origin);
        world.cost(1, "s", 500);
        assert_eq!(world.today(1), None);
        world.cost(1, "s", 530);
        assert_eq!(world.today(1), Some((30, 0)));
    }
}

#[test]
fn clear_keeps_the_cost_of_the_day_and_counts_from_zero() {
    let mut world = World::new();
    world.start(1, "s", StartOrigin::Startup);
    world.cost(1, "s", 40);
    world.event(1, "s", Event::SessionEnded { reason: EndReason::Switch });
    world.start(1, "t", StartOrigin::Clear);
    assert_eq!((world.row(1).usage, world.today(1)), (None, Some((40, 0))));
    world.cost(1, "t", 5);
    assert_eq!(world.today(1), Some((45, 0)));
    world.cost(1, "t", 8);
    assert_eq!(world.today(1), Some((48, 0)));
}

#[test]
fn resumed_conversation_is_not_counted_twice() {
    let mut world = World::new();
    world.start(1, "s", StartOrigin::Startup);
    world.cost(1, "s", 40);
    world.start(1, "old", StartOrigin::Resume);
    world.cost(1, "old", 900);
    world.cost(1, "old", 910);
    assert_eq!(world.today(1), Some((50, 0)));
}

#[test]
fn first_report_after_midnight_counts_the_difference() {
    let mut world = World::new();
    world.start(1, "s", StartOrigin::Startup);
    world.start(2, "idle", StartOrigin::Startup);
    world.cost(1, "s", 40);
    let wait = world.sessions.next_deadline(world.now()).unwrap();
    assert_eq!(world.wall + wait, day(0).end.0);
    world.wall = day(0).end.0;
    let outcome = world.input(Input::Tick);
    assert_eq!((outcome.changes.len(), world.today(1)), (1, None));
    assert_eq!(world.row(1).usage.unwrap().cost_usd, Some(0.4));
    // Without costs there is nothing to do at midnight.
    assert!(world.input(Input::Tick).changes.is_empty());
    assert_ne!(world.sessions.next_deadline(world.now()), Some(24 * HOUR));
    world.cost(1, "s", 60);
    assert_eq!(world.today(1), Some((20, 1)));
}

#[test]
fn another_day_of_the_clock_removes_the_costs() {
    let mut world = World::new();
    world.start(1, "s", StartOrigin::Startup);
    world.cost(1, "s", 40);
    // The user has changed the time zone, and the daemon has not woken since.
    world.wall = day(1).start.0 + HOUR;
    world.cost(1, "s", 41);
    assert_eq!(world.today(1), Some((1, 1)));
    // The clock was set back.
    world.wall -= 12 * HOUR;
    world.set_back = 12 * HOUR;
    world.cost(1, "s", 43);
    assert_eq!(world.today(1), Some((2, 0)));
}

#[test]
fn cost_without_a_known_day_is_not_counted() {
    let mut world = World::new();
    world.start(1, "s", StartOrigin::Startup);
    let usage = UsageReport { cost_cents: Some(40), ..UsageReport::default() };
    world.event(1, "s", Event::UsageReport(usage));
    assert_eq!(world.today(1), None);
    world.cost(1, "s", 41);
    assert_eq!(world.today(1), Some((1, 0)));
}

#[test]
fn closed_session_keeps_the_cost_of_the_day() {
    let mut world = World::new();
    world.start(1, "s", StartOrigin::Startup);
    world.cost(1, "s", 40);
    world.input(Input::ProcessExited { process: Process { pid: 1, start: 7 } });
    assert_eq!((world.row(1).status, world.today(1)), (Status::Closed, Some((40, 0))));
    // The same conversation goes on in another process, which counts from zero.
    world.start(2, "s", StartOrigin::Resume);
    world.cost(2, "s", 0);
    world.cost(2, "s", 7);
    assert_eq!(world.today(2), Some((47, 0)));
}

#[test]
fn restored_cost_counts_on_its_own_day_only() {
    let restored = |since: Timestamp, usd: f64, looks_up: bool| {
        let mut before = World::new();
        before.start(1, "s", StartOrigin::Startup);
        before.cost(1, "s", 40);
        let cost_today = Some(DayCost { usd, since });
        let row = Session { cost_today, ..before.row(1).clone() };
        let mut world = World::new();
        world.wall += HOUR;
        if looks_up {
            world.input(Input::DayFound(day(0)));
        }
        world.input(Input::Restored(vec![row.clone(), row]));
        let kept = world.today(1).map(|(cents, _)| cents);
        // The new daemon knows the conversation's cost so far.
        world.cost(1, "s", 45);
        (kept, world.today(1).map(|(cents, _)| cents))
    };
    assert_eq!(restored(day(0).start, 0.4, true), (Some(40), Some(45)));
    assert_eq!(restored(day(1).start, 0.4, true), (None, Some(5)));
    assert_eq!(restored(day(0).start, 0.4, false), (None, Some(5)));
    for hostile in [-1.0, f64::NAN, f64::INFINITY, 1e300] {
        assert_eq!(restored(day(0).start, hostile, true), (None, Some(5)), "{hostile}");
    }
}

#[test]
fn row_of_new_events_takes_the_greater_restored_cost() {
    let mut before = World::new();
    before.start(1, "s", StartOrigin::Startup);
    before.cost(1, "s", 40);
    let row = before.row(1).clone();
    let mut world = World::new();
    world.wall += HOUR;
    // A hook reaches the new daemon before the client.
    world.event(
        1,
        "s",
        Event::PromptSubmitted { prompt: "go".to_owned(), automatic: false, ended_task: None },
    );
    world.input(Input::DayFound(day(0)));
    world.input(Input::Restored(vec![row.clone()]));
    world.input(Input::Restored(vec![row]));
    assert_eq!(world.today(1), Some((40, 0)));
    world.cost(1, "s", 42);
    assert_eq!(world.today(1), Some((42, 0)));
}

#[test]
fn status_line_sets_and_removes_the_pull_request() {
    let mut world = World::new();
    world.start(1, "s", StartOrigin::Startup);
    let pull_request = PullRequest {
        number: 7,
        url: Some("https://github.com/acme/shop/pull/7".to_owned()),
        review: Some("approved".to_owned()),
        merge_request: false,
    };
    let report = |world: &World, repository: Option<&str>, number: u64| {
        let event = Event::UsageReport(UsageReport::default());
        Box::new(Report {
            process: Some(Process { pid: 1, start: 7 }),
            repository: repository.map(str::to_owned),
            pull_request: repository.map(|_| PullRequest { number, ..pull_request.clone() }),
            ..Report::new("claude", "s", "statusline", world.now().stamp, event)
        })
    };
    let before = world.row(1).clone();
    let found = report(&world, Some("github.com/acme/\u{1b}[31mshop"), 7);
    let outcome = world.input(Input::Reported(found));
    assert_eq!((outcome.changes.len(), outcome.changes[0].transition), (1, None));
    let row = world.row(1).clone();
    assert_eq!(row.repository.as_deref(), Some("github.com/acme/shop"));
    assert_eq!(row.pull_request.as_ref(), Some(&pull_request));
    assert_eq!(row.updated, before.updated);
    // The same report again changes nothing.
    let same = report(&world, Some("github.com/acme/shop"), 7);
    assert!(world.input(Input::Reported(same)).changes.is_empty());
    let impossible = report(&world, Some("github.com/acme/shop"), u64::MAX);
    world.input(Input::Reported(impossible));
    assert_eq!(world.row(1).pull_request, None);
    let none = report(&world, None, 7);
    assert_eq!(world.input(Input::Reported(none)).changes.len(), 1);
    assert_eq!((&world.row(1).repository, &world.row(1).pull_request), (&None, &None));
}

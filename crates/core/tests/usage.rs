//! Usage, rate limits and branches: they change their own fields and no status.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use crewboard_core::{
    Event, Input, MAX_PROFILES, Now, Outcome, Process, RateLimits, RateWindow, Report, Session,
    SessionStore, Stamp, StartOrigin, Status, Timestamp, Usage, UsageReport, WindowReport,
};

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const START: u64 = 1_795_000_000_000;
const HOME: &str = "/home/dev/.claude";

/// A store with one session `s` of process 1, and a clock that the test sets.
struct World {
    sessions: SessionStore,
    milliseconds: u64,
}

impl World {
    fn new() -> Self {
        let sessions = SessionStore::new("first".to_owned());
        let mut world = Self { sessions, milliseconds: HOUR };
        let start = Event::SessionStarted { origin: StartOrigin::Startup };
        world.apply(world.report(1, "s", start));
        world
    }

    fn now(&self) -> Now {
        let stamp = Stamp { boot: 1, micros: self.milliseconds * 1000 };
        Now { wall: Timestamp(START + self.milliseconds), stamp }
    }

    fn report(&self, pid: u32, session: &str, event: Event) -> Report {
        Report {
            process: (pid > 0).then_some(Process { pid, start: 7 }),
            profile: Some(HOME.to_owned()),
            ..Report::new("claude", session, "statusline", self.now().stamp, event)
        }
    }

    fn apply(&mut self, report: Report) -> Outcome {
        let now = self.now();
        self.sessions.apply(Input::Reported(Box::new(report)), now)
    }

    fn report_usage(&mut self, usage: UsageReport) -> Outcome {
        self.milliseconds += 10;
        self.apply(self.report(1, "s", Event::UsageReport(usage)))
    }

    fn limits(&self) -> Vec<RateLimits> {
        self.sessions.limits().cloned().collect()
    }

    /// Reports a five-hour window that resets the given hours after the clock's start.
    fn five_hour(&mut self, used_percent: u8, hours: u64) -> bool {
        let five_hour = Some(WindowReport { used_percent, resets_at: at(hours) });
        self.report_usage(UsageReport { five_hour, ..UsageReport::default() }).limits_changed
    }

    fn used(&self) -> Option<u8> {
        self.limits().first()?.five_hour.map(|window| window.used_percent)
    }

    fn row(&self) -> &Session {
        self.sessions.iter().next().unwrap()
    }
}

fn at(hours: u64) -> Timestamp {
    Timestamp(START + hours * HOUR)
}

fn usage_report(context_percent: u8, cost_cents: u64) -> UsageReport {
    let (context_percent, cost_cents) = (Some(context_percent), Some(cost_cents));
    UsageReport { context_percent, cost_cents, ..UsageReport::default() }
}

#[test]
fn usage_changes_only_the_usage_of_a_session() {
    let mut world = World::new();
    let before = world.row().clone();
    let changes = world.report_usage(usage_report(42, 123)).changes;
    assert_eq!((changes.len(), changes[0].transition), (1, None));
    let at = world.now().wall;
    let usage = Some(Usage { context_percent: Some(42.0), cost_usd: Some(1.23), at });
    let revision = before.revision + 1;
    assert_eq!(*world.row(), Session { usage, revision, ..before });
    // The same report again changes nothing.
    assert!(world.report_usage(usage_report(42, 123)).changes.is_empty());
    assert_eq!(world.row().usage, usage);
    // A minute later it changes the time of the usage.
    world.milliseconds += MINUTE;
    assert_eq!(world.report_usage(usage_report(42, 123)).changes.len(), 1);
    let again = usage.map(|usage| Usage { at: world.now().wall, ..usage });
    assert_eq!(world.row().usage, again);
    assert!(world.report_usage(usage_report(42, 123)).changes.is_empty());
    assert_eq!(world.report_usage(UsageReport::default()).changes.len(), 1);
    assert_eq!(world.row().usage, None);
    world.milliseconds += MINUTE;
    assert!(world.report_usage(UsageReport::default()).changes.is_empty());
    // A client may send any number.
    world.report_usage(usage_report(255, u64::MAX));
    let usage = world.row().usage.unwrap();
    assert_eq!((usage.context_percent, usage.cost_usd), (Some(100.0), None));
}

#[test]
fn late_or_foreign_usage_report_is_ignored() {
    let mut world = World::new();
    let late = world.report(1, "s", Event::UsageReport(usage_report(10, 1)));
    world.report_usage(usage_report(42, 123));
    let known = world.row().clone();
    let strangers = [
        late,
        world.report(1, "other", Event::UsageReport(usage_report(1, 1))),
        world.report(2, "s", Event::UsageReport(usage_report(1, 1))),
        world.report(0, "unknown", Event::UsageReport(usage_report(1, 1))),
    ];
    for stranger in strangers {
        assert!(world.apply(stranger).changes.is_empty());
        assert_eq!((world.sessions.len(), world.row()), (1, &known));
    }
    // A report from a container is matched by its conversation.
    let of_container = world.report(0, "s", Event::UsageReport(usage_report(43, 123)));
    assert_eq!(world.apply(of_container).changes.len(), 1);
    // A closed session ignores usage reports.
    world.milliseconds += 10;
    let now = world.now();
    world.sessions.apply(Input::ProcessExited { process: Process { pid: 1, start: 7 } }, now);
    assert_eq!(world.row().status, Status::Closed);
    assert!(world.report_usage(usage_report(50, 123)).changes.is_empty());
}

#[test]
fn usage_report_updates_the_model() {
    let mut world = World::new();
    world.report_usage(usage_report(42, 123));
    let event = Event::UsageReport(usage_report(42, 123));
    let report = Report { model: Some("opus".to_owned()), ..world.report(1, "s", event) };
    assert_eq!(world.apply(report.clone()).changes.len(), 1);
    assert_eq!(world.row().model.as_deref(), Some("opus"));
    assert!(world.apply(report).changes.is_empty());
}

/// Each session of an account reports the figure of its own last answer. The higher figure is the newer one, until the
/// window ends or no session repeats it.
#[test]
fn newest_rate_limit_of_several_sessions_wins() {
    let mut world = World::new();
    for (minutes, percent, hours, changed, expected) in [
        (0, 60, 5, true, 60),
        (0, 62, 5, true, 62),
        // A session that has been idle for a while.
        (0, 40, 5, false, 62),
        (0, 99, 4, false, 62),
        // The same figure counts as new once a minute.
        (0, 62, 5, false, 62),
        (1, 62, 5, true, 62),
        (9, 40, 5, false, 62),
        // No session has repeated the higher figure for a long time.
        (1, 40, 5, true, 40),
        // The next window.
        (0, 3, 10, true, 3),
        // The reset time is over or not plausible.
        (0, 80, 1, false, 3),
        (0, 80, 24 * 40, false, 3),
    ] {
        world.milliseconds += minutes * MINUTE;
        let has_changed = world.five_hour(percent, hours);
        assert_eq!(
            (has_changed, world.used()),
            (changed, Some(expected)),
            "{percent} until {hours}"
        );
    }
}

#[test]
fn late_rate_limit_report_is_ignored() {
    let mut world = World::new();
    let late = world.report(
        1,
        "s",
        Event::UsageReport(UsageReport {
            seven_day: Some(WindowReport { used_percent: 90, resets_at: at(100) }),
            ..UsageReport::default()
        }),
    );
    world.five_hour(62, 5);
    let seven_day = Some(WindowReport { used_percent: 31, resets_at: at(100) });
    world.report_usage(UsageReport { seven_day, ..UsageReport::default() });
    assert!(!world.report_usage(UsageReport::default()).limits_changed);
    assert!(!world.apply(late).limits_changed);
    let limits = world.limits().remove(0);
    assert_eq!(limits.five_hour.unwrap().used_percent, 62);
    assert_eq!(limits.seven_day.unwrap().used_percent, 31);
}

#[test]
fn rate_limit_is_removed_when_it_resets() {
    let mut world = World::new();
    assert!(world.five_hour(62, 2));
    // The session's own deadlines are over.
    world.milliseconds += 10 * MINUTE;
    let now = world.now();
    world.sessions.apply(Input::Tick, now);
    assert_eq!(world.sessions.next_deadline(now), Some(at(2).since(now.wall)));
    world.milliseconds = 2 * HOUR - 1;
    let now = world.now();
    assert!(!world.sessions.apply(Input::Tick, now).limits_changed);
    world.milliseconds = 2 * HOUR;
    let now = world.now();
    assert!(world.sessions.apply(Input::Tick, now).limits_changed);
    assert_eq!(world.limits(), []);
    assert!(!world.sessions.apply(Input::Tick, now).limits_changed);
    assert!(world.five_hour(3, 7));
    assert_eq!(world.used(), Some(3));
}

#[test]
fn profiles_with_rate_limits_are_bounded() {
    let mut world = World::new();
    let five_hour = Some(WindowReport { used_percent: 9, resets_at: at(5) });
    let event = Event::UsageReport(UsageReport { five_hour, ..UsageReport::default() });
    for number in (0..MAX_PROFILES + 3).rev() {
        world.milliseconds += 10;
        let profile = Some(format!("/home/dev/{number:02}"));
        world.apply(Report { profile, ..world.report(1, "s", event.clone()) });
    }
    let none = Report { profile: None, ..world.report(1, "s", event) };
    assert!(!world.apply(none).limits_changed);
    let profiles: Vec<String> = world.limits().into_iter().map(|limits| limits.profile).collect();
    let newest: Vec<String> =
        (0..MAX_PROFILES).map(|number| format!("/home/dev/{number:02}")).collect();
    assert_eq!(profiles, newest);
}

#[test]
fn newer_rate_limits_win_after_a_restore() {
    let mut before = World::new();
    before.five_hour(62, 5);
    let seven_day = Some(WindowReport { used_percent: 31, resets_at: at(100) });
    before.report_usage(UsageReport { seven_day, ..UsageReport::default() });
    let restored = before.limits();
    let mut world = World::new();
    world.milliseconds += MINUTE;
    world.five_hour(64, 5);
    let now = world.now();
    let mut restore = |limits: Vec<RateLimits>| {
        let changed = world.sessions.apply(Input::RateLimitsRestored(limits), now).limits_changed;
        let limits = world.sessions.limits().next().unwrap().clone();
        let used = |window: Option<RateWindow>| window.map(|window| window.used_percent);
        (changed, used(limits.five_hour), used(limits.seven_day))
    };
    assert_eq!(restore(restored.clone()), (true, Some(64), Some(31)));
    assert_eq!(restore(restored), (false, Some(64), Some(31)));
    // Windows that are over, lack an agent, or exceed the bounds.
    let bad = |resets_at: Timestamp| {
        let window = Some(RateWindow { used_percent: 255, resets_at, at: Timestamp(u64::MAX) });
        RateLimits { profile: HOME.to_owned(), seven_day: window, ..RateLimits::default() }
    };
    assert_eq!(restore(vec![bad(at(0)), bad(at(100)), bad(at(9999))]), (false, Some(64), Some(31)));
}

#[test]
fn branch_report_changes_branch_and_repository() {
    let mut world = World::new();
    let elsewhere = |report: Report, cwd: &str, branch: &str| Report {
        cwd: Some(cwd.to_owned()),
        branch: Some(branch.to_owned()),
        repository_root: (!branch.is_empty()).then(|| "/".to_owned()),
        ..report
    };
    world.milliseconds += 10;
    let prompt =
        Event::PromptSubmitted { prompt: "go".to_owned(), automatic: false, ended_task: None };
    world.apply(Report { cwd: Some("/shop".to_owned()), ..world.report(1, "s", prompt) });
    let before = world.row().clone();
    let read = world.report(1, "s", Event::BranchRead);
    assert_eq!(world.apply(elsewhere(read.clone(), "/shop", "main")).changes.len(), 1);
    let after = world.row().clone();
    let expected = Session {
        branch: Some("main".to_owned()),
        repository_root: Some("/".to_owned()),
        revision: after.revision,
        updated: after.updated,
        ..before
    };
    assert_eq!(after, expected);
    // A repeated report, one of another directory, one of another conversation, and a late one.
    world.milliseconds += 10;
    let newer = world.report(1, "s", Event::BranchRead);
    let late = Report { stamp: Stamp { boot: 1, micros: read.stamp.micros - 1 }, ..read };
    for report in [
        elsewhere(newer.clone(), "/shop", "main"),
        elsewhere(newer.clone(), "/other", "side"),
        elsewhere(world.report(1, "other", Event::BranchRead), "/shop", "side"),
        elsewhere(world.report(2, "s", Event::BranchRead), "/shop", "side"),
        elsewhere(late, "/shop", "side"),
    ] {
        assert!(world.apply(report).changes.is_empty());
        assert_eq!((world.sessions.len(), world.row()), (1, &after));
    }
    assert_eq!(world.apply(elsewhere(newer, "/shop", "")).changes.len(), 1);
    assert_eq!((&world.row().branch, &world.row().repository_root), (&None, &None));
}

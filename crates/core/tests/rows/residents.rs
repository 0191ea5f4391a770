//! Sessions that a program started and that a user can answer, as their session files show.

use crate::world::{World, prompt, request, start, turn_end};
use crewboard_core::{
    ConversationId, Event, FileFinding, FileMetadata, FileStatus, Input, Now, PromptKind, Report,
    StartOrigin, Status,
};

const IDLE: FileStatus = FileStatus::Idle { shells: false };
const PERMISSION: FileStatus = FileStatus::Prompt { prompt_kind: PromptKind::Permission };

impl World {
    /// Applies an event of a session that a program started without a user prompt.
    fn resident(&mut self, event: Event) {
        let report = Report { headless: true, resident: true, ..self.report(1, "s", event) };
        self.apply_report(report);
    }

    fn file_shows(&mut self, status: FileStatus) {
        let since = self.now().stamp;
        let about = FileMetadata {
            session: ConversationId::new("s"),
            headless: true,
            ..FileMetadata::default()
        };
        self.found_of(about, FileFinding::FileStatus { status, since });
    }

    /// Advances the clock, with a tick at each deadline.
    pub(crate) fn pass(&mut self, milliseconds: u64) {
        let until = self.milliseconds + milliseconds;
        loop {
            let now: Now = self.now();
            let Some(wait) = self.sessions.next_deadline(now) else { break };
            if self.milliseconds + wait > until {
                break;
            }
            self.milliseconds += wait;
            let now = self.now();
            self.sessions.apply(Input::Tick, now);
        }
        self.milliseconds = self.milliseconds.max(until);
    }

    fn shows(&self) -> (Status, bool, bool) {
        let row = self.only();
        (row.status, row.needs_you, row.headless)
    }
}

fn asks(kind: PromptKind) -> Event {
    Event::PromptOpened {
        prompt_kind: kind,
        tool: "Bash".into(),
        text: "make".into(),
        line: String::new(),
        input: crewboard_core::InputDigest::new([7; 16]),
    }
}

#[test]
fn session_without_a_first_prompt_is_idle() {
    let mut world = World::new();
    world.resident(start(StartOrigin::Startup));
    assert_eq!(world.shows(), (Status::Idle, false, true));
    assert!(world.sessions.iter().all(|row| row.confirmed));
    world.file_shows(IDLE);
    world.pass(60_000);
    assert_eq!(world.shows(), (Status::Idle, false, true));
    world.resident(prompt("go"));
    assert_eq!(world.shows().0, Status::Working);
}

/// Without the command line of the client, its file shows after some seconds that there is no user prompt.
#[test]
fn headless_session_without_a_prompt_becomes_idle() {
    let mut world = World::new();
    let started = Report { headless: true, ..world.report(1, "s", start(StartOrigin::Startup)) };
    world.apply_report(started);
    world.file_shows(IDLE);
    world.pass(3000);
    assert_eq!(world.only().status, Status::Working, "its prompt may still begin a turn");
    world.pass(2000);
    assert_eq!((world.only().status, world.only().confirmed), (Status::Idle, true));
    world.resident(prompt("go"));
    world.file_shows(FileStatus::Busy);
    assert_eq!(world.only().status, Status::Working);
}

#[test]
fn prompt_that_stays_open_needs_you() {
    for (kind, file, status) in [
        (PromptKind::Permission, PERMISSION, Status::Permission),
        // The file shows a plan like a permission.
        (PromptKind::Plan, PERMISSION, Status::Plan),
        (
            PromptKind::Question,
            FileStatus::Prompt { prompt_kind: PromptKind::Question },
            Status::Question,
        ),
    ] {
        let mut world = World::new();
        world.resident(start(StartOrigin::Startup));
        world.resident(prompt("go"));
        world.file_shows(FileStatus::Busy);
        world.resident(asks(kind));
        world.file_shows(file);
        assert_eq!(world.shows(), (Status::Working, false, true), "{kind:?}: too short");
        world.pass(1000);
        assert_eq!(world.shows(), (status, true, false), "{kind:?}");
        assert_eq!(world.only().open_prompt.as_ref().unwrap().text, "make", "{kind:?}");
        world.file_shows(FileStatus::Busy);
        world.pass(60);
        assert_eq!(world.shows(), (Status::Working, false, false), "{kind:?}: answered");
        // From now on the session is not headless.
        world.resident(turn_end());
        world.file_shows(IDLE);
        world.pass(100);
        assert_eq!(world.shows(), (Status::Done, true, false), "{kind:?}");
        world.resident(prompt("more"));
        world.resident(asks(kind));
        assert_eq!(world.shows(), (status, true, false), "{kind:?}: at once");
    }
}

#[test]
fn interrupt_of_a_permission_shows_no_work() {
    let mut world = World::new();
    world.resident(start(StartOrigin::Startup));
    world.resident(prompt("go"));
    world.file_shows(FileStatus::Busy);
    world.resident(request());
    world.file_shows(PERMISSION);
    world.pass(1000);
    assert_eq!(world.shows(), (Status::Permission, true, false));
    world.file_shows(FileStatus::Busy);
    world.pass(14);
    assert_eq!(world.shows().0, Status::Permission);
    world.file_shows(IDLE);
    world.pass(500);
    assert_eq!(world.shows(), (Status::Idle, false, false));
    let key = world.only().key.clone();
    let statuses = world.sessions.with_history(&key).unwrap().history;
    let statuses: Vec<Status> = statuses.into_iter().map(|entered| entered.status).collect();
    assert_eq!(statuses[statuses.len() - 2..], [Status::Permission, Status::Idle]);
}

/// The event of the prompt was dropped, or hooks are off.
#[test]
fn prompt_that_only_the_file_shows_needs_you() {
    let mut world = World::new();
    world.file_shows(IDLE);
    world.file_shows(FileStatus::Busy);
    assert_eq!(world.shows().0, Status::Working);
    world.file_shows(PERMISSION);
    world.pass(1500);
    assert_eq!(world.shows(), (Status::Permission, true, false));
}

#[test]
fn prompt_that_a_program_answers_needs_no_user() {
    let mut world = World::new();
    world.resident(start(StartOrigin::Startup));
    world.resident(prompt("go"));
    for _ in 0..3 {
        world.resident(request());
        world.file_shows(PERMISSION);
        world.pass(200);
        world.file_shows(FileStatus::Busy);
        assert_eq!(world.shows(), (Status::Working, false, true));
    }
    world.resident(turn_end());
    world.file_shows(IDLE);
    world.pass(2000);
    assert_eq!(world.shows(), (Status::Done, false, true), "no user is known");
}

/// `claude -p` denies forbidden tools by itself, and its file never shows a prompt.
#[test]
fn session_that_denies_by_itself_never_waits() {
    let mut world = World::new();
    let headless = |world: &World, event| Report { headless: true, ..world.report(1, "s", event) };
    for event in [start(StartOrigin::Startup), prompt("go"), request()] {
        let report = headless(&world, event);
        world.apply_report(report);
        world.file_shows(FileStatus::Busy);
    }
    world.pass(60_000);
    assert_eq!(world.shows(), (Status::Working, false, true));
}

#[test]
fn resumed_session_is_headless_again() {
    let mut world = World::new();
    world.resident(start(StartOrigin::Startup));
    world.resident(prompt("go"));
    world.file_shows(PERMISSION);
    world.pass(1500);
    assert_eq!(world.shows(), (Status::Permission, true, false));
    world.apply(Input::ProcessExited { process: crate::world::process(1) });
    let resumed = Report { headless: true, ..world.report(2, "s", start(StartOrigin::Resume)) };
    world.apply_report(resumed);
    assert!(world.of(2).headless);
}

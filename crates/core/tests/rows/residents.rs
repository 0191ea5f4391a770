//! SessionStore that a program started and that a user can answer all the same: the client's own file tells.

use crate::world::{World, prompt, request, start, turn_end};
use crewboard_core::{
    ConversationId, Event, FileFinding, FileMetadata, FileStatus, Input, Now, PromptKind, Report,
    StartOrigin, Status,
};

const RESTS: FileStatus = FileStatus::Resting { shells: false };
const ASKS: FileStatus = FileStatus::Asking { request: PromptKind::Permission };

impl World {
    /// An event of a session that a program started without a prompt.
    fn resident(&mut self, event: Event) {
        let report = Report { headless: true, resident: true, ..self.report(1, "s", event) };
        self.told(report);
    }

    fn file_says(&mut self, condition: FileStatus) {
        let since = self.now().stamp;
        let about = FileMetadata {
            session: ConversationId::new("s"),
            headless: true,
            ..FileMetadata::default()
        };
        self.found_of(about, FileFinding::FileStatus { condition, since });
    }

    /// Lets the clocks do what they would.
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
    Event::RequestOpened {
        request: kind,
        tool: "Bash".into(),
        text: "make".into(),
        line: String::new(),
        input: crewboard_core::InputDigest::new([7; 16]),
    }
}

#[test]
fn a_session_without_a_first_prompt_is_idle() {
    let mut world = World::new();
    world.resident(start(StartOrigin::Startup));
    assert_eq!(world.shows(), (Status::Idle, false, true));
    assert!(world.sessions.iter().all(|row| row.confirmed));
    world.file_says(RESTS);
    world.pass(60_000);
    assert_eq!(world.shows(), (Status::Idle, false, true));
    world.resident(prompt("go"));
    assert_eq!(world.shows().0, Status::Working);
}

/// Where the words that the client was started with are not known, its file tells after some seconds.
#[test]
fn a_headless_session_that_rests_without_a_prompt_becomes_idle() {
    let mut world = World::new();
    let started = Report { headless: true, ..world.report(1, "s", start(StartOrigin::Startup)) };
    world.told(started);
    world.file_says(RESTS);
    world.pass(3000);
    assert_eq!(world.only().status, Status::Working, "it may take its prompt up yet");
    world.pass(2000);
    assert_eq!((world.only().status, world.only().confirmed), (Status::Idle, true));
    world.resident(prompt("go"));
    world.file_says(FileStatus::Busy);
    assert_eq!(world.only().status, Status::Working);
}

#[test]
fn a_prompt_that_stays_open_shows_that_a_user_answers() {
    for (kind, file, status) in [
        (PromptKind::Permission, ASKS, Status::Permission),
        // A plan is asked for with the words of a permission.
        (PromptKind::Plan, ASKS, Status::Plan),
        (
            PromptKind::Question,
            FileStatus::Asking { request: PromptKind::Question },
            Status::Question,
        ),
    ] {
        let mut world = World::new();
        world.resident(start(StartOrigin::Startup));
        world.resident(prompt("go"));
        world.file_says(FileStatus::Busy);
        world.resident(asks(kind));
        world.file_says(file);
        assert_eq!(world.shows(), (Status::Working, false, true), "{kind:?}: as of a moment");
        world.pass(1000);
        assert_eq!(world.shows(), (status, true, false), "{kind:?}");
        assert_eq!(world.only().request.as_ref().unwrap().text, "make", "{kind:?}");
        world.file_says(FileStatus::Busy);
        assert_eq!(world.shows(), (Status::Working, false, false), "{kind:?}: answered");
        // From now on it is a session like any other.
        world.resident(turn_end());
        world.file_says(RESTS);
        world.pass(100);
        assert_eq!(world.shows(), (Status::Done, true, false), "{kind:?}");
        world.resident(prompt("more"));
        world.resident(asks(kind));
        assert_eq!(world.shows(), (status, true, false), "{kind:?}: at once");
    }
}

/// The hook of the prompt is lost, or hooks are off.
#[test]
fn a_prompt_of_which_only_the_file_tells_is_shown_too() {
    let mut world = World::new();
    world.file_says(RESTS);
    world.file_says(FileStatus::Busy);
    assert_eq!(world.shows().0, Status::Working);
    world.file_says(ASKS);
    world.pass(1500);
    assert_eq!(world.shows(), (Status::Permission, true, false));
}

#[test]
fn a_prompt_that_a_program_answers_at_once_needs_no_user() {
    let mut world = World::new();
    world.resident(start(StartOrigin::Startup));
    world.resident(prompt("go"));
    for _ in 0..3 {
        world.resident(request());
        world.file_says(ASKS);
        world.pass(200);
        world.file_says(FileStatus::Busy);
        assert_eq!(world.shows(), (Status::Working, false, true));
    }
    world.resident(turn_end());
    world.file_says(RESTS);
    world.pass(2000);
    assert_eq!(world.shows(), (Status::Done, false, true), "no user is known");
}

/// `claude -p` refuses by itself what it may not do, and its file never says that it waits.
#[test]
fn a_session_that_refuses_by_itself_never_waits() {
    let mut world = World::new();
    let told = |world: &World, event| Report { headless: true, ..world.report(1, "s", event) };
    for event in [start(StartOrigin::Startup), prompt("go"), request()] {
        let report = told(&world, event);
        world.told(report);
        world.file_says(FileStatus::Busy);
    }
    world.pass(60_000);
    assert_eq!(world.shows(), (Status::Working, false, true));
}

#[test]
fn a_new_process_of_the_conversation_has_to_show_it_again() {
    let mut world = World::new();
    world.resident(start(StartOrigin::Startup));
    world.resident(prompt("go"));
    world.file_says(ASKS);
    world.pass(1500);
    assert_eq!(world.shows(), (Status::Permission, true, false));
    world.apply(Input::ProcessExited { process: crate::world::process(1) });
    let resumed = Report { headless: true, ..world.report(2, "s", start(StartOrigin::Resume)) };
    world.told(resumed);
    assert!(world.of(2).headless);
}

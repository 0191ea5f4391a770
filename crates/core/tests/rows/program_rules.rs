//! The reports of a program in `crewboard run` that has a session file or hooks too.

use crate::world::{World, prompt, request, start, turn_end};
use crewboard_core::{
    BlockedReason, Event, FileFinding, FileStatus, Input, ProgramRecord, ProgramState, PromptKind,
    Report, StartOrigin, Status, TurnEnd,
};

const IDLE: Evidence = Evidence::File(FileStatus::Idle { shells: false });
const SHELL: Evidence = Evidence::File(FileStatus::Idle { shells: true });
const BUSY: Evidence = Evidence::File(FileStatus::Busy);
const ASKS: Evidence = Evidence::File(FileStatus::Prompt { prompt_kind: PromptKind::Permission });
const DIALOG: Evidence = Evidence::File(FileStatus::Dialog);
const WORKS: Evidence = Evidence::Program(ProgramState::Working, None, "");
const RESTS: Evidence = Evidence::Program(ProgramState::Idle, None, "");
const BLOCKED: Evidence = Evidence::Program(ProgramState::Blocked, None, "dialog open");
const DONE: Evidence = Evidence::Program(ProgramState::Done, None, "");

/// A piece of evidence. It comes 10 ms after the one before.
#[derive(Debug, Clone, Copy)]
enum Evidence {
    File(FileStatus),
    Program(ProgramState, Option<BlockedReason>, &'static str),
    /// The transcript shows the end of the turn, with this message.
    Transcript(&'static str),
    /// The transcript shows an error.
    TranscriptError,
    Hook(fn() -> Event),
    /// Milliseconds without evidence.
    Pause(u64),
}
use Evidence::{Hook, Pause, Program, Transcript, TranscriptError};

fn asks(reason: BlockedReason, message: &'static str) -> Evidence {
    Program(ProgramState::Blocked, Some(reason), message)
}

fn submits() -> Event {
    prompt("go")
}

fn starts() -> Event {
    start(StartOrigin::Startup)
}

impl World {
    fn program_record(&mut self, record: ProgramRecord) {
        self.milliseconds += 10;
        let event = Event::ProgramReported(record);
        let report = Report { source: "run".to_owned(), ..self.report(1, "", event) };
        self.apply_report(report);
    }

    fn add(&mut self, evidence: Evidence) {
        match evidence {
            Evidence::File(status) => {
                let since = self.now().stamp;
                self.found(FileFinding::FileStatus { status, since });
            }
            Program(state, reason, message) => self.program_record(ProgramRecord {
                state,
                reason,
                app: Some("claude-code".to_owned()),
                message: (!message.is_empty()).then(|| message.to_owned()),
                ..ProgramRecord::default()
            }),
            Transcript(message) => {
                let at = self.now().stamp;
                let how = TurnEnd::Finished { message: message.to_owned() };
                self.found(FileFinding::TurnEnd { how, at });
            }
            TranscriptError => {
                let at = self.now().stamp;
                let how = TurnEnd::Failed { error: "login".to_owned(), detail: String::new() };
                self.found(FileFinding::TurnEnd { how, at });
            }
            Hook(event) => drop(self.event(1, "s", event())),
            Pause(milliseconds) => {
                self.milliseconds += milliseconds;
                self.apply(Input::Tick);
            }
        }
    }

    fn history(&self) -> Vec<Status> {
        let row = self.sessions.with_history(&self.only().key).unwrap();
        row.history.iter().map(|entered| entered.status).collect()
    }
}

/// Returns a session without hooks, whose file shows its prompt.
fn with_file(evidence: &[Evidence]) -> World {
    let mut world = World::new();
    for piece in [RESTS, IDLE].iter().chain(evidence) {
        world.add(*piece);
    }
    world
}

#[test]
fn program_and_session_file_give_the_statuses_of_the_client() {
    use BlockedReason::{Authentication, Permission, Question};
    use Status::{Done, Failed, Idle};
    let failed = Program(ProgramState::Error, None, "API Error: 529");
    let shell = Program(ProgramState::Working, None, "1 shell still running");
    let (working, permission) = (Status::Working, Status::Permission);
    let (question, plan) = (Status::Question, Status::Plan);
    let touch = asks(Permission, "approve Bash: touch x");
    let cases: [(&str, &[Evidence], &[Status]); 15] = [
        ("a turn", &[WORKS, BUSY, DONE, IDLE, Pause(200)], &[working, Done]),
        ("the file comes first", &[BUSY, WORKS, IDLE, DONE, Pause(200)], &[working, Done]),
        ("a turn that the file does not show", &[WORKS, DONE, Pause(5000)], &[working, Done]),
        ("a turn that is reported when it is over", &[DONE, Pause(5000)], &[working, Done]),
        ("an error", &[WORKS, BUSY, failed, IDLE, Pause(2000)], &[working, Failed]),
        (
            "an approval",
            &[
                WORKS,
                BUSY,
                touch,
                ASKS,
                Pause(3000),
                WORKS,
                Pause(500),
                BUSY,
                DONE,
                IDLE,
                Pause(200),
            ],
            &[working, permission, working, Done],
        ),
        (
            "a prompt that the file does not show yet",
            &[WORKS, touch, ASKS, Pause(300), WORKS, BUSY],
            &[working, permission, working],
        ),
        ("a denial", &[BUSY, touch, ASKS, RESTS, IDLE, Pause(2000)], &[working, permission, Idle]),
        ("a question", &[BUSY, asks(Question, "answer: which?")], &[working, question]),
        ("a plan", &[BUSY, asks(Permission, "approve plan"), ASKS, Pause(400)], &[working, plan]),
        ("a dialog of the user", &[BLOCKED, DIALOG, RESTS, IDLE, Pause(400)], &[]),
        (
            "a login that failed",
            &[BUSY, asks(Authentication, "Invalid API key"), IDLE, Pause(200), TranscriptError],
            &[working, Failed],
        ),
        (
            "a background shell",
            &[BUSY, shell, SHELL, Pause(200), Transcript("Started."), shell, Pause(5000)],
            &[working, Done],
        ),
        (
            "a conversation that moved to the background",
            &[
                BUSY,
                DONE,
                IDLE,
                Pause(200),
                Evidence::File(FileStatus::MovedToBackground),
                WORKS,
                DONE,
            ],
            &[working, Done, Idle],
        ),
        ("an idle report after the end", &[BUSY, DONE, IDLE, Pause(200), RESTS], &[working, Done]),
    ];
    for (name, evidence, expected) in cases {
        let world = with_file(evidence);
        assert_eq!(world.history(), [&[Idle][..], expected].concat(), "{name}");
        assert!(world.only().confirmed, "{name}");
    }
}

#[test]
fn prompt_of_a_program_has_its_text() {
    let world = with_file(&[BUSY, asks(BlockedReason::Permission, "approve Bash: ls"), ASKS]);
    assert_eq!(world.only().open_prompt.as_ref().unwrap().text, "approve Bash: ls");
}

#[test]
fn transcript_adds_the_message_to_the_end_of_a_turn() {
    let world = with_file(&[WORKS, BUSY, DONE, IDLE, Pause(200), Transcript("Made it.")]);
    assert_eq!(world.only().activity.as_deref(), Some("Made it."));
    assert_eq!(world.history(), [Status::Idle, Status::Working, Status::Done]);
}

#[test]
fn part_that_outlives_the_turn_is_background_work() {
    let mut world = with_file(&[WORKS, BUSY]);
    world.program_record(ProgramRecord {
        id: "b1".to_owned(),
        state: ProgramState::Working,
        title: Some("Slow shell".to_owned()),
        ..ProgramRecord::default()
    });
    let parts = |world: &World| (world.only().subagents.len(), world.only().background);
    assert_eq!(parts(&world), (1, 0));
    assert_eq!(world.only().subagents[0].kind.as_deref(), Some("Slow shell"));
    for evidence in [SHELL, Pause(200), Transcript("Started.")] {
        world.add(evidence);
    }
    assert_eq!(parts(&world), (0, 1));
    world.program_record(ProgramRecord {
        id: "b1".to_owned(),
        state: ProgramState::Cleared,
        ..ProgramRecord::default()
    });
    assert_eq!(parts(&world), (0, 0));
}

#[test]
fn program_reports_what_hooks_do_not() {
    use Status::{Done, Idle, Permission, Working};
    let cases: [(&[Evidence], &[Status]); 4] = [
        (&[Hook(request), WORKS], &[Permission, Working]),
        (&[Hook(request), RESTS], &[Permission, Idle]),
        (&[RESTS], &[Idle]),
        (&[Hook(turn_end), DONE, RESTS], &[Done]),
    ];
    for (evidence, expected) in cases {
        let mut world = World::new();
        let hooks = [Hook(starts), Hook(submits), WORKS];
        for piece in hooks.iter().chain(evidence) {
            world.add(*piece);
        }
        assert_eq!(world.history(), [&[Idle, Working][..], expected].concat(), "{evidence:?}");
        assert!(world.only().confirmed, "{evidence:?}");
    }
}

#[test]
fn hooks_and_session_file_decide_before_a_program() {
    let mut world = World::new();
    for piece in [Hook(starts), IDLE, Hook(submits), BUSY] {
        world.add(piece);
    }
    let touch = asks(BlockedReason::Permission, "approve Bash: touch x");
    for piece in [WORKS, RESTS, BLOCKED, touch, DONE] {
        world.add(piece);
        assert_eq!(world.only().status, Status::Working, "{piece:?}");
    }
    let trail = world.sessions.trail(&world.only().key).unwrap();
    let ignored = format!("{:?}", trail.last().unwrap().effect);
    assert!(ignored.contains("its hooks report the same, with more details"), "{ignored}");
}

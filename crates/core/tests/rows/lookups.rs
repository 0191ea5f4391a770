//! The lookups of a session, and what their results change.

use crate::world::{DAY, World, process, prompt, request, tool, turn_end};
use crewboard_core::{
    AgentName, End, Event, FileFinding, FileMetadata, FileStatus, Input, LookupTarget, Observation,
    PromptKind, Report, Stamp, Status, TurnEnd, TurnId,
};

impl World {
    /// Applies a finding of process 1's files. Returns the next lookups.
    pub(crate) fn found(&mut self, finding: FileFinding) -> Vec<LookupTarget> {
        self.found_of(FileMetadata::default(), finding)
    }

    /// Applies a finding with metadata. Returns the next lookups.
    pub(crate) fn found_of(
        &mut self,
        about: FileMetadata,
        finding: FileFinding,
    ) -> Vec<LookupTarget> {
        self.milliseconds += 10;
        let observation = Observation {
            agent: AgentName::new("claude"),
            process: process(1),
            source: "file:test".to_owned(),
            seen: self.now().stamp,
            finding,
            about,
        };
        self.lookups_of(Input::Observed(Box::new(observation)))
    }

    fn lookups_of(&mut self, input: Input) -> Vec<LookupTarget> {
        self.apply(input).lookups.into_iter().map(|look| look.target).collect()
    }

    fn lookups_after(&mut self, event: Event) -> Vec<LookupTarget> {
        self.event(1, "s", event).lookups.into_iter().map(|look| look.target).collect()
    }
}

#[test]
fn transcript_is_read_while_the_turn_runs() {
    let mut world = World::new();
    world.event(1, "s", prompt("go"));
    let lookups = world.found(FileFinding::Unreadable);
    assert!(matches!(lookups[..], [LookupTarget::NextTurnEnd(_)]), "{lookups:?}");
    assert_eq!(world.found(FileFinding::Unreadable), []);
    assert_eq!(world.lookups_after(turn_end()), [LookupTarget::CancelNextTurnEnd]);
    // A cancelled lookup does not prevent the next one.
    let lookups = world.lookups_after(prompt("again"));
    assert!(matches!(lookups[..], [LookupTarget::NextTurnEnd(_)]), "{lookups:?}");
    let since = world.now().stamp;
    let lookups = world.found(FileFinding::FileStatus { status: FileStatus::Busy, since });
    assert_eq!(lookups, [LookupTarget::CancelNextTurnEnd], "the file shows the end from now on");
}

#[test]
fn agent_version_belongs_to_the_present_process() {
    let mut world = World::new();
    world.event(1, "s", prompt("go"));
    assert_eq!(world.only().agent_version, None);
    let found = |world: &mut World, version: Option<&str>| {
        let about =
            FileMetadata { agent_version: version.map(str::to_owned), ..FileMetadata::default() };
        let since = world.now().stamp;
        world.found_of(about, FileFinding::FileStatus { status: FileStatus::Busy, since });
        world.only().agent_version.clone()
    };
    assert_eq!(found(&mut world, Some("2.1.399\u{1b}[2J")).as_deref(), Some("2.1.399"));
    assert_eq!(found(&mut world, Some("2.1.400")).as_deref(), Some("2.1.400"));
    assert_eq!(
        found(&mut world, None).as_deref(),
        Some("2.1.400"),
        "a file without a version changes nothing"
    );
    let long = found(&mut world, Some(&"9".repeat(10_000))).unwrap();
    assert!(long.len() <= crewboard_core::MAX_ID, "{}", long.len());
    world.apply(Input::ProcessExited { process: process(1) });
    assert!(world.only().agent_version.is_some());
    world.event(2, "s", prompt("on"));
    assert_eq!((world.only().pid, &world.only().agent_version), (Some(2), &None));
}

/// A busy file that is older than the hook's idle event begins no turn.
#[test]
fn idle_session_ignores_an_older_busy_file() {
    let mut world = World::new();
    world.event(1, "s", Event::Unknown);
    let since = world.now().stamp;
    world.found(FileFinding::FileStatus { status: FileStatus::Busy, since });
    world.milliseconds += 240;
    world.event(1, "s", Event::IdleReported);
    assert_eq!(world.only().status, Status::Idle);
}

/// The removal of the file, whose timeout has passed, is not the source of the status a day later.
#[test]
fn lost_session_reopens_after_a_day() {
    let mut world = World::new();
    let since = world.now().stamp;
    world.found(FileFinding::FileStatus { status: FileStatus::Busy, since });
    world.found(FileFinding::Removed);
    world.milliseconds += DAY;
    world.apply(Input::Tick);
    assert_eq!(world.only().end, Some(End::Lost));
    world.event(1, "s", request());
    let row = world.only();
    assert_eq!((row.status, row.source.as_str()), (Status::Permission, "hook:Test"));
}

#[test]
fn removed_file_is_read_again_if_the_process_lives() {
    let mut world = World::new();
    world.event(1, "s", prompt("go"));
    let since = world.now().stamp;
    world.found(FileFinding::FileStatus { status: FileStatus::Busy, since });
    world.found(FileFinding::Removed);
    assert_eq!(world.only().status, Status::Closed);
    world.milliseconds += 11_000;
    let lookups = world.lookups_of(Input::Tick);
    assert!(lookups.contains(&LookupTarget::FileStatus), "{lookups:?}");
    assert_eq!((world.only().status, world.only().confirmed), (Status::Working, false));
}

/// A queued command runs as soon as the turn is over (tried: `fork-running`).
#[test]
fn turn_end_shows_after_a_queued_command() {
    for (works, becomes, activity) in
        [(false, Status::Done, Some("Done.")), (true, Status::Idle, None)]
    {
        let mut world = World::new();
        let idle = FileStatus::Idle { shells: false };
        let show = |world: &mut World, status| {
            let since = world.now().stamp;
            world.found(FileFinding::FileStatus { status, since });
        };
        world.event(1, "s", prompt("go"));
        show(&mut world, FileStatus::Busy);
        world.event(1, "s", turn_end());
        show(&mut world, idle);
        show(&mut world, FileStatus::Busy);
        assert_eq!(world.only().status, Status::Working);
        if works {
            world.event(1, "s", tool());
        }
        world.milliseconds += 1000;
        show(&mut world, idle);
        world.pass(2000);
        let row = world.only();
        assert_eq!((row.status, row.activity.as_deref()), (becomes, activity));
    }
}

/// The file stays busy while a dialog of the user is open. So the agent opened a dialog that the file shows.
#[test]
fn dialog_that_holds_up_a_turn_needs_you() {
    let mut world = World::new();
    world.event(1, "s", prompt("go"));
    world.milliseconds += 500;
    let since = world.now().stamp;
    world.found(FileFinding::FileStatus { status: FileStatus::Dialog, since });
    let status_after = |world: &mut World, milliseconds| {
        world.milliseconds += milliseconds;
        world.apply(Input::Tick);
        (world.only().status, world.only().needs_you)
    };
    assert_eq!(status_after(&mut world, 1900), (Status::Working, false));
    assert_eq!(status_after(&mut world, 200), (Status::Question, true));
    let text = "Auto mode needs your choice".to_owned();
    world.event(1, "s", Event::AttentionRequested { prompt_kind: PromptKind::Question, text });
    let text = |world: &World| world.only().open_prompt.clone().unwrap().text;
    assert_eq!(text(&world), "Auto mode needs your choice");
    let since = world.now().stamp;
    world.found(FileFinding::FileStatus { status: FileStatus::Busy, since });
    assert_eq!(status_after(&mut world, 5000), (Status::Working, false));
    // The user may interrupt the agent in the dialog.
    let since = world.now().stamp;
    world.found(FileFinding::FileStatus { status: FileStatus::Dialog, since });
    assert_eq!(status_after(&mut world, 3000), (Status::Question, true));
    let since = world.now().stamp;
    world.found(FileFinding::FileStatus { status: FileStatus::Idle { shells: false }, since });
    assert_eq!(status_after(&mut world, 3000), (Status::Idle, false));
    // After a turn the user has opened the dialog.
    world.event(1, "s", prompt("go on"));
    world.event(1, "s", turn_end());
    let since = world.now().stamp;
    world.found(FileFinding::FileStatus { status: FileStatus::Dialog, since });
    assert_eq!(status_after(&mut world, 9000), (Status::Done, true));
}

#[test]
fn status_of_an_unwatched_file_is_unconfirmed() {
    let mut world = World::new();
    world.event(1, "s", prompt("go"));
    world.apply(Input::ProcessWatched { process: process(1), ancestors: Vec::new() });
    world.milliseconds += 5_000;
    // The status has lasted since the time in the file, not only since the file was read.
    let since = Stamp { micros: world.now().stamp.micros - 1_000_000, ..world.now().stamp };
    let idle =
        || FileFinding::UnwatchedStatus { status: FileStatus::Idle { shells: false }, since };
    world.found(idle());
    let row = world.of(1).clone();
    assert_eq!((row.status, row.confirmed), (Status::Idle, false));
    assert!(row.unconfirmed.is_some());
    let trail = world.sessions.trail(&row.key).unwrap().len();
    world.found(idle());
    assert_eq!(world.sessions.trail(&row.key).unwrap().len(), trail, "nothing has changed");
    // The file is watched again.
    world.found(FileFinding::TurnEnd { how: TurnEnd::Interrupted, at: since });
    world.found(FileFinding::FileStatus { status: FileStatus::Idle { shells: false }, since });
    assert_eq!(world.of(1).unconfirmed, None);
}

/// Starts a turn whose session file has been idle for 300 ms. Returns the world and the stamp of the turn's end.
fn turn_without_a_stop_hook() -> (World, Stamp) {
    let mut world = World::new();
    let turn = Some(TurnId::new("P0"));
    let begin = Report { turn, ..world.report(1, "s", prompt("go")) };
    world.apply_report(begin);
    let since = world.now().stamp;
    world.found(FileFinding::FileStatus { status: FileStatus::Busy, since });
    world.pass(1000);
    let since = world.now().stamp;
    world.found(FileFinding::FileStatus { status: FileStatus::Idle { shells: false }, since });
    world.pass(300);
    assert_eq!(world.only().status, Status::Working);
    (world, since)
}

fn transitions(world: &World) -> Vec<Status> {
    let row = world.sessions.with_history(&world.only().key).unwrap();
    row.history.iter().map(|entered| entered.status).collect()
}

#[test]
fn late_stop_hook_is_done_without_an_idle_status() {
    let finished = || TurnEnd::Finished { message: "Done.".to_owned() };
    for is_in_transcript in [false, true] {
        let (mut world, at) = turn_without_a_stop_hook();
        if is_in_transcript {
            world.found(FileFinding::TurnEnd { how: finished(), at });
            world.pass(100);
            assert_eq!(world.only().status, Status::Done);
        }
        let stop = Report { turn: Some(TurnId::new("P0")), ..world.report(1, "s", turn_end()) };
        world.apply_report(stop);
        world.pass(2000);
        assert_eq!(transitions(&world), [Status::Working, Status::Done], "{is_in_transcript}");
        assert!(world.only().confirmed);
    }
}

#[test]
fn interrupted_turn_is_idle_as_soon_as_it_is_known() {
    // The transcript shows it.
    let (mut world, at) = turn_without_a_stop_hook();
    world.found(FileFinding::TurnEnd { how: TurnEnd::Interrupted, at });
    assert_eq!((world.only().status, world.only().since), (Status::Idle, world.now().wall_of(at)));
    // The transcript cannot be read.
    let (mut world, _) = turn_without_a_stop_hook();
    world.pass(1300);
    assert_eq!(world.only().status, Status::Idle);
    // The user types the next prompt.
    let (mut world, _) = turn_without_a_stop_hook();
    world.event(1, "s", prompt("again"));
    assert_eq!(transitions(&world), [Status::Working, Status::Idle, Status::Working]);
}

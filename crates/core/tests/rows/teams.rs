//! Agent teams: a lead, and teammates in processes of their own.

use crate::world::{EXIT, World, process, prompt, start, tool, turn_end};
use crewboard_core::{
    BackgroundTask, ConversationId, Counts, Event, FileFinding, FileMetadata, FileStatus, Input,
    Outcome, PromptKind, Report, StartOrigin, Status, SubagentId, Teammate,
};

impl World {
    /// An event of a teammate in process `pid`.
    fn mate(&mut self, pid: u32, event: Event) -> Outcome {
        let name = if pid == 2 { "tester" } else { "writer" };
        let teammate = Teammate { name: name.to_owned(), lead: ConversationId::new("lead") };
        let id = format!("mate{pid}");
        let report = Report { teammate: Some(teammate), ..self.report(pid, &id, event) };
        self.told(report)
    }

    fn lead(&mut self, event: Event) -> Outcome {
        self.event(1, "lead", event)
    }

    /// The lead's client shows a dialog for a teammate.
    fn lead_asks_for(&mut self, name: &str) {
        self.milliseconds += 10;
        let event = Event::RequestOpened {
            request: PromptKind::Permission,
            tool: "Bash".to_owned(),
            text: format!("{name} needs permission for Bash"),
            line: String::new(),
            input: crewboard_core::InputDigest::new([0; 16]),
        };
        let report = Report {
            subagent: Some(SubagentId::new(name)),
            subagent_type: Some(name.to_owned()),
            ..self.report(1, "lead", event)
        };
        self.told(report);
    }

    fn lead_file(&mut self, condition: FileStatus) {
        let since = self.now().stamp;
        let about =
            FileMetadata { session: ConversationId::new("lead"), ..FileMetadata::default() };
        self.found_of(about, FileFinding::FileStatus { condition, since });
    }

    /// A lead whose turn is over, and a teammate at work.
    fn team() -> Self {
        let mut world = Self::new();
        world.lead(start(StartOrigin::Startup));
        world.lead(prompt("go"));
        world.lead_file(FileStatus::Busy);
        world.mate(2, start(StartOrigin::Startup));
        world.lead(teams_turn_ends(1));
        world.mate(2, tool());
        world
    }

    fn status(&self, pid: u32) -> (Status, bool) {
        (self.of(pid).status, self.of(pid).needs_you)
    }
}

/// A turn's end of a lead of so many teammates. The client lists them for as long as they live.
fn teams_turn_ends(mates: usize) -> Event {
    let task = |number| BackgroundTask { id: format!("t{number}"), kind: "teammate".to_owned() };
    Event::TurnEnded {
        message: "They work.".to_owned(),
        background: (0..mates).map(task).collect(),
        scheduled: 0,
    }
}

fn tool_ends() -> Event {
    Event::ToolEnded {
        tool: "Bash".to_owned(),
        tool_use: None,
        input: crewboard_core::InputDigest::new([3; 16]),
    }
}

#[test]
fn a_teammate_is_its_leads_child_and_has_its_name() {
    let world = World::team();
    let (lead, mate) = (world.of(1), world.of(2));
    assert_eq!(mate.parent.as_ref(), Some(&lead.key));
    assert_eq!((mate.name.as_str(), mate.teammate.as_deref()), ("tester", Some("tester")));
    assert_eq!((lead.teammate.as_deref(), lead.parent.as_ref()), (None, None));
    assert!(mate.place.pane.is_some(), "it has a pane of its own");
    assert_eq!(world.status(2), (Status::Working, false));
    let helpers: Vec<_> = lead.subagents.iter().map(|one| one.kind.as_deref()).collect();
    assert_eq!((lead.background, helpers), (1, vec![Some("tester")]));
}

#[test]
fn a_teammate_heard_of_before_its_lead_finds_it() {
    let mut world = World::new();
    world.mate(2, start(StartOrigin::Startup));
    assert_eq!(world.of(2).parent, None);
    world.lead(prompt("go"));
    world.mate(2, tool());
    assert_eq!(world.of(2).parent, Some(world.of(1).key.clone()));
}

#[test]
fn a_teammate_that_is_done_or_failed_calls_no_user() {
    let failure = Event::TurnFailed { error: "overloaded".to_owned(), detail: String::new() };
    for (ends, status) in [(turn_end(), Status::Done), (failure, Status::Failed)] {
        let mut world = World::team();
        world.mate(2, ends);
        assert_eq!(world.status(2), (status, false));
        let counts = Counts::of(world.sessions.iter());
        assert_eq!((counts.done, counts.failed, counts.working), (0, 0, 1), "the lead is woken");
        // It is idle, though the client lists it.
        world.lead(teams_turn_ends(1));
        assert_eq!((world.of(1).background, world.of(1).subagents.len()), (0, 0));
        assert_eq!(world.status(1), (Status::Done, true));
    }
}

#[test]
fn a_teammates_permission_is_asked_for_once_by_its_lead() {
    let mut world = World::team();
    world.lead_asks_for("tester");
    world.lead_file(FileStatus::Asking { request: PromptKind::Permission });
    assert_eq!(world.status(1), (Status::Permission, true));
    let request = world.of(1).request.clone().unwrap();
    assert_eq!((request.tool.as_deref(), request.text.as_str()), (Some("Bash"), "make"));
    assert_eq!(request.subagent.as_ref().map(SubagentId::as_str), Some("tester"));
    assert_eq!(world.of(1).activity.as_deref(), Some("Bash make"));
    assert_eq!(world.of(1).subagents[0].status, Status::Permission);
    // The teammate's row shows the same and needs nothing more.
    assert_eq!(world.status(2), (Status::Permission, false));
    assert_eq!(world.of(2).request.as_ref().unwrap().text, "make");
    assert_eq!(Counts::of(world.sessions.iter()).needs_you, 1);
}

#[test]
fn a_teammates_permission_is_over_when_it_goes_on() {
    let goes_on: [fn(&mut World); 5] = [
        |world| world.lead_file(FileStatus::Busy),
        |world| drop(world.mate(2, tool_ends())),
        |world| drop(world.mate(2, Event::ToolsEnded)),
        |world| drop(world.mate(2, turn_end())),
        |world| drop(world.apply(Input::ProcessExited { process: process(2) })),
    ];
    for (way, go_on) in goes_on.iter().enumerate() {
        let mut world = World::team();
        world.lead_asks_for("tester");
        go_on(&mut world);
        assert!(!world.of(1).status.is_prompt(), "{way}: {:?}", world.of(1));
        assert!(!world.of(2).status.is_prompt(), "{way}: {:?}", world.of(2));
        // The next request of the same tool is another one.
        if way < 3 {
            world.mate(2, tool_ends());
            world.mate(2, tool());
            world.lead_asks_for("tester");
            assert_eq!(world.status(1), (Status::Permission, true), "{way}");
        }
    }
}

#[test]
fn a_teammates_other_calls_do_not_end_its_permission() {
    let mut world = World::team();
    world.lead_asks_for("tester");
    let read = || ("Read".to_owned(), "a.txt".to_owned());
    let (tool, text) = read();
    world.mate(
        2,
        Event::ToolStarted {
            tool,
            text,
            tool_use: None,
            input: crewboard_core::InputDigest::new([8; 16]),
            asks: None,
        },
    );
    world.mate(
        2,
        Event::ToolEnded {
            tool: read().0,
            tool_use: None,
            input: crewboard_core::InputDigest::new([8; 16]),
        },
    );
    assert_eq!(
        (world.status(1), world.status(2).0),
        ((Status::Permission, true), Status::Permission)
    );
}

/// The lead's hook is lost: its file tells of the dialog, and only one teammate's call can be meant.
#[test]
fn a_dialog_of_which_only_the_file_tells_is_the_only_teammates() {
    let mut world = World::team();
    world.lead_file(FileStatus::Asking { request: PromptKind::Permission });
    world.pass(1000);
    let request = world.of(1).request.clone().unwrap();
    assert_eq!((request.text.as_str(), world.of(2).status), ("make", Status::Permission));
    // With two at work nothing is made up.
    let mut world = World::team();
    world.mate(3, start(StartOrigin::Startup));
    world.mate(3, tool());
    world.lead_file(FileStatus::Asking { request: PromptKind::Permission });
    world.pass(1000);
    let request = world.of(1).request.clone().unwrap();
    assert_eq!((request.text.as_str(), request.subagent), ("", None));
}

#[test]
fn what_two_teammates_ask_is_told_apart() {
    let mut world = World::team();
    world.mate(3, start(StartOrigin::Startup));
    world.mate(3, tool());
    world.lead_asks_for("writer");
    assert_eq!((world.status(2).0, world.status(3).0), (Status::Working, Status::Permission));
    world.lead_asks_for("tester");
    assert_eq!(world.of(1).request.as_ref().unwrap().subagent, Some(SubagentId::new("writer")));
    world.mate(3, tool_ends());
    assert_eq!((world.status(2).0, world.status(3).0), (Status::Permission, Status::Working));
    assert_eq!(world.of(1).request.as_ref().unwrap().subagent, Some(SubagentId::new("tester")));
}

/// A prompt that a teammate's own client shows is in its own pane, and there it needs the user.
#[test]
fn a_prompt_of_a_teammates_own_client_needs_you_there() {
    let mut world = World::team();
    world.mate(
        2,
        Event::RequestOpened {
            request: PromptKind::Question,
            tool: "AskUserQuestion".to_owned(),
            text: "Which?".to_owned(),
            line: String::new(),
            input: crewboard_core::InputDigest::new([4; 16]),
        },
    );
    assert_eq!(world.status(2), (Status::Question, true));
    assert_eq!(world.status(1).0, Status::Done);
}

/// The user answers a teammate's prompt in the lead's pane; a headless teammate has no prompt of its own.
#[test]
fn headless_teammate_shows_no_prompt_of_its_lead() {
    let mut world = World::new();
    world.lead(prompt("go"));
    for event in [start(StartOrigin::Startup), tool()] {
        let lead = ConversationId::new("lead");
        let teammate = Some(Teammate { name: "tester".to_owned(), lead });
        let report = Report { teammate, headless: true, ..world.report(2, "mate2", event) };
        world.told(report);
    }
    world.lead_asks_for("tester");
    assert_eq!(world.status(1), (Status::Permission, true));
    assert_eq!(world.status(2), (Status::Working, false));
    assert_eq!(world.of(2).request, None);
}

/// The client gives its lead the news of a teammate's turn as a turn that no hook announces.
#[test]
fn a_teammates_last_word_wakes_its_lead() {
    let mut world = World::team();
    assert_eq!(world.status(1), (Status::Done, true));
    world.mate(2, turn_end());
    assert_eq!(world.status(1), (Status::Working, false));
    world.lead(teams_turn_ends(1));
    assert_eq!(world.status(1), (Status::Done, true));
    // The same word again, or one that comes late, does not wake it again.
    world.mate(2, turn_end());
    assert_eq!(world.status(1), (Status::Done, true));
}

#[test]
fn a_lead_that_was_never_woken_is_done_as_before() {
    let mut world = World::team();
    world.mate(2, turn_end());
    assert_eq!(world.of(1).status, Status::Working);
    world.pass(120_000);
    assert_eq!(
        (world.of(1).status, world.of(1).activity.as_deref()),
        (Status::Done, Some("They work."))
    );
}

#[test]
fn a_teammate_that_is_killed_neither_works_nor_wakes_its_lead() {
    let mut world = World::team();
    world.apply(Input::ProcessExited { process: process(2) });
    assert_eq!(world.status(2), (Status::Closed, false));
    let lead = world.of(1);
    assert_eq!((lead.status, lead.background, lead.subagents.len()), (Status::Done, 0, 0));
}

#[test]
fn a_teammate_outlives_its_lead_without_calling() {
    let mut world = World::team();
    world.lead_asks_for("tester");
    world.lead(EXIT);
    assert_eq!((world.status(1).0, world.status(2)), (Status::Closed, (Status::Working, false)));
    world.mate(2, turn_end());
    assert_eq!((world.status(1).0, world.status(2)), (Status::Closed, (Status::Done, false)));
}

/// A teammate in its lead's own process is a subagent; the task that stands for it goes on when it is idle.
#[test]
fn a_teammate_in_its_leads_process_counts_while_it_works() {
    let mut world = World::new();
    world.lead(prompt("go"));
    let sub = |world: &mut World, event| {
        let subagent = Some(SubagentId::new("atester-1"));
        let subagent_type = Some("tester".to_owned());
        let report = Report { subagent, subagent_type, ..world.report(1, "lead", event) };
        world.told(report);
    };
    sub(&mut world, Event::SubagentStarted);
    world.lead(teams_turn_ends(1));
    assert_eq!((world.only().status, world.only().background), (Status::Done, 1));
    sub(&mut world, Event::SubagentEnded);
    assert_eq!((world.only().background, world.only().subagents.len()), (0, 0));
    world.lead(teams_turn_ends(1));
    assert_eq!((world.only().status, world.only().background), (Status::Done, 0));
}

/// A teammate keeps its lead's file busy for as long as it lives, so that the file tells of no turn.
#[test]
fn a_leads_busy_file_is_no_turn_while_a_teammate_lives() {
    let mut world = World::team();
    world.mate(2, turn_end());
    world.lead(teams_turn_ends(1));
    world.lead_file(FileStatus::Busy);
    world.pass(60_000);
    assert_eq!(world.status(1), (Status::Done, true));
}

#[test]
fn a_view_gives_a_teammate_back_that_still_calls_no_user() {
    let mut world = World::team();
    world.lead_asks_for("tester");
    let rows: Vec<_> = world.sessions.iter().cloned().collect();
    let mut next = World::named("second");
    next.milliseconds = world.milliseconds;
    next.apply(Input::Restored(rows));
    assert_eq!(
        (next.status(1), next.status(2)),
        ((Status::Permission, true), (Status::Permission, false))
    );
    next.mate(2, tool_ends());
    next.mate(2, turn_end());
    assert_eq!(next.status(2), (Status::Done, false));
    assert_eq!(next.of(2).parent, Some(next.of(1).key.clone()));
}

//! Agent teams: a lead, and teammates in processes of their own.

use crate::world::{EXIT, World, process, prompt, start, tool, turn_end};
use crewboard_core::{
    BackgroundTask, ConversationId, Counts, Event, FileFinding, FileMetadata, FileStatus, Input,
    Outcome, PromptKind, Report, StartOrigin, Status, SubagentId, Teammate,
};

impl World {
    /// Applies an event of a teammate in process `pid`.
    fn mate(&mut self, pid: u32, event: Event) -> Outcome {
        let name = if pid == 2 { "tester" } else { "writer" };
        let teammate = Teammate { name: name.to_owned(), lead: ConversationId::new("lead") };
        let id = format!("mate{pid}");
        let report = Report { teammate: Some(teammate), ..self.report(pid, &id, event) };
        self.apply_report(report)
    }

    fn lead(&mut self, event: Event) -> Outcome {
        self.event(1, "lead", event)
    }

    /// Applies the dialog that the lead's client shows for a teammate.
    fn lead_asks_for(&mut self, name: &str) {
        self.milliseconds += 10;
        let event = Event::PromptOpened {
            prompt_kind: PromptKind::Permission,
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
        self.apply_report(report);
    }

    fn lead_file(&mut self, status: FileStatus) {
        let since = self.now().stamp;
        let about =
            FileMetadata { session: ConversationId::new("lead"), ..FileMetadata::default() };
        self.found_of(about, FileFinding::FileStatus { status, since });
    }

    /// Creates a lead whose turn is over, and a working teammate.
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

/// Returns the end of a turn of a lead. The client lists its teammates for as long as they live.
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
fn teammate_is_a_child_of_its_lead() {
    let world = World::team();
    let (lead, mate) = (world.of(1), world.of(2));
    assert_eq!(mate.parent.as_ref(), Some(&lead.key));
    assert_eq!((mate.name.as_str(), mate.teammate.as_deref()), ("tester", Some("tester")));
    assert_eq!((lead.teammate.as_deref(), lead.parent.as_ref()), (None, None));
    assert!(mate.place.pane.is_some(), "it has a pane of its own");
    assert_eq!(world.status(2), (Status::Working, false));
    let kinds: Vec<_> = lead.subagents.iter().map(|one| one.kind.as_deref()).collect();
    assert_eq!((lead.background, kinds), (1, vec![Some("tester")]));
}

#[test]
fn teammate_finds_a_lead_that_starts_later() {
    let mut world = World::new();
    world.mate(2, start(StartOrigin::Startup));
    assert_eq!(world.of(2).parent, None);
    world.lead(prompt("go"));
    world.mate(2, tool());
    assert_eq!(world.of(2).parent, Some(world.of(1).key.clone()));
}

#[test]
fn done_or_failed_teammate_needs_no_user() {
    let failure = Event::TurnFailed { error: "overloaded".to_owned(), detail: String::new() };
    for (ends, status) in [(turn_end(), Status::Done), (failure, Status::Failed)] {
        let mut world = World::team();
        world.mate(2, ends);
        assert_eq!(world.status(2), (status, false));
        let counts = Counts::of(world.sessions.iter());
        assert_eq!((counts.done, counts.failed, counts.working), (0, 0, 1), "the lead is woken");
        // An idle teammate does not count, though the client lists it.
        world.lead(teams_turn_ends(1));
        assert_eq!((world.of(1).background, world.of(1).subagents.len()), (0, 0));
        assert_eq!(world.status(1), (Status::Done, true));
    }
}

#[test]
fn teammates_permission_needs_you_at_its_lead_only() {
    let mut world = World::team();
    world.lead_asks_for("tester");
    world.lead_file(FileStatus::Prompt { prompt_kind: PromptKind::Permission });
    assert_eq!(world.status(1), (Status::Permission, true));
    let prompt = world.of(1).open_prompt.clone().unwrap();
    assert_eq!((prompt.tool.as_deref(), prompt.text.as_str()), (Some("Bash"), "make"));
    assert_eq!(prompt.subagent.as_ref().map(SubagentId::as_str), Some("tester"));
    assert_eq!(world.of(1).activity.as_deref(), Some("Bash make"));
    assert_eq!(world.of(1).subagents[0].status, Status::Permission);
    // The teammate shows the same prompt and does not need the user.
    assert_eq!(world.status(2), (Status::Permission, false));
    assert_eq!(world.of(2).open_prompt.as_ref().unwrap().text, "make");
    assert_eq!(Counts::of(world.sessions.iter()).needs_you, 1);
}

#[test]
fn teammates_permission_closes_when_it_continues() {
    let continuations: [fn(&mut World); 5] = [
        |world| world.lead_file(FileStatus::Busy),
        |world| drop(world.mate(2, tool_ends())),
        |world| drop(world.mate(2, Event::ToolsEnded)),
        |world| drop(world.mate(2, turn_end())),
        |world| drop(world.apply(Input::ProcessExited { process: process(2) })),
    ];
    for (way, proceed) in continuations.iter().enumerate() {
        let mut world = World::team();
        world.lead_asks_for("tester");
        proceed(&mut world);
        assert!(!world.of(1).status.is_prompt(), "{way}: {:?}", world.of(1));
        assert!(!world.of(2).status.is_prompt(), "{way}: {:?}", world.of(2));
        // The next prompt of the same tool is another one.
        if way < 3 {
            world.mate(2, tool_ends());
            world.mate(2, tool());
            world.lead_asks_for("tester");
            assert_eq!(world.status(1), (Status::Permission, true), "{way}");
        }
    }
}

#[test]
fn teammates_other_tools_do_not_close_its_permission() {
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

/// The lead's event was dropped. Its file shows a prompt, which must belong to the only teammate's tool.
#[test]
fn prompt_in_the_leads_file_belongs_to_its_only_teammate() {
    let mut world = World::team();
    world.lead_file(FileStatus::Prompt { prompt_kind: PromptKind::Permission });
    world.pass(1000);
    let prompt = world.of(1).open_prompt.clone().unwrap();
    assert_eq!((prompt.text.as_str(), world.of(2).status), ("make", Status::Permission));
    // With two teammates the prompt has no text.
    let mut world = World::team();
    world.mate(3, start(StartOrigin::Startup));
    world.mate(3, tool());
    world.lead_file(FileStatus::Prompt { prompt_kind: PromptKind::Permission });
    world.pass(1000);
    let prompt = world.of(1).open_prompt.clone().unwrap();
    assert_eq!((prompt.text.as_str(), prompt.subagent), ("", None));
}

#[test]
fn prompts_of_two_teammates_are_distinguished() {
    let mut world = World::team();
    world.mate(3, start(StartOrigin::Startup));
    world.mate(3, tool());
    world.lead_asks_for("writer");
    assert_eq!((world.status(2).0, world.status(3).0), (Status::Working, Status::Permission));
    world.lead_asks_for("tester");
    assert_eq!(world.of(1).open_prompt.as_ref().unwrap().subagent, Some(SubagentId::new("writer")));
    world.mate(3, tool_ends());
    assert_eq!((world.status(2).0, world.status(3).0), (Status::Permission, Status::Working));
    assert_eq!(world.of(1).open_prompt.as_ref().unwrap().subagent, Some(SubagentId::new("tester")));
}

/// The user answers a prompt of a teammate's own client in the teammate's pane.
#[test]
fn prompt_of_a_teammates_own_client_needs_you_there() {
    let mut world = World::team();
    world.mate(
        2,
        Event::PromptOpened {
            prompt_kind: PromptKind::Question,
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
        world.apply_report(report);
    }
    world.lead_asks_for("tester");
    assert_eq!(world.status(1), (Status::Permission, true));
    assert_eq!(world.status(2), (Status::Working, false));
    assert_eq!(world.of(2).open_prompt, None);
}

/// The lead gets a teammate's result in a turn that no hook announces.
#[test]
fn end_of_a_teammates_turn_wakes_its_lead() {
    let mut world = World::team();
    assert_eq!(world.status(1), (Status::Done, true));
    world.mate(2, turn_end());
    assert_eq!(world.status(1), (Status::Working, false));
    world.lead(teams_turn_ends(1));
    assert_eq!(world.status(1), (Status::Done, true));
    // A duplicate or late event does not wake it again.
    world.mate(2, turn_end());
    assert_eq!(world.status(1), (Status::Done, true));
}

#[test]
fn lead_that_was_not_woken_is_done_again() {
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
fn killed_teammate_does_not_wake_its_lead() {
    let mut world = World::team();
    world.apply(Input::ProcessExited { process: process(2) });
    assert_eq!(world.status(2), (Status::Closed, false));
    let lead = world.of(1);
    assert_eq!((lead.status, lead.background, lead.subagents.len()), (Status::Done, 0, 0));
}

#[test]
fn teammate_that_outlives_its_lead_needs_no_user() {
    let mut world = World::team();
    world.lead_asks_for("tester");
    world.lead(EXIT);
    assert_eq!((world.status(1).0, world.status(2)), (Status::Closed, (Status::Working, false)));
    world.mate(2, turn_end());
    assert_eq!((world.status(1).0, world.status(2)), (Status::Closed, (Status::Done, false)));
}

/// A teammate in its lead's own process is a subagent, whose background task runs even while it is idle.
#[test]
fn teammate_in_its_leads_process_counts_while_it_works() {
    let mut world = World::new();
    world.lead(prompt("go"));
    let sub = |world: &mut World, event| {
        let subagent = Some(SubagentId::new("atester-1"));
        let subagent_type = Some("tester".to_owned());
        let report = Report { subagent, subagent_type, ..world.report(1, "lead", event) };
        world.apply_report(report);
    };
    sub(&mut world, Event::SubagentStarted);
    world.lead(teams_turn_ends(1));
    assert_eq!((world.only().status, world.only().background), (Status::Done, 1));
    sub(&mut world, Event::SubagentEnded);
    assert_eq!((world.only().background, world.only().subagents.len()), (0, 0));
    world.lead(teams_turn_ends(1));
    assert_eq!((world.only().status, world.only().background), (Status::Done, 0));
}

/// A teammate keeps its lead's file busy for as long as it lives.
#[test]
fn busy_file_of_a_lead_begins_no_turn() {
    let mut world = World::team();
    world.mate(2, turn_end());
    world.lead(teams_turn_ends(1));
    world.lead_file(FileStatus::Busy);
    world.pass(60_000);
    assert_eq!(world.status(1), (Status::Done, true));
}

#[test]
fn restored_teammate_needs_no_user() {
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

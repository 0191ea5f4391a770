//! The sessions of `crewboard run`: what the program's terminal reports.

use crate::world::{World, process, prompt, start, turn_end};
use crewboard_core::{
    AgentName, BlockedReason, End, Event, Input, ProgramEnd, ProgramRecord, ProgramState, Report,
    StartOrigin, Status,
};

impl World {
    /// Applies an event of the terminal of program `pid`.
    fn program(&mut self, pid: u32, event: Event) {
        self.milliseconds += 10;
        let report = Report { source: "run".to_owned(), ..self.report(pid, "", event) };
        self.apply_report(report);
    }

    fn record(&mut self, state: ProgramState, message: &str) {
        self.program(1, record("", state, message));
    }

    fn part(&mut self, id: &str, state: ProgramState) {
        self.program(1, record(id, state, "part"));
    }

    /// Applies an event of an agent, whose process is not watched yet.
    fn unwatched(&mut self, pid: u32, id: &str, event: Event) {
        self.milliseconds += 10;
        let report = self.report(pid, id, event);
        self.apply(Input::Reported(Box::new(report)));
    }

    /// Applies an event of the terminal of a program, whose process is not watched yet.
    fn unwatched_program(&mut self, pid: u32) {
        self.milliseconds += 10;
        let report = self.report(pid, "", Event::ProgramStarted);
        let report = Report { source: "run".to_owned(), ..report };
        self.apply(Input::Reported(Box::new(report)));
    }

    fn watch(&mut self, pid: u32, ancestors: &[u32]) {
        let ancestors = ancestors.iter().copied().map(process).collect();
        self.apply(Input::ProcessWatched { process: process(pid), ancestors });
    }

    #[track_caller]
    fn assert_status(&self, status: Status, activity: Option<&str>) {
        let row = self.only();
        assert_eq!((row.status, row.activity.as_deref()), (status, activity));
    }
}

fn record(id: &str, state: ProgramState, message: &str) -> Event {
    Event::ProgramReported(ProgramRecord {
        id: id.to_owned(),
        state,
        message: (!message.is_empty()).then(|| message.to_owned()),
        ..ProgramRecord::default()
    })
}

fn exited(code: i32) -> Event {
    Event::ProgramExited(ProgramEnd { code: Some(code), signal: None })
}

#[test]
fn silent_program_is_running_and_unconfirmed() {
    let mut world = World::new();
    world.program(1, Event::ProgramStarted);
    world.assert_status(Status::Working, Some("running"));
    let reason = "its program has not reported a status";
    assert_eq!(world.only().unconfirmed.as_deref(), Some(reason));
    world.program(1, exited(3));
    world.assert_status(Status::Closed, Some("exited with code 3"));
    assert_eq!(world.only().end, Some(End::Exit));
}

#[test]
fn records_of_the_program_are_its_status() {
    let mut world = World::new();
    world.program(1, Event::ProgramStarted);
    for (state, message, status, activity) in [
        (ProgramState::Idle, "", Status::Idle, None),
        (ProgramState::Working, "Bash make", Status::Working, Some("Bash make")),
        (ProgramState::Working, "", Status::Working, Some("thinking")),
        (ProgramState::Blocked, "which?", Status::Question, Some("which?")),
        (ProgramState::Done, "Made it.", Status::Done, Some("Made it.")),
        (ProgramState::Error, "529", Status::Failed, Some("529")),
        (ProgramState::Cleared, "", Status::Working, Some("running")),
    ] {
        world.record(state, message);
        world.assert_status(status, activity);
        assert_eq!(world.only().confirmed, state != ProgramState::Cleared, "{state}");
    }
}

#[test]
fn blocked_program_shows_what_it_asks_for() {
    let mut world = World::new();
    let mut blocked = ProgramRecord {
        state: ProgramState::Blocked,
        reason: Some(BlockedReason::Permission),
        message: Some("approve Bash: rm\u{200b} -rf x".to_owned()),
        ..ProgramRecord::default()
    };
    world.program(1, Event::ProgramReported(blocked.clone()));
    let prompt = world.only().open_prompt.clone().unwrap();
    assert_eq!(
        (world.only().status, &*prompt.text),
        (Status::Permission, r"approve Bash: rm\u{200b} -rf x")
    );
    let since = world.only().since;
    world.program(1, Event::ProgramReported(blocked.clone()));
    assert_eq!(world.only().since, since, "it is the same prompt");
    blocked.message = Some("approve Bash: ls".to_owned());
    world.program(1, Event::ProgramReported(blocked));
    assert!(world.only().since > since, "it is another prompt");
}

#[test]
fn parts_of_a_program_are_subagents() {
    let mut world = World::new();
    world.record(ProgramState::Working, "all");
    world.part("a", ProgramState::Working);
    world.part("a/b", ProgramState::Blocked);
    world.part("ab", ProgramState::Working);
    let ids = |world: &World| -> Vec<String> {
        world.only().subagents.iter().map(|subagent| subagent.id.to_string()).collect()
    };
    assert_eq!(ids(&world), ["a", "a/b", "ab"]);
    world.assert_status(Status::Question, Some("part"));
    world.record(ProgramState::Working, "more");
    world.assert_status(Status::Question, Some("part"));
    world.part("a", ProgramState::Cleared);
    assert_eq!(ids(&world), ["ab"]);
    world.assert_status(Status::Working, Some("more"));
    world.part("ab", ProgramState::Done);
    assert!(ids(&world).is_empty());
}

#[test]
fn hooks_and_the_terminal_of_a_program_report_one_session() {
    let mut world = World::new();
    world.program(1, Event::ProgramStarted);
    world.event(1, "s", start(StartOrigin::Startup));
    assert_eq!((world.only().id.as_str(), world.only().status), ("s", Status::Idle));
    world.event(1, "s", prompt("go"));
    world.record(ProgramState::Done, "Made it.");
    world.part("a", ProgramState::Working);
    assert_eq!((world.only().status, world.only().subagents.len()), (Status::Working, 0));
    world.event(1, "s", turn_end());
    world.record(ProgramState::Cleared, "");
    world.program(1, exited(0));
    world.assert_status(Status::Closed, Some("Done."));
    assert!(world.only().lineage.is_empty());
    // A record that arrives last reopens nothing.
    world.record(ProgramState::Idle, "");
    assert_eq!(world.only().status, Status::Closed);
}

#[test]
fn end_that_the_kernel_reports_first_gets_its_code() {
    for (end, how, text) in [
        (exited(1), End::Exit, "exited with code 1"),
        (
            Event::ProgramExited(ProgramEnd { code: None, signal: Some(15) }),
            End::Killed,
            "signal 15",
        ),
    ] {
        let mut world = World::new();
        world.program(1, Event::ProgramStarted);
        world.apply(Input::ProcessExited { process: process(1) });
        assert_eq!(world.only().end, Some(End::Killed));
        world.program(1, end);
        world.assert_status(Status::Closed, Some(text));
        assert_eq!(world.only().end, Some(how));
    }
}

#[test]
fn program_is_no_parent_of_the_agents_in_it() {
    for program_first in [true, false] {
        let mut world = World::new();
        let report = |world: &World| Report {
            source: "run".to_owned(),
            ..world.report(1, "", Event::ProgramStarted)
        };
        if program_first {
            let report = report(&world);
            world.apply_report(report);
        }
        let agent = world.report(2, "s", prompt("go"));
        world.apply(Input::Reported(Box::new(agent)));
        let ancestors = vec![process(1)];
        world.apply(Input::ProcessWatched { process: process(2), ancestors });
        if !program_first {
            let report = report(&world);
            world.apply_report(report);
        }
        let row = world.of(2);
        assert_eq!((&row.parent, row.place.pane.as_deref()), (&None, Some("%1")));
    }
}

#[test]
fn program_without_a_process_is_not_shown() {
    let mut world = World::new();
    world.program(0, Event::ProgramStarted);
    assert!(world.sessions.is_empty());
}

#[test]
fn script_that_starts_the_agent_is_one_row_with_it() {
    for program_first in [true, false] {
        let mut world = World::new();
        if program_first {
            world.unwatched_program(1);
        }
        world.unwatched(2, "s", start(StartOrigin::Startup));
        world.watch(2, &[9, 1]);
        // An agent of the agent is no other session of the program.
        world.unwatched(3, "nested", prompt("go"));
        world.watch(3, &[2, 9, 1]);
        if !program_first {
            world.unwatched_program(1);
        }
        world.watch(1, &[]);
        world.record(ProgramState::Working, "more");
        assert_eq!(world.sessions.len(), 2, "program first: {program_first}");
        let agent = world.of(2);
        assert_eq!((agent.id.as_str(), &agent.parent), ("s", &None));
        assert_eq!(world.of(3).parent, Some(world.of(2).key.clone()));
        world.apply(Input::ProcessExited { process: process(2) });
        world.program(1, exited(3));
        assert_eq!((world.of(2).status, world.of(2).end), (Status::Closed, Some(End::Exit)));
        // The script starts the agent again.
        world.unwatched(4, "t", start(StartOrigin::Startup));
        world.watch(4, &[1]);
        world.record(ProgramState::Working, "again");
        assert_eq!((world.sessions.len(), &world.of(4).parent), (3, &None));
    }
}

#[test]
fn other_agent_in_a_program_has_a_row_of_its_own() {
    let mut world = World::new();
    let mut report =
        Report { source: "run".to_owned(), ..world.report(1, "", Event::ProgramStarted) };
    report.agent = AgentName::new("bash");
    world.apply_report(report);
    world.unwatched(2, "s", prompt("go"));
    world.watch(2, &[1]);
    assert_eq!(world.sessions.len(), 2);
}

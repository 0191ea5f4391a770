//! The state machine does what the table says, in every situation.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use crewboard_core::{
    About, AgentName, BackgroundTask, Condition, EndReason, Event, Finding, Input, InputDigest,
    Now, Observation, Process, Report, RequestKind, SessionId, Sessions, Situation, Stamp,
    StartOrigin, Status, SubagentId, TRANSITIONS, Timestamp, Told, ToolUseId, TurnId,
};

const PROCESS: Process = Process { pid: 1574, start: 285_645 };

struct World {
    sessions: Sessions,
    milliseconds: u64,
    turn: u32,
}

impl World {
    fn new() -> Self {
        Self { sessions: Sessions::new("test".to_owned()), milliseconds: 1_000_000, turn: 0 }
    }

    fn now(&self) -> Now {
        let stamp = Stamp { boot: 1, micros: self.milliseconds * 1000 };
        Now { wall: Timestamp(self.milliseconds), stamp }
    }

    fn apply(&mut self, input: Input) {
        let outcome = self.sessions.apply(input, self.now());
        for watch in outcome.watch {
            let watched = Input::ProcessWatched { process: watch.process, ancestors: Vec::new() };
            self.sessions.apply(watched, self.now());
        }
    }

    /// Lets the clocks do what they would. Looks that are asked for find nothing new.
    fn pass(&mut self, milliseconds: u64) {
        let until = self.milliseconds + milliseconds;
        while let Some(wait) = self.sessions.next_deadline(self.now()) {
            if self.milliseconds + wait > until {
                break;
            }
            self.milliseconds += wait;
            self.apply(Input::Tick);
        }
        self.milliseconds = until;
    }

    fn event_of(&mut self, subagent: Option<&str>, event: Event) {
        self.pass(100);
        if matches!(event, Event::PromptSubmitted { .. }) {
            self.turn += 1;
        }
        let report = Report {
            process: Some(PROCESS),
            subagent: subagent.map(SubagentId::new),
            turn: Some(TurnId::new(&format!("p{}", self.turn))),
            ..Report::new("claude", "s", "hook:Test", self.now().stamp, event)
        };
        self.apply(Input::Reported(Box::new(report)));
    }

    fn event(&mut self, event: Event) {
        self.event_of(None, event);
    }

    fn file(&mut self, finding: Finding) {
        self.pass(100);
        self.apply(Input::Observed(Box::new(Observation {
            agent: AgentName::new("claude"),
            process: PROCESS,
            source: "file:test".to_owned(),
            seen: self.now().stamp,
            finding,
            about: About { session: SessionId::new("s"), ..About::default() },
        })));
    }

    fn condition(&mut self, condition: Condition) {
        self.pass(100);
        let since = self.now().stamp;
        self.file(Finding::Condition { condition, since });
    }

    fn status(&self) -> Status {
        self.sessions.iter().next().unwrap().status
    }

    fn enter(&mut self, situation: Situation) {
        self.event(Event::SessionStarted { origin: StartOrigin::Startup });
        if situation != Situation::AtPrompt {
            self.event(prompt("begin"));
        }
        match situation {
            Situation::AtPrompt | Situation::InTurn => {}
            Situation::Asked => {
                self.event(tool_starts("t1"));
                self.event(asks(RequestKind::Permission, "Bash"));
            }
            Situation::TurnOver => self.event(turn_ends(&[])),
            Situation::TurnOverSubagentWorks => {
                self.event_of(Some("a1"), Event::SubagentStarted);
                self.event(turn_ends(&["a1"]));
            }
            Situation::TurnFailed => {
                self.event(Event::TurnFailed { error: "overloaded".into(), detail: "x".into() });
            }
            Situation::Ended => self.event(Event::SessionEnded { reason: EndReason::Exit }),
        }
    }

    fn tell(&mut self, told: Told) {
        match told {
            Told::Prompt => self.event(prompt("more")),
            Told::ToolStarts => self.event(tool_starts("t2")),
            Told::ToolEnds => self.event(Event::ToolEnded {
                tool: "Bash".into(),
                tool_use: Some(ToolUseId::new("t1")),
                input: InputDigest::new([1; 16]),
            }),
            Told::ToolsEnd => self.event(Event::ToolsEnded),
            Told::AsksPermission => self.event(asks(RequestKind::Permission, "Write")),
            Told::AsksQuestion => self.event(asks(RequestKind::Question, "Ask")),
            Told::AsksPlan => self.event(asks(RequestKind::Plan, "Plan")),
            Told::SubagentAsks => {
                self.event_of(Some("a1"), asks(RequestKind::Permission, "Read"));
            }
            Told::SubagentEnds => self.event_of(Some("a1"), Event::SubagentEnded),
            Told::StillWaits => self.event(Event::AttentionCalled {
                request: RequestKind::Permission,
                text: "may it?".into(),
            }),
            Told::TurnEnds => self.event(turn_ends(&[])),
            Told::TurnEndsSubagentWorks => self.event(turn_ends(&["a2"])),
            Told::TurnFails => {
                self.event(Event::TurnFailed { error: "rate_limit".into(), detail: "y".into() });
            }
            Told::Rests => self.event(Event::Rested),
            Told::Compacts => self.event(Event::SessionStarted { origin: StartOrigin::Compact }),
            Told::SwitchesConversation => {
                self.event(Event::SessionEnded { reason: EndReason::Switch });
            }
            Told::Goodbye => self.event(Event::SessionEnded { reason: EndReason::Exit }),
            Told::FileBusy => self.condition(Condition::Busy),
            Told::FileResting => self.condition(Condition::Resting { shells: false }),
            Told::FileAsks => {
                self.condition(Condition::Asking { request: RequestKind::Permission });
            }
            Told::FileDialog => self.condition(Condition::Dialog),
            Told::FileParked => self.condition(Condition::Parked),
            Told::FileRemoved => self.file(Finding::Left),
            Told::ProcessEnds => {
                self.pass(100);
                self.apply(Input::ProcessExited { process: PROCESS });
            }
        }
    }
}

fn prompt(text: &str) -> Event {
    Event::PromptSubmitted { prompt: text.into(), automatic: false, ended_task: None }
}

fn tool_starts(id: &str) -> Event {
    let input = InputDigest::new([if id == "t1" { 1 } else { 2 }; 16]);
    Event::ToolStarted {
        tool: "Bash".into(),
        text: "make".into(),
        tool_use: Some(ToolUseId::new(id)),
        input,
        asks: None,
    }
}

fn asks(request: RequestKind, tool: &str) -> Event {
    let input = InputDigest::new([if tool == "Bash" { 1 } else { 9 }; 16]);
    Event::RequestOpened {
        request,
        tool: tool.into(),
        text: "make".into(),
        line: String::new(),
        input,
    }
}

fn turn_ends(subagents: &[&str]) -> Event {
    let background = subagents
        .iter()
        .map(|id| BackgroundTask { id: (*id).into(), kind: "subagent".into() })
        .collect();
    Event::TurnEnded { message: "done".into(), background, scheduled: 0 }
}

#[test]
fn every_word_does_in_every_situation_what_the_table_says() {
    let mut wrong = Vec::new();
    for rule in &TRANSITIONS {
        for (situation, becomes) in Situation::ALL.into_iter().zip(rule.becomes) {
            let mut world = World::new();
            world.enter(situation);
            world.tell(rule.told);
            world.pass(6000);
            if world.status() != becomes {
                let (told, status) = (rule.told, world.status());
                wrong.push(format!("{told:?} in {situation:?}: {status}, not {becomes}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_table_has_each_word_once() {
    for (index, rule) in TRANSITIONS.iter().enumerate() {
        assert!(!TRANSITIONS[..index].iter().any(|other| other.told == rule.told), "{rule:?}");
    }
}

/// One that took its file away and lives on is open again, but no longer certain.
#[test]
fn a_file_that_somebody_tidied_up_is_no_goodbye() {
    let mut world = World::new();
    world.enter(Situation::InTurn);
    world.condition(Condition::Busy);
    world.tell(Told::FileRemoved);
    assert_eq!(world.status(), Status::Closed);
    world.pass(10_000);
    let row = world.sessions.iter().next().unwrap();
    assert_eq!((row.status, row.confirmed, row.end), (Status::Working, false, None));
}

/// `claude -p` rests for a moment between its start and its prompt, and nobody sees that.
#[test]
fn one_started_with_its_prompt_works_from_the_start() {
    let mut world = World::new();
    world.pass(100);
    let report = Report {
        process: Some(PROCESS),
        headless: true,
        ..Report::new(
            "claude",
            "s",
            "hook:SessionStart",
            world.now().stamp,
            Event::SessionStarted { origin: StartOrigin::Startup },
        )
    };
    world.apply(Input::Reported(Box::new(report)));
    world.condition(Condition::Resting { shells: false });
    world.pass(3000);
    assert_eq!(world.status(), Status::Working);
}

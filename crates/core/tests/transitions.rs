//! The state machine does what the table says, in every situation.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use crewboard_core::{
    AgentName, BackgroundTask, ConversationId, EndReason, Event, EvidenceKind, FileFinding,
    FileMetadata, FileStatus, Input, InputDigest, Now, Observation, Process, PromptKind, Report,
    SessionStore, Stamp, StartOrigin, StartingStatus, Status, SubagentId, TRANSITIONS, Timestamp,
    ToolUseId, TurnId,
};

const PROCESS: Process = Process { pid: 1574, start: 285_645 };

struct World {
    sessions: SessionStore,
    milliseconds: u64,
    turn: u32,
}

impl World {
    fn new() -> Self {
        Self { sessions: SessionStore::new("test".to_owned()), milliseconds: 1_000_000, turn: 0 }
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

    fn file(&mut self, finding: FileFinding) {
        self.pass(100);
        self.apply(Input::Observed(Box::new(Observation {
            agent: AgentName::new("claude"),
            process: PROCESS,
            source: "file:test".to_owned(),
            seen: self.now().stamp,
            finding,
            about: FileMetadata { session: ConversationId::new("s"), ..FileMetadata::default() },
        })));
    }

    fn condition(&mut self, condition: FileStatus) {
        self.pass(100);
        let since = self.now().stamp;
        self.file(FileFinding::FileStatus { condition, since });
    }

    fn status(&self) -> Status {
        self.sessions.iter().next().unwrap().status
    }

    fn enter(&mut self, situation: StartingStatus) {
        self.event(Event::SessionStarted { origin: StartOrigin::Startup });
        if situation != StartingStatus::AtPrompt {
            self.event(prompt("begin"));
        }
        match situation {
            StartingStatus::AtPrompt | StartingStatus::InTurn => {}
            StartingStatus::Asked => {
                self.event(tool_starts("t1"));
                self.event(asks(PromptKind::Permission, "Bash"));
            }
            StartingStatus::TurnEnd => self.event(turn_ends(&[])),
            StartingStatus::TurnOverSubagentWorks => {
                self.event_of(Some("a1"), Event::SubagentStarted);
                self.event(turn_ends(&["a1"]));
            }
            StartingStatus::TurnFailed => {
                self.event(Event::TurnFailed { error: "overloaded".into(), detail: "x".into() });
            }
            StartingStatus::Ended => self.event(Event::SessionEnded { reason: EndReason::Exit }),
        }
    }

    fn tell(&mut self, told: EvidenceKind) {
        match told {
            EvidenceKind::Prompt => self.event(prompt("more")),
            EvidenceKind::ToolStarts => self.event(tool_starts("t2")),
            EvidenceKind::ToolEnds => self.event(Event::ToolEnded {
                tool: "Bash".into(),
                tool_use: Some(ToolUseId::new("t1")),
                input: InputDigest::new([1; 16]),
            }),
            EvidenceKind::ToolsEnd => self.event(Event::ToolsEnded),
            EvidenceKind::AsksPermission => self.event(asks(PromptKind::Permission, "Write")),
            EvidenceKind::AsksQuestion => self.event(asks(PromptKind::Question, "Ask")),
            EvidenceKind::AsksPlan => self.event(asks(PromptKind::Plan, "Plan")),
            EvidenceKind::SubagentAsks => {
                self.event_of(Some("a1"), asks(PromptKind::Permission, "Read"));
            }
            EvidenceKind::SubagentEnds => self.event_of(Some("a1"), Event::SubagentEnded),
            EvidenceKind::StillWaits => self.event(Event::AttentionCalled {
                request: PromptKind::Permission,
                text: "may it?".into(),
            }),
            EvidenceKind::TurnEnds => self.event(turn_ends(&[])),
            EvidenceKind::TurnEndsSubagentWorks => self.event(turn_ends(&["a2"])),
            EvidenceKind::TurnFails => {
                self.event(Event::TurnFailed { error: "rate_limit".into(), detail: "y".into() });
            }
            EvidenceKind::Rests => self.event(Event::Rested),
            EvidenceKind::Compacts => {
                self.event(Event::SessionStarted { origin: StartOrigin::Compact })
            }
            EvidenceKind::SwitchesConversation => {
                self.event(Event::SessionEnded { reason: EndReason::Switch });
            }
            EvidenceKind::Goodbye => self.event(Event::SessionEnded { reason: EndReason::Exit }),
            EvidenceKind::FileBusy => self.condition(FileStatus::Busy),
            EvidenceKind::FileResting => self.condition(FileStatus::Resting { shells: false }),
            EvidenceKind::FileAsks => {
                self.condition(FileStatus::Asking { request: PromptKind::Permission });
            }
            EvidenceKind::FileDialog => self.condition(FileStatus::Dialog),
            EvidenceKind::FileParked => self.condition(FileStatus::Parked),
            EvidenceKind::FileRemoved => self.file(FileFinding::Left),
            EvidenceKind::ProcessEnds => {
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

fn asks(request: PromptKind, tool: &str) -> Event {
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
        for (situation, becomes) in StartingStatus::ALL.into_iter().zip(rule.becomes) {
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
    world.enter(StartingStatus::InTurn);
    world.condition(FileStatus::Busy);
    world.tell(EvidenceKind::FileRemoved);
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
    world.condition(FileStatus::Resting { shells: false });
    world.pass(3000);
    assert_eq!(world.status(), Status::Working);
}

//! Compares the state machine with the transition table.
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

    /// Advances the clock, with a tick at each deadline. Lookups find nothing new.
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

    fn file_status(&mut self, status: FileStatus) {
        self.pass(100);
        let since = self.now().stamp;
        self.file(FileFinding::FileStatus { status, since });
    }

    fn status(&self) -> Status {
        self.sessions.iter().next().unwrap().status
    }

    fn enter(&mut self, start: StartingStatus) {
        self.event(Event::SessionStarted { origin: StartOrigin::Startup });
        if start != StartingStatus::AtPrompt {
            self.event(prompt("begin"));
        }
        match start {
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

    fn apply_evidence(&mut self, evidence: EvidenceKind) {
        match evidence {
            EvidenceKind::UserPrompt => self.event(prompt("more")),
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
            EvidenceKind::StillWaits => self.event(Event::AttentionRequested {
                prompt_kind: PromptKind::Permission,
                text: "may it?".into(),
            }),
            EvidenceKind::TurnEnds => self.event(turn_ends(&[])),
            EvidenceKind::TurnEndsSubagentWorks => self.event(turn_ends(&["a2"])),
            EvidenceKind::TurnFails => {
                self.event(Event::TurnFailed { error: "rate_limit".into(), detail: "y".into() });
            }
            EvidenceKind::Idles => self.event(Event::IdleReported),
            EvidenceKind::TurnInterrupted => self.event(Event::TurnInterrupted),
            EvidenceKind::Compacts => {
                self.event(Event::SessionStarted { origin: StartOrigin::Compact });
            }
            EvidenceKind::SwitchesConversation => {
                self.event(Event::SessionEnded { reason: EndReason::Switch });
            }
            EvidenceKind::Exits => self.event(Event::SessionEnded { reason: EndReason::Exit }),
            EvidenceKind::FileBusy => self.file_status(FileStatus::Busy),
            EvidenceKind::FileIdle => self.file_status(FileStatus::Idle { shells: false }),
            EvidenceKind::FilePrompt => {
                self.file_status(FileStatus::Prompt { prompt_kind: PromptKind::Permission });
            }
            EvidenceKind::FileDialog => self.file_status(FileStatus::Dialog),
            EvidenceKind::FileMovedToBackground => self.file_status(FileStatus::MovedToBackground),
            EvidenceKind::FileRemoved => self.file(FileFinding::Removed),
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

fn asks(prompt_kind: PromptKind, tool: &str) -> Event {
    let input = InputDigest::new([if tool == "Bash" { 1 } else { 9 }; 16]);
    Event::PromptOpened {
        prompt_kind,
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
fn state_machine_agrees_with_the_transition_table() {
    let mut wrong = Vec::new();
    for rule in &TRANSITIONS {
        for (start, becomes) in StartingStatus::ALL.into_iter().zip(rule.becomes) {
            let mut world = World::new();
            world.enter(start);
            world.apply_evidence(rule.evidence);
            world.pass(6000);
            if world.status() != becomes {
                let (evidence, status) = (rule.evidence, world.status());
                wrong.push(format!("{evidence:?} in {start:?}: {status}, not {becomes}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn transition_table_has_each_evidence_once() {
    for (index, rule) in TRANSITIONS.iter().enumerate() {
        assert!(
            !TRANSITIONS[..index].iter().any(|other| other.evidence == rule.evidence),
            "{rule:?}"
        );
    }
}

/// A session whose file was removed and whose process lives on is open again and unconfirmed.
#[test]
fn session_reopens_if_it_lives_without_its_file() {
    let mut world = World::new();
    world.enter(StartingStatus::InTurn);
    world.file_status(FileStatus::Busy);
    world.apply_evidence(EvidenceKind::FileRemoved);
    assert_eq!(world.status(), Status::Closed);
    world.pass(10_000);
    let row = world.sessions.iter().next().unwrap();
    assert_eq!((row.status, row.confirmed, row.end), (Status::Working, false, None));
}

/// `claude -p` is idle for a moment between its start and its user prompt, and no client sees that.
#[test]
fn session_started_with_a_prompt_works_at_once() {
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
    world.file_status(FileStatus::Idle { shells: false });
    world.pass(3000);
    assert_eq!(world.status(), Status::Working);
}

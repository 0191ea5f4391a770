//! Checks what must hold after any sequence of events.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use crewboard_core::{
    AgentName, BackgroundTask, ConversationId, EndReason, Event, FileFinding, FileMetadata,
    FileStatus, Input, InputDigest, MAX_BACKGROUND, MAX_CLOSED, MAX_HISTORY, MAX_LINEAGE,
    MAX_SUBAGENTS, MAX_TRAIL, Mark, Now, Observation, Place, Process, ProgramEnd, ProgramRecord,
    ProgramState, PromptKind, Report, Session, SessionStore, Stamp, StartOrigin, Status,
    SubagentId, Teammate, Timestamp, ToolUseId, TurnEnd, TurnId, UsageReport,
};
use proptest::prelude::*;

/// One step of a random history.
#[derive(Debug, Clone)]
enum Step {
    Event {
        agent: u32,
        session: u8,
        subagent: Option<u8>,
        turn: Option<u8>,
        headless: bool,
        /// The number of its lead, if the session is a teammate.
        lead: Option<u8>,
        back: u64,
        event: Event,
    },
    Watched(u32),
    Exit(u32),
    /// The daemon read an agent's file; `back` microseconds ago the file changed.
    Seen {
        agent: u32,
        session: u8,
        back: u64,
        finding: u8,
    },
    Tick(u64),
    Mark(u32, Mark),
}

fn origin() -> impl Strategy<Value = StartOrigin> {
    prop_oneof![
        Just(StartOrigin::Startup),
        Just(StartOrigin::Resume),
        Just(StartOrigin::Clear),
        Just(StartOrigin::Compact),
        Just(StartOrigin::Fork),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let digest = || (0..3_u8).prop_map(|byte| InputDigest::new([byte; 16]));
    let tool = || prop_oneof![Just("Bash".to_owned()), Just("AskUserQuestion".to_owned())];
    let tool_use = || prop::option::of((0..4u8).prop_map(|id| ToolUseId::new(&format!("t{id}"))));
    let kind = || {
        prop_oneof![
            Just(PromptKind::Permission),
            Just(PromptKind::Question),
            Just(PromptKind::Plan)
        ]
    };
    prop_oneof![
        origin().prop_map(|origin| Event::SessionStarted { origin }),
        prop_oneof![Just(EndReason::Switch), Just(EndReason::Exit)]
            .prop_map(|reason| Event::SessionEnded { reason }),
        ("[a-c]", any::<bool>()).prop_map(|(prompt, automatic)| Event::PromptSubmitted {
            prompt,
            automatic,
            ended_task: automatic.then(|| "a0".to_owned()),
        }),
        (tool(), tool_use(), digest()).prop_map(|(tool, tool_use, input)| Event::ToolStarted {
            tool,
            text: "x".to_owned(),
            tool_use,
            input,
            asks: None
        }),
        (tool(), tool_use(), digest()).prop_map(|(tool, tool_use, input)| Event::ToolEnded {
            tool,
            tool_use,
            input
        }),
        Just(Event::ToolsEnded),
        (kind(), tool(), digest()).prop_map(|(prompt_kind, tool, input)| Event::PromptOpened {
            prompt_kind,
            tool,
            text: "do it".to_owned(),
            line: String::new(),
            input,
        }),
        (tool(), tool_use(), digest()).prop_map(|(tool, tool_use, input)| Event::PromptClosed {
            tool,
            tool_use,
            input
        }),
        kind().prop_map(|prompt_kind| Event::AttentionRequested {
            prompt_kind,
            text: "still".to_owned()
        }),
        Just(Event::IdleReported),
        Just(Event::TurnInterrupted),
        (0..200usize).prop_map(|count| Event::TurnEnded {
            message: "done".to_owned(),
            background: (0..count)
                .map(|index| BackgroundTask {
                    id: format!("a{index}"),
                    kind: "subagent".to_owned()
                })
                .collect(),
            scheduled: 0,
        }),
        Just(Event::TurnFailed { error: "overloaded".to_owned(), detail: String::new() }),
        Just(Event::SubagentStarted),
        Just(Event::SubagentEnded),
        prop::sample::select(Status::ALL.to_vec()).prop_map(|status| Event::StatusReported {
            status,
            activity: "a".to_owned(),
            text: "t".to_owned(),
        }),
        (any::<u8>(), any::<u64>()).prop_map(|(percent, cents)| {
            Event::UsageReport(UsageReport {
                context_percent: Some(percent),
                cost_cents: Some(cents),
                ..UsageReport::default()
            })
        }),
        Just(Event::BranchRead),
        Just(Event::ProgramStarted),
        (program_state(), "a?").prop_map(|(state, id)| {
            Event::ProgramReported(ProgramRecord { id, state, ..ProgramRecord::default() })
        }),
        Just(Event::ProgramExited(ProgramEnd { code: Some(1), signal: None })),
        Just(Event::Unknown),
    ]
}

fn program_state() -> impl Strategy<Value = ProgramState> {
    prop::sample::select(vec![
        ProgramState::Idle,
        ProgramState::Working,
        ProgramState::Blocked,
        ProgramState::Done,
        ProgramState::Error,
        ProgramState::Cleared,
    ])
}

fn mark() -> impl Strategy<Value = Mark> {
    prop_oneof![
        (0..200u64).prop_map(|revision| Mark::Seen { revision }),
        any::<bool>().prop_map(|on| Mark::Pinned { on }),
        (any::<bool>(), proptest::option::of(any::<u64>()))
            .prop_map(|(on, for_ms)| Mark::Snoozed { on, for_ms }),
        (0..200u64).prop_map(|revision| Mark::Unseen { revision }),
        (any::<bool>(), 0..200u64).prop_map(|(on, revision)| Mark::Dismissed { on, revision }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => (0..4u32, 0..3u8, prop::option::weighted(0.3, 0..3u8), prop::option::of(0..3u8),
               prop::bool::weighted(0.1), prop::option::weighted(0.2, 0..3u8), prop_oneof![3 => Just(0u64), 1 => 0..5_000_000u64], event())
            .prop_map(|(agent, session, subagent, turn, headless, lead, back, event)| Step::Event {
                agent, session, subagent, turn, headless, lead, back, event
            }),
        2 => (1..4u32).prop_map(Step::Watched),
        1 => (1..4u32).prop_map(Step::Exit),
        12 => (1..4u32, 0..3u8, prop_oneof![3 => 0..200_000u64, 1 => 0..5_000_000u64], 0..15u8).prop_map(
            |(agent, session, back, finding)| Step::Seen { agent, session, back, finding }
        ),
        2 => (0..4u32, mark()).prop_map(|(agent, mark)| Step::Mark(agent, mark)),
        1 => prop_oneof![0..5_000u64, 80_000_000..100_000_000u64].prop_map(Step::Tick),
    ]
}

/// A store and its clock.
struct World {
    sessions: SessionStore,
    micros: u64,
}

impl World {
    fn new() -> Self {
        Self { sessions: SessionStore::new("test".to_owned()), micros: 10_000_000_000 }
    }

    fn now(&self) -> Now {
        let stamp = Stamp { boot: 1, micros: self.micros };
        Now { wall: Timestamp(1_000_000_000 + self.micros / 1000), stamp }
    }

    fn input(&self, step: &Step) -> Input {
        let process = |pid: u32| Process { pid, start: 7 };
        match step {
            Step::Watched(pid) => {
                Input::ProcessWatched { process: process(*pid), ancestors: vec![process(pid + 1)] }
            }
            Step::Exit(pid) => Input::ProcessExited { process: process(*pid) },
            Step::Seen { agent, session, back, finding } => {
                Input::Observed(Box::new(self.observation(*agent, *session, *back, *finding)))
            }
            Step::Tick(_) => Input::Tick,
            Step::Mark(agent, mark) => {
                let pid = (*agent > 0).then_some(*agent);
                let of_agent = self.sessions.iter().filter(|row| row.pid == pid);
                let row = of_agent.min_by(|one, other| one.key.cmp(&other.key));
                let key = row.map(|row| row.key.clone()).unwrap_or_default();
                Input::Marked { key, mark: *mark }
            }
            Step::Event { agent, session, subagent, turn, headless, lead, back, event } => {
                let stamp = Stamp { boot: 1, micros: self.micros - back };
                let session = format!("s{session}");
                Input::Reported(Box::new(Report {
                    // Agent 0 has no process, as in a container.
                    process: (*agent > 0).then(|| process(*agent)),
                    subagent: subagent.map(|id| SubagentId::new(&format!("a{id}"))),
                    turn: turn.map(|id| TurnId::new(&format!("p{id}"))),
                    cwd: Some("/home/dev/shop".to_owned()),
                    headless: *headless,
                    // The command line makes a process a teammate, so it always is one or never.
                    teammate: lead.filter(|_| *agent == 3).map(|lead| Teammate {
                        name: "a0".to_owned(),
                        lead: ConversationId::new(&format!("s{lead}")),
                    }),
                    place: Place { host: "box".to_owned(), ..Place::default() },
                    ..Report::new("claude", &session, "hook:Test", stamp, event.clone())
                }))
            }
        }
    }

    fn observation(&self, agent: u32, session: u8, back: u64, finding: u8) -> Observation {
        let stamp = Stamp { boot: 1, micros: self.micros - back };
        let status = |status| FileFinding::FileStatus { status, since: stamp };
        let ended = |how| FileFinding::TurnEnd { how, at: stamp };
        Observation {
            agent: AgentName::new("claude"),
            process: Process { pid: agent, start: 7 },
            source: "file:test".to_owned(),
            seen: self.now().stamp,
            finding: match finding {
                0 | 1 => status(FileStatus::Busy),
                2 => status(FileStatus::Idle { shells: false }),
                3 => status(FileStatus::Idle { shells: true }),
                4 => status(FileStatus::Prompt { prompt_kind: PromptKind::Permission }),
                5 => status(FileStatus::Prompt { prompt_kind: PromptKind::Question }),
                6 => status(FileStatus::Dialog),
                7 => status(FileStatus::Unknown),
                8 => FileFinding::Removed,
                9 => FileFinding::Unreadable,
                10 => status(FileStatus::MovedToBackground),
                11 => ended(TurnEnd::Interrupted),
                12 => FileFinding::NoSessionFile,
                13 => ended(TurnEnd::PlanOffered { plan: "1. Go".to_owned() }),
                _ => ended(TurnEnd::Finished { message: "done".to_owned() }),
            },
            about: FileMetadata {
                session: ConversationId::new(&format!("s{session}")),
                ..FileMetadata::default()
            },
        }
    }

    fn apply(&mut self, step: &Step) {
        self.micros += 1000;
        if let Step::Tick(milliseconds) = step {
            self.micros += milliseconds * 1000;
        }
        let input = self.input(step);
        let before = self.sessions.revision();
        let outcome = self.sessions.apply(input, self.now());
        assert!(self.sessions.revision() >= before);
        assert_eq!(outcome.changes.is_empty(), self.sessions.revision() == before);
        for row in self.sessions.iter() {
            assert_consistent(row, &self.sessions);
        }
        let closed = self.sessions.iter().filter(|row| row.status == Status::Closed).count();
        assert!(closed <= MAX_CLOSED);
    }

    /// Returns all sessions without their revisions and update times.
    fn snapshot(&self) -> Vec<Session> {
        let mut rows: Vec<Session> = self
            .sessions
            .iter()
            .map(|row| Session {
                revision: 0,
                updated: Timestamp(0),
                evidence_at: None,
                ..row.clone()
            })
            .collect();
        rows.sort_by(|one, other| one.key.cmp(&other.key));
        rows
    }
}

/// Asserts what must hold for every session at any time.
fn assert_consistent(row: &Session, sessions: &SessionStore) {
    assert_eq!(row.status.is_prompt(), row.open_prompt.is_some(), "{row:?}");
    assert_eq!(row.status == Status::Closed, row.end.is_some(), "{row:?}");
    if row.status == Status::Closed {
        assert!(row.subagents.is_empty() && row.background == 0 && row.scheduled == 0, "{row:?}");
    }
    let may_need_you = row.status.is_prompt() || row.status.needs_you_until_seen() && !row.seen;
    let can_need_you = !row.headless && row.snoozed_until.is_none() && !row.dismissed;
    if row.teammate.is_some() {
        assert!(!row.needs_you || may_need_you && can_need_you, "{row:?}");
        assert!(!row.needs_you || row.status.is_prompt(), "{row:?}");
    } else {
        assert_eq!(row.needs_you, may_need_you && can_need_you, "{row:?}");
    }
    assert_ne!(row.parent.as_ref(), Some(&row.key), "{row:?}");
    assert!(!(row.headless && row.status.is_prompt()), "{row:?}");
    assert!(row.subagents.len() <= MAX_SUBAGENTS);
    assert!(row.lineage.len() <= MAX_LINEAGE && !row.lineage.contains(&row.id), "{row:?}");
    assert!(row.background as usize <= MAX_BACKGROUND);
    assert!(row.revision <= sessions.revision());
    assert!(sessions.trail(&row.key).unwrap().len() <= MAX_TRAIL);
    let history = sessions.with_history(&row.key).unwrap().history;
    assert!(history.len() <= MAX_HISTORY);
    assert_eq!(history.last().map(|entered| entered.status), Some(row.status), "{row:?}");
    assert!(history.windows(2).all(|pair| pair[0].at <= pair[1].at), "{history:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_session_is_consistent_after_every_step(steps in prop::collection::vec(step(), 0..120)) {
        let mut world = World::new();
        for step in &steps {
            world.apply(step);
        }
    }

    #[test]
    fn duplicate_event_changes_nothing(steps in prop::collection::vec(step(), 0..60)) {
        let mut world = World::new();
        for step in &steps {
            world.apply(step);
            let before = world.snapshot();
            let again = world.input(step);
            world.sessions.apply(again, world.now());
            prop_assert_eq!(before, world.snapshot(), "{:?}", step);
        }
    }

    /// Without events no timeout runs for ever.
    #[test]
    fn all_timeouts_end_without_events(steps in prop::collection::vec(step(), 0..60)) {
        let mut world = World::new();
        for step in &steps {
            world.apply(step);
        }
        for _ in 0..100 {
            match world.sessions.next_deadline(world.now()) {
                Some(wait) if wait < 60_000 => world.apply(&Step::Tick(wait)),
                _ => return Ok(()),
            }
        }
        prop_assert!(false, "a deadline is still due after a hundred ticks");
    }

    #[test]
    fn resumed_subscription_misses_no_change(
        steps in prop::collection::vec(step(), 1..80),
        left in 0..80usize,
    ) {
        let mut world = World::new();
        let left = left.min(steps.len());
        for step in &steps[..left] {
            world.apply(step);
        }
        let revision = world.sessions.revision();
        let mut known: Vec<_> = world.sessions.iter().map(|row| row.key.clone()).collect();
        for step in &steps[left..] {
            world.apply(step);
        }
        let (changed, removed) = world.sessions.changes_since(revision).unwrap();
        known.retain(|key| !removed.contains(key));
        for key in changed {
            prop_assert!(world.sessions.get(&key).is_some());
            if !known.contains(&key) {
                known.push(key);
            }
        }
        let mut present: Vec<_> = world.sessions.iter().map(|row| row.key.clone()).collect();
        known.sort();
        present.sort();
        prop_assert_eq!(known, present);
    }
}

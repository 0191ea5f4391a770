//! Tests of the actor as a function from inputs and a time to outputs and batches.

mod bounds;
mod containers;
mod day;
mod delivery;
mod headless;
mod notifications;
mod subscriptions;
mod waits;

use super::*;
use crewboard_core::{
    AgentName, ConversationId, EndReason, Event, Mark, Process, ProcessToWatch, PromptKind,
    RateLimits, RateWindow, Report, Session, Stamp, Status, Timestamp, WaitGoal, WaitScope,
};
use crewboard_protocol::{
    After, EventLine, ExplainRequest, LookRequest, MarkRequest, RestoreRequest, SubscribeRequest,
    WaitRequest,
};
use serde_json::{Value, json};

const HOOK: u32 = 500;

const PEER: Peer = Peer { pid: Some(HOOK), namespace: Namespace::Ours };

/// An actor and the present time.
struct Stage {
    actor: Actor,
    micros: u64,
}

impl Stage {
    fn new() -> Self {
        Self { actor: Actor::new("e".to_owned()), micros: 1_000_000 }
    }

    fn now(&self) -> Now {
        Now { wall: Timestamp(self.micros / 1000), stamp: Stamp { boot: 1, micros: self.micros } }
    }

    fn input(&mut self, input: Input) -> Vec<Output> {
        self.micros += 1000;
        let now = self.now();
        self.actor.handle(input, now)
    }

    /// Sends a request of connection `from`. Returns the replies to all connections.
    fn request(&mut self, from: ConnectionId, request: Request) -> Vec<(ConnectionId, Value)> {
        let outputs =
            self.input(Input::Request { connection: from, peer: PEER, request: Box::new(request) });
        replies(&outputs)
    }

    fn event(&mut self, session: &str, process: Option<u32>, event: Event) -> Vec<Output> {
        self.event_from(HOOK, session, process, event)
    }

    fn event_from(
        &mut self,
        hook_pid: u32,
        session: &str,
        process: Option<u32>,
        event: Event,
    ) -> Vec<Output> {
        let stamp = Stamp { boot: 1, micros: self.micros };
        let report = Box::new(Report {
            process: process.map(|pid| Process { pid, start: 7 }),
            ..Report::new("claude", session, "hook:Test", stamp, event)
        });
        let request = Box::new(Request::Event(EventLine { hook_pid, report }));
        self.input(Input::Request { connection: 99, peer: PEER, request })
    }

    fn reported(&mut self, session: &str, status: Status) -> Vec<(ConnectionId, Value)> {
        let (activity, text) = (String::new(), String::new());
        let outputs = self.event(session, None, Event::StatusReported { status, activity, text });
        replies(&outputs)
    }

    fn end_session(&mut self, session: &str) {
        self.event(session, None, Event::SessionEnded { reason: EndReason::Exit });
    }

    /// Flushes the actor. Returns the kind and the session of each line for a connection.
    fn flush(&mut self, connection: ConnectionId) -> String {
        let batches = self.actor.flush();
        let lines = batches.iter().filter(|batch| batch.connection == connection);
        let lines: Vec<String> = lines
            .flat_map(|batch| &batch.lines)
            .map(|line| {
                let value: Value = serde_json::from_slice(line).unwrap();
                let kind = value["type"].as_str().unwrap().to_owned();
                let row = &value["row"];
                match (row["id"].as_str(), value["transitions"].as_array()) {
                    (Some(id), Some(entered)) => {
                        let entered = entered.iter().map(|entered| {
                            entered["status"].as_str().unwrap().chars().next().unwrap()
                        });
                        let skipped = value["skipped"].as_u64().map(|count| format!("+{count}"));
                        let entered: String = entered.collect();
                        format!("{kind} {id}:{entered}{}", skipped.unwrap_or_default())
                    }
                    (Some(id), None) => format!("{kind} {id}"),
                    _ => kind,
                }
            })
            .collect();
        lines.join(", ")
    }

    /// Flushes the actor, and lets the connection write the batch.
    fn drain(&mut self, connection: ConnectionId) -> String {
        let lines = self.flush(connection);
        self.input(Input::BatchWritten(connection));
        lines
    }

    fn key_of(&self, session: &str) -> RowKey {
        self.actor.sessions.iter().find(|row| row.id.as_str() == session).unwrap().key.clone()
    }
}

fn replies(outputs: &[Output]) -> Vec<(ConnectionId, Value)> {
    let sent = outputs.iter().filter_map(|output| match output {
        Output::Send { connection, line } => {
            Some((*connection, serde_json::from_slice(line).unwrap()))
        }
        _ => None,
    });
    sent.collect()
}

/// Returns a row of process 1234 that an earlier daemon sent.
fn remembered_row() -> Session {
    Session {
        key: RowKey::new("kaaaa"),
        agent: AgentName::new("claude"),
        id: ConversationId::new("a"),
        pid: Some(1234),
        pid_start: Some(7),
        epoch: "former".to_owned(),
        ..Session::default()
    }
}

fn subscribe(revision: Option<u64>) -> Request {
    Request::Subscribe(SubscribeRequest {
        after: revision.map(|revision| After { epoch: "e".to_owned(), revision }),
    })
}

#[test]
fn restored_row_is_watched_and_explained() {
    let mut stage = Stage::new();
    let row = Session { status: Status::Working, ..remembered_row() };
    let request = Box::new(Request::Restore(RestoreRequest { row: Box::new(row) }));
    let outputs = stage.input(Input::Request { connection: 1, peer: PEER, request });
    assert!(matches!(
        outputs[..],
        [Output::WatchProcess(ProcessToWatch { process: Process { pid: 1234, start: 7 }, .. })]
    ));
    let explained =
        stage.request(1, Request::Explain(ExplainRequest { row: RowKey::new("kaaaa") }));
    assert_eq!(explained[0].1["row"]["id"], "a");
    let missing = stage.request(1, Request::Explain(ExplainRequest { row: RowKey::new("absent") }));
    assert_eq!(missing[0].1["code"], "not_found");
}

#[test]
fn mark_of_a_future_revision_changes_nothing() {
    let mut stage = Stage::new();
    stage.reported("a", Status::Permission);
    let row = stage.actor.sessions.iter().next().unwrap().clone();
    let now = stage.actor.sessions.revision();
    for revision in [now + 1, 1 << 63, u64::MAX] {
        for mark in [Mark::Seen { revision }, Mark::Dismissed { on: true, revision }] {
            let reply =
                &stage.request(1, Request::Mark(MarkRequest { row: row.key.clone(), mark }))[0].1;
            assert_eq!((&reply["type"], &reply["row"]["seen"]), (&json!("marked"), &json!(false)));
        }
    }
    assert_eq!(stage.actor.sessions.iter().collect::<Vec<_>>(), [&row]);
    stage.request(
        1,
        Request::Mark(MarkRequest { row: row.key.clone(), mark: Mark::Seen { revision: now } }),
    );
    assert!(stage.actor.sessions.iter().next().unwrap().seen);
}

#[test]
fn only_a_closed_row_is_forgotten() {
    let mut stage = Stage::new();
    stage.reported("a", Status::Idle);
    let key = stage.actor.sessions.iter().next().unwrap().key.clone();
    let forget = || Request::Forget(ForgetRequest { row: key.clone() });
    assert_eq!(stage.request(1, forget())[0].1["code"], "row_open");
    stage.reported("a", Status::Closed);
    assert_eq!(
        stage.request(1, forget())[0].1,
        json!({ "type": "forgotten", "key": key.as_str() })
    );
    assert!(stage.actor.sessions.is_empty());
    assert_eq!(stage.request(1, forget())[0].1["code"], "not_found");
}

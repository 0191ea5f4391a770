//! Tests of the actor as a function from inputs and a time to outputs and batches.

mod bounds;
mod delivery;
mod headless;
mod notifications;

use super::*;
use crewboard_core::{
    AgentName, ConversationId, EndReason, Event, Mark, Process, ProcessToWatch, PromptKind,
    RateLimits, RateWindow, Report, Session, Stamp, Status, Timestamp, WaitGoal, WaitScope,
};
use crewboard_protocol::{After, EventLine, WaitRequest};
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
    Request::Subscribe { after: revision.map(|revision| After { epoch: "e".to_owned(), revision }) }
}

#[test]
fn limits_are_sent_at_the_start_and_when_they_change() {
    let mut stage = Stage::new();
    stage.reported("a", Status::Working);
    stage.request(1, subscribe(None));
    assert_eq!(stage.drain(1), "snapshot, row a, synced");
    let set_usage = |stage: &mut Stage, used_percent| {
        let resets_at = Timestamp(3_600_000);
        let limits = vec![RateLimits {
            agent: AgentName::new("claude"),
            profile: "/home/dev/.claude".to_owned(),
            five_hour: Some(RateWindow { used_percent, resets_at, at: stage.now().wall }),
            seven_day: None,
        }];
        stage.request(1, Request::RestoreLimits { limits });
    };
    set_usage(&mut stage, 10);
    set_usage(&mut stage, 11);
    // Several changes that the client has not read become one line.
    assert_eq!(stage.drain(1), "limits");
    assert_eq!(stage.drain(1), "");
    stage.request(2, Request::List);
    assert_eq!(stage.drain(2), "snapshot, limits, row a, synced");
    let revision = stage.actor.sessions.revision();
    stage.request(3, subscribe(Some(revision)));
    assert_eq!(stage.drain(3), "resumed, limits, synced");
}

#[test]
fn a_subscription_gets_a_snapshot_and_every_change() {
    let mut stage = Stage::new();
    stage.reported("a", Status::Working);
    stage.reported("b", Status::Question);
    stage.request(1, subscribe(None));
    assert_eq!(stage.drain(1), "snapshot, row b, row a, synced");
    assert_eq!(stage.drain(1), "");
    stage.reported("a", Status::Done);
    assert_eq!(stage.drain(1), "change a:d");
    stage.end_session("a");
    stage.reported("c", Status::Idle);
    assert_eq!(stage.drain(1), "change a:c, change c:i");
}

#[test]
fn a_slow_subscriber_gets_the_newest_of_each_row() {
    let mut stage = Stage::new();
    stage.reported("a", Status::Working);
    stage.request(1, subscribe(None));
    assert_eq!(stage.flush(1), "snapshot, row a, synced");
    // The batch has not been written, so nothing more goes out.
    for _ in 0..6 {
        stage.reported("a", Status::Done);
        stage.reported("a", Status::Working);
    }
    stage.reported("b", Status::Idle);
    assert_eq!(stage.flush(1), "");
    stage.input(Input::BatchWritten(1));
    assert_eq!(stage.drain(1), "change a:dwdwdwdw+4, change b:i");
}

#[test]
fn rows_that_come_and_go_unsent_leave_nothing_pending() {
    let mut stage = Stage::new();
    stage.reported("stays", Status::Working);
    for index in 0..50 {
        let session = format!("early-{index}");
        stage.reported(&session, Status::Working);
        stage.end_session(&session);
    }
    stage.request(1, subscribe(None));
    assert!(stage.flush(1).ends_with("synced"));
    let (keys, pending) = stage.actor.subscribers.pending(1);
    assert_eq!((keys, pending), (0, 0));
    for index in 0..5000 {
        let session = format!("session-{index}");
        stage.reported(&session, Status::Working);
        stage.end_session(&session);
        stage.reported("stays", if index % 2 == 0 { Status::Done } else { Status::Working });
    }
    // These are 50 closed rows that are kept, 50 removals of rows that were sent, and the row that stays.
    let (keys, pending) = stage.actor.subscribers.pending(1);
    assert_eq!(pending, 101);
    assert!(keys < 300, "{keys}");
    stage.input(Input::BatchWritten(1));
    let lines = stage.drain(1);
    assert_eq!(lines.matches("removed").count(), 50, "{lines}");
    assert_eq!(lines.matches("change").count(), 51, "{lines}");
    assert_eq!(stage.drain(1), "");
}

#[test]
fn a_subscription_resumes_or_gets_a_snapshot() {
    let mut stage = Stage::new();
    for session in ["a", "b", "c"] {
        stage.reported(session, Status::Working);
    }
    let revision = stage.actor.sessions.revision();
    stage.reported("b", Status::Done);
    for (after, expected) in [
        (subscribe(Some(revision)), "resumed, row b, synced"),
        (subscribe(Some(revision + 1)), "resumed, synced"),
        (subscribe(Some(revision + 2)), "snapshot, row b, row a, row c, synced"),
        (subscribe(None), "snapshot, row b, row a, row c, synced"),
        (
            Request::Subscribe { after: Some(After { epoch: "f".to_owned(), revision }) },
            "snapshot, row b, row a, row c, synced",
        ),
    ] {
        stage.request(1, after);
        assert_eq!(stage.drain(1), expected);
        stage.input(Input::Closed(1));
    }
    assert_eq!(stage.actor.subscribers.len(), 0);
}

#[test]
fn lists_and_subscriptions_share_a_connection() {
    let mut stage = Stage::new();
    stage.reported("a", Status::Working);
    stage.request(1, Request::List);
    stage.request(1, Request::List);
    assert_eq!(stage.drain(1), "snapshot, row a, synced");
    assert_eq!(stage.drain(1), "snapshot, row a, synced");
    stage.reported("a", Status::Done);
    assert_eq!(stage.drain(1), "", "a list is no subscription");
    stage.request(1, subscribe(None));
    stage.request(1, Request::List);
    assert_eq!(stage.drain(1), "snapshot, row a, synced");
    assert_eq!(stage.drain(1), "snapshot, row a, synced");
    stage.reported("a", Status::Working);
    assert_eq!(stage.drain(1), "change a:w");
}

#[test]
fn a_line_for_several_subscribers_is_encoded_once() {
    let mut stage = Stage::new();
    for connection in 1..4 {
        stage.request(connection, subscribe(None));
        stage.drain(connection);
    }
    for connection in 1..4 {
        stage.input(Input::BatchWritten(connection));
    }
    stage.reported("a", Status::Working);
    let batches = stage.actor.flush();
    assert_eq!(batches.len(), 3);
    let first = &batches[0].lines[0];
    assert!(batches.iter().all(|batch| std::sync::Arc::ptr_eq(&batch.lines[0], first)));
}

#[test]
fn a_wait_ends_by_goal_and_scope() {
    let any = WaitScope::Any;
    let all = WaitScope::All;
    let done = WaitGoal { statuses: vec![Status::Done], needs_you: false };
    let needs_you = WaitGoal { statuses: Vec::new(), needs_you: true };
    // Each case: the wait, the statuses that follow while `a` and `b` work, and the outcome.
    for (name, goal, scope, rows, new, then, expected) in [
        ("one", &done, all, &["a"][..], false, &[("a", Status::Done)][..], Some("reached")),
        ("not it", &done, all, &["a"], false, &[("b", Status::Done)], None),
        ("blocked", &done, all, &["a"], false, &[("a", Status::Permission)], Some("blocked")),
        ("failed", &done, all, &["a"], false, &[("a", Status::Failed)], Some("blocked")),
        ("closed", &done, all, &["a"], false, &[("a", Status::Closed)], Some("closed")),
        ("wanted", &needs_you, all, &["a"], false, &[("a", Status::Plan)], Some("reached")),
        (
            "passing",
            &done,
            all,
            &["a", "b"],
            false,
            &[("a", Status::Done), ("a", Status::Working), ("b", Status::Done)],
            Some("reached"),
        ),
        ("half", &done, all, &["a", "b"], false, &[("a", Status::Done)], None),
        ("first", &done, any, &["a", "b"], false, &[("b", Status::Done)], Some("reached")),
        ("other", &done, any, &["a", "b"], false, &[("b", Status::Question)], None),
        ("late", &done, any, &["a"], false, &[("new", Status::Done)], None),
        ("new", &done, any, &["a"], true, &[("new", Status::Done)], Some("reached")),
        (
            "none left",
            &done,
            any,
            &["a", "b"],
            false,
            &[("a", Status::Closed), ("b", Status::Closed)],
            Some("closed"),
        ),
    ] {
        let mut stage = Stage::new();
        stage.reported("a", Status::Working);
        stage.reported("b", Status::Working);
        let keys = rows.iter().map(|row| stage.key_of(row)).collect();
        let wait = WaitRequest {
            goal: goal.clone(),
            scope,
            rows: Some(keys),
            new,
            missing_may_come: false,
            reached: Vec::new(),
        };
        assert_eq!(stage.request(1, Request::Wait(wait)), [], "{name}");
        let mut sent = Vec::new();
        for (session, status) in then {
            sent.extend(stage.reported(session, *status));
        }
        let outcome = sent.first().map(|(connection, reply)| {
            assert_eq!(*connection, 1, "{name}");
            reply["outcome"].as_str().unwrap().to_owned()
        });
        assert_eq!(outcome.as_deref(), expected, "{name}");
        assert!(sent.len() <= 1, "{name}: two replies");
        let waits = usize::from(expected.is_none());
        assert_eq!(stage.actor.info().waits, waits as u64, "{name}");
        stage.input(Input::Closed(1));
        assert_eq!(stage.actor.info().waits, 0, "{name}");
    }
}

#[test]
fn a_wait_replies_at_once_if_it_is_over_or_impossible() {
    let mut stage = Stage::new();
    let wait = |rows: Option<Vec<RowKey>>, new, missing_may_come| {
        let goal = WaitGoal { statuses: vec![Status::Done], needs_you: false };
        let (scope, reached) = (WaitScope::Any, Vec::new());
        Request::Wait(WaitRequest { goal, scope, rows, new, missing_may_come, reached })
    };
    let code = |replies: Vec<(ConnectionId, Value)>| replies.first().map(|r| r.1["code"].clone());
    let missing = || Some(vec![RowKey::new("absent")]);
    assert_eq!(code(stage.request(1, wait(None, false, false))), Some(json!("not_found")));
    assert_eq!(code(stage.request(1, wait(missing(), false, false))), Some(json!("not_found")));
    assert_eq!(stage.request(1, wait(missing(), false, true)), []);
    assert_eq!(stage.request(1, wait(None, true, false)), []);
    stage.reported("a", Status::Done);
    let replies = stage.request(2, wait(None, false, false));
    assert_eq!((replies[0].0, &replies[0].1["outcome"]), (2, &json!("reached")));
    for _ in 0..crate::waits::MAX_WAITS {
        assert_eq!(stage.request(3, wait(missing(), false, true)), []);
    }
    assert_eq!(code(stage.request(3, wait(missing(), false, true))), Some(json!("busy")));
}

#[test]
fn a_process_is_watched_only_in_the_daemons_namespace() {
    let prompt =
        || Event::PromptSubmitted { prompt: "p".to_owned(), automatic: false, ended_task: None };
    for (hook_pid, watched) in [(HOOK, true), (7, false), (0, false)] {
        let mut stage = Stage::new();
        let outputs = stage.event_from(hook_pid, "a", Some(1234), prompt());
        let process = Process { pid: 1234, start: 7 };
        let asks = outputs.iter().any(
            |output| matches!(output, Output::WatchProcess(watch) if watch.process == process),
        );
        assert_eq!(asks, watched, "{hook_pid}");
        let exited = stage.input(Input::ProcessExited(process));
        assert!(matches!(exited[..], [Output::StopWatching(_)]));
        let status = stage.actor.sessions.iter().next().unwrap().status;
        let expected = if watched { Status::Closed } else { Status::Working };
        assert_eq!(status, expected, "{hook_pid}");
        assert_eq!(stage.actor.has_live_rows(), !watched);
    }
}

#[test]
fn a_restored_row_is_watched_and_explained() {
    let mut stage = Stage::new();
    let row = Session { status: Status::Working, ..remembered_row() };
    let request = Box::new(Request::Restore { row: Box::new(row) });
    let outputs = stage.input(Input::Request { connection: 1, peer: PEER, request });
    assert!(matches!(
        outputs[..],
        [Output::WatchProcess(ProcessToWatch { process: Process { pid: 1234, start: 7 }, .. })]
    ));
    let explained = stage.request(1, Request::Explain { row: RowKey::new("kaaaa") });
    assert_eq!(explained[0].1["row"]["id"], "a");
    let missing = stage.request(1, Request::Explain { row: RowKey::new("absent") });
    assert_eq!(missing[0].1["code"], "not_found");
}

#[test]
fn a_wait_for_the_key_of_an_earlier_daemon_ends_with_the_row() {
    let done = || WaitRequest {
        goal: WaitGoal { statuses: vec![Status::Done], needs_you: false },
        scope: WaitScope::All,
        rows: Some(vec![RowKey::new("kaaaa")]),
        new: false,
        missing_may_come: true,
        reached: Vec::new(),
    };
    let mut stage = Stage::new();
    stage.event(
        "a",
        Some(1234),
        Event::PromptSubmitted { prompt: "go".to_owned(), automatic: false, ended_task: None },
    );
    let key = stage.actor.sessions.iter().next().unwrap().key.clone();
    assert_eq!(stage.request(1, Request::Wait(done())), []);
    // A client restores the row of the same process that the earlier daemon sent.
    stage.request(9, Request::Restore { row: Box::new(remembered_row()) });
    assert_eq!(stage.request(2, Request::Wait(done())), []);
    let outputs = stage.event(
        "a",
        Some(1234),
        Event::TurnEnded { message: String::new(), background: Vec::new(), scheduled: 0 },
    );
    let mut waited = replies(&outputs);
    waited.sort_by_key(|(connection, _)| *connection);
    let waited: Vec<_> = waited
        .iter()
        .map(|(connection, reply)| (*connection, &reply["outcome"], &reply["row"]["key"]))
        .collect();
    let (reached, key) = (json!("reached"), json!(key.as_str()));
    assert_eq!(waited, [(1, &reached, &key), (2, &reached, &key)]);
}

#[test]
fn a_client_of_another_pid_namespace_only_reads() {
    for namespace in [Namespace::Other, Namespace::Unknown] {
        let mut stage = Stage::new();
        stage.event(
            "a",
            Some(1234),
            Event::RequestOpened {
                request: PromptKind::Permission,
                tool: "Bash".to_owned(),
                text: "make".to_owned(),
                line: String::new(),
                input: crewboard_core::InputDigest::default(),
            },
        );
        stage.request(7, subscribe(None));
        stage.drain(7);
        let row = stage.actor.sessions.iter().next().unwrap().clone();
        let mut from_elsewhere = |request: Request| {
            let peer = Peer { pid: Some(HOOK), namespace };
            let request = Box::new(request);
            let outputs = stage.input(Input::Request { connection: 1, peer, request });
            assert!(!outputs.iter().any(|output| matches!(output, Output::Stop)));
            replies(&outputs)
        };
        let mark = |mark| Request::Mark { row: row.key.clone(), mark };
        let notify = Request::Notify { title: "a".to_owned(), text: "b".to_owned() };
        for request in [
            mark(Mark::Seen { revision: row.revision }),
            mark(Mark::Dismissed { on: true, revision: row.revision }),
            mark(Mark::Pinned { on: true }),
            mark(Mark::Snoozed { on: true, for_ms: None }),
            mark(Mark::Unseen { revision: row.revision }),
            notify,
            Request::Stop,
        ] {
            assert_eq!(from_elsewhere(request)[0].1["code"], "forbidden");
        }
        let window =
            RateWindow { used_percent: 99, resets_at: Timestamp(9_000_000), at: Timestamp(1) };
        let limits = vec![RateLimits {
            agent: AgentName::new("claude"),
            profile: "/home/dev/.claude".to_owned(),
            five_hour: Some(window),
            seven_day: None,
        }];
        for request in [
            Request::Restore { row: Box::new(remembered_row()) },
            Request::RestoreLimits { limits },
            Request::AcceptNotifications { on: true },
            Request::NotificationShown { id: 1 },
        ] {
            assert_eq!(from_elsewhere(request), []);
        }
        assert_eq!(
            from_elsewhere(Request::Explain { row: row.key.clone() })[0].1["row"]["id"],
            "a"
        );
        assert_eq!(stage.drain(7), "", "no subscriber is sent a change");
        assert_eq!(stage.actor.sessions.iter().collect::<Vec<_>>(), [&row]);
    }
}

/// A container may know a session's id. It must not change the row of that session.
#[test]
fn a_foreign_event_reaches_no_row_that_has_a_process() {
    for event in [
        Event::SessionEnded { reason: EndReason::Exit },
        Event::SessionStarted { origin: crewboard_core::StartOrigin::Resume },
        Event::TurnEnded { message: String::new(), background: Vec::new(), scheduled: 0 },
        Event::StatusReported {
            status: Status::Closed,
            activity: String::new(),
            text: String::new(),
        },
        Event::Unknown,
    ] {
        let mut stage = Stage::new();
        stage.event("a", Some(1234), Event::ToolsEnded);
        let ours = |stage: &Stage| {
            let mut rows = stage.actor.sessions.iter().filter(|row| row.pid == Some(1234));
            rows.next().cloned().unwrap()
        };
        let before = ours(&stage);
        // The event comes without and with a process, and again after the process has ended.
        for process in [None, Some(1234)] {
            stage.event_from(HOOK + 1, "a", process, event.clone());
            assert_eq!(ours(&stage), before, "{event:?}");
        }
        stage.input(Input::ProcessExited(Process { pid: 1234, start: 7 }));
        let closed = ours(&stage);
        stage.event_from(HOOK + 1, "a", None, event.clone());
        assert_eq!(ours(&stage), closed, "{event:?}");
    }
}

#[test]
fn a_mark_of_a_future_revision_changes_nothing() {
    let mut stage = Stage::new();
    stage.reported("a", Status::Permission);
    let row = stage.actor.sessions.iter().next().unwrap().clone();
    let now = stage.actor.sessions.revision();
    for revision in [now + 1, 1 << 63, u64::MAX] {
        for mark in [Mark::Seen { revision }, Mark::Dismissed { on: true, revision }] {
            let reply = &stage.request(1, Request::Mark { row: row.key.clone(), mark })[0].1;
            assert_eq!((&reply["type"], &reply["row"]["seen"]), (&json!("marked"), &json!(false)));
        }
    }
    assert_eq!(stage.actor.sessions.iter().collect::<Vec<_>>(), [&row]);
    stage.request(1, Request::Mark { row: row.key.clone(), mark: Mark::Seen { revision: now } });
    assert!(stage.actor.sessions.iter().next().unwrap().seen);
}

#[test]
fn a_recorder_gets_all_evidence_and_cannot_subscribe() {
    let mut stage = Stage::new();
    stage.reported("a", Status::Working);
    assert_eq!(stage.request(1, Request::Record), [(1, json!({"type": "recording"}))]);
    assert_eq!(stage.drain(1), "", "earlier events are not recorded");
    stage.event("b", Some(7), Event::Rested);
    stage.input(Input::ProcessExited(Process { pid: 7, start: 7 }));
    assert_eq!(stage.drain(1), "recorded, exited");
    for request in [Request::List, subscribe(None)] {
        assert_eq!(stage.request(1, request)[0].1["code"], "busy");
    }
    stage.request(2, subscribe(None));
    assert_eq!(stage.request(2, Request::Record)[0].1["code"], "busy");
    // A process of another pid namespace is recorded without its pid.
    stage.event_from(HOOK + 1, "c", Some(8), Event::Rested);
    let batch = stage.actor.flush().into_iter().find(|batch| batch.connection == 1).unwrap();
    let line: Value = serde_json::from_slice(&batch.lines[0]).unwrap();
    assert_eq!((&line["report"]["session"], line["report"].get("process")), (&json!("c"), None));
    stage.input(Input::Closed(1));
    stage.reported("a", Status::Done);
    assert_eq!(stage.drain(1), "");
}

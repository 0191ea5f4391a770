//! Snapshots, changes and evidence for clients that subscribe, list or record.

use super::*;

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
        stage.request(1, Request::RestoreLimits(RestoreLimitsRequest { limits }));
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
fn subscription_gets_a_snapshot_and_every_change() {
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
fn subscriber_keeps_no_memory_of_a_snapshot() {
    let mut stage = Stage::new();
    for number in 0..1000 {
        stage.reported(&format!("s{number}"), Status::Working);
    }
    stage.request(1, subscribe(None));
    stage.flush(1);
    let (keys, changes) = stage.actor.subscribers.capacity(1);
    assert!(keys >= 500 && changes >= 500, "the snapshot is pending");
    stage.input(Input::BatchWritten(1));
    while !stage.drain(1).ends_with("synced") {}
    let (keys, changes) = stage.actor.subscribers.capacity(1);
    assert!(keys <= 64 && changes <= 64, "{keys} keys and {changes} changes fit");
    stage.reported("s7", Status::Done);
    assert_eq!(stage.drain(1), "change s7:d");
}

#[test]
fn slow_subscriber_gets_the_newest_of_each_row() {
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
fn subscription_resumes_or_gets_a_snapshot() {
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
            Request::Subscribe(SubscribeRequest {
                after: Some(After { epoch: "f".to_owned(), revision }),
            }),
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
fn line_for_several_subscribers_is_encoded_once() {
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
fn recorder_gets_all_evidence_and_cannot_subscribe() {
    let mut stage = Stage::new();
    stage.reported("a", Status::Working);
    assert_eq!(stage.request(1, Request::Record), [(1, json!({"type": "recording"}))]);
    assert_eq!(stage.drain(1), "", "earlier events are not recorded");
    stage.event("b", Some(7), Event::IdleReported);
    stage.input(Input::ProcessExited(Process { pid: 7, start: 7 }));
    assert_eq!(stage.drain(1), "recorded, exited");
    for request in [Request::List, subscribe(None)] {
        assert_eq!(stage.request(1, request)[0].1["code"], "busy");
    }
    stage.request(2, subscribe(None));
    assert_eq!(stage.request(2, Request::Record)[0].1["code"], "busy");
    // A process of another pid namespace is recorded without its pid.
    stage.event_from(HOOK + 1, "c", Some(8), Event::IdleReported);
    let batch = stage.actor.flush().into_iter().find(|batch| batch.connection == 1).unwrap();
    let line: Value = serde_json::from_slice(&batch.lines[0]).unwrap();
    assert_eq!((&line["report"]["session"], line["report"].get("process")), (&json!("c"), None));
    stage.input(Input::Closed(1));
    stage.reported("a", Status::Done);
    assert_eq!(stage.drain(1), "");
}

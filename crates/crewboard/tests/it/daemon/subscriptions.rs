//! Subscriptions: a snapshot, and each change after it.

use crate::support::{memory_of, note, now, rounds, world};
use crewboard_core::{EndReason, Event};
use crewboard_testkit::{LineClient, Subscription, World, event_line, prompt};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Returns the fields of each row that are the same in a change and in `list`.
fn statuses_and_revisions(rows: &BTreeMap<String, Value>) -> BTreeMap<&str, (&Value, &Value)> {
    rows.iter().map(|(key, row)| (key.as_str(), (&row["status"], &row["revision"]))).collect()
}

/// Sends the events of sessions that start and end, and of one that stays open.
fn send_sessions(hook: &LineClient, sessions: std::ops::Range<usize>) {
    for index in sessions {
        let id = format!("session-{index}");
        let mut lines = event_line(&id, None, now(), prompt("go"));
        lines.extend(event_line(&id, None, now(), Event::SessionEnded { reason: EndReason::Exit }));
        lines.extend(event_line("stays", None, now(), prompt(&format!("prompt {index}"))));
        hook.send_bytes(&lines);
    }
}

#[test]
fn stalled_subscription_costs_nothing_and_catches_up() {
    /// Numbers of sessions with three events each: until the daemon has all the memory it needs, and then as many
    /// as a minute with a thousand events a second.
    const BEFORE: usize = 3000;
    const MINUTE: usize = 20_000;
    let world = world();
    let mut stalled = Subscription::new(world.start_daemon());
    let mut other = Subscription::new(world.connect());
    let hook = world.connect();
    let daemon = world.daemon();
    let mut slowest = Duration::ZERO;
    // The long form of the test sends the events within a minute, the short form as fast as it can.
    let pace = Duration::from_millis(if rounds(0) > 0 { 150 } else { 0 });
    let mut send_all = |sessions: std::ops::Range<usize>| {
        let mut due = Instant::now();
        for start in sessions.step_by(50) {
            due += pace;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            send_sessions(&hook, start..start + 50);
            let sent = Instant::now();
            let last = format!("prompt {}", start + 49);
            other.wait_for_row("stays", |row| row["prompt"] == *last);
            slowest = slowest.max(sent.elapsed());
        }
    };
    send_all(0..BEFORE);
    let before = memory_of(daemon);
    let started = Instant::now();
    send_all(BEFORE..BEFORE + MINUTE);
    let took = started.elapsed();
    let after = memory_of(daemon);
    note(&format!(
        "{} events in {took:?} with a stalled subscription: {before} kB, then {after} kB; \
         the other subscription was never later than {slowest:?}",
        3 * MINUTE
    ));
    assert!(after < before + 300, "the daemon grew from {before} kB to {after} kB");

    let all = world.connect().list();
    assert_eq!(all.len(), 51, "the open session and the closed sessions that the daemon keeps");
    let started = Instant::now();
    let mut changes = 0;
    while statuses_and_revisions(&stalled.rows) != statuses_and_revisions(&all) {
        stalled.receive();
        changes += 1;
    }
    note(&format!(
        "the stalled subscription caught up with {changes} changes in {:?}",
        started.elapsed()
    ));
    other.wait_for_rows(|rows| statuses_and_revisions(rows) == statuses_and_revisions(&all));
    // The subscription still gets changes.
    send_sessions(&hook, 100_000..100_001);
    stalled.wait_for_row("stays", |row| row["prompt"] == "prompt 100000");
}

#[test]
fn snapshot_and_changes_have_no_gap() {
    let world = world();
    let mut subscriptions = vec![Subscription::new(world.start_daemon())];
    let hook = world.connect();
    for index in 0..40 {
        send_sessions(&hook, index * 10..index * 10 + 5);
        // The client subscribes between other changes.
        subscriptions.push(Subscription::new(world.connect()));
        send_sessions(&hook, index * 10 + 5..index * 10 + 10);
    }
    for subscription in &mut subscriptions {
        subscription.wait_for_row("stays", |row| row["prompt"] == "prompt 399");
    }
    let all = world.connect().list();
    for subscription in &mut subscriptions {
        subscription
            .wait_for_rows(|rows| statuses_and_revisions(rows) == statuses_and_revisions(&all));
    }
}

/// Subscribes until the snapshot is complete. Returns the rows and the revision.
fn snapshot_with_revision(world: &World) -> (BTreeMap<String, Value>, Value) {
    let mut client = world.connect();
    client.send(json!({"type": "subscribe"}));
    assert_eq!(client.receive()["type"], "snapshot");
    let mut rows = BTreeMap::new();
    loop {
        let line = client.receive();
        if line["type"] == "synced" {
            return (rows, json!({"epoch": line["epoch"], "revision": line["revision"]}));
        }
        rows.insert(line["row"]["key"].as_str().unwrap().to_owned(), line["row"].clone());
    }
}

#[test]
fn subscription_resumes_or_gets_a_snapshot() {
    let world = world();
    let mut watching = Subscription::new(world.start_daemon());
    let hook = world.connect();
    send_sessions(&hook, 0..3);
    watching.wait_for_row("stays", |row| row["prompt"] == "prompt 2");
    let (mut rows, after) = snapshot_with_revision(&world);
    send_sessions(&hook, 3..60);
    watching.wait_for_row("stays", |row| row["prompt"] == "prompt 59");
    let mut client = world.connect();
    client.send(json!({"type": "subscribe", "after": after}));
    assert_eq!(client.receive()["type"], "resumed");
    loop {
        let line = client.receive();
        match line["type"].as_str().unwrap() {
            "row" | "change" => {
                rows.insert(line["row"]["key"].as_str().unwrap().to_owned(), line["row"].clone());
            }
            "removed" => {
                rows.remove(line["key"].as_str().unwrap());
            }
            _ => break,
        }
    }
    assert_eq!(statuses_and_revisions(&rows), statuses_and_revisions(&world.connect().list()));

    // The daemon sends a snapshot for an unknown epoch and for a revision that it has not reached.
    for after in [
        json!({"epoch": "another", "revision": after["revision"]}),
        json!({"epoch": after["epoch"], "revision": 1_000_000_000}),
    ] {
        let mut client = world.connect();
        client.send(json!({"type": "subscribe", "after": after}));
        assert_eq!(client.receive()["type"], "snapshot");
    }
    // The daemon forgets removals after this many.
    send_sessions(&hook, 60..500);
    watching.wait_for_row("stays", |row| row["prompt"] == "prompt 499");
    let mut client = world.connect();
    client.send(json!({"type": "subscribe", "after": after}));
    assert_eq!(client.receive()["type"], "snapshot");
}

#[test]
fn each_request_on_one_connection_gets_its_reply() {
    let world = world();
    let mut client = world.start_daemon();
    client.send_bytes(&event_line("s", None, now(), prompt("go")));
    // Each list and each subscription gets its own snapshot.
    client.send_bytes(&b"{\"type\":\"list\"}\n".repeat(5));
    client.send_bytes(b"{\"type\":\"subscribe\"}\n{\"type\":\"list\"}\n{\"type\":\"subscribe\"}\n");
    for _ in 0..8 {
        assert_eq!(client.snapshot().len(), 1);
    }
    // The subscription still gets changes.
    world.connect().send_bytes(&event_line("t", None, now(), prompt("go")));
    let change = client.receive();
    assert_eq!((&change["type"], &change["row"]["id"]), (&json!("change"), &json!("t")));
}

//! Views: a snapshot, every change after it, and nobody slowed down by one that does not read.

use crate::{memory_of, note, now, rounds, world};
use crewboard_core::{EndReason, Event};
use crewboard_testkit::{LineClient, View, World, event_line, prompt};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// What is the same in a notice and in `list`.
fn essence(rows: &BTreeMap<String, Value>) -> BTreeMap<&str, (&Value, &Value)> {
    rows.iter().map(|(key, row)| (key.as_str(), (&row["status"], &row["revision"]))).collect()
}

/// Sessions that come, speak and go, and one that stays.
fn churn(hook: &LineClient, sessions: std::ops::Range<usize>) {
    for index in sessions {
        let id = format!("session-{index}");
        let mut lines = event_line(&id, None, now(), prompt("go"));
        lines.extend(event_line(&id, None, now(), Event::SessionEnded { reason: EndReason::Exit }));
        lines.extend(event_line("stays", None, now(), prompt(&format!("prompt {index}"))));
        hook.send_bytes(&lines);
    }
}

#[test]
fn a_view_that_does_not_read_costs_nothing_and_misses_nothing() {
    /// Three events each: until the daemon has all the memory it needs, and then what a minute of a
    /// thousand events a second is.
    const BEFORE: usize = 3000;
    const MINUTE: usize = 20_000;
    let world = world();
    let mut stalled = View::new(world.start());
    let mut other = View::new(world.connect());
    let hook = world.connect();
    let daemon = world.daemon();
    let mut slowest = Duration::ZERO;
    // As fast as they go, or, in the long form, in that minute.
    let pace = Duration::from_millis(if rounds(0) > 0 { 150 } else { 0 });
    let mut play = |sessions: std::ops::Range<usize>| {
        let mut due = Instant::now();
        for start in sessions.step_by(50) {
            due += pace;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            churn(&hook, start..start + 50);
            let sent = Instant::now();
            let last = format!("prompt {}", start + 49);
            other.until_row("stays", |row| row["prompt"] == *last);
            slowest = slowest.max(sent.elapsed());
        }
    };
    play(0..BEFORE);
    let before = memory_of(daemon);
    let begun = Instant::now();
    play(BEFORE..BEFORE + MINUTE);
    let took = begun.elapsed();
    let after = memory_of(daemon);
    note(&format!(
        "{} events in {took:?} past a view that does not read: {before} kB, then {after} kB; \
         the other view was never later than {slowest:?}",
        3 * MINUTE
    ));
    assert!(after < before + 300, "the daemon grew from {before} kB to {after} kB");

    let all = world.connect().list();
    assert_eq!(all.len(), 51, "the one that stays and the closed ones that are kept");
    let begun = Instant::now();
    let mut notices = 0;
    while essence(&stalled.rows) != essence(&all) {
        stalled.notice();
        notices += 1;
    }
    note(&format!("it caught up with {notices} notices in {:?}", begun.elapsed()));
    other.until(|rows| essence(rows) == essence(&all));
    // And it goes on from there.
    churn(&hook, 100_000..100_001);
    stalled.until_row("stays", |row| row["prompt"] == "prompt 100000");
}

#[test]
fn a_snapshot_and_what_follows_have_no_gap() {
    let world = world();
    let mut views = vec![View::new(world.start())];
    let hook = world.connect();
    for index in 0..40 {
        churn(&hook, index * 10..index * 10 + 5);
        // It subscribes in the middle of the noise.
        views.push(View::new(world.connect()));
        churn(&hook, index * 10 + 5..index * 10 + 10);
    }
    for view in &mut views {
        view.until_row("stays", |row| row["prompt"] == "prompt 399");
    }
    let all = world.connect().list();
    for view in &mut views {
        view.until(|rows| essence(rows) == essence(&all));
    }
}

/// A subscription that ends at a known point, and the point.
fn followed(world: &World) -> (BTreeMap<String, Value>, Value) {
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
fn a_view_resumes_where_it_was_or_gets_a_snapshot() {
    let world = world();
    let mut watching = View::new(world.start());
    let hook = world.connect();
    churn(&hook, 0..3);
    watching.until_row("stays", |row| row["prompt"] == "prompt 2");
    let (mut rows, after) = followed(&world);
    churn(&hook, 3..60);
    watching.until_row("stays", |row| row["prompt"] == "prompt 59");
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
    assert_eq!(essence(&rows), essence(&world.connect().list()));

    // Another daemon's count, and one from the future: all anew.
    for after in [
        json!({"epoch": "another", "revision": after["revision"]}),
        json!({"epoch": after["epoch"], "revision": 1_000_000_000}),
    ] {
        let mut client = world.connect();
        client.send(json!({"type": "subscribe", "after": after}));
        assert_eq!(client.receive()["type"], "snapshot");
    }
    // So many removals later that they are no longer remembered.
    churn(&hook, 60..500);
    watching.until_row("stays", |row| row["prompt"] == "prompt 499");
    let mut client = world.connect();
    client.send(json!({"type": "subscribe", "after": after}));
    assert_eq!(client.receive()["type"], "snapshot");
}

#[test]
fn requests_on_one_connection_are_all_answered() {
    let world = world();
    let mut client = world.start();
    client.send_bytes(&event_line("s", None, now(), prompt("go")));
    // Lists before, between and after subscriptions: each is a snapshot of its own.
    client.send_bytes(&b"{\"type\":\"list\"}\n".repeat(5));
    client.send_bytes(b"{\"type\":\"subscribe\"}\n{\"type\":\"list\"}\n{\"type\":\"subscribe\"}\n");
    for _ in 0..8 {
        assert_eq!(client.snapshot().len(), 1);
    }
    // And the subscription goes on.
    world.connect().send_bytes(&event_line("t", None, now(), prompt("go")));
    let notice = client.receive();
    assert_eq!((&notice["type"], &notice["row"]["id"]), (&json!("change"), &json!("t")));
}

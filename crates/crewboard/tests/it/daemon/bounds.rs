//! Clients that exceed the bounds of the daemon.

use crate::support::{memory_of, note, now, processor_time, world};
use crewboard_core::{AgentName, Process, Report};
use crewboard_protocol::{EventLine, Request};
use crewboard_testkit::{LineClient, Subscription, event_line, prompt, wait_until};
use serde_json::json;
use std::io::{ErrorKind, Write};

/// Returns an event line of `agent` in `process`.
fn event_of(agent: &str, process: Process) -> Vec<u8> {
    let report = Report {
        agent: AgentName::new(agent),
        process: Some(process),
        ..Report::new("any", "s", "hook:Test", now(), prompt("go"))
    };
    let hook_pid = std::process::id();
    Request::Event(EventLine { hook_pid, report: Box::new(report) }).encode()
}

#[test]
fn process_with_many_agent_names_makes_few_rows() {
    let world = world();
    let mut client = world.start_daemon();
    let process = crewboard_platform::find_process(std::process::id()).unwrap();
    let before = processor_time(world.daemon());
    for number in 0..400 {
        client.send_bytes(&event_of(&format!("agent{number}"), process));
    }
    client.wait_for_events(400);
    assert_eq!(client.list().len(), 8);
    // Without a bound, these events took several seconds and each look a tenth of a second.
    client.send_bytes(&b"{\"type\":\"look\"}\n".repeat(1000));
    client.hello();
    let used = processor_time(world.daemon()) - before;
    assert!(used < 100, "{used} hundredths of a second");
}

/// Writes until the socket is full or all is written. Returns the number of bytes written.
fn write_until_full(client: &LineClient, bytes: &[u8]) -> usize {
    client.stream().set_nonblocking(true).unwrap();
    let mut written = 0;
    while written < bytes.len() {
        match client.stream().write(&bytes[written..]) {
            Ok(count) => written += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => panic!("connection closed after {written} bytes: {error}"),
        }
    }
    client.stream().set_nonblocking(false).unwrap();
    written
}

#[test]
fn half_lines_of_many_clients_take_little_memory() {
    let world = world();
    let mut other = world.start_daemon();
    let daemon = world.daemon();
    let before = memory_of(daemon);
    let line = vec![b' '; 250_000];
    let clients: Vec<LineClient> = (0..200).map(|_| world.connect()).collect();
    for client in &clients {
        // A client that has sent a request may stay silent without a time limit.
        client.send_bytes(b"{\"type\":\"look\"}\n");
    }
    let mut written = vec![0; clients.len()];
    for _ in 0..5 {
        for (client, written) in clients.iter().zip(&mut written) {
            *written += write_until_full(client, &line[*written..]);
        }
        other.hello();
    }
    let held = memory_of(daemon);
    assert!(held < before + 20_000, "{before} kB, then {held} kB");
    // The daemon reads a short line at once, and a long line in its turn.
    let mut subscription = Subscription::new(world.connect());
    world.connect().send_bytes(&event_line("s", None, now(), prompt("go")));
    subscription.wait_for_row("s", |row| row["status"] == "working");
    drop(clients);
    world.connect().send_bytes(&event_line("long", None, now(), prompt(&"x".repeat(200_000))));
    subscription.wait_for_row("long", |row| row["status"] == "working");
    let after = memory_of(daemon);
    note(&format!("200 half lines: {before} kB before, {held} kB while held, {after} kB after"));
    assert!(after < before + 20_000, "{before} kB, then {after} kB");
}

#[test]
fn waits_of_many_clients_take_little_memory() {
    let world = world();
    let mut other = world.start_daemon();
    let daemon = world.daemon();
    let before = memory_of(daemon);
    let keys: Vec<String> = (0..2000).map(|number| format!("row{number}")).collect();
    let wait = json!({
        "type": "wait", "goal": {"statuses": ["done"]}, "scope": "all", "rows": keys, "missing_may_return": true,
    });
    let mut clients: Vec<LineClient> = (0..6).map(|_| world.connect()).collect();
    for client in &clients {
        (0..32).for_each(|_| client.send(wait.clone()));
    }
    for client in &mut clients {
        client.send(json!({"type": "explain", "row": "none"}));
        let mut reply = client.receive();
        while reply["code"] == "busy" {
            reply = client.receive();
        }
        assert_eq!(reply["code"], "not_found", "{reply}");
    }
    assert_eq!(other.hello()["waits"], 20);
    let held = memory_of(daemon);
    assert!(held < before + 20_000, "{before} kB, then {held} kB");
    drop(clients);
    wait_until("the waits end", || other.hello()["waits"] == 0);
}

#[test]
fn subscription_is_served_among_too_many_silent_clients() {
    let world = world();
    let mut early = world.start_daemon();
    early.hello();
    // These exceed the connection limit, so the daemon closes some that have not sent a request.
    let mut silent = Vec::new();
    for _ in 0..1500 {
        silent.push(world.connect());
    }
    let mut subscription = Subscription::new(world.connect());
    world.connect().send_bytes(&event_line("s", None, now(), prompt("go")));
    subscription.wait_for_row("s", |row| row["status"] == "working");
    assert_eq!(early.list().len(), 1, "a client that has sent a request stays connected");
    let is_over = |client: &LineClient| {
        client.stream().set_nonblocking(true).unwrap();
        let ended = rustix::net::recv(client.stream(), &mut [0], rustix::net::RecvFlags::PEEK);
        matches!(ended, Ok((_, 0)))
    };
    wait_until("the daemon closes the oldest silent connections", || {
        silent.iter().filter(|client| is_over(client)).count() >= 1500 - 1024
    });
    assert!(!is_over(&silent[1499]), "the newest connection stays open");
}

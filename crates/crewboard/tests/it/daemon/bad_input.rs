//! Invalid and excessive input on the socket.

use crate::support::{memory_of, note, now, world};
use crewboard_testkit::{LineClient, Subscription, event_line, prompt, wait_until};
use serde_json::json;
use std::io::{ErrorKind, Write};
use std::time::Instant;

#[test]
fn invalid_request_gets_an_error_and_changes_nothing() {
    let world = world();
    let mut client = world.start_daemon();
    for (line, code) in [
        (&b"garbage"[..], "bad_request"),
        (b"{}", "bad_request"),
        (b"[]", "bad_request"),
        (b"[\"list\"]", "bad_request"),
        (b"\xff\xfe\xfd", "bad_request"),
        (b"{\"type\":\"\xff\"}", "bad_request"),
        (b"{\"type\":\"dance\"}", "unknown_request"),
        (b"{\"type\":\"list\",\"protocol\":99}", "unsupported_version"),
        (b"{\"type\":\"explain\",\"row\":\"none\"}", "not_found"),
        (b"{\"type\":\"explain\"}", "bad_request"),
        (b"{\"type\":\"event\"}", "bad_request"),
        (b"{\"type\":\"event\",\"report\":{}}", "bad_request"),
        (b"{\"type\":\"restore\",\"row\":7}", "bad_request"),
        (b"{\"type\":\"subscribe\",\"after\":7}", "bad_request"),
        (b"\0\0\0\0", "bad_request"),
    ] {
        client.send_bytes(line);
        client.send_bytes(b"\n");
        let reply = client.receive();
        assert_eq!(reply["type"], "error", "{reply}");
        assert_eq!(reply["code"], code, "{reply}");
        assert!(reply["message"].as_str().is_some_and(|message| message.len() > 10), "{reply}");
    }
    // Empty lines and lines that end in `\r\n` are valid.
    client.send_bytes(b"\n\r\n\n{\"type\":\"hello\"}\r\n");
    let hello = client.receive();
    assert_eq!((&hello["rows"], &hello["events"]), (&json!(0), &json!(0)));
}

#[test]
fn endless_line_is_cut_off_and_its_memory_freed() {
    let world = world();
    let mut other = world.start_daemon();
    let daemon = world.daemon();
    let before = memory_of(daemon);
    for _ in 0..3 {
        let mut client = world.connect();
        let line = vec![b'x'; 10 << 20];
        let cut = client.stream().write_all(&line).unwrap_err();
        assert!(matches!(cut.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset), "{cut}");
        assert_eq!(client.receive()["code"], "too_long");
        assert_eq!(client.next_line(), None);
        other.hello();
    }
    wait_until("the daemon frees the memory", || memory_of(daemon) < before + 1500);
    note(&format!("three lines of 10 MB: from {before} kB to {} kB", memory_of(daemon)));
}

#[test]
fn thousand_silent_connections_do_not_delay_other_clients() {
    let world = world();
    let mut other = world.start_daemon();
    let daemon = world.daemon();
    let before = memory_of(daemon);
    let descriptors = || std::fs::read_dir(format!("/proc/{daemon}/fd")).unwrap().count();
    let mut after = Vec::new();
    for round in 0..3 {
        let held: Vec<LineClient> = (0..1000).map(|_| world.connect()).collect();
        for client in held.iter().take(200) {
            client.send_bytes(b"{\"type\":\"li");
        }
        let started = Instant::now();
        let id = format!("session-{round}");
        let mut subscription = Subscription::new(world.connect());
        world.connect().send_bytes(&event_line(&id, None, now(), prompt("go")));
        subscription.wait_for_row(&id, |row| row["status"] == "working");
        assert_eq!(other.list().len(), round + 1);
        note(&format!("served among a thousand in {:?}", started.elapsed()));
        drop((held, subscription));
        wait_until("their descriptors are closed", || descriptors() < 40);
        after.push(memory_of(daemon));
    }
    // The allocator may keep the memory of the first round, and then reuses it for the next rounds.
    note(&format!("memory: {before} kB, then after each thousand {after:?} kB"));
    assert!(after[0] < before + 8000 && after[2] < after[0] + 300, "{before} kB, {after:?} kB");
}

/// Sends `request` until the daemon stops reading because too many replies are unread. Returns how many requests
/// were sent whole, and the rest of the last one.
fn flood(client: &LineClient, request: &[u8], most: usize) -> (usize, Vec<u8>) {
    client.stream().set_nonblocking(true).unwrap();
    let (mut sent, mut rest) = (0, Vec::new());
    while sent < most && rest.is_empty() {
        match client.stream().write(request) {
            Ok(count) if count == request.len() => sent += 1,
            Ok(count) => rest = request[count..].to_vec(),
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => panic!("connection closed after {sent}: {error}"),
        }
    }
    client.stream().set_nonblocking(false).unwrap();
    (sent, rest)
}

#[test]
fn unread_replies_hold_back_further_requests() {
    let world = world();
    let mut other = world.start_daemon();
    let daemon = world.daemon();
    for index in 0..200 {
        other.send_bytes(&event_line(&format!("s{index}"), None, now(), prompt("go")));
    }
    other.hello();
    let before = memory_of(daemon);
    for (kind, replies_end) in [("hello", "hello"), ("list", "synced"), ("subscribe", "synced")] {
        let mut client = world.connect();
        let request = format!("{{\"type\":\"{kind}\"}}\n").into_bytes();
        // Repeat until the daemon reads no more although it had time to do so.
        let mut sent = 0;
        let mut rest = Vec::new();
        for _ in 0..50 {
            let (more, left) = flood(&client, &request, 100_000 - sent);
            sent += more;
            rest = left;
            other.hello();
            if !rest.is_empty() {
                break;
            }
        }
        assert!(sent < 100_000, "{kind}: the daemon read all requests");
        let during = memory_of(daemon);
        assert!(during < before + 6000, "{kind}: {before} kB to {during} kB");
        note(&format!("{sent} times {kind}: {before} kB, {during} kB while unread"));
        // The daemon answers every request once the client reads again.
        let (mut whole, mut last) = (sent, Vec::new());
        if !rest.is_empty() {
            whole += 1;
            last = rest;
        }
        let writer = client.stream().try_clone().unwrap();
        let sender = std::thread::spawn(move || (&writer).write_all(&last));
        let mut ends = 0;
        // Lists are long, so the test reads only more of them than a connection may have outstanding.
        let wanted = if kind == "hello" { whole } else { whole.min(100) };
        while ends < wanted {
            ends += usize::from(client.receive()["type"] == replies_end);
        }
        drop(client);
        let _ = sender.join().unwrap();
    }
    wait_until("the daemon frees the memory", || memory_of(daemon) < before + 3000);
    assert_eq!(other.list().len(), 200);
}

#[test]
fn requests_sent_at_once_are_answered_in_order() {
    let world = world();
    let mut client = world.start_daemon();
    let mut lines = Vec::new();
    for index in 0..500 {
        lines.extend(format!("{{\"type\":\"explain\",\"row\":\"r{index}\"}}\n").into_bytes());
    }
    lines.extend(b"{\"type\":\"hello\"}");
    client.send_bytes(&lines);
    client.half_close();
    for index in 0..500 {
        assert_eq!(client.receive()["message"], format!("there is no row r{index}"));
    }
    assert_eq!(client.receive()["type"], "hello", "the last line needs no end");
    assert_eq!(client.next_line(), None);
}

#[test]
fn half_closed_client_still_gets_its_reply() {
    let world = world();
    world.start_daemon();
    let hook = world.connect();
    hook.send_bytes(&event_line("s", None, now(), prompt("go")));
    let mut asking = world.connect();
    asking.wait_for_events(1);
    let wait = json!({"type": "wait", "goal": {"statuses": ["closed"]}, "scope": "any"});
    let mut waiter = world.connect();
    waiter.send(wait.clone());
    waiter.half_close();
    // The daemon forgets a wait whose client closed the connection.
    let leaver = world.connect();
    leaver.send(wait);
    leaver.half_close();
    drop(leaver);
    asking.hello();
    let end = crewboard_core::Event::SessionEnded { reason: crewboard_core::EndReason::Exit };
    hook.send_bytes(&event_line("s", None, now(), end));
    let reply = waiter.receive();
    assert_eq!((&reply["type"], &reply["outcome"]), (&json!("waited"), &json!("reached")));
    assert_eq!(waiter.next_line(), None);
}

//! A program file that is missing during an update, and a daemon of another version.

use crate::support::{PROGRAM, RunningCommand, serve_replies, world};
use crewboard_testkit::{World, wait_for_output, wait_until};
use serde_json::{Value, json};
use std::fs;
use std::time::Instant;

#[test]
fn clients_survive_while_the_program_file_is_missing() {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let [program, away] = ["crewboard", "away"].map(|name| directory.path().join(name));
    fs::hard_link(PROGRAM, &program).unwrap();
    let world = World::new(&program);
    assert!(world.report("s", "working").status.success());
    let mut watch = RunningCommand::start(&world, &["watch", "--json"]);
    let mut counts = RunningCommand::start(&world, &["counts", "--follow", "--format", "json"]);
    let mut wait = RunningCommand::start(&world, &["wait", "s", "--until", "done"]);
    watch.wait_for_text("\"working\"");
    counts.wait_for_text("\"working\":1");
    wait_until("the command waits", || world.connect().hello()["waits"] == 1);

    fs::rename(&program, &away).unwrap();
    world.kill_daemon();
    watch.wait_for_error("retrying");
    wait.wait_for_error("retrying");
    fs::rename(&away, &program).unwrap();

    wait_until("the clients are back", || {
        world.try_connect().is_some_and(|mut client| client.hello()["waits"] == 1)
    });
    assert!(world.report("s", "done").status.success());
    watch.wait_for_text("\"done\"");
    counts.wait_for_text("\"done\":1");
    let mut code = None;
    wait_until("the wait ends", || {
        code = wait.child.try_wait().unwrap().map(|status| status.code());
        code.is_some()
    });
    assert_eq!(code, Some(Some(0)));
}

/// Returns the replies of a daemon of `version` without sessions.
fn replies_of(version: &str, kind: &str) -> Vec<Value> {
    match kind {
        "hello" => vec![json!({"type": "hello", "protocol": 1, "version": version, "pid": 1,
            "epoch": "e", "started": 1, "rows": 0, "subscribers": 0, "events": 0, "dropped": 0,
            "sockets": []})],
        "list" | "subscribe" => vec![
            json!({"type": "snapshot", "epoch": "e", "revision": 1}),
            json!({"type": "synced", "epoch": "e", "revision": 1}),
        ],
        _ => Vec::new(),
    }
}

#[test]
fn daemon_of_another_version_is_named_with_a_remedy() {
    let own = env!("CARGO_PKG_VERSION");
    for (version, expected) in [
        (
            "0.0.1",
            format!(
                "the daemon is out of date: expected {own}, got 0.0.1; run `crewboard daemon restart`"
            ),
        ),
        ("99.0.0", format!("the daemon is newer than this program: expected {own}, got 99.0.0")),
        (own, String::new()),
    ] {
        let world = world();
        serve_replies(&world, move |kind| replies_of(version, kind));
        for words in [
            &["list"][..],
            &["list", "--json"],
            &["daemon", "status"],
            &["daemon", "status", "--json"],
        ] {
            let started = Instant::now();
            let output = wait_for_output(world.command(words).spawn().unwrap(), started);
            assert!(output.status.success(), "{output:?}");
            assert!(output.stderr.contains(&expected), "{words:?} {output:?}");
            let names_a_version = output.stderr.contains("expected");
            assert_eq!(names_a_version, !expected.is_empty(), "{words:?} {output:?}");
        }
        if !expected.is_empty() {
            let mut watch = RunningCommand::start(&world, &["watch"]);
            watch.wait_for_error(&expected);
        }
    }
}

/// A hook does not read the reply, so the daemon counts events that it does not understand.
#[test]
fn event_of_a_newer_version_is_applied_in_part_or_counted() {
    let world = world();
    let mut client = world.start_daemon();
    let event = |protocol: u32, session: &str, event: Value| {
        json!({"type": "event", "protocol": protocol, "hook_pid": std::process::id(),
            "report": {"agent": "claude", "session": session, "source": "hook:New",
                "stamp": {"boot": 1, "micros": 2}, "cwd": "/srv/shop", "event": event}})
    };
    let paused = json!({"kind": "status_reported", "status": "paused"});
    client.send(event(2, "newer", json!({"kind": "prompt_submitted", "prompt": "go"})));
    assert_eq!(client.hello().get("dropped_by_reason"), None);
    client.send(event(2, "partly", paused.clone()));
    assert_eq!(client.hello()["dropped_by_reason"], json!({"not_understood": 1}));
    let refused = client.request(event(1, "unheard", paused));
    assert_eq!(refused["code"], "bad_request");
    assert_eq!(client.request(json!({"type": "event_of_tomorrow"}))["code"], "unknown_request");
    assert_eq!(client.hello()["dropped_by_reason"], json!({"refused": 1, "not_understood": 2}));
    let mut ids: Vec<Value> = client.list().into_values().map(|row| row["id"].clone()).collect();
    ids.sort_by_key(ToString::to_string);
    assert_eq!(ids, ["newer", "partly"]);
    let output = world.run(["daemon", "status"]).stdout;
    assert!(output.contains("2 dropped: event not understood"), "{output}");
    assert!(output.contains("1 dropped: event refused"), "{output}");
    assert!(output.contains("because: unknown request"), "{output}");
    assert!(output.contains("`crewboard daemon restart`"), "{output}");
}

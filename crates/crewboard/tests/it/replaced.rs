//! The program file is replaced: it is missing for a moment, and a daemon of another version goes on.

use crate::commands::report;
use crate::world;
use crewboard_testkit::{World, eventually, outcome};
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::os::unix::net::UnixListener;
use std::process::{Child, ChildStderr, ChildStdout};
use std::thread;
use std::time::Instant;

struct View {
    child: Child,
    stdout: BufReader<ChildStdout>,
    stderr: BufReader<ChildStderr>,
}

impl View {
    fn start(world: &World, words: &[&str]) -> Self {
        let mut child = world.command(words).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Self { child, stdout, stderr }
    }
}

impl Drop for View {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads lines until one has `text`.
#[track_caller]
fn read_until(reader: &mut BufReader<impl Read>, text: &str) {
    let mut all = String::new();
    while !all.contains(text) {
        let read = reader.read_line(&mut all).unwrap();
        assert_ne!(read, 0, "it ended without {text:?}: {all}");
    }
}

#[test]
fn views_outlive_the_moment_in_which_the_program_is_missing() {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let [program, away] = ["crewboard", "away"].map(|name| directory.path().join(name));
    fs::hard_link(env!("CARGO_BIN_EXE_crewboard"), &program).unwrap();
    let world = World::new(&program);
    assert!(report(&world, "s", "working").status.success());
    let mut watch = View::start(&world, &["watch", "--json"]);
    let mut counts = View::start(&world, &["counts", "--follow", "--format", "json"]);
    let mut wait = View::start(&world, &["wait", "s", "--until", "done"]);
    read_until(&mut watch.stdout, "\"working\"");
    read_until(&mut counts.stdout, "\"working\":1");
    eventually("it waits", || world.connect().hello()["waits"] == 1);

    fs::rename(&program, &away).unwrap();
    world.kill_daemon();
    read_until(&mut watch.stderr, "trying again");
    read_until(&mut wait.stderr, "trying again");
    fs::rename(&away, &program).unwrap();

    eventually("they are back", || {
        world.try_connect().is_some_and(|mut client| client.hello()["waits"] == 1)
    });
    assert!(report(&world, "s", "done").status.success());
    read_until(&mut watch.stdout, "\"done\"");
    read_until(&mut counts.stdout, "\"done\":1");
    let begun = Instant::now();
    let View { child, .. } = &mut wait;
    let code = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status.code();
        }
        assert!(begun.elapsed() < crewboard_testkit::PATIENCE, "it still waits");
        thread::yield_now();
    };
    assert_eq!(code, Some(0));
}

/// Answers as a daemon of `version` does that has no session.
fn serve(world: &World, version: &'static str) {
    let listener = UnixListener::bind(world.socket()).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || -> Option<()> {
                for line in BufReader::new(&stream).lines() {
                    let request: Value = serde_json::from_str(&line.ok()?).ok()?;
                    let replies = match request["type"].as_str()? {
                        "hello" => vec![json!({"type": "hello", "protocol": 1, "version": version,
                            "pid": 1, "epoch": "e", "started": 1, "rows": 0, "subscribers": 0,
                            "events": 0, "dropped": 0, "sockets": []})],
                        "list" | "subscribe" => vec![
                            json!({"type": "snapshot", "epoch": "e", "revision": 1}),
                            json!({"type": "synced", "epoch": "e", "revision": 1}),
                        ],
                        _ => Vec::new(),
                    };
                    for reply in replies {
                        writeln!(&stream, "{reply}").ok()?;
                    }
                }
                None
            });
        }
    });
}

#[test]
fn a_daemon_of_another_version_is_named_with_what_to_do() {
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
        serve(&world, version);
        for words in [
            &["list"][..],
            &["list", "--json"],
            &["daemon", "status"],
            &["daemon", "status", "--json"],
        ] {
            let begun = Instant::now();
            let said = outcome(world.command(words).spawn().unwrap(), begun);
            assert!(said.status.success(), "{said:?}");
            assert!(said.stderr.contains(&expected), "{words:?} {said:?}");
            assert_eq!(said.stderr.is_empty(), expected.is_empty(), "{words:?} {said:?}");
        }
        if !expected.is_empty() {
            let mut watch = View::start(&world, &["watch"]);
            read_until(&mut watch.stderr, &expected);
        }
    }
}

/// A hook does not hear that its event was refused, so the daemon counts what it does not understand.
#[test]
fn an_event_that_an_older_daemon_does_not_understand_is_taken_in_part_or_counted() {
    let world = world();
    let mut client = world.start();
    let event = |protocol: u32, session: &str, event: Value| {
        json!({"type": "event", "protocol": protocol, "hook_pid": std::process::id(),
            "report": {"agent": "claude", "session": session, "source": "hook:New",
                "stamp": {"boot": 1, "micros": 2}, "cwd": "/srv/shop", "event": event}})
    };
    let paused = json!({"kind": "status_reported", "status": "paused"});
    client.send(event(2, "newer", json!({"kind": "prompt_submitted", "prompt": "go"})));
    assert_eq!(client.hello().get("lost"), None);
    client.send(event(2, "partly", paused.clone()));
    assert_eq!(client.hello()["lost"], json!({"not_understood": 1}));
    let refused = client.ask(event(1, "unheard", paused));
    assert_eq!(refused["code"], "bad_request");
    assert_eq!(client.ask(json!({"type": "event_of_tomorrow"}))["code"], "unknown_request");
    assert_eq!(client.hello()["lost"], json!({"refused": 1, "not_understood": 2}));
    let mut ids: Vec<Value> = client.list().into_values().map(|row| row["id"].clone()).collect();
    ids.sort_by_key(ToString::to_string);
    assert_eq!(ids, ["newer", "partly"]);
    let said = world.say(["daemon", "status"]).stdout;
    assert!(said.contains("2 lost: event not understood"), "{said}");
    assert!(said.contains("1 lost: event refused"), "{said}");
    assert!(said.contains("because: unknown request"), "{said}");
    assert!(said.contains("`crewboard daemon restart`"), "{said}");
}

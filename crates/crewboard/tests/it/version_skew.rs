//! A program file that is missing during an update, and a daemon of another version.

use crate::world;
use crewboard_testkit::{World, wait_for_output, wait_until};
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::os::unix::net::UnixListener;
use std::process::{Child, ChildStderr, ChildStdout};
use std::thread;
use std::time::Instant;

struct RunningClient {
    child: Child,
    stdout: BufReader<ChildStdout>,
    stderr: BufReader<ChildStderr>,
}

impl RunningClient {
    fn start(world: &World, words: &[&str]) -> Self {
        let mut child = world.command(words).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Self { child, stdout, stderr }
    }
}

impl Drop for RunningClient {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads lines until one contains `text`.
#[track_caller]
fn read_until(reader: &mut BufReader<impl Read>, text: &str) {
    let mut all = String::new();
    while !all.contains(text) {
        let read = reader.read_line(&mut all).unwrap();
        assert_ne!(read, 0, "it ended without {text:?}: {all}");
    }
}

#[test]
fn clients_survive_while_the_program_file_is_missing() {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let [program, away] = ["crewboard", "away"].map(|name| directory.path().join(name));
    fs::hard_link(env!("CARGO_BIN_EXE_crewboard"), &program).unwrap();
    let world = World::new(&program);
    assert!(world.report("s", "working").status.success());
    let mut watch = RunningClient::start(&world, &["watch", "--json"]);
    let mut counts = RunningClient::start(&world, &["counts", "--follow", "--format", "json"]);
    let mut wait = RunningClient::start(&world, &["wait", "s", "--until", "done"]);
    read_until(&mut watch.stdout, "\"working\"");
    read_until(&mut counts.stdout, "\"working\":1");
    wait_until("it waits", || world.connect().hello()["waits"] == 1);

    fs::rename(&program, &away).unwrap();
    world.kill_daemon();
    read_until(&mut watch.stderr, "retrying");
    read_until(&mut wait.stderr, "retrying");
    fs::rename(&away, &program).unwrap();

    wait_until("they are back", || {
        world.try_connect().is_some_and(|mut client| client.hello()["waits"] == 1)
    });
    assert!(world.report("s", "done").status.success());
    read_until(&mut watch.stdout, "\"done\"");
    read_until(&mut counts.stdout, "\"done\":1");
    let started = Instant::now();
    let RunningClient { child, .. } = &mut wait;
    let code = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status.code();
        }
        assert!(started.elapsed() < crewboard_testkit::TIMEOUT, "it still waits");
        thread::yield_now();
    };
    assert_eq!(code, Some(0));
}

/// Listens as a daemon of `version` without sessions.
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
        serve(&world, version);
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
            assert_eq!(output.stderr.is_empty(), expected.is_empty(), "{words:?} {output:?}");
        }
        if !expected.is_empty() {
            let mut watch = RunningClient::start(&world, &["watch"]);
            read_until(&mut watch.stderr, &expected);
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
    assert_eq!(client.hello().get("lost"), None);
    client.send(event(2, "partly", paused.clone()));
    assert_eq!(client.hello()["lost"], json!({"not_understood": 1}));
    let refused = client.request(event(1, "unheard", paused));
    assert_eq!(refused["code"], "bad_request");
    assert_eq!(client.request(json!({"type": "event_of_tomorrow"}))["code"], "unknown_request");
    assert_eq!(client.hello()["lost"], json!({"refused": 1, "not_understood": 2}));
    let mut ids: Vec<Value> = client.list().into_values().map(|row| row["id"].clone()).collect();
    ids.sort_by_key(ToString::to_string);
    assert_eq!(ids, ["newer", "partly"]);
    let output = world.run(["daemon", "status"]).stdout;
    assert!(output.contains("2 dropped: event not understood"), "{output}");
    assert!(output.contains("1 dropped: event refused"), "{output}");
    assert!(output.contains("because: unknown request"), "{output}");
    assert!(output.contains("`crewboard daemon restart`"), "{output}");
}

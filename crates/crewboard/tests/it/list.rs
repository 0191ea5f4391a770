//! `crewboard list`.

use crate::support::{payload, prompt_payload, world};
use crewboard_testkit::{FakeAgent, process_state, signal, wait_for_output, wait_until};
use rustix::process::Signal;
use serde_json::json;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

#[test]
fn list_gets_its_reply_after_it_was_suspended() {
    let world = world();
    world.start_daemon();
    let daemon = world.daemon();
    signal(daemon, Signal::STOP);
    let started = Instant::now();
    let list = world.command(["list", "--json"]).spawn().unwrap();
    let state = || process_state(list.id());
    let connected = || {
        let links = fs::read_dir(format!("/proc/{}/fd", list.id())).into_iter().flatten().flatten();
        links
            .filter_map(|link| fs::read_link(link.path()).ok())
            .any(|target| target.to_string_lossy().starts_with("socket:"))
    };
    for _ in 0..10 {
        wait_until("the command waits", || connected() && state() == Some('S'));
        signal(list.id(), Signal::STOP);
        wait_until("the command is stopped", || state() == Some('T'));
        signal(list.id(), Signal::CONT);
    }
    signal(daemon, Signal::CONT);
    assert_eq!(wait_for_output(list, started).json(), json!([]));
}

#[test]
fn list_asks_again_when_the_daemon_closes_the_connection() {
    let world = world();
    let connections = Arc::new(AtomicUsize::new(0));
    let listener = UnixListener::bind(world.socket()).unwrap();
    let counter = Arc::clone(&connections);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let number = counter.fetch_add(1, Ordering::SeqCst);
            for line in BufReader::new(&stream).lines().map_while(Result::ok) {
                // The first connection ends within a reply, as when its daemon is killed.
                let replies: &[&str] = match (line.contains("hello"), number) {
                    (true, _) => &[r#"{"type":"stopping"}"#],
                    (false, 0) => &[r#"{"type":"snapshot","epoch":"1","revision":1}"#],
                    (false, _) => &[
                        r#"{"type":"snapshot","epoch":"2","revision":1}"#,
                        r#"{"type":"synced","epoch":"2","revision":1}"#,
                    ],
                };
                for reply in replies {
                    writeln!(&stream, "{reply}").unwrap();
                }
                if number == 0 && !line.contains("hello") {
                    break;
                }
            }
        }
    });
    assert_eq!(world.run(["list", "--json"]).json(), json!([]));
    assert_eq!(connections.load(Ordering::SeqCst), 2);
}

#[test]
fn list_prints_each_session_with_its_prompt() {
    let world = world();
    let output = world.run(["list"]);
    assert_eq!((output.code(), output.stdout.as_str()), (Some(0), ""), "a line for each session");
    assert!(output.stderr.starts_with("No sessions"), "{output:?}");
    assert_eq!(world.run(["list", "--json"]).json(), json!([]));

    let agent = FakeAgent::new();
    world.run_hook(&agent, &prompt_payload("one", "go"));
    let ask = json!({"tool_name": "Bash", "tool_input": {"command": "rm -rf target"}});
    world.run_hook(&agent, &payload("PermissionRequest", "one", &ask));
    let row = &world.list()[0];
    assert_eq!((&row["id"], &row["status"]), (&json!("one"), &json!("permission")));
    assert_eq!(row["request"]["text"], "rm -rf target");
    assert_eq!((&row["pid"], &row["name"]), (&json!(agent.pid()), &json!("shop")));
    for words in [["list", "-j"].as_slice(), &["list", "--format", "json"]] {
        assert_eq!(world.run(words).json()[0]["id"], "one", "{words:?}");
    }
    let printed = world.run(["list"]).stdout;
    assert!(printed.contains("permission") && printed.contains("rm -rf target"), "{printed}");
}

#[test]
fn forget_removes_a_closed_session_only() {
    let world = world();
    let agent = FakeAgent::new();
    world.run_hook(&agent, &prompt_payload("one", "go"));
    let open = world.run(["forget", "shop"]);
    assert_eq!(open.code(), Some(1), "{open:?}");
    assert!(open.stderr.contains("only a closed session can be forgotten"), "{open:?}");
    world
        .run_hook(&agent, &payload("SessionEnd", "one", &json!({ "reason": "prompt_input_exit" })));
    wait_until("the session closes", || world.list()[0]["status"] == "closed");
    assert_eq!(world.run(["forget", "shop"]).code(), Some(0));
    assert_eq!(world.run(["list", "--json"]).json(), json!([]));
    assert_eq!(world.run(["forget", "shop"]).code(), Some(1), "it is gone");
}

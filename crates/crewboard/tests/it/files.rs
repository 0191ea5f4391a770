//! The daemon writes its socket, its locks and its log, and nothing else.

use crate::{payload, prompt_payload, world};
use crewboard_testkit::{FakeAgent, names_in};
use serde_json::json;
use std::fs;
use std::os::unix::fs::MetadataExt;

#[test]
fn nothing_is_written_but_socket_locks_and_a_log_without_words_of_an_agent() {
    let mut world = world();
    // No notifier: notify-send makes a cache of its own in the home.
    world.set("PATH", "/nowhere");
    let mut agent = FakeAgent::new();
    let secret = "sekrit-words";
    world.hook(&agent, &prompt_payload("s", secret));
    let ask = json!({"tool_name": "Bash", "tool_input": {"command": secret}});
    world.hook(&agent, &payload("PermissionRequest", "s", &ask));
    let mut client = world.connect();
    client.send_bytes(b"sekrit-words\n{\"type\":\"sekrit-words\"}\n");
    assert_eq!(client.receive()["code"], "bad_request");
    assert_eq!(client.receive()["code"], "unknown_request");
    client.await_events(2);
    agent.kill();
    assert_eq!(world.run_files(), ["s", "s.lock", "s.log", "s.start"]);
    for name in world.run_files() {
        let mode = fs::symlink_metadata(world.run().join(&name)).unwrap().mode() & 0o777;
        assert_eq!(mode, 0o600, "{name}");
    }
    assert_eq!(names_in(world.path()), ["home", "run"]);
    assert!(names_in(&world.home()).is_empty());
    assert_eq!(client.ask(json!({"type": "stop"}))["type"], "stopping");
    assert_eq!(client.next_line(), None);
    assert_eq!(world.run_files(), ["s.lock", "s.log", "s.start"]);
    let log = world.log();
    assert!(log.contains("listens on") && log.contains("; served "), "{log}");
    assert!(!log.contains("sekrit"), "{log}");
    // Locks hold a byte for each event that was lost, and nothing else.
    assert_eq!(fs::read(world.run().join("s.lock")).unwrap(), b"");
    assert_eq!(fs::read(world.run().join("s.start")).unwrap(), b"");
}

//! Files that the daemon writes.

use crate::support::{payload, prompt_payload, world};
use crewboard_testkit::{FakeAgent, file_names};
use serde_json::json;
use std::fs;
use std::os::unix::fs::MetadataExt;

#[test]
fn daemon_writes_only_its_socket_locks_and_log() {
    let mut world = world();
    // notify-send would write a cache into the home, so there is no notifier.
    world.set("PATH", "/nowhere");
    let mut agent = FakeAgent::new();
    let secret = "sekrit-words";
    world.run_hook(&agent, &prompt_payload("s", secret));
    let ask = json!({"tool_name": "Bash", "tool_input": {"command": secret}});
    world.run_hook(&agent, &payload("PermissionRequest", "s", &ask));
    let mut client = world.connect();
    client.send_bytes(b"sekrit-words\n{\"type\":\"sekrit-words\"}\n");
    assert_eq!(client.receive()["code"], "bad_request");
    assert_eq!(client.receive()["code"], "unknown_request");
    client.wait_for_events(2);
    agent.kill();
    assert_eq!(world.socket_files(), ["s", "s.lock", "s.log", "s.start"]);
    for name in world.socket_files() {
        let mode =
            fs::symlink_metadata(world.socket_directory().join(&name)).unwrap().mode() & 0o777;
        assert_eq!(mode, 0o600, "{name}");
    }
    assert_eq!(file_names(world.path()), ["home", "run"]);
    assert!(file_names(&world.home()).is_empty());
    assert_eq!(client.request(json!({"type": "stop"}))["type"], "stopping");
    assert_eq!(client.next_line(), None);
    assert_eq!(world.socket_files(), ["s.lock", "s.log", "s.start"]);
    let log = world.log();
    assert!(log.contains("listens on") && log.contains("; served "), "{log}");
    assert!(!log.contains("sekrit"), "{log}");
    // A lock file has one byte for each dropped event.
    assert_eq!(fs::read(world.socket_directory().join("s.lock")).unwrap(), b"");
    assert_eq!(fs::read(world.socket_directory().join("s.start")).unwrap(), b"");
}

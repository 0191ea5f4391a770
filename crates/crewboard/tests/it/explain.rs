//! `crewboard explain`.

use crate::support::{payload, prompt_payload, world};
use crewboard_testkit::FakeAgent;
use serde_json::json;

#[test]
fn explain_finds_a_session_by_key_name_or_id() {
    let world = world();
    let agent = FakeAgent::new();
    world.run_hook(&agent, &prompt_payload("one", "go"));
    let ask = json!({"tool_name": "Bash", "tool_input": {"command": "ls"}});
    world.run_hook(&agent, &payload("PermissionRequest", "one", &ask));
    let rows = world.list();
    let key = rows[0]["key"].as_str().unwrap();
    for word in [key, "shop", "one"] {
        let explained = world.run(["explain", word]).stdout;
        assert!(explained.contains("waiting for permission"), "{explained}");
        assert!(explained.contains("hook:PermissionRequest"), "{explained}");
    }
    let explained = world.run(["explain", key, "--json"]).json();
    assert_eq!(explained["trail"][0]["source"], "hook:UserPromptSubmit");
    assert_eq!(world.run(["explain", "unknown"]).code(), Some(1));
}

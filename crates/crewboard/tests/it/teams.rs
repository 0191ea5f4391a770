//! Agent teams: who a teammate is, the kernel tells.

use crate::{payload, prompt_payload, world};
use crewboard_testkit::{FakeAgent, View};
use serde_json::json;

#[test]
fn a_teammates_own_arguments_make_it_its_leads_child() {
    let world = world();
    let mut view = View::new(world.start());
    let lead = FakeAgent::new();
    let mate = FakeAgent::with_arguments(&[
        "--agent-id",
        "tester@session-lead",
        "--agent-name",
        "tester",
        "--team-name",
        "session-lead",
        "--parent-session-id",
        "lead",
    ]);
    world.hook(&lead, &prompt_payload("lead", "go"));
    let lead_row = view.until_row("lead", |row| row["status"] == "working");
    world.hook(&mate, &payload("SessionStart", "mate", &json!({ "source": "startup" })));
    let row = view.until_row("mate", |row| row["parent"] == lead_row["key"]);
    assert_eq!((&row["name"], &row["teammate"]), (&json!("tester"), &json!("tester")));

    let tasks = json!([{ "id": "t1", "type": "teammate", "status": "running" }]);
    world.hook(&lead, &payload("Stop", "lead", &json!({ "background_tasks": tasks })));
    let input = json!({ "command": "touch made" });
    let call = json!({ "tool_name": "Bash", "tool_input": input, "tool_use_id": "t" });
    world.hook(&mate, &payload("PreToolUse", "mate", &call));
    let asks = json!({
        "notification_type": "worker_permission_prompt",
        "message": "tester needs permission for Bash",
    });
    world.hook(&lead, &payload("Notification", "lead", &asks));
    let row = view.until_row("lead", |row| row["status"] == "permission");
    assert_eq!((&row["request"]["text"], &row["needs_you"]), (&json!("touch made"), &json!(true)));
    let row = view.until_row("mate", |row| row["status"] == "permission");
    assert_eq!(row["needs_you"], false);

    world.hook(&mate, &payload("PostToolUse", "mate", &call));
    world.hook(&mate, &payload("Stop", "mate", &json!({ "background_tasks": [] })));
    let row = view.until_row("mate", |row| row["status"] == "done");
    assert_eq!(row["needs_you"], false);
    world.hook(&lead, &payload("Stop", "lead", &json!({ "background_tasks": tasks })));
    view.until_row("lead", |row| row["status"] == "done" && row["background"] == 0);
}

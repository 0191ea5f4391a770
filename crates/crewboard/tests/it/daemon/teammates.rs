//! Teammates of agent teams.

use crate::support::{payload, prompt_payload, world};
use crewboard_testkit::{FakeAgent, Subscription};
use serde_json::json;

#[test]
fn teammate_gets_its_lead_from_its_arguments() {
    let world = world();
    let mut subscription = Subscription::new(world.start_daemon());
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
    world.run_hook(&lead, &prompt_payload("lead", "go"));
    let lead_row = subscription.wait_for_row("lead", |row| row["status"] == "working");
    world.run_hook(&mate, &payload("SessionStart", "mate", &json!({ "source": "startup" })));
    let row = subscription.wait_for_row("mate", |row| row["parent"] == lead_row["key"]);
    assert_eq!((&row["name"], &row["teammate"]), (&json!("tester"), &json!("tester")));

    let tasks = json!([{ "id": "t1", "type": "teammate", "status": "running" }]);
    world.run_hook(&lead, &payload("Stop", "lead", &json!({ "background_tasks": tasks })));
    let input = json!({ "command": "touch made" });
    let call = json!({ "tool_name": "Bash", "tool_input": input, "tool_use_id": "t" });
    world.run_hook(&mate, &payload("PreToolUse", "mate", &call));
    let asks = json!({
        "notification_type": "worker_permission_prompt",
        "message": "tester needs permission for Bash",
    });
    world.run_hook(&lead, &payload("Notification", "lead", &asks));
    let row = subscription.wait_for_row("lead", |row| row["status"] == "permission");
    assert_eq!((&row["request"]["text"], &row["needs_you"]), (&json!("touch made"), &json!(true)));
    let row = subscription.wait_for_row("mate", |row| row["status"] == "permission");
    assert_eq!(row["needs_you"], false);

    world.run_hook(&mate, &payload("PostToolUse", "mate", &call));
    world.run_hook(&mate, &payload("Stop", "mate", &json!({ "background_tasks": [] })));
    let row = subscription.wait_for_row("mate", |row| row["status"] == "done");
    assert_eq!(row["needs_you"], false);
    world.run_hook(&lead, &payload("Stop", "lead", &json!({ "background_tasks": tasks })));
    subscription.wait_for_row("lead", |row| row["status"] == "done" && row["background"] == 0);
}

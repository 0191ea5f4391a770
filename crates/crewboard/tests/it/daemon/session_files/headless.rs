//! Sessions that a program leads. Their session file shows whether a user can answer.

use crate::support::{AgentWithFile, payload, prompt_payload, world};
use crewboard_testkit::{FakeAgent, Subscription, World, run_with_input};
use serde_json::{Value, json};

/// Runs the hook of a client that a program started.
fn hook(world: &World, agent: &FakeAgent, payload: &str) {
    let mut command = world.hook_command(agent);
    command.env("CLAUDE_CODE_ENTRYPOINT", "sdk-cli");
    run_with_input(command, payload.as_bytes()).assert_silent();
}

fn write_status(agent: &AgentWithFile, status: &str, waiting_for: &str) {
    let mut text: Value = agent.text(status, waiting_for);
    text["entrypoint"] = json!("sdk-cli");
    agent.write_file(&text);
}

#[test]
fn session_that_a_program_leads_needs_you_at_a_prompt() {
    let world = world();
    let mut subscription = Subscription::new(world.start_daemon());
    let agent = AgentWithFile::new(&world, "led");
    write_status(&agent, "idle", "");
    subscription.wait_for_row("led", |row| row["status"] == "idle" && row["headless"] == true);

    hook(&world, &agent.process, &prompt_payload("led", "go"));
    write_status(&agent, "busy", "");
    subscription.wait_for_row("led", |row| row["status"] == "working");
    let input = json!({ "command": "make" });
    let call = json!({ "tool_name": "Bash", "tool_input": input });
    hook(&world, &agent.process, &payload("PermissionRequest", "led", &call));
    write_status(&agent, "waiting", "permission prompt");
    let output = world.run(["wait", "led", "--until", "needs-you", "--timeout", "30s"]);
    assert_eq!(output.code(), Some(0), "{output:?}");
    let row = subscription.wait_for_row("led", |row| row["status"] == "permission");
    assert_eq!((&row["needs_you"], &row["request"]["text"]), (&json!(true), &json!("make")));

    write_status(&agent, "busy", "");
    subscription.wait_for_row("led", |row| row["status"] == "working");
    hook(&world, &agent.process, &payload("Stop", "led", &json!({ "background_tasks": [] })));
    write_status(&agent, "idle", "");
    subscription.wait_for_row("led", |row| row["status"] == "done" && row["needs_you"] == true);
}

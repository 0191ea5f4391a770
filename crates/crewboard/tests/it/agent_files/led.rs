//! Sessions that a program leads: a user may answer them, and their own file tells.

use super::filing::Filing;
use crate::{payload, prompt_payload, world};
use crewboard_testkit::{FakeAgent, View, World, finish};
use serde_json::{Value, json};

/// Runs the hook of a client that a program started.
fn hook(world: &World, agent: &FakeAgent, payload: &str) {
    let mut command = world.hook_command(agent);
    command.env("CLAUDE_CODE_ENTRYPOINT", "sdk-cli");
    finish(command, payload.as_bytes()).assert_silent();
}

fn says(filing: &Filing, status: &str, waiting_for: &str) {
    let mut text: Value = filing.text(status, waiting_for);
    text["entrypoint"] = json!("sdk-cli");
    filing.writes(&text);
}

#[test]
fn a_session_that_a_program_leads_is_waited_for_while_it_asks() {
    let world = world();
    let mut view = View::new(world.start());
    let filing = Filing::new(&world, "led");
    says(&filing, "idle", "");
    view.until_row("led", |row| row["status"] == "idle" && row["headless"] == true);

    hook(&world, &filing.agent, &prompt_payload("led", "go"));
    says(&filing, "busy", "");
    view.until_row("led", |row| row["status"] == "working");
    let input = json!({ "command": "make" });
    let call = json!({ "tool_name": "Bash", "tool_input": input });
    hook(&world, &filing.agent, &payload("PermissionRequest", "led", &call));
    says(&filing, "waiting", "permission prompt");
    let said = world.say(["wait", "led", "--until", "needs-you", "--timeout", "30s"]);
    assert_eq!(said.code(), Some(0), "{said:?}");
    let row = view.until_row("led", |row| row["status"] == "permission");
    assert_eq!((&row["needs_you"], &row["request"]["text"]), (&json!(true), &json!("make")));

    says(&filing, "busy", "");
    view.until_row("led", |row| row["status"] == "working");
    hook(&world, &filing.agent, &payload("Stop", "led", &json!({ "background_tasks": [] })));
    says(&filing, "idle", "");
    view.until_row("led", |row| row["status"] == "done" && row["needs_you"] == true);
}

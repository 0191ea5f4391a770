//! The user's own commands of `[jump]` and `[open]`.

use crate::support::{Agent, BoardWorld, SIZE, agent_command, greeting};
use serde_json::{Value, json};
use std::fs;

#[test]
fn own_command_shows_a_session_whose_terminal_has_no_command() {
    let Some(world) = BoardWorld::new() else { return };
    let agent = Agent::new("till");
    let asks = json!({ "tool_name": "Bash", "tool_input": { "command": "$(touch x)" } });
    world.send_event(&agent, "UserPromptSubmit", &json!({ "prompt": "go", "cwd": "/srv/till" }));
    world.send_event(&agent, "PermissionRequest", &asks);
    world.wait_for_row("till", "a permission", |row| row["status"] == "permission");
    let without = world.run(["jump", "till"]);
    assert_eq!(without.code(), Some(1), "{}", without.stderr);
    let (out, input) = (world.path().join("out"), world.path().join("in"));
    let line = format!(
        r#"printf "%s" "$CREWBOARD_NAME $CREWBOARD_CWD $CREWBOARD_TEXT" >{}; cat >{}"#,
        out.display(),
        input.display()
    );
    let configuration = world.home().join(".config/crewboard/config.toml");
    fs::create_dir_all(configuration.parent().unwrap()).unwrap();
    fs::write(&configuration, format!("[jump]\ncommand = '''{line}'''\n")).unwrap();
    let with = world.run(["jump", "till"]);
    assert_eq!((with.code(), &*with.stderr), (Some(0), ""));
    let out = fs::read_to_string(out).unwrap();
    assert!(out.starts_with("till /srv/till ") && out.contains("$(touch x)"), "{out}");
    let session: Value = serde_json::from_slice(&fs::read(input).unwrap()).unwrap();
    assert_eq!(session["status"], "permission");
    fs::write(&configuration, "[jump]\ncommand = 'exit 3'\n").unwrap();
    let failed = world.run(["jump", "till"]);
    assert_eq!(failed.code(), Some(1));
    assert!(
        failed.stderr.contains("jump.command failed for till: exit status: 3"),
        "{}",
        failed.stderr
    );
}

#[test]
fn own_command_replaces_the_jump_only_if_it_always_applies() {
    let Some(world) = BoardWorld::new() else { return };
    let far = world.server("far");
    far.open("far", SIZE, &agent_command("abroad", "UserPromptSubmit"));
    world.wait_for_row("abroad", "in its pane", |row| row["place"]["tty"].is_string());
    let client = world.tmux.open("client", SIZE, &far.attach_command("=far"));
    client.wait_for_text(&greeting("abroad"));
    let ran = world.path().join("ran");
    let configuration = world.home().join(".config/crewboard/config.toml");
    fs::create_dir_all(configuration.parent().unwrap()).unwrap();
    for (always, expected) in [(false, false), (true, true)] {
        let command = format!("echo \"$CREWBOARD_PANE $CREWBOARD_TTY\" >{}", ran.display());
        let text = format!("[jump]\ncommand = '{command}'\nalways = {always}\n");
        fs::write(&configuration, text).unwrap();
        assert_eq!(world.run(["jump", "abroad"]).code(), Some(0));
        assert_eq!(ran.exists(), expected, "always = {always}");
    }
    assert!(fs::read_to_string(ran).unwrap().starts_with("%0 /dev/pts/"));
}

//! The user's own commands of `[jump]` and `[open]`.

use crate::support::{
    Agent, BoardWorld, PROGRAM, SIZE, agent_command, closed_session, greeting, install_fake_claude,
};
use crewboard_testkit::wait_until;
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

#[test]
fn own_command_opens_a_closed_session() {
    let Some(world) = BoardWorld::new() else { return };
    let bin = install_fake_claude(&world);
    let directory = world.path().join("$(touch x);");
    fs::create_dir(&directory).unwrap();
    let (_, profile) = closed_session(&world, &directory);
    let (out, input) = (world.path().join("out"), world.path().join("in"));
    let configuration = world.home().join(".config/crewboard/config.toml");
    fs::create_dir_all(configuration.parent().unwrap()).unwrap();
    let configure = |line: &str, always: bool| {
        let text = format!("[open]\ncommand = '''{line}'''\nalways = {always}\n");
        fs::write(&configuration, text).unwrap();
    };
    let path = format!("{}:/usr/bin:/bin", bin.display());
    let open = || {
        let output = world.command(["open", "6cf7"]).env("PATH", &path).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    // This process has no terminal, so the command opens the session.
    let run = r#"cat >IN; sh -c "$CREWBOARD_COMMAND" </dev/null >OUT"#;
    let run = run.replace("IN", input.to_str().unwrap()).replace("OUT", out.to_str().unwrap());
    configure(&run, false);
    assert_eq!(open(), (Some(0), String::new()));
    let text = fs::read_to_string(&out).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let (place, profile) = (format!("in {}", directory.display()), format!("profile {profile}"));
    assert_eq!(lines, ["ran claude --resume 6cf7f83b-72a2", &*place, &*profile]);
    let session: Value = serde_json::from_slice(&fs::read(&input).unwrap()).unwrap();
    assert_eq!((&session["id"], &session["status"]), (&json!("6cf7f83b-72a2"), &json!("closed")));
    // A command that fails is an error.
    configure("exit 3", false);
    let (code, message) = open();
    assert!(code == Some(1) && message.contains("open.command failed for"), "{message}");
    // tmux can open a pane, so there the command runs only if it always applies.
    for always in [false, true] {
        fs::remove_file(&out).ok();
        configure(&run, always);
        let name = format!("desk-{always}");
        let desk = world.tmux.open(&name, SIZE, &["sh", "-i"]);
        desk.wait_for_text("$");
        desk.type_line(&format!("PATH={path}:$PATH {PROGRAM} open 6cf7"));
        if always {
            wait_until("the command", || out.exists());
        } else {
            desk.wait_for_text("ran claude --resume");
        }
        assert_eq!(out.exists(), always);
        let windows = world.tmux.run(["list-windows", "-t", &format!("={name}:"), "-F", "x"]);
        assert_eq!(windows.lines().count(), if always { 1 } else { 2 });
    }
}

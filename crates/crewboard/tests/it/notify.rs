//! Notifications and the commands of rules.

mod clicks;
mod desktop;

use crate::support::{
    Agent, BoardWorld, PROGRAM, install_fake_notifier, lines, start_daemon_with_notifier,
};
use crewboard_testkit::{Pane, run_with_input, signal, wait_until, wrap_command};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

/// Creates a world with this configuration.
fn world_with(configuration: &str) -> Option<BoardWorld> {
    let world = BoardWorld::new()?;
    configure(&world, configuration);
    Some(world)
}

fn configure(world: &BoardWorld, configuration: &str) {
    let directory = world.home().join(".config/crewboard");
    fs::create_dir_all(&directory).unwrap();
    // The file is replaced by a rename, as editors do.
    let next = directory.join("next");
    fs::write(&next, configuration).unwrap();
    fs::rename(next, directory.join("config.toml")).unwrap();
}

#[test]
fn rule_command_gets_the_session_in_its_environment() {
    let Some(world) = world_with(
        r#"
        [notify]
        desktop = false
        [[on]]
        status = "permission"
        run = 'printf "%s|%s|%s|%s\n" "$CREWBOARD_STATUS" "$CREWBOARD_NAME" "$CREWBOARD_TEXT" "$PWD" >>~/received; cat >>~/json; exit 3'
        [[on]]
        status = ["working", "needs-you"]
        run = 'echo "$CREWBOARD_STATUS" >>~/statuses'
        "#,
    ) else {
        return;
    };
    // The shell must not execute any text of an agent.
    let agent = Agent::new("$(touch ~/x) `touch ~/x` -n #(touch x)");
    world.send_prompt(&agent, "go");
    world.request_permission(&agent, "touch ~/x; $(touch ~/x)");
    let received = world.home().join("received");
    wait_until("the command runs", || !lines(&received).is_empty());
    let home = fs::canonicalize(world.home()).unwrap();
    let line = &lines(&received)[0];
    assert!(line.starts_with("permission|") && line.contains("touch ~/x; $(touch ~/x)"), "{line}");
    assert!(line.ends_with(&format!("|{}", home.display())), "{line}");
    let json = world.home().join("json");
    wait_until("the session is on standard input", || lines(&json).len() == 1);
    let row: Value = serde_json::from_str(&lines(&json)[0]).unwrap();
    assert_eq!((&row["status"], &row["id"]), (&json!("permission"), &json!(agent.id)));
    assert_eq!(row["request"]["text"], "touch ~/x; $(touch ~/x)");
    let statuses = world.home().join("statuses");
    wait_until("each status has run", || lines(&statuses).len() == 2);
    assert!(!world.home().join("x").exists());

    // A valid configuration applies at once. An invalid one is ignored.
    configure(&world, "[[on]]\nstatus = 1\n");
    world.send_prompt(&agent, "go on");
    world.request_permission(&agent, "ls");
    wait_until("the former rule runs", || lines(&received).len() == 2);
    let rule = "status = 'working'\nrun = 'echo \"$CREWBOARD_STATUS\" >>~/later'";
    configure(&world, &format!("[notify]\ndesktop = false\n[[on]]\n{rule}\n"));
    let later = world.home().join("later");
    wait_until("the new rule runs", || {
        world.send_event(&agent, "Stop", &json!({}));
        world.send_prompt(&agent, "again");
        !lines(&later).is_empty()
    });
    assert_eq!(lines(&received).len(), 2);
}

#[test]
fn slow_rule_commands_delay_nothing() {
    let Some(world) = world_with(
        "[notify]\ndesktop = false\n[[on]]\nstatus = 'working'\nrun = 'echo \"$(ulimit -n) $(umask)\" >>~/received; exec sleep 25'\n",
    ) else {
        return;
    };
    let script = "umask 027; ulimit -S -n 500; exec \"$0\" \"$@\"";
    let start = wrap_command(&["sh", "-c", script], &world.command(["daemon", "start"]));
    assert!(run_with_input(start, b"").status.success());
    let agents: Vec<Agent> = (0..17).map(|index| Agent::new(&format!("agent-{index}"))).collect();
    let board = world.board("board", (80, 30));
    for agent in &agents {
        world.send_prompt(agent, "go");
    }
    let received = world.home().join("received");
    wait_until("the most allowed commands run", || lines(&received).len() == 16);
    assert_eq!(lines(&received)[0], "500 0027");
    world.request_permission(&agents[0], "ls");
    board.wait_for("the bell", |_| board.expand("#{window_bell_flag}") == "1");
    assert_eq!(lines(&received).len(), 16);
}

#[test]
fn board_rings_the_bell_of_its_terminal() {
    let Some(world) = world_with("[notify]\ndesktop = false\n") else { return };
    let agent = Agent::new("shop");
    world.send_prompt(&agent, "go");
    let first = world.board("first", (80, 20));
    first.wait_for_text("shop");
    let second = world.board("second", (80, 20));
    second.wait_for_text("shop");
    let bells = |pane: &Pane<'_>| pane.expand("#{window_bell_flag}");
    assert_eq!((bells(&first), bells(&second)), ("0".to_owned(), "0".to_owned()));
    world.request_permission(&agent, "ls");
    // Only the board that was opened last rings.
    second.wait_for("the bell", |_| bells(&second) == "1");
    assert_eq!(bells(&first), "0");
    second.press(&["q"]);
    let other = Agent::new("docs");
    world.send_prompt(&other, "go");
    first.wait_for_text("docs");
    world.request_permission(&other, "ls");
    first.wait_for("the bell", |_| bells(&first) == "1");
}

/// Returns the line of `notify --test` about the boards.
fn test_on_boards(world: &BoardWorld) -> String {
    let output = world.run(["notify", "--test"]);
    let printed = &output.stdout;
    let line = printed.lines().find(|line| line.starts_with("terminal")).unwrap().to_owned();
    assert_eq!(output.code(), Some(line.contains(" failed ").into()), "{printed}");
    line
}

#[test]
fn another_board_rings_for_a_stopped_board() {
    let Some(world) = world_with("[notify]\ndesktop = false\n") else { return };
    let agent = Agent::new("shop");
    world.send_prompt(&agent, "go");
    assert!(test_on_boards(&world).starts_with("terminal   ok      no board is open"));
    let first = world.board("first", (80, 20));
    first.wait_for_text("shop");
    let (second, pid) = world.board_in_shell("second", (80, 20));
    second.wait_for_text("shop");
    signal(pid, Signal::STOP);
    let bells = |pane: &Pane<'_>| pane.expand("#{window_bell_flag}");
    world.request_permission(&agent, "ls");
    first.wait_for("the bell", |_| bells(&first) == "1");
    let received = "terminal   ok      a board wrote bell to its terminal";
    assert_eq!(test_on_boards(&world), received);
    first.press(&["q"]);
    let silent = "terminal   failed  a board is open but does not respond; ";
    wait_until("only the stopped board is left", || test_on_boards(&world).starts_with(silent));
    assert_eq!(bells(&second), "0");
    signal(pid, Signal::CONT);
    wait_until("the board answers again", || test_on_boards(&world) == received);
}

#[test]
fn notify_test_reports_a_hung_daemon() {
    let Some(world) = world_with("[notify]\ndesktop = false\n") else { return };
    world.start_daemon();
    let daemon = world.daemon();
    signal(daemon, Signal::STOP);
    let printed = test_on_boards(&world);
    signal(daemon, Signal::CONT);
    assert!(
        printed.starts_with("terminal   failed  the daemon did not answer in 5 s; "),
        "{printed}"
    );
}

#[test]
fn notify_test_tries_each_notifier() {
    let Some(world) = world_with(
        "[notify]\ndesktop = false\n[[on]]\nstatus = 'done'\nrun = 'true'\n[[on]]\nstatus = 'done'\nrun = 'exit 7'\n",
    ) else {
        return;
    };
    let output = world.run(["notify", "--test"]);
    let printed = &output.stdout;
    assert_eq!(output.code(), Some(1), "{printed}");
    let lines: Vec<&str> = printed.lines().collect();
    assert!(lines[0].starts_with("desktop    ok      off"), "{printed}");
    assert!(lines[1].starts_with("terminal   ok      no board is open"), "{printed}");
    assert_eq!(
        lines[2..],
        ["[[on]]     ok      true", "[[on]]     failed  exit 7: exit status: 7"]
    );
}

#[test]
fn notification_passes_through_tmux_to_the_terminal() {
    let Some(world) = world_with("[notify]\ndesktop = false\nterminal = 'osc9'\n") else { return };
    let agent = Agent::new("4;1; $(touch x)");
    world.send_prompt(&agent, "go");
    let server = world.server("near");
    let board = server.open("board", (80, 20), &[PROGRAM]);
    server.run(["set", "-g", "allow-passthrough", "on"]);
    board.wait_for_text("touch x");
    let client = world.tmux.open("client", (80, 20), &server.attach_command("=board"));
    client.wait_for_text("touch x");
    // This file records all output to the terminal.
    let sent = world.home().join("sent");
    world.tmux.run(["pipe-pane", "-O", "-t", "client", &format!("cat >>'{}'", sent.display())]);
    world.request_permission(&agent, "ls");
    let expected = "\x1b]9;Crewboard: 4;1; $(touch x): permission. It is waiting for your permission to use a tool.\x07";
    wait_until("the terminal has the notification", || {
        let bytes = fs::read(&sent).unwrap_or_default();
        String::from_utf8_lossy(&bytes).contains(expected)
    });
    assert!(!world.home().join("x").exists());
}

/// Returns why each notification was suppressed.
fn suppressed(world: &BoardWorld) -> Vec<Value> {
    world.notifications().into_iter().map(|record| record["suppressed"].clone()).collect()
}

#[test]
fn focused_pane_gets_no_notification() {
    let Some(world) = world_with("[notify]\ncontent = true\n") else { return };
    let received = start_daemon_with_notifier(&world);
    let server = world.server("near");
    let pane = server.open("shop", (80, 20), &["cat"]);
    server.run(["set", "-g", "focus-events", "on"]);
    let client = world.tmux.open("client", (80, 20), &server.attach_command("=shop"));
    let flags = || server.run(["list-clients", "-F", "#{client_flags}"]);
    client.wait_for("the focus", |_| flags().contains("focused"));
    let (socket, id) = (format!("{},1,0", server.socket().display()), pane.expand("#{pane_id}"));
    let within = [("TMUX", socket.as_str()), ("TMUX_PANE", id.as_str())];
    let event = |event: &str, more: &Value| {
        world.send_event_from(pane.pid(), "shop", &within, event, more);
    };
    let asked = world.home().join("asked");
    let line = format!("run-shell 'echo asked >>{}'", asked.display());
    server.run(["set-hook", "-g", "after-list-clients", &line]);
    let asks = |text| json!({ "tool_name": "Bash", "tool_input": { "command": text } });
    event("UserPromptSubmit", &json!({ "prompt": "go" }));
    event("PermissionRequest", &asks("the first"));
    wait_until("tmux is asked", || !lines(&asked).is_empty());
    wait_until("the notification is listed as suppressed", || suppressed(&world) == ["in_front"]);
    event("Stop", &json!({}));
    client.press(&["-H", "1b", "5b", "4f"]);
    client.wait_for("no focus", |_| !flags().contains("focused"));
    event("UserPromptSubmit", &json!({ "prompt": "go" }));
    event("PermissionRequest", &asks("the second"));
    wait_until("the notifier has run", || lines(&received).len() >= 6);
    assert_eq!(
        lines(&received),
        [
            "--app-name=Crewboard",
            "--print-id",
            "--action=default=Show the session",
            "--",
            "shop: permission",
            "Bash the second"
        ]
    );
}

#[test]
fn sound_plays_except_in_quiet_hours() {
    let quiet =
        "[notify]\nterminal = 'off'\nquiet = '22:00-07:00'\nsound_permission = '~/ring.oga'\n";
    let Some(world) = world_with(quiet) else { return };
    let (directory, received) = install_fake_notifier(&world);
    let (asked, played) = (world.home().join("asked"), world.home().join("played"));
    let date = format!("#!/bin/sh\necho asked >>'{}'\necho 23:15\n", asked.display());
    let play_script = format!("#!/bin/sh\necho \"$1\" >>'{}'\n", played.display());
    for (name, script) in [("date", date), ("pw-play", play_script)] {
        let program = directory.join(name);
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let path = format!("{}:/usr/bin:/bin", directory.display());
    assert!(world.command(["daemon", "start"]).env("PATH", path).status().unwrap().success());
    let agent = Agent::new("shop");
    world.send_prompt(&agent, "go");
    world.request_permission(&agent, "ls");
    wait_until("the time is read", || !lines(&asked).is_empty());
    wait_until("the notification is listed as suppressed", || {
        suppressed(&world) == ["quiet_hours"]
    });

    configure(&world, &quiet.replace("22:00-07:00", "01:00-02:00"));
    let other = Agent::new("docs");
    wait_until("the notifier runs", || {
        world.send_prompt(&other, "go");
        world.request_permission(&other, "ls");
        !lines(&received).is_empty()
    });
    wait_until("the sound plays", || !lines(&played).is_empty());
    assert_eq!(lines(&played)[0], world.home().join("ring.oga").display().to_string());
    let all = lines(&received);
    assert!(all.contains(&"docs: permission".to_owned()), "{all:?}");
    assert!(!all.contains(&"shop: permission".to_owned()), "{all:?}");
}

#[test]
fn failed_notifier_is_logged() {
    let Some(world) = BoardWorld::new() else { return };
    let (directory, _) = install_fake_notifier(&world);
    fs::write(directory.join("notify-send"), "#!/bin/sh\nkill -TRAP $$\n").unwrap();
    let path = format!("{}:/usr/bin:/bin", directory.display());
    assert!(world.command(["daemon", "start"]).env("PATH", path).status().unwrap().success());
    let agent = Agent::new("shop");
    world.send_prompt(&agent, "go");
    world.request_permission(&agent, "ls");
    let message = "notification failed: exit status: 1; run `crewboard notify --test` to see why";
    wait_until("the log names the failure", || {
        world.log().lines().any(|line| line.ends_with(message))
    });
}

#[test]
fn notifier_is_awaited_though_the_caller_ignores_sigchld() {
    let Some(world) = BoardWorld::new() else { return };
    let (directory, received) = install_fake_notifier(&world);
    let crewboard = world.command(["notify", "--test"]);
    // A program inherits ignored signals, also from a shell or an agent.
    let mut command = Command::new("env");
    command.arg("--ignore-signal=CHLD").arg(crewboard.get_program()).args(crewboard.get_args());
    command.env_clear().envs(crewboard.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("PATH", format!("{}:/usr/bin:/bin", directory.display()));
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("desktop    ok"), "{text}");
    assert!(!lines(&received).is_empty(), "{text}");
}

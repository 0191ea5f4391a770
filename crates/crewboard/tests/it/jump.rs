//! `crewboard jump`, with clients of real tmux servers in panes of another tmux server.

mod claims;
mod kitty;
mod own_command;
mod screen;
mod without_variables;
mod zellij;

use crate::support::{
    Agent, PROGRAM, SHELL, SIZE, TwoServers, agent_command, files_named_x, greeting, plain_shell,
    run_in_pane, shell_without_variables,
};
use crewboard_testkit::{Pane, Tmux, wait_until};
use serde_json::json;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

/// Waits for the next second, because tmux records the activity of clients in seconds.
fn wait_for_next_second(server: &Tmux) {
    let clients = server.run(["list-clients", "-F", "#{client_activity}"]);
    let last: u64 = clients.lines().map(|line| line.parse().unwrap()).max().unwrap();
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    wait_until("the next second begins", || now() > last);
}

/// Returns the active pane of a client.
fn active(server: &Tmux, client: &Pane<'_>) -> String {
    let tty = client.expand("#{pane_tty}");
    let clients = server.run(["list-clients", "-F", "#{client_tty} #{pane_id}"]);
    let line = clients.lines().find_map(|line| line.strip_prefix(&format!("{tty} ")));
    line.unwrap().to_owned()
}

#[test]
fn jump_shows_the_right_pane_in_the_right_client() {
    let Some(servers) = TwoServers::new() else { return };
    let near = &servers.near;
    let desk = servers.client(near, "desk");
    let spare = servers.client(near, "spare");
    let far = servers.client(&servers.far, "far");
    let plain = shell_without_variables(&servers.world.tmux, "plain");
    let switch_back = |client: &Pane<'_>, session: &str| {
        near.run([
            "switch-client",
            "-c",
            &client.expand("#{pane_tty}"),
            "-t",
            &format!("={session}:"),
        ]);
        client.wait_for("a shell", |screen| !screen.contains("agent"));
    };

    // The jump uses the client that runs it, even if the user typed last in another.
    for (client, other, session, name) in [
        (&desk, &spare, "desk", "shelf"),
        (&spare, &desk, "spare", "till"),
        (&desk, &spare, "desk", "cellar"),
    ] {
        let typed = format!("clear; {PROGRAM} jump {name}");
        near.run(["send-keys", "-t", &format!("={session}:"), &typed, "Enter"]);
        client.wait_for_text(&greeting(name));
        assert_eq!(active(near, client), servers.pane_of(name), "{name}");
        servers.row_is_seen(name);
        assert!(!other.screen().contains("agent"), "{}", other.screen());
        switch_back(client, session);
    }

    // A jump to the other server uses only the client of that server.
    let (code, _) = run_in_pane(&desk, "jump abroad");
    assert_eq!(code, 0);
    far.wait_for_text(&greeting("abroad"));
    assert!(!spare.screen().contains("agent"), "{}", spare.screen());

    // A jump from a terminal outside tmux uses the client in which the user typed last.
    for (client, session) in [(&spare, "spare"), (&desk, "desk"), (&spare, "spare")] {
        wait_for_next_second(near);
        client.type_line("clear");
        let (code, screen) = run_in_pane(&plain, "jump shelf");
        assert_eq!((code, screen.contains("crewboard:")), (0, false), "{screen}");
        client.wait_for_text(&greeting("shelf"));
        switch_back(client, session);
    }
}

#[test]
fn popup_jump_targets_the_outer_client() {
    let Some(servers) = TwoServers::new() else { return };
    let near = &servers.near;
    near.run(["bind-key", "g", "display-popup", "-E", &format!("{PROGRAM} --once")]);
    near.run(["bind-key", "n", "run-shell", &format!("{PROGRAM} next 2>&1 || true")]);
    // Two clients are attached to one session, and one to another.
    let desk = servers.client(near, "desk");
    let second_desk = servers.world.tmux.open("second_desk", SIZE, &near.attach_command("=desk"));
    let spare = servers.client(near, "spare");
    second_desk.wait_for_text("$");
    for client in [&desk, &second_desk, &spare] {
        let others =
            [&desk, &second_desk, &spare].into_iter().filter(|other| other.pid() != client.pid());
        let before: Vec<String> = others.clone().map(|other| active(near, other)).collect();
        client.press(&["C-b", "g"]);
        client.wait_for_text("Enter jump");
        // The board selects the first session that needs the user.
        let screen = client.wait_for_text("▌√");
        assert!(!screen.contains("cannot show"), "{screen}");
        client.press(&["/"]);
        client.press(&["c", "e", "l", "l", "a", "r", "Enter"]);
        client.wait_for_text("1 of 4");
        client.press(&["Enter"]);
        client.wait_for_text(&greeting("cellar"));
        client.wait_for("no popup", |screen| !screen.contains("crewboard"));
        assert_eq!(active(near, client), servers.pane_of("cellar"));
        let after: Vec<String> = others.map(|other| active(near, other)).collect();
        assert_eq!(before, after);
        servers.row_is_seen("cellar");
    }
    // The next session that needs the user.
    desk.press(&["C-b", "n"]);
    desk.wait_for_text(&greeting("shelf"));
    servers.row_is_seen("shelf");
    desk.press(&["C-b", "n"]);
    desk.wait_for_text("no session needs you");
}

#[test]
fn next_goes_through_all_waiting_sessions_and_back() {
    let Some(servers) = TwoServers::new() else { return };
    let near = &servers.near;
    for (key, words) in [("n", "next"), ("p", "next --previous")] {
        near.run(["bind-key", key, "run-shell", &format!("{PROGRAM} {words} 2>&1 || true")]);
    }
    let tool = json!({ "tool_name": "Bash", "tool_input": { "command": "ls" } });
    let names = ["cellar", "shelf", "till"];
    for name in names {
        let rows = servers.world.list();
        let row = rows.iter().find(|row| row["id"] == name).unwrap();
        let pid = u32::try_from(row["pid"].as_u64().unwrap()).unwrap();
        let (socket, pane) = (format!("{},1,0", near.socket().display()), servers.pane_of(name));
        let within = [("TMUX", socket.as_str()), ("TMUX_PANE", pane.as_str())];
        servers.world.send_event_from(pid, name, &within, "PermissionRequest", &tool);
        servers.world.wait_for_row(name, "waiting", |row| row["status"] == "permission");
    }
    let desk = servers.client(near, "desk");
    for (key, name) in [
        ("n", "cellar"),
        ("n", "shelf"),
        ("n", "till"),
        ("n", "cellar"),
        ("p", "till"),
        ("p", "shelf"),
        ("n", "till"),
    ] {
        desk.press(&["C-b", key]);
        let pane = servers.pane_of(name);
        desk.wait_for(name, |_| active(near, &desk) == pane);
    }
    // The only session that waits stays in front.
    for name in ["cellar", "shelf"] {
        let dismissed = servers.world.command(["dismiss", name]).status().unwrap();
        assert!(dismissed.success());
    }
    desk.press(&["C-b", "n"]);
    desk.press(&["C-b", ":"]);
    desk.wait_for_text(":");
    assert_eq!(active(near, &desk), servers.pane_of("till"));
}

#[test]
fn jump_follows_a_moved_pane_and_names_a_missing_one() {
    let Some(servers) = TwoServers::new() else { return };
    let (near, world) = (&servers.near, &servers.world);
    let desk = servers.client(near, "desk");
    let shelf = servers.pane_of("shelf");
    // The pane moves to its own window, and then to another session.
    for to in ["break-pane -d -t =shop: -s", "join-pane -d -t =spare: -s"] {
        near.run(to.split(' ').chain([shelf.as_str()]));
        near.run(["send-keys", "-t", "=desk:", &format!("clear; {PROGRAM} jump shelf"), "Enter"]);
        desk.wait_for_text(&greeting("shelf"));
        assert_eq!(active(near, &desk), shelf);
        near.run(["switch-client", "-c", &desk.expand("#{pane_tty}"), "-t", "=desk:"]);
        desk.wait_for("the shell", |screen| !screen.contains("agent"));
    }
    // The variables of these agents name a pane that is gone, and a pane of another agent.
    let socket = near.socket().display().to_string();
    for (name, pane, reason) in [
        ("gone", "%99", "its pane %99 is gone from tmux"),
        ("stale", &*shelf, "its variables name pane"),
    ] {
        let process = Agent::new(name);
        let variables = [("TMUX", &*format!("{socket},1,0")), ("TMUX_PANE", pane)];
        world.send_event_with(
            &variables,
            &process,
            "UserPromptSubmit",
            &json!({ "prompt": "go on" }),
        );
        let (code, screen) = run_in_pane(&desk, &format!("jump {name}"));
        assert!(code == 1 && screen.replace('\n', "").contains(reason), "{screen}");
        assert_eq!(
            active(near, &desk),
            near.run(["list-panes", "-t", "=desk:", "-F", "#{pane_id}"]).trim()
        );
        // `crewboard --once` stays open after a failed jump and shows the reason.
        desk.type_line(&format!("{PROGRAM} --once"));
        desk.wait_for_text("Enter jump");
        desk.press(&["/"]);
        desk.press(
            &name
                .chars()
                .map(String::from)
                .collect::<Vec<_>>()
                .iter()
                .map(String::as_str)
                .collect::<Vec<_>>(),
        );
        desk.press(&["Enter", "Enter"]);
        desk.wait_for_text(reason);
        desk.press(&["q"]);
        desk.wait_for_text("= 1");
    }
}

#[test]
fn jump_attaches_a_detached_session_to_its_own_terminal() {
    let Some(servers) = TwoServers::new() else { return };
    let world = &servers.world;
    let plain = plain_shell(&world.tmux, "plain");
    let inside = world.tmux.open("inside", SIZE, &SHELL);
    inside.wait_for_text("$");
    // The jump does not attach inside another tmux, because that would nest them.
    let (code, screen) = run_in_pane(&inside, "jump abroad");
    let screen = screen.replace('\n', "");
    assert_eq!(code, 1, "{screen}");
    assert!(
        screen.contains("no terminal is attached") && screen.contains("attach-session -t"),
        "{screen}"
    );
    plain.type_line(&format!("{PROGRAM} jump abroad"));
    plain.wait_for_text(&greeting("abroad"));
    plain.press(&["C-b", "d"]);
    plain.wait_for_text("[detached");
    // The board attaches as well, and continues after the detach.
    plain.type_line(PROGRAM);
    plain.wait_for_text("Enter jump");
    plain.press(&["/"]);
    plain.press(&["t", "i", "l", "l", "Enter", "Enter"]);
    plain.wait_for_text(&greeting("till"));
    plain.press(&["C-b", "d"]);
    plain.wait_for_text("1 of 4");
    plain.press(&["q"]);
    plain.wait_for_release();
}

/// Names that a shell, a terminal or tmux would execute.
const HOSTILE: [&str; 5] =
    ["$(touch x)", "#(touch x)", "-n", "a\nb;touch x", "\u{1b}]0;x\u{7}\u{202e}`touch x`"];

#[test]
fn jump_executes_no_hostile_name() {
    let Some(servers) = TwoServers::new() else { return };
    let (near, world) = (&servers.near, &servers.world);
    let desk = servers.client(near, "desk");
    for (index, name) in HOSTILE.into_iter().enumerate() {
        // tmux refuses some of these names for new sessions.
        let id = format!("hostile-{index}");
        let words = agent_command(&id, "UserPromptSubmit");
        let created = near.run(
            ["new-session", "-d", "-P", "-F", "#{session_id}", "--"]
                .map(str::to_owned)
                .into_iter()
                .chain(words),
        );
        let session = created.trim().to_owned();
        // Each of these commands expands its name once.
        let name = &*name.replace('#', "##");
        near.run(["rename-session", "-t", &session, "--", name]);
        near.run(["rename-window", "-t", &format!("{session}:"), "--", name]);
        near.run(["select-pane", "-t", &format!("{session}:"), "-T", name]);
        world.wait_for_row(&id, "there", |row| row["place"]["tty"].is_string());
        near.run(["send-keys", "-t", "=desk:", &format!("clear; {PROGRAM} jump {id}"), "Enter"]);
        desk.wait_for_text(&greeting(&id));
        assert_eq!(active(near, &desk), servers.pane_of(&id));
        near.run(["switch-client", "-c", &desk.expand("#{pane_tty}"), "-t", "=desk:"]);
        desk.wait_for("the shell", |screen| !screen.contains("agent"));
    }
    assert_eq!(files_named_x(world.path()), Vec::<PathBuf>::new());
}

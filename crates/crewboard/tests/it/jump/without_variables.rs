//! `crewboard jump` to agents without variables of their terminal, and its error messages.

use crate::support::{
    BoardWorld, PROGRAM, SIZE, agent_command, greeting, plain_shell, run_in_pane,
    shell_without_variables,
};
use crewboard_testkit::{Tmux, wait_until};

/// Waits until the daemon knows the terminal of an agent.
fn wait_for_terminal(world: &BoardWorld, name: &str) {
    world.wait_for_row(name, "in its terminal", |row| row["place"]["tty"].is_string());
}

fn new_window(server: &Tmux, session: &str, words: &[String]) {
    let window = ["new-window", "-d", "-t", session, "--"].map(str::to_owned).to_vec();
    server.run([window, words.to_vec()].concat());
}

/// tmux nests only without `TMUX`, so no variable of the inner client names the outer pane.
#[test]
fn jump_into_an_inner_tmux_shows_the_outer_window() {
    let Some(world) = BoardWorld::new() else { return };
    let (outer, inner) = (world.server("outer"), world.server("inner"));
    inner.open("work", SIZE, &["sh", "-i"]);
    new_window(&inner, "=work:", &agent_command("till", "UserPromptSubmit"));
    wait_for_terminal(&world, "till");
    outer.open("desk", SIZE, &["sh", "-i"]);
    let attach = inner.attach_command("=work");
    let kinds = [vec!["env", "-i", "TERM=tmux"], vec!["env", "TMUX="], vec!["env", "-u", "TMUX"]];
    for (number, kind) in kinds.into_iter().enumerate() {
        let kind = kind.into_iter().map(str::to_owned);
        // `attach` begins with another `env`.
        let path = ["PATH=/usr/local/bin:/usr/bin:/bin".to_owned()];
        let words: Vec<String> = kind.chain(path).chain(attach.clone()).collect();
        new_window(&outer, "=desk:9", &words);
        let attached = || inner.run(["list-clients", "-F", "x"]).lines().count() == 1;
        wait_until("the inner client is attached", attached);
        let desk = world.tmux.open(&format!("desk{number}"), SIZE, &outer.attach_command("=desk"));
        let plain = plain_shell(&world.tmux, &format!("plain{number}"));
        for asks_outside in [false, true] {
            outer.run(["select-window", "-t", "=desk:^"]);
            inner.run(["select-window", "-t", "=work:^"]);
            desk.wait_for("the first window", |screen| !screen.contains(&greeting("till")));
            if asks_outside {
                assert_eq!(run_in_pane(&plain, "jump till").0, 0);
            } else {
                desk.type_line(&format!("{PROGRAM} jump till"));
            }
            desk.wait_for_text(&greeting("till"));
        }
        outer.run(["kill-window", "-t", "=desk:9"]);
        wait_until("the inner client is detached", || inner.run(["list-clients"]).is_empty());
        outer.run(["detach-client", "-s", "=desk"]);
    }
}

#[test]
fn jump_says_that_a_popup_has_no_pane() {
    let Some(world) = BoardWorld::new() else { return };
    let near = world.server("near");
    near.open("desk", SIZE, &["sh", "-i"]);
    let desk = world.tmux.open("desk", SIZE, &near.attach_command("=desk"));
    desk.wait_for_text("$");
    let client = near.run(["list-clients", "-F", "#{client_name}"]);
    let popup = ["display-popup", "-c", client.trim_end(), "-E", "--"].map(str::to_owned).to_vec();
    // The tmux command returns when the popup is closed.
    std::thread::scope(|scope| {
        scope.spawn(|| near.run([popup, agent_command("till", "UserPromptSubmit")].concat()));
        wait_for_terminal(&world, "till");
        let plain = plain_shell(&world.tmux, "plain");
        let (code, screen) = run_in_pane(&plain, "jump till");
        assert!(
            code == 1 && screen.contains("runs in a popup of tmux, which has no pane"),
            "{screen}"
        );
        // C-d ends the program in the popup, and thereby the popup.
        desk.press(&["C-d"]);
    });
}

#[test]
fn jump_finds_the_pane_of_an_agent_without_variables() {
    let Some(world) = BoardWorld::new() else { return };
    let near = world.server("near");
    near.open("desk", SIZE, &["sh", "-i"]);
    let words = ["env", "-u", "TMUX_PANE"].map(str::to_owned).to_vec();
    new_window(&near, "=desk:", &[words, agent_command("till", "UserPromptSubmit")].concat());
    wait_for_terminal(&world, "till");
    let desk = world.tmux.open("desk", SIZE, &near.attach_command("=desk"));
    desk.wait_for_text("$");
    desk.type_line(&format!("{PROGRAM} jump till"));
    desk.wait_for_text(&greeting("till"));
}

#[test]
fn jump_explains_a_removed_tmux_socket() {
    let Some(world) = BoardWorld::new() else { return };
    let near = world.server("near");
    near.open("desk", SIZE, &["sh", "-i"]);
    new_window(&near, "=desk:", &agent_command("till", "UserPromptSubmit"));
    wait_for_terminal(&world, "till");
    let desk = world.tmux.open("desk", SIZE, &near.attach_command("=desk"));
    desk.wait_for_text("$");
    let server = near.run(["display-message", "-p", "#{pid}"]);
    std::fs::remove_file(near.socket()).unwrap();
    let plain = plain_shell(&world.tmux, "plain");
    let (code, screen) = run_in_pane(&plain, "jump till");
    let screen = screen.replace('\n', "");
    assert!(code == 1 && screen.contains("the server runs"), "{screen}");
    let hint = format!("kill -USR1 {}", server.trim_end());
    assert!(screen.contains(&hint), "{screen}");
    plain.type_line(&hint);
    wait_until("the socket is back", || near.socket().exists());
    assert_eq!(run_in_pane(&plain, "jump till").0, 0);
    desk.wait_for_text(&greeting("till"));
}

#[test]
fn jump_attaches_no_tmux_within_a_tmux_without_variables() {
    let Some(world) = BoardWorld::new() else { return };
    let far = world.server("far");
    far.open("far", SIZE, &agent_command("abroad", "UserPromptSubmit"));
    wait_for_terminal(&world, "abroad");
    let inside = shell_without_variables(&world.tmux, "inside");
    let (code, screen) = run_in_pane(&inside, "jump abroad");
    let screen = screen.replace('\n', "");
    let expected = format!("run in another terminal: tmux -S {}", far.socket().display());
    assert!(code == 1 && screen.contains(&expected), "{screen}");
    // The board says the same.
    inside.type_line(&format!("{PROGRAM} --once"));
    inside.wait_for_text("Enter jump");
    inside.press(&["Enter"]);
    inside.wait_for_text("run in another terminal");
    inside.press(&["q"]);
    // A plain terminal is attached.
    plain_shell(&world.tmux, "plain").type_line(&format!("{PROGRAM} jump abroad"));
    wait_until("a client", || far.run(["list-clients", "-F", "x"]).lines().count() == 1);
}

//! Jumps where no variable names the way, and the words of those that fail.

use crate::board_world::{BoardWorld, PROGRAM};
use crate::jump::{SIZE, agent, here, plain_shell, run};
use crewboard_testkit::{Tmux, eventually};

/// Waits until the daemon knows an agent that runs in a terminal.
fn is_known(world: &BoardWorld, name: &str) {
    world.row_where(name, "in its terminal", |row| row["place"]["tty"].is_string());
}

fn new_window(server: &Tmux, session: &str, words: &[String]) {
    let window = ["new-window", "-d", "-t", session, "--"].map(str::to_owned).to_vec();
    server.ask([window, words.to_vec()].concat());
}

/// A tmux starts within another only without `TMUX`, so that nothing of the inner client names the outer pane.
#[test]
fn a_jump_into_an_inner_tmux_shows_its_window_of_the_outer_one() {
    let Some(world) = BoardWorld::new() else { return };
    let (outer, inner) = (world.server("outer"), world.server("inner"));
    inner.open("work", SIZE, &["sh", "-i"]);
    new_window(&inner, "=work:", &agent("till", "UserPromptSubmit"));
    is_known(&world, "till");
    outer.open("desk", SIZE, &["sh", "-i"]);
    let attach = inner.attaching("=work");
    let kinds = [vec!["env", "-i", "TERM=tmux"], vec!["env", "TMUX="], vec!["env", "-u", "TMUX"]];
    for (number, kind) in kinds.into_iter().enumerate() {
        let kind = kind.into_iter().map(str::to_owned);
        // `attach` begins with an `env` of its own.
        let path = ["PATH=/usr/local/bin:/usr/bin:/bin".to_owned()];
        let words: Vec<String> = kind.chain(path).chain(attach.clone()).collect();
        new_window(&outer, "=desk:9", &words);
        let attached = || inner.ask(["list-clients", "-F", "x"]).lines().count() == 1;
        eventually("the inner client is there", attached);
        let desk = world.tmux.open(&format!("desk{number}"), SIZE, &outer.attaching("=desk"));
        let plain = plain_shell(&world.tmux, &format!("plain{number}"));
        for asks_outside in [false, true] {
            outer.ask(["select-window", "-t", "=desk:^"]);
            inner.ask(["select-window", "-t", "=work:^"]);
            desk.wait_for("the first window", |screen| !screen.contains(&here("till")));
            if asks_outside {
                assert_eq!(run(&plain, "jump till").0, 0);
            } else {
                desk.type_line(&format!("{PROGRAM} jump till"));
            }
            desk.shows(&here("till"));
        }
        outer.ask(["kill-window", "-t", "=desk:9"]);
        eventually("the inner client is gone", || inner.ask(["list-clients"]).is_empty());
        outer.ask(["detach-client", "-s", "=desk"]);
    }
}

#[test]
fn an_agent_in_a_popup_is_said_to_have_no_pane() {
    let Some(world) = BoardWorld::new() else { return };
    let near = world.server("near");
    near.open("desk", SIZE, &["sh", "-i"]);
    let desk = world.tmux.open("desk", SIZE, &near.attaching("=desk"));
    desk.shows("$");
    let client = near.ask(["list-clients", "-F", "#{client_name}"]);
    let popup = ["display-popup", "-c", client.trim_end(), "-E", "--"].map(str::to_owned).to_vec();
    // tmux itself waits until the popup is closed.
    std::thread::scope(|scope| {
        scope.spawn(|| near.ask([popup, agent("till", "UserPromptSubmit")].concat()));
        is_known(&world, "till");
        let plain = plain_shell(&world.tmux, "plain");
        let (code, screen) = run(&plain, "jump till");
        assert!(
            code == 1 && screen.contains("runs in a popup of tmux, which has no pane"),
            "{screen}"
        );
        // The popup has the keys; its program ends with its input, and the popup with it.
        desk.press(&["C-d"]);
    });
}

#[test]
fn an_agent_without_variables_is_found_in_its_pane() {
    let Some(world) = BoardWorld::new() else { return };
    let near = world.server("near");
    near.open("desk", SIZE, &["sh", "-i"]);
    let words = ["env", "-u", "TMUX_PANE"].map(str::to_owned).to_vec();
    new_window(&near, "=desk:", &[words, agent("till", "UserPromptSubmit")].concat());
    is_known(&world, "till");
    let desk = world.tmux.open("desk", SIZE, &near.attaching("=desk"));
    desk.shows("$");
    desk.type_line(&format!("{PROGRAM} jump till"));
    desk.shows(&here("till"));
}

#[test]
fn a_tmux_whose_socket_is_gone_is_not_said_to_be_gone_itself() {
    let Some(world) = BoardWorld::new() else { return };
    let near = world.server("near");
    near.open("desk", SIZE, &["sh", "-i"]);
    new_window(&near, "=desk:", &agent("till", "UserPromptSubmit"));
    is_known(&world, "till");
    let desk = world.tmux.open("desk", SIZE, &near.attaching("=desk"));
    desk.shows("$");
    let server = near.ask(["display-message", "-p", "#{pid}"]);
    std::fs::remove_file(near.socket()).unwrap();
    let plain = plain_shell(&world.tmux, "plain");
    let (code, screen) = run(&plain, "jump till");
    let screen = screen.replace('\n', "");
    assert!(code == 1 && screen.contains("the server runs"), "{screen}");
    let hint = format!("kill -USR1 {}", server.trim_end());
    assert!(screen.contains(&hint), "{screen}");
    plain.type_line(&hint);
    eventually("the socket is there again", || near.socket().exists());
    assert_eq!(run(&plain, "jump till").0, 0);
    desk.shows(&here("till"));
}

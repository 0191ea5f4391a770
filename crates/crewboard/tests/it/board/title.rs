//! The title of the terminal, its clipboard and the Program Status Protocol.

use super::board_in;
use crate::support::{Agent, BoardWorld, PROGRAM};
use crewboard_testkit::{signal, wait_until};
use rustix::process::Signal;
use serde_json::json;

/// Lets an agent wait for a permission.
fn ask(world: &BoardWorld, agent: &Agent) {
    let input = json!({"tool_name": "Bash", "tool_input": {"command": "make"}});
    world.send_prompt(agent, "go on");
    world.send_event(agent, "PermissionRequest", &input);
}

#[test]
fn title_counts_sessions_and_is_restored() {
    let Some(world) = BoardWorld::new() else { return };
    let (first, second) = (Agent::new("first"), Agent::new("second"));
    ask(&world, &first);
    let pane = world.tmux.open("title", (100, 30), &["/bin/sh", "-i"]);
    pane.wait_for_text("$");
    pane.type_line("printf '\\033]2;before\\033\\\\'");
    let wait_for_title = |title: &str| {
        pane.wait_for(title, |_| pane.expand("#{pane_title}") == title);
    };
    wait_for_title("before");
    pane.type_line(PROGRAM);
    wait_for_title("1 needs you - crewboard");
    ask(&world, &second);
    wait_for_title("2 need you - crewboard");
    pane.press(&["q"]);
    wait_for_title("before");
    pane.wait_for_release();
    pane.type_line(PROGRAM);
    wait_for_title("2 need you - crewboard");
    // A suspended board gives the title back, and takes it again.
    pane.press(&["C-z"]);
    wait_for_title("before");
    pane.type_line("fg");
    wait_for_title("2 need you - crewboard");
    signal(board_in(&pane), Signal::TERM);
    wait_for_title("before");
    // Without the option the title stays.
    pane.wait_for_release();
    let file = world.path().join("untitled.toml");
    std::fs::write(&file, "[board]\ntitle = false\n").unwrap();
    pane.type_line(&format!("CREWBOARD_CONFIG={} {PROGRAM}", file.display()));
    pane.wait_for_text("2 need you");
    assert_eq!(pane.expand("#{pane_title}"), "before");
}

/// tmux takes the sequence of a program only with `set-clipboard on`.
#[test]
fn copied_text_is_in_the_buffer_of_tmux() {
    let Some(world) = BoardWorld::new() else { return };
    let agent = Agent::new("first");
    ask(&world, &agent);
    let pane = world.tmux.open("copy", (100, 30), &[PROGRAM]);
    world.tmux.run(["set-option", "-s", "set-clipboard", "on"]);
    pane.wait_for_text("first");
    pane.press(&["y", "r"]);
    pane.wait_for_text("Copied the resume command: claude --resume");
    wait_until("the buffer", || {
        let buffers = world.tmux.run(["list-buffers", "-F", "#{buffer_sample}"]);
        buffers.contains("claude --resume")
    });
}

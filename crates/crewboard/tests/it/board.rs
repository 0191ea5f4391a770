//! The board in a real terminal.

use crate::board_world::{Agent, BoardWorld, signal};
use crate::status_of;
use crewboard_testkit::Pane;
use rustix::process::Signal;
use serde_json::json;

/// The board's process, which runs in a shell.
fn board_in(pane: &Pane<'_>) -> u32 {
    let shell = pane.pid();
    let children = std::fs::read_to_string(format!("/proc/{shell}/task/{shell}/children"));
    children.unwrap().split_whitespace().next().unwrap().parse().unwrap()
}

/// Waits until a shell answers on a clean terminal.
#[track_caller]
fn shell_is_back(pane: &Pane<'_>) {
    pane.is_given_back();
    // Typed sooner, the terminal would show it before the shell's prompt.
    pane.wait_for("the shell's prompt", |screen| screen.trim_end().ends_with('$'));
    // What is typed is seen, and lines end where they should: neither is so in raw mode.
    pane.type_line("echo back-$((20 + 1))");
    let screen = pane.shows("back-21");
    assert!(screen.contains("echo back-$((20 + 1))"), "{screen}");
    assert!(screen.lines().any(|line| line == "back-21"), "{screen}");
    assert!(!screen.contains("session"), "the board's picture is gone:\n{screen}");
}

#[test]
fn the_terminal_is_clean_after_leaving() {
    let Some(world) = BoardWorld::new() else { return };
    let pane = world.shell_with_board("quit", (80, 24));
    pane.shows("q quit");
    pane.press(&["q"]);
    shell_is_back(&pane);
    for ending in [Signal::TERM, Signal::INT, Signal::HUP] {
        let pane = world.shell_with_board(&format!("signal{}", ending.as_raw()), (80, 24));
        signal(board_in(&pane), ending);
        shell_is_back(&pane);
    }
}

#[test]
fn stopped_it_leaves_the_terminal_and_continued_it_draws_anew() {
    let Some(world) = BoardWorld::new() else { return };
    let pane = world.shell_with_board("stop", (80, 24));
    let before = pane.shows("shows what they would change there");
    let pid = board_in(&pane);
    pane.press(&["C-z"]);
    shell_is_back(&pane);
    pane.type_line("fg");
    pane.wait_for("the same picture", |screen| screen == before);
    // From outside too.
    signal(pid, Signal::TSTP);
    shell_is_back(&pane);
    pane.type_line("fg");
    pane.wait_for("the same picture", |screen| screen == before);
    pane.press(&["q"]);
    shell_is_back(&pane);
}

#[test]
fn stopped_behind_its_back_it_takes_the_terminal_again() {
    let Some(world) = BoardWorld::new() else { return };
    // Not as tmux's own child, which tmux would continue at once; and without a shell's job control.
    let program = format!("{}; true", env!("CARGO_BIN_EXE_crewboard"));
    let pane = world.tmux.open("stopped", (80, 24), &["/bin/sh", "-c", &program]);
    let before = pane.shows("shows what they would change there");
    let board = board_in(&pane);
    signal(board, Signal::STOP);
    std::fs::write(pane.fact("#{pane_tty}"), "\x1b[?1049l\x1b[?25hsomebody else was here").unwrap();
    pane.shows("somebody else was here");
    signal(board, Signal::CONT);
    pane.wait_for("the same picture", |screen| screen == before);
    assert_eq!(pane.fact("#{alternate_on} #{cursor_flag}"), "1 0");
}

#[test]
fn through_all_sizes_and_back_the_screen_is_right() {
    let Some(world) = BoardWorld::new() else { return };
    let agent = Agent::new("shop");
    world.prompt(&agent, "fix the failing checkout test");
    world.hook(&agent, "Stop", &json!({ "last_assistant_message": "All green." }));
    let pane = world.board("sizes", (80, 24));
    pane.shows("1 needs you: done");
    for (width, height) in
        [(200, 50), (120, 30), (40, 20), (20, 5), (80, 3), (40, 1), (2, 2), (1, 1), (10, 40)]
    {
        pane.resize(width, height);
        pane.wait_for(&format!("{width}x{height}"), |screen| {
            let fits = screen.lines().all(|line| line.chars().count() <= usize::from(width));
            fits && (width < 3 || screen.contains("shop"))
        });
    }
    pane.resize(80, 24);
    // One that was never another size, for times on both go on.
    let fresh = world.board("fresh", (80, 24));
    fresh.shows("1 needs you: done");
    pane.wait_for("what a new board shows", |screen| screen == fresh.screen());
}

#[test]
fn a_key_that_comes_with_a_resize_is_not_lost_and_leaves_no_spin() {
    let Some(world) = BoardWorld::new() else { return };
    let agent = Agent::new("one");
    world.prompt(&agent, "go on");
    let pane = world.board("keys", (100, 24));
    pane.shows("1 working");
    for round in 0..10 {
        pane.press(&["?"]);
        pane.shows("the filter");
        pane.resize_with_key(90 + round, "Escape");
        pane.wait_for("the help gone", |screen| !screen.contains("the filter"));
    }
    // A terminal that stays readable would wake it thousands of times a second.
    let wakes = || {
        status_of(pane.pid(), "nonvoluntary_ctxt_switches")
            + status_of(pane.pid(), "voluntary_ctxt_switches")
    };
    let ticks = || {
        let line = std::fs::read_to_string(format!("/proc/{}/stat", pane.pid())).unwrap();
        let (_, rest) = line.rsplit_once(") ").unwrap();
        let fields: Vec<u64> = rest.split(' ').filter_map(|field| field.parse().ok()).collect();
        fields[10] + fields[11]
    };
    let before = (ticks(), wakes());
    // Nothing can be awaited here: it is nothing that is to happen.
    std::thread::sleep(std::time::Duration::from_secs(1));
    let spent = ticks() - before.0;
    assert!(spent < 50, "{spent}0 ms of a second, {} switches", wakes() - before.1);
}

#[test]
fn what_calls_comes_to_the_top_at_once() {
    let Some(world) = BoardWorld::new() else { return };
    let agents = ["one", "two", "three"].map(Agent::new);
    for agent in &agents {
        world.prompt(agent, "go on");
    }
    let pane = world.board("calls", (100, 24));
    pane.shows("3 working");
    world.asks(&agents[2], "terraform apply");
    let screen = pane.shows("1 needs you: permission");
    let first = screen.lines().nth(2).unwrap();
    assert!(
        first.contains("! permission three") && first.contains("Bash terraform apply"),
        "{screen}"
    );
    pane.press(&["Tab"]);
    pane.wait_for("its details", |screen| screen.contains("asks      Bash terraform apply"));
}

#[test]
fn two_boards_and_the_list_agree() {
    let Some(world) = BoardWorld::new() else { return };
    let agent = Agent::new("shop");
    world.prompt(&agent, "go on");
    world.hook(&agent, "Stop", &json!({ "last_assistant_message": "All green." }));
    let one = world.board("one", (100, 24));
    let other = world.board("other", (80, 20));
    for pane in [&one, &other] {
        pane.shows("1 needs you: done");
    }
    one.press(&["Space"]);
    other.shows("nobody needs you");
    world.row_where("shop", "seen", |row| row["seen"] == true && row["needs_you"] == false);
    other.press(&["p"]);
    one.shows("pinned");
    world.row_where("shop", "pinned", |row| row["pinned"] == true);
    one.press(&["z"]);
    other.shows("zᶻ");
    world.row_where("shop", "snoozed", |row| row["snoozed_until"].is_u64());
    other.press(&["x"]);
    one.shows("The only session is hidden.");
    world.row_where("shop", "dismissed", |row| row["dismissed"] == true);
    one.press(&["X"]);
    one.shows("hidden:");
    one.press(&["x"]);
    other.wait_for("the row again", |screen| screen.contains("All green."));
    world.row_where("shop", "back", |row| row["dismissed"] == false);
}

#[test]
fn a_killed_daemon_costs_nothing() {
    let Some(world) = BoardWorld::new() else { return };
    let mut agents = ["alive", "asking", "dying", "hidden"].map(Agent::new);
    for agent in &agents {
        world.prompt(agent, &format!("the work of {}", agent.id));
    }
    world.asks(&agents[1], "rm -rf target");
    let boards = [world.board("one", (100, 24)), world.board("other", (90, 30))];
    for board in &boards {
        board.shows("1 needs you: permission · 3 working");
    }
    // Only one row is left by this filter, so it is the one that is hidden.
    boards[0].press(&["/", "h", "i", "d", "d", "e", "n", "Enter"]);
    boards[0].shows("1 of 4");
    boards[0].press(&["x"]);
    for board in &boards {
        board.shows("1 needs you: permission · 2 working");
    }
    boards[0].press(&["Escape"]);
    let daemon = world.daemon_but(None);
    // Nobody is left to see its end.
    signal(daemon, Signal::STOP);
    agents[2].kill();
    signal(daemon, Signal::KILL);
    for board in &boards {
        board.wait_for("the same rows, and the dead one closed", |screen| {
            let line = |name: &str| screen.lines().skip(2).find(|line| line.contains(name));
            screen.contains("1 needs you: permission · 1 working")
                && line("asking").is_some_and(|line| line.contains("Bash rm -rf target"))
                && line("alive").is_some_and(|line| line.contains("working"))
                && line("dying").is_some_and(|line| line.contains("closed"))
                && line("hidden").is_none()
        });
    }
    assert_ne!(world.daemon_but(Some(daemon)), daemon);
    world.row_where("hidden", "still hidden", |row| row["dismissed"] == true);
    world.row_where("dying", "closed", |row| row["status"] == "closed" && row["end"] == "killed");
    // And events go on where they were.
    world.hook(&agents[0], "Stop", &json!({ "last_assistant_message": "All green." }));
    for board in &boards {
        board.shows("2 need you: 1 permission, 1 done");
    }
}

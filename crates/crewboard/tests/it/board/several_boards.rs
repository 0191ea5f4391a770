//! Several boards on one daemon, and after its crash on the next.

use crate::support::{Agent, BoardWorld, RunningCommand};
use crewboard_testkit::{World, is_dead, signal, wait_until};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// The longest time from the end of a daemon until all rows are restored.
const BACK_WITHIN: Duration = Duration::from_secs(1);

#[test]
fn boards_watch_and_list_agree() {
    let Some(world) = BoardWorld::new() else { return };
    let agent = Agent::new("shop");
    world.send_prompt(&agent, "go on");
    world.send_event(&agent, "Stop", &json!({ "last_assistant_message": "All green." }));
    let one = world.board("one", (100, 24));
    let other = world.board("other", (80, 20));
    let mut watch = RunningCommand::start(&world, &["watch", "--json"]);
    watch.wait_for("the row", |row| row["id"] == "shop" && row["needs_you"] == true);
    for pane in [&one, &other] {
        pane.wait_for_text("1 needs you √1");
    }
    let mut shop = |what: &str, is_so: &dyn Fn(&Value) -> bool| {
        watch.wait_for(what, |row| row["id"] == "shop" && is_so(row));
        world.wait_for_row("shop", what, is_so);
    };
    one.press(&["Space"]);
    for pane in [&one, &other] {
        pane.wait_for_text("no session needs you");
    }
    shop("seen", &|row| row["seen"] == true && row["needs_you"] == false);
    other.press(&["p"]);
    for pane in [&one, &other] {
        pane.wait_for_text("pinned");
    }
    shop("pinned", &|row| row["pinned"] == true);
    // Each board undoes its own last mark.
    one.press(&["u"]);
    shop("unseen", &|row| row["seen"] == false && row["needs_you"] == true);
    one.wait_for_text("1 needs you");
    one.press(&["z", "5"]);
    for pane in [&one, &other] {
        pane.wait_for_text("zz");
    }
    shop("snoozed", &|row| row["snoozed_until"].is_u64());
    other.press(&["x"]);
    for pane in [&one, &other] {
        pane.wait_for_text("The only session is hidden.");
    }
    shop("dismissed", &|row| row["dismissed"] == true);
    one.press(&["X"]);
    one.wait_for_text("hidden:");
    one.press(&["x"]);
    for pane in [&one, &other] {
        pane.wait_for("the row again", |screen| screen.contains("All green."));
    }
    shop("shown again", &|row| row["dismissed"] == false);
}

/// Returns status and name of the rows on a board, in their order.
fn rows_on(screen: &str) -> Vec<(String, String)> {
    let lines = screen.lines().skip(2).take_while(|line| !line.trim().is_empty());
    let words = |line: &str| {
        // A marker and a symbol precede the status and the name.
        let mut words = line.trim_start_matches(['▌', ' ']).split_whitespace().skip(1);
        Some((words.next()?.to_owned(), words.next()?.to_owned()))
    };
    lines.filter_map(words).collect()
}

/// Runs `crewboard report` for session `name`, with a text.
fn report(world: &World, name: &str, status: &str, text: &str) {
    let mut command = world.command(["report", "--agent", "other", "--session", name]);
    command.args(["--status", status, "--text", text, "--cwd", &format!("/srv/{name}")]);
    assert!(command.status().unwrap().success());
}

/// Returns status and name of the rows that `crewboard list` prints, in their order.
fn listed(world: &BoardWorld) -> Vec<(String, String)> {
    let text = |row: &Value, field: &str| row[field].as_str().unwrap().to_owned();
    let rows = world.list().into_iter().filter(|row| row["dismissed"] == false);
    rows.map(|row| (text(&row, "status"), text(&row, "name"))).collect()
}

/// Kills the daemon while two boards are open, one of which has not received the last changes. If `stale_first`,
/// that board is the first to restore its rows.
fn kill_daemon_under_two_boards(stale_first: bool) {
    let Some(world) = BoardWorld::new() else { return };
    let mut agents = ["alive", "asking", "hidden", "dying"].map(Agent::new);
    for agent in &agents {
        world.send_prompt(agent, &format!("the work of {}", agent.id));
    }
    report(&world, "filler", "working", "");
    // tmux continues its own children at once, so a shell runs the boards.
    let boards = ["fresh", "stale"].map(|name| world.board_in_shell(name, (100, 30)));
    for (board, _) in &boards {
        board.wait_for_text("5 working");
    }
    let [(fresh, fresh_pid), (stale, stale_pid)] = &boards;
    signal(*stale_pid, Signal::STOP);
    // These changes fill the socket of the stale board, so the later ones stay in the daemon.
    for number in 0..70 {
        report(&world, "filler", "question", &format!("{number} {}", "x".repeat(4000)));
    }
    report(&world, "filler", "working", "");
    world.request_permission(&agents[1], "rm -rf target");
    world.send_event(&agents[0], "Stop", &json!({ "last_assistant_message": "All green." }));
    // The filter leaves only one row, which the next key dismisses.
    fresh.press(&["/", "h", "i", "d", "d", "e", "n", "Enter"]);
    fresh.wait_for_text("1 of 5");
    fresh.press(&["x"]);
    fresh.wait_for_text("!1 √1 · 2 working");
    fresh.press(&["Escape"]);
    let daemon = world.daemon();
    // The stopped daemon does not see the end of the agent.
    signal(daemon, Signal::STOP);
    agents[3].kill();
    if stale_first {
        signal(*fresh_pid, Signal::STOP);
    }
    let killed = Instant::now();
    signal(daemon, Signal::KILL);
    // A command that connects to the daemon before its end would fail.
    wait_until("the daemon ends", || is_dead(daemon));
    signal(*stale_pid, Signal::CONT);
    let mut since = killed;
    if stale_first {
        world.wait_for_row("hidden", "as the stale board has it", |row| row["dismissed"] == false);
        since = Instant::now();
        signal(*fresh_pid, Signal::CONT);
    }
    let expected =
        [("permission", "asking"), ("done", "alive"), ("working", "filler"), ("closed", "dying")];
    let expected = expected.map(|(status, name)| (status.to_owned(), name.to_owned()));
    for board in [fresh, stale] {
        let screen = board.wait_for("the newest rows, with the ended session closed", |screen| {
            rows_on(screen) == expected
        });
        let took = since.elapsed();
        assert!(took < BACK_WITHIN, "after {took:?}:\n{screen}");
        assert!(screen.contains("Bash rm -rf target"), "{screen}");
    }
    assert_eq!(listed(&world), expected);
    let next = world.daemon();
    assert!(next != daemon && is_dead(daemon), "the daemon is the same");
    world.wait_for_row("hidden", "still hidden", |row| row["dismissed"] == true);
    world.wait_for_row("dying", "closed", |row| row["end"] == "killed");
    for agent in &agents[..3] {
        world.wait_for_row(&agent.id, "open", |row| row["end"].is_null());
    }
    // Events still arrive.
    world.send_event(&agents[2], "Stop", &json!({ "last_assistant_message": "All green." }));
    for board in [fresh, stale] {
        board.wait_for_text("3 need you !1 √2");
    }
}

#[test]
fn board_says_that_the_daemon_does_not_answer() {
    let Some(world) = BoardWorld::new() else { return };
    let agent = Agent::new("shop");
    world.send_prompt(&agent, "go on");
    world.send_event(&agent, "Stop", &json!({ "last_assistant_message": "All green." }));
    let board = world.board("hangs", (100, 24));
    board.wait_for_text("1 needs you √1");
    let daemon = world.daemon();
    signal(daemon, Signal::STOP);
    let asked = Instant::now();
    board.press(&["p"]);
    board.wait_for_text("the daemon does not answer");
    let elapsed = asked.elapsed();
    assert!(elapsed < Duration::from_secs(3), "{elapsed:?}");
    signal(daemon, Signal::CONT);
    board.wait_for("the pinned row", |screen| {
        screen.contains("1 needs you √1") && screen.contains("pinned")
    });
    // A board with a running clock notices the hang by itself.
    world.send_prompt(&agent, "go on");
    board.wait_for_text("1 working");
    signal(daemon, Signal::STOP);
    board.wait_for_text("the daemon does not answer");
    signal(daemon, Signal::CONT);
    board.wait_for_text("1 working");
}

#[test]
fn boards_restore_all_rows_after_the_daemon_is_killed() {
    kill_daemon_under_two_boards(false);
}

#[test]
fn newest_row_wins_when_two_boards_restore() {
    kill_daemon_under_two_boards(true);
}

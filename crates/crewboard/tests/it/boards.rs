//! Several views of one daemon, and of the next one when it dies.

use crate::board_world::{Agent, BoardWorld, signal};
use crewboard_testkit::is_dead;
use rustix::process::Signal;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How soon after a daemon's death all must be as it was.
const BACK_WITHIN: Duration = Duration::from_secs(1);

#[test]
fn two_boards_a_watch_and_the_list_agree() {
    let Some(world) = BoardWorld::new() else { return };
    let agent = Agent::new("shop");
    world.prompt(&agent, "go on");
    world.hook(&agent, "Stop", &json!({ "last_assistant_message": "All green." }));
    let one = world.board("one", (100, 24));
    let other = world.board("other", (80, 20));
    let watch = world.watch();
    watch.until("the row", |row| row["id"] == "shop" && row["needs_you"] == true);
    for pane in [&one, &other] {
        pane.shows("1 needs you: done");
    }
    let shop = |what: &str, is_so: &dyn Fn(&Value) -> bool| {
        watch.until(what, |row| row["id"] == "shop" && is_so(row));
        world.row_where("shop", what, is_so);
    };
    one.press(&["Space"]);
    for pane in [&one, &other] {
        pane.shows("nobody needs you");
    }
    shop("seen", &|row| row["seen"] == true && row["needs_you"] == false);
    other.press(&["p"]);
    for pane in [&one, &other] {
        pane.shows("pinned");
    }
    shop("pinned", &|row| row["pinned"] == true);
    one.press(&["z"]);
    for pane in [&one, &other] {
        pane.shows("zᶻ");
    }
    shop("snoozed", &|row| row["snoozed_until"].is_u64());
    other.press(&["x"]);
    for pane in [&one, &other] {
        pane.shows("The only session is hidden.");
    }
    shop("dismissed", &|row| row["dismissed"] == true);
    one.press(&["X"]);
    one.shows("hidden:");
    one.press(&["x"]);
    for pane in [&one, &other] {
        pane.wait_for("the row again", |screen| screen.contains("All green."));
    }
    shop("back", &|row| row["dismissed"] == false);
}

/// The rows on a board: status and name, in their order.
fn rows_on(screen: &str) -> Vec<(String, String)> {
    let lines = screen.lines().skip(2).take_while(|line| !line.trim().is_empty());
    let words = |line: &str| {
        // Marker and shape, then status and name.
        let mut words = line.trim_start_matches(['▌', ' ']).split_whitespace().skip(1);
        Some((words.next()?.to_owned(), words.next()?.to_owned()))
    };
    lines.filter_map(words).collect()
}

/// The same of `crewboard list`.
fn listed(world: &BoardWorld) -> Vec<(String, String)> {
    let text = |row: &Value, field: &str| row[field].as_str().unwrap().to_owned();
    let rows = world.list().into_iter().filter(|row| row["dismissed"] == false);
    rows.map(|row| (text(&row, "status"), text(&row, "name"))).collect()
}

/// The daemon dies while two boards are open, of which one has not heard the last news. `stale_first`:
/// whether that one is the first to give the next daemon what it knows.
fn daemon_dies(stale_first: bool) {
    let Some(world) = BoardWorld::new() else { return };
    let mut agents = ["alive", "asking", "hidden", "dying"].map(Agent::new);
    for agent in &agents {
        world.prompt(agent, &format!("the work of {}", agent.id));
    }
    world.report("filler", "working", "");
    // Children of a shell: tmux continues its own at once.
    let boards = ["fresh", "stale"].map(|name| world.board_in_shell(name, (100, 30)));
    for (board, _) in &boards {
        board.shows("5 working");
    }
    let [(fresh, fresh_pid), (stale, stale_pid)] = &boards;
    signal(*stale_pid, Signal::STOP);
    // More than its socket holds: what comes after waits in the daemon, and dies with it.
    for number in 0..70 {
        world.report("filler", "question", &format!("{number} {}", "x".repeat(4000)));
    }
    world.report("filler", "working", "");
    world.asks(&agents[1], "rm -rf target");
    world.hook(&agents[0], "Stop", &json!({ "last_assistant_message": "All green." }));
    // Only one row is left by this filter, so it is the one that is hidden.
    fresh.press(&["/", "h", "i", "d", "d", "e", "n", "Enter"]);
    fresh.shows("1 of 5");
    fresh.press(&["x"]);
    fresh.shows("1 permission, 1 done · 2 working");
    fresh.press(&["Escape"]);
    let daemon = world.daemon_but(None);
    // Nobody is left to see its end.
    signal(daemon, Signal::STOP);
    agents[3].kill();
    if stale_first {
        signal(*fresh_pid, Signal::STOP);
    }
    let killed = Instant::now();
    signal(daemon, Signal::KILL);
    signal(*stale_pid, Signal::CONT);
    let mut since = killed;
    if stale_first {
        world.row_where("hidden", "as the stale one knew it", |row| row["dismissed"] == false);
        since = Instant::now();
        signal(*fresh_pid, Signal::CONT);
    }
    let expected =
        [("permission", "asking"), ("done", "alive"), ("working", "filler"), ("closed", "dying")];
    let expected = expected.map(|(status, name)| (status.to_owned(), name.to_owned()));
    for board in [fresh, stale] {
        let screen = board.wait_for("the newest rows, and the dead one closed", |screen| {
            rows_on(screen) == expected
        });
        let took = since.elapsed();
        assert!(took < BACK_WITHIN, "after {took:?}:\n{screen}");
        assert!(screen.contains("Bash rm -rf target"), "{screen}");
    }
    assert_eq!(listed(&world), expected);
    let next = world.daemon_but(None);
    assert!(next != daemon && is_dead(daemon), "another daemon");
    world.row_where("hidden", "still hidden", |row| row["dismissed"] == true);
    world.row_where("dying", "closed", |row| row["end"] == "killed");
    for agent in &agents[..3] {
        world.row_where(&agent.id, "open", |row| row["end"].is_null());
    }
    // And events go on where they were.
    world.hook(&agents[2], "Stop", &json!({ "last_assistant_message": "All green." }));
    for board in [fresh, stale] {
        board.shows("3 need you: 1 permission, 2 done");
    }
}

#[test]
fn a_daemon_that_hangs_does_not_look_alive() {
    let Some(world) = BoardWorld::new() else { return };
    let agent = Agent::new("shop");
    world.prompt(&agent, "go on");
    world.hook(&agent, "Stop", &json!({ "last_assistant_message": "All green." }));
    let board = world.board("hangs", (100, 24));
    board.shows("1 needs you: done");
    let daemon = world.daemon_but(None);
    signal(daemon, Signal::STOP);
    let asked = Instant::now();
    board.press(&["p"]);
    board.shows("the daemon does not answer");
    let said = asked.elapsed();
    assert!(said < Duration::from_secs(3), "{said:?}");
    signal(daemon, Signal::CONT);
    board.wait_for("all as it should be", |screen| {
        screen.contains("1 needs you: done") && screen.contains("pinned")
    });
    // A clock that goes on asks by itself.
    world.prompt(&agent, "go on");
    board.shows("1 working");
    signal(daemon, Signal::STOP);
    board.shows("the daemon does not answer");
    signal(daemon, Signal::CONT);
    board.shows("1 working");
}

#[test]
fn a_killed_daemon_costs_nothing() {
    daemon_dies(false);
}

#[test]
fn of_what_two_boards_knew_the_newest_stands() {
    daemon_dies(true);
}

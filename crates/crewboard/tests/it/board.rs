//! The board in a real terminal.

mod background;
mod peek;
mod program_status;
mod several_boards;
mod title;

use crate::support::{Agent, AgentWithFile, BoardWorld, PROGRAM, processor_time, wake_ups};
use crewboard_agents::AGENTS;
use crewboard_testkit::{Pane, children, is_dead, process_state, signal, wait_until};
use rustix::process::Signal;
use serde_json::json;

/// Returns the pid of the board that runs in the shell of a pane.
fn board_in(pane: &Pane<'_>) -> u32 {
    children(pane.pid())[0]
}

/// Waits until the shell works in a restored terminal.
#[track_caller]
fn assert_shell_is_back(pane: &Pane<'_>) {
    pane.wait_for_release();
    // Text that is typed before the shell's prompt would be echoed before it.
    pane.wait_for("the shell's prompt", |screen| screen.trim_end().ends_with('$'));
    // The terminal echoes the command and breaks lines correctly. It does neither in raw mode.
    pane.type_line("echo back-$((20 + 1))");
    let screen = pane.wait_for_text("back-21");
    assert!(screen.contains("echo back-$((20 + 1))"), "{screen}");
    assert!(screen.lines().any(|line| line == "back-21"), "{screen}");
    assert!(!screen.contains("session"), "the picture of the board is still there:\n{screen}");
}

/// An Emacs shell, a CI job and a serial line would show each escape sequence as text.
#[test]
fn dumb_terminal_gets_no_escape_sequence() {
    let Some(world) = BoardWorld::new() else { return };
    let agent = Agent::new("till");
    world.send_event(&agent, "UserPromptSubmit", &json!({"prompt": "go"}));
    world.wait_for_row("till", "working", |row| row["status"] == "working");
    let pane = world.tmux.open("dumb", (100, 40), &["/bin/sh", "-i"]);
    pane.wait_for_text("$");
    let raw = world.path().join("raw");
    world.tmux.run(["pipe-pane", "-t", "dumb", &format!("cat >>{}", raw.display())]);
    for (number, term) in ["TERM=dumb", "TERM=", "TERM=unknown", "-u TERM"].iter().enumerate() {
        let run = |words: &str| format!("env {term} {PROGRAM} {words}; ");
        let words = ["", "--once", "list", "demo", "--help", "nonsense"].map(run).concat();
        // The output of all commands does not fit on one screen, so the first command runs alone.
        pane.type_line(&format!("clear; env {term} {PROGRAM}; echo over-$((90 + {number}))"));
        let screen = pane.wait_for_text(&format!("over-{}", 90 + number));
        assert!(screen.contains("working") && screen.contains("till"), "{screen}");
        let why = match number {
            0 => "TERM is dumb",
            2 => "TERM is unknown",
            _ => "TERM is not set",
        };
        assert!(screen.contains(why), "{screen}");
        let before = std::fs::metadata(&raw).unwrap().len();
        pane.type_line(&format!("{words}echo all-$((90 + {number}))"));
        pane.wait_for_text(&format!("all-{}", 90 + number));
        let written = std::fs::read(&raw).unwrap();
        let written =
            String::from_utf8_lossy(&written[usize::try_from(before).unwrap()..]).into_owned();
        assert!(written.contains("recording"), "{written}");
        assert!(!written.contains('\u{1b}'), "{term}: {}", written.escape_debug());
    }
}

#[test]
fn board_names_a_client_newer_than_the_newest_tried() {
    let Some(world) = BoardWorld::new() else { return };
    let agent = AgentWithFile::in_profile(&world.home().join(".claude"), "newer");
    let mut text = agent.text("idle", "");
    text["version"] = json!("2.1.9999");
    agent.write_file(&text);
    let pane = world.board("newer", (100, 30));
    pane.wait_for_text(&format!(
        "claude 2.1.9999 (newer than {}, the newest tried)",
        AGENTS[0].newest_tested
    ));
}

/// No event reports Ctrl-Z, and the next time on the screen changes up to a minute later.
#[test]
fn board_shows_a_suspended_agent_within_seconds() {
    let Some(world) = BoardWorld::new() else { return };
    let agent = Agent::new("shop");
    world.send_prompt(&agent, "go");
    let pane = world.board("suspended", (100, 24));
    pane.wait_for_text("shop");
    signal(agent.pid(), Signal::STOP);
    pane.wait_for("the mark", |screen| screen.contains("suspended: "));
    signal(agent.pid(), Signal::CONT);
    pane.wait_for("no mark", |screen| !screen.contains("suspended: "));
}

#[test]
fn board_restores_the_terminal_when_it_exits() {
    let Some(world) = BoardWorld::new() else { return };
    let pane = world.shell_with_board("quit", (80, 24));
    pane.wait_for_text("q quit");
    pane.press(&["q"]);
    assert_shell_is_back(&pane);
    for ending in [Signal::TERM, Signal::INT, Signal::HUP] {
        let pane = world.shell_with_board(&format!("signal{}", ending.as_raw()), (80, 24));
        signal(board_in(&pane), ending);
        assert_shell_is_back(&pane);
    }
}

#[test]
fn suspended_board_exits_without_drawing() {
    let Some(world) = BoardWorld::new() else { return };
    let suspended = |name: &str| {
        let pane = world.shell_with_board(name, (80, 24));
        let pid = board_in(&pane);
        pane.press(&["C-z"]);
        assert_shell_is_back(&pane);
        (pane, pid)
    };
    let assert_gone = |pane: &Pane<'_>, pid| {
        wait_until("the board exits", || is_dead(pid));
        assert_shell_is_back(pane);
        assert!(
            !pane.screen().contains("settings"),
            "the board drew once more:\n{}",
            pane.screen()
        );
    };
    // A stopped process handles SIGTERM when it is continued.
    let (pane, pid) = suspended("term");
    signal(pid, Signal::TERM);
    signal(pid, Signal::CONT);
    assert_gone(&pane, pid);
    // Users end a forgotten job with `kill`. Most shells also continue the job for it.
    let kill = "kill %1; kill -s CONT %1";
    let (pane, pid) = suspended("kill");
    pane.type_line(kill);
    assert_gone(&pane, pid);
    // A board in the background stops again.
    let (pane, pid) = suspended("bg");
    pane.type_line("bg");
    wait_until("the board is stopped again", || process_state(pid) == Some('T'));
    assert_shell_is_back(&pane);
    pane.type_line("fg");
    pane.wait_for_text("Press i to install the hooks");
    pane.press(&["C-z"]);
    assert_shell_is_back(&pane);
    pane.type_line("bg");
    assert_shell_is_back(&pane);
    pane.type_line(kill);
    assert_gone(&pane, pid);
}

#[test]
fn suspended_board_restores_the_terminal_and_redraws_on_fg() {
    let Some(world) = BoardWorld::new() else { return };
    let pane = world.shell_with_board("stop", (80, 24));
    let before = pane.wait_for_text("Press i to install the hooks");
    let pid = board_in(&pane);
    pane.press(&["C-z"]);
    assert_shell_is_back(&pane);
    pane.type_line("fg");
    pane.wait_for("the same picture", |screen| screen == before);
    // The board also handles a SIGTSTP of another process.
    signal(pid, Signal::TSTP);
    assert_shell_is_back(&pane);
    pane.type_line("fg");
    pane.wait_for("the same picture", |screen| screen == before);
    pane.press(&["q"]);
    assert_shell_is_back(&pane);
}

#[test]
fn board_takes_the_terminal_back_after_sigstop() {
    let Some(world) = BoardWorld::new() else { return };
    // tmux continues its own children at once, so a shell without job control runs the board.
    let program = format!("{PROGRAM}; true");
    let pane = world.tmux.open("stopped", (80, 24), &["/bin/sh", "-c", &program]);
    let before = pane.wait_for_text("Press i to install the hooks");
    let board = board_in(&pane);
    signal(board, Signal::STOP);
    std::fs::write(pane.expand("#{pane_tty}"), "\x1b[?1049l\x1b[?25hother output").unwrap();
    pane.wait_for_text("other output");
    signal(board, Signal::CONT);
    pane.wait_for("the same picture", |screen| screen == before);
    assert_eq!(pane.expand("#{alternate_on} #{cursor_flag}"), "1 0");
}

/// Texts whose width the terminal and the board must compute alike.
const WIDE: [(&str, &str); 4] = [
    ("🇪🇺❤️", "👩‍👩‍👧 family, 👍🏽 thumbs, 🇩🇪 flag, 1️⃣ key, ☰ menu"),
    ("注文", "テストが失敗しています。直して、もう一度全部を走らせてください。"),
    ("e\u{301}t\u{e9}", "Fu\u{308}nf Gro\u{308}\u{df}en: 한국어 ｆｕｌｌ"),
    ("emoji", "Ship it 🚀🎉 then rest 😴 and so on, at length and at leisure 🙂🙂🙂"),
];

#[test]
fn resized_board_looks_like_a_fresh_board() {
    let Some(world) = BoardWorld::new() else { return };
    let agents: Vec<Agent> = WIDE.iter().map(|(name, _)| Agent::new(name)).collect();
    for (agent, (_, text)) in agents.iter().zip(WIDE) {
        world.send_prompt(agent, text);
        world.send_event(agent, "Stop", &json!({ "last_assistant_message": text }));
    }
    let pane = world.board("sizes", (80, 24));
    pane.wait_for_text("4 need you √4");
    let sizes = [
        (200, 50),
        (120, 30),
        (40, 20),
        (20, 5),
        (80, 3),
        (40, 1),
        (2, 2),
        (1, 1),
        (10, 40),
        (81, 24),
        (80, 24),
    ];
    for (width, height) in sizes {
        pane.resize(width, height);
        // The fresh board never had another size. Times advance on both boards.
        wait_for_the_picture_of_a_fresh_board(&world, &pane, (width, height), ['√', '4']);
    }
    // A narrower text leaves no part of the wider text behind.
    for agent in &agents {
        world.send_prompt(agent, "plain");
    }
    wait_for_the_picture_of_a_fresh_board(&world, &pane, (80, 24), ['●', '●']);
}

/// Waits until a board shows the same as a fresh board of this size, with one of `signs` on the screen.
#[track_caller]
fn wait_for_the_picture_of_a_fresh_board(
    world: &BoardWorld,
    pane: &Pane<'_>,
    (width, height): (u16, u16),
    signs: [char; 2],
) {
    let fresh = world.board(&format!("fresh-{width}x{height}-{}", signs[0]), (width, height));
    pane.wait_for("what a fresh board shows", |screen| {
        let shows = width < 3 || screen.contains(signs);
        shows && screen == fresh.screen() && fresh.expand("#{alternate_on}") == "1"
    });
    fresh.press(&["q"]);
}

#[test]
fn selection_stays_on_its_row_while_others_move() {
    let Some(world) = BoardWorld::new() else { return };
    let agents = ["one", "two", "three", "four"].map(Agent::new);
    for agent in &agents {
        world.send_prompt(agent, "go on");
    }
    let pane = world.board("stays", (100, 24));
    pane.wait_for_text("4 working");
    let selected = |screen: &str| screen.lines().skip(2).position(|line| line.starts_with('▌'));
    let at = |screen: &str, name: &str| screen.lines().skip(2).position(|line| line.contains(name));
    pane.press(&["j"]);
    let screen = pane.wait_for("the second row selected", |screen| selected(screen) == Some(1));
    let name =
        agents.iter().map(|agent| agent.id.as_str()).find(|name| at(&screen, name) == Some(1));
    let name = name.unwrap();
    let others: Vec<&Agent> = agents.iter().filter(|agent| agent.id != name).collect();
    // Each other row moves to the top and then down again.
    for (moved, other) in others.iter().enumerate() {
        world.request_permission(other, "make");
        pane.wait_for("the other row above the selected one", |screen| {
            let place = at(screen, name);
            assert_eq!(selected(screen), place, "{screen}");
            at(screen, &other.id) == Some(moved) && screen.contains(&format!("{} need", moved + 1))
        });
    }
    for (moved, other) in others.iter().enumerate() {
        world.send_event(other, "Stop", &json!({ "last_assistant_message": "All green." }));
        pane.wait_for("the other row as done", |screen| {
            assert_eq!(selected(screen), at(screen, name), "{screen}");
            screen.matches("√  done").count() == moved + 1
        });
    }
}

#[test]
fn key_pressed_during_a_resize_is_handled() {
    let Some(world) = BoardWorld::new() else { return };
    let agent = Agent::new("one");
    world.send_prompt(&agent, "go on");
    let pane = world.board("keys", (100, 24));
    pane.wait_for_text("1 working");
    for round in 0..10 {
        pane.press(&["?"]);
        pane.wait_for_text("previous session");
        pane.resize_with_key(90 + round, "Escape");
        pane.wait_for("the closed help", |screen| !screen.contains("previous session"));
    }
    // A terminal that stays readable would wake the board thousands of times a second.
    let board = pane.pid();
    let before = (processor_time(board), wake_ups(board));
    // There is no event to await: the test shows that nothing happens.
    std::thread::sleep(std::time::Duration::from_secs(1));
    let spent = processor_time(board) - before.0;
    assert!(spent < 50, "{spent}0 ms of a second, {} switches", wake_ups(board) - before.1);
}

#[test]
fn session_that_needs_the_user_moves_to_the_top() {
    let Some(world) = BoardWorld::new() else { return };
    let agents = ["one", "two", "three"].map(Agent::new);
    for agent in &agents {
        world.send_prompt(agent, "go on");
    }
    let pane = world.board("calls", (100, 24));
    pane.wait_for_text("3 working");
    world.request_permission(&agents[2], "terraform apply");
    let screen = pane.wait_for_text("1 needs you !1");
    let first = screen.lines().nth(2).unwrap();
    assert!(
        first.contains("!  permission  three") && first.contains("Bash terraform apply"),
        "{screen}"
    );
    pane.press(&["Tab"]);
    pane.wait_for("its details", |screen| screen.contains("asks       Bash terraform apply"));
}

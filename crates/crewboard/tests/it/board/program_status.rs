//! The Program Status Protocol (OSC 7501) and the title of the terminal, with a terminal that answers.

use crate::support::{Agent, BoardWorld};
use crewboard_testkit::{VirtualTerminal, signal};
use rustix::process::Signal;
use std::io::{BufRead as _, BufReader, Read as _};

const CLEAR: &str = "state=clear:app=crewboard";

fn open(world: &BoardWorld, words: &[&str], knows_status: bool) -> VirtualTerminal {
    let mut command = world.command(words);
    command.env("TERM", "xterm-256color");
    VirtualTerminal::start(&command, (100, 30), knows_status)
}

#[track_caller]
fn wait_for_status(terminal: &mut VirtualTerminal, status: &str) {
    terminal.wait_for(status, |terminal| terminal.last_status() == status);
}

#[test]
fn board_reports_its_status_and_clears_it() {
    let Some(world) = BoardWorld::new() else { return };
    let mut terminal = open(&world, &[], true);
    wait_for_status(&mut terminal, "state=idle:app=crewboard");
    let agent = Agent::new("till");
    world.send_prompt(&agent, "go on");
    // "1 working"
    wait_for_status(&mut terminal, "state=working:app=crewboard:msg=MSB3b3JraW5n");
    world.request_permission(&agent, "make");
    // "1 permission"
    let blocked = "state=blocked:app=crewboard:kind=permission:msg=MSBwZXJtaXNzaW9u";
    wait_for_status(&mut terminal, blocked);
    terminal.wait_for("the title", |terminal| terminal.title("shell").starts_with("1 needs you"));
    // A suspended board has no status.
    signal(terminal.pid(), Signal::TSTP);
    wait_for_status(&mut terminal, CLEAR);
    assert_eq!(terminal.title("shell"), "shell");
    signal(terminal.pid(), Signal::CONT);
    wait_for_status(&mut terminal, blocked);
    terminal.type_text("q");
    assert!(terminal.wait_for_end().success());
    assert_eq!((&*terminal.last_status(), &*terminal.title("shell")), (CLEAR, "shell"));
    for ending in [Signal::TERM, Signal::INT, Signal::HUP] {
        let mut terminal = open(&world, &[], true);
        wait_for_status(&mut terminal, blocked);
        signal(terminal.pid(), ending);
        terminal.wait_for_end();
        let end = (terminal.last_status(), terminal.title("shell"));
        assert_eq!(end, (CLEAR.to_owned(), "shell".to_owned()), "{ending:?}");
    }
}

#[test]
fn terminal_that_does_not_answer_gets_no_status() {
    let Some(world) = BoardWorld::new() else { return };
    let agent = Agent::new("till");
    world.send_prompt(&agent, "go on");
    world.request_permission(&agent, "make");
    let mut terminal = open(&world, &[], false);
    terminal.wait_for("the title", |terminal| terminal.title("shell").starts_with("1 needs you"));
    terminal.type_text("q");
    terminal.wait_for_end();
    assert_eq!(terminal.status_reports(), Vec::<String>::new());
    assert!(terminal.output().contains("\x1b]7501;?\x1b\\"));
    // A board whose user wants no status does not ask.
    let directory = world.home().join(".config/crewboard");
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(directory.join("config.toml"), "[board]\nreport_status = false\n").unwrap();
    let mut terminal = open(&world, &[], true);
    terminal.wait_for("the title", |terminal| terminal.title("shell").starts_with("1 needs you"));
    terminal.type_text("q");
    terminal.wait_for_end();
    assert!(!terminal.output().contains("]7501"), "{}", terminal.output().escape_debug());
}

#[test]
fn followed_counts_clear_the_status_at_their_end() {
    let Some(world) = BoardWorld::new() else { return };
    let agent = Agent::new("till");
    world.send_prompt(&agent, "go on");
    let working = "state=working:app=crewboard:msg=MSB3b3JraW5n";
    let words = ["counts", "--format", "osc7501", "--follow"];
    for ending in [Signal::TERM, Signal::INT] {
        let mut terminal = open(&world, &words, true);
        wait_for_status(&mut terminal, working);
        signal(terminal.pid(), ending);
        let status = terminal.wait_for_end();
        let number = std::os::unix::process::ExitStatusExt::signal(&status);
        assert_eq!((terminal.last_status(), number), (CLEAR.to_owned(), Some(ending.as_raw())));
        let output = terminal.output();
        assert!(!output.contains('\n'), "it scrolls the screen: {}", output.escape_debug());
    }
    // Without `--follow` the status stays, for the program that runs the command.
    let once = world.run(["counts", "--format", "osc7501"]);
    assert_eq!(once.stdout, format!("\x1b]7501;{working}\x1b\\\n"));
    // A reader of lines gets the clear, too.
    let mut follow = world.command(words).spawn().unwrap();
    let mut lines = BufReader::new(follow.stdout.take().unwrap());
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    signal(follow.id(), Signal::TERM);
    lines.read_to_string(&mut line).unwrap();
    assert_eq!(line, format!("\x1b]7501;{working}\x1b\\\n\x1b]7501;{CLEAR}\x1b\\"));
    assert!(!follow.wait().unwrap().success());
}

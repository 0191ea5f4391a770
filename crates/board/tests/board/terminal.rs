//! A board that panics in a real terminal. The program in the terminal is this test binary.

use crate::sample::UNICODE;
use crate::strange::STRANGE;
use crewboard_board::format::text::fit;
use crewboard_board::keymap::Keymap;
use crewboard_board::model::HookState;
use crewboard_board::{Host, LayoutMode, Navigation, Options, run};
use crewboard_client::DaemonLocator;
use crewboard_config::Environment;
use crewboard_core::Session;
use crewboard_testkit::{Tmux, VirtualTerminal};
use std::env;
use std::process::Command;
use tempfile::TempDir;

/// A host that panics when the board asks for the install.
struct PanickingHost;

impl Host for PanickingHost {
    fn hook_state(&mut self) -> HookState {
        HookState::Missing
    }

    fn preview_install(&mut self) -> Result<String, String> {
        panic!("intended panic")
    }

    fn install(&mut self) -> Result<String, String> {
        Ok(String::new())
    }

    fn start_peek(&mut self, _row: &Session) -> Result<(), String> {
        Ok(())
    }

    fn start_navigation(&mut self, _navigation: Navigation, _row: &Session) -> Result<(), String> {
        Ok(())
    }
}

/// Runs a board that panics. This is the program in the terminal of the test below.
#[test]
#[ignore = "it is run by panic_restores_the_terminal_and_prints_its_message"]
fn child_panics() {
    let daemon_locator = DaemonLocator::new(&Environment::of_process(), "/bin/false".into());
    let options = Options {
        theme: UNICODE,
        keymap: Keymap::default(),
        detail: true,
        layout_mode: LayoutMode::Auto,
        order: crewboard_board::RowOrder::Urgency,
        headings: true,
        title: true,
        report_status: true,
        notice: None,
        problems: Vec::new(),
    };
    run(&daemon_locator, &mut PanickingHost, options).unwrap();
}

fn directory() -> TempDir {
    tempfile::Builder::new().prefix("cb-").tempdir_in("/tmp").unwrap()
}

#[test]
fn tmux_uses_as_many_columns_as_computed() {
    let directory = directory();
    let Some(tmux) = Tmux::new(directory.path(), &[]) else { return };
    for (number, (name, activity)) in STRANGE.into_iter().enumerate() {
        // The daemon removes control characters.
        let text = crewboard_core::clean(&format!("{name} {activity}"), 400, false);
        let program = ["/bin/sh", "-c", "printf %s \"$0\"; exec sleep 60", &fit(&text, 70, true)];
        let pane = tmux.open(&format!("width-{number}"), (90, 4), &program);
        pane.wait_for(&format!("70 columns of {text}"), |_| pane.expand("#{cursor_x}") == "70");
    }
}

#[test]
fn panic_restores_the_terminal_and_prints_its_message() {
    let directory = directory();
    let socket = directory.path().join("s");
    let variables = [("CREWBOARD_SOCKET", socket.to_str().unwrap())];
    let Some(tmux) = Tmux::new(directory.path(), &variables) else { return };
    let program = env::current_exe().unwrap();
    let pane = tmux.open("board", (150, 30), &["/bin/sh", "-i"]);
    let program = program.display();
    pane.type_line("printf '\\033]2;before\\033\\\\'");
    pane.wait_for("its own title", |_| pane.expand("#{pane_title}") == "before");
    pane.type_line(&format!("{program} --exact terminal::child_panics --ignored --nocapture"));
    pane.wait_for_text("i install hooks");
    pane.wait_for("the title of the board", |_| pane.expand("#{pane_title}") == "crewboard");
    assert_eq!(pane.expand("#{alternate_on}"), "1");
    pane.press(&["i"]);
    let screen = pane.wait_for_text("test result: FAILED");
    pane.wait_for_release();
    assert_eq!(pane.expand("#{pane_title}"), "before");
    let at = screen.lines().position(|line| line.contains("panicked at crates/board/tests/board"));
    let message = at.and_then(|at| screen.lines().nth(at + 1));
    assert_eq!(message, Some("intended panic"), "{screen}");
}

#[test]
fn panic_clears_the_program_status_and_restores_the_title() {
    let directory = directory();
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "terminal::child_panics", "--ignored", "--nocapture"]);
    command.env("TERM", "xterm-256color").env("CREWBOARD_SOCKET", directory.path().join("s"));
    let mut terminal = VirtualTerminal::start(&command, (100, 30), true);
    terminal.wait_for("the status", |terminal| {
        terminal.last_status() == "state=idle:app=crewboard" && terminal.title("shell") != "shell"
    });
    terminal.type_text("i");
    assert!(!terminal.wait_for_end().success());
    assert_eq!(terminal.last_status(), "state=clear:app=crewboard");
    assert_eq!(terminal.title("shell"), "shell");
}

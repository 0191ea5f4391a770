//! A board that breaks, in a real terminal. The program that breaks is this test binary.

use crate::sample::UNICODE;
use crate::strange::STRANGE;
use crewboard_board::format::text::fit;
use crewboard_board::keymap::Keymap;
use crewboard_board::model::HookState;
use crewboard_board::{Host, Navigation, Options, run};
use crewboard_client::DaemonLocator;
use crewboard_config::Environment;
use crewboard_core::Session;
use crewboard_testkit::Tmux;
use std::env;
use tempfile::TempDir;

/// Panics when it is asked something.
struct Breaks;

impl Host for Breaks {
    fn hook_state(&mut self) -> HookState {
        HookState::Missing
    }

    fn preview_install(&mut self) -> Result<String, String> {
        panic!("broke on purpose")
    }

    fn install(&mut self) -> Result<String, String> {
        Ok(String::new())
    }

    fn start_navigation(&mut self, _navigation: Navigation, _row: &Session) -> Result<(), String> {
        Ok(())
    }
}

/// Runs a board that breaks: the program in the terminal of the test below.
#[test]
#[ignore = "it is run by a_panic_gives_the_terminal_back_and_says_why"]
fn child_breaks() {
    let daemon_locator = DaemonLocator::new(&Environment::of_process(), "/bin/false".into());
    let options = Options {
        theme: UNICODE,
        keymap: Keymap::default(),
        detail: true,
        notice: None,
        problems: Vec::new(),
    };
    run(&daemon_locator, &mut Breaks, options).unwrap();
}

fn directory() -> TempDir {
    tempfile::Builder::new().prefix("cb-").tempdir_in("/tmp").unwrap()
}

#[test]
fn a_terminal_takes_as_many_columns_as_we_think() {
    let directory = directory();
    let Some(tmux) = Tmux::new(directory.path(), &[]) else { return };
    for (number, (name, says)) in STRANGE.into_iter().enumerate() {
        // Controls never come this far.
        let text = crewboard_core::clean(&format!("{name} {says}"), 400, false);
        let program = ["/bin/sh", "-c", "printf %s \"$0\"; exec sleep 60", &fit(&text, 70, true)];
        let pane = tmux.open(&format!("width-{number}"), (90, 4), &program);
        pane.wait_for(&format!("70 columns of {text}"), |_| pane.expand("#{cursor_x}") == "70");
    }
}

#[test]
fn a_panic_gives_the_terminal_back_and_says_why() {
    let directory = directory();
    let socket = directory.path().join("s");
    let variables = [("CREWBOARD_SOCKET", socket.to_str().unwrap())];
    let Some(tmux) = Tmux::new(directory.path(), &variables) else { return };
    let program = env::current_exe().unwrap();
    let pane = tmux.open("board", (150, 30), &["/bin/sh", "-i"]);
    let program = program.display();
    pane.type_line(&format!("{program} --exact terminal::child_breaks --ignored --nocapture"));
    pane.wait_for_text("i put the hooks in");
    assert_eq!(pane.expand("#{alternate_on}"), "1");
    pane.press(&["i"]);
    let screen = pane.wait_for_text("test result: FAILED");
    pane.wait_for_release();
    let at = screen.lines().position(|line| line.contains("panicked at crates/board/tests/board"));
    let said = at.and_then(|at| screen.lines().nth(at + 1));
    assert_eq!(said, Some("broke on purpose"), "{screen}");
}

//! Jumps to windows of a real kitty, on a virtual screen.

use crate::support::{
    Agent, BoardWorld, PROGRAM, agent_command, closed_session, greeting, install_fake_claude,
};
use crewboard_testkit::{Pane, skip, wait_until};
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

/// A virtual X server (Xvfb).
struct Screen {
    server: Child,
    name: String,
}

impl Screen {
    /// Skips the test and returns `None` if kitty or Xvfb is not installed.
    fn new() -> Option<Self> {
        let mut kitty = Command::new("kitty");
        let kitty = kitty.arg("--version").stdout(Stdio::null()).status();
        let screen = kitty.ok().and_then(|_| Self::start());
        if screen.is_none() {
            skip("kitty or Xvfb is not installed");
        }
        screen
    }

    fn start() -> Option<Self> {
        let mut server = Command::new("Xvfb");
        // Xvfb chooses a free display number and prints it when it is ready.
        server.args(["-displayfd", "1", "-nolisten", "tcp", "-screen", "0", "800x500x24"]);
        server.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut server = server.spawn().ok()?;
        let mut number = String::new();
        let stdout = server.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut number).unwrap();
        assert_ne!(number, "", "Xvfb ended at once");
        Some(Self { server, name: format!(":{}", number.trim()) })
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// A kitty with remote control and `cat` in its first window. It ends with the world's tmux.
struct Kitty<'a> {
    world: &'a BoardWorld,
    address: String,
    _terminal: Pane<'a>,
}

impl<'a> Kitty<'a> {
    fn new(world: &'a BoardWorld, screen: &Screen) -> Self {
        let address = format!("unix:{}/kitty", world.path().display());
        let listen = format!("listen_on={address}-{{kitty_pid}}");
        let display = format!("DISPLAY={}", screen.name);
        let words = ["env", "-u", "TMUX", "-u", "TMUX_PANE", "LIBGL_ALWAYS_SOFTWARE=1", &display];
        let options = ["kitty", "--config", "NONE", "-o", "allow_remote_control=socket-only", "-o"];
        let options = [&options[..], &[&listen, "-o", "update_check_interval=0", "cat"]].concat();
        let terminal = world.tmux.open("kitty", (80, 10), &[&words[..], &options].concat());
        let address = format!("{address}-{}", terminal.pid());
        let kitty = Self { world, address, _terminal: terminal };
        wait_until("kitty accepts commands", || kitty.remote_control(&["ls"]).is_some());
        kitty
    }

    /// Runs a remote-control command. Returns its output, or `None` if it fails.
    fn remote_control(&self, words: &[&str]) -> Option<String> {
        let mut command = Command::new("kitty");
        command.args(["@", "--to", &self.address]).args(words).env("HOME", self.world.home());
        let output = command.stdin(Stdio::null()).output().unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
    }

    /// Starts an agent in a new window. Returns the id of the window.
    fn launch(&self, kind: &str, name: &str) -> u64 {
        let words = agent_command(name, "Stop");
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let kind = format!("--type={kind}");
        let answer = self.remote_control(&[&["launch", &kind][..], &words].concat()).unwrap();
        self.world.wait_for_row(name, "in its window", |row| row["place"]["terminal"] == "kitty");
        answer.trim().parse().unwrap()
    }

    /// Returns the id of the focused window.
    fn front(&self) -> Option<u64> {
        let list: Value = serde_json::from_str(&self.remote_control(&["ls"])?).unwrap();
        let focused =
            |among: &Value| among.as_array()?.iter().find(|one| one["is_focused"] == true).cloned();
        let tab = focused(&focused(&list)?["tabs"])?;
        focused(&tab["windows"])?["id"].as_u64()
    }

    /// Runs `crewboard` outside kitty. Returns its exit code and its standard error.
    fn crewboard(&self, words: &[&str]) -> (Option<i32>, String) {
        let output = self.world.run(words);
        (output.code(), output.stderr)
    }
}

#[test]
fn jump_shows_the_right_kitty_window_and_tab() {
    let Some(world) = BoardWorld::new() else { return };
    let Some(screen) = Screen::new() else { return };
    let kitty = Kitty::new(&world, &screen);
    let tab = kitty.launch("tab", "till");
    let same_tab = kitty.launch("window", "shelf");
    let other_window = kitty.launch("os-window", "cellar");
    // The jumps lead to another tab, another window of a tab, and another OS window, and back.
    for (name, window) in [
        ("till", tab),
        ("cellar", other_window),
        ("shelf", same_tab),
        ("till", tab),
        ("cellar", other_window),
    ] {
        wait_until("the jump succeeds", || match kitty.crewboard(&["jump", name]) {
            (Some(0), message) if message.is_empty() => true,
            // kitty may answer too late on a busy machine.
            (Some(1), message) if message.contains("kitty does not answer") => false,
            other => panic!("{name}: {other:?}"),
        });
        wait_until(name, || kitty.front() == Some(window));
    }
    world.wait_for_row("till", "seen", |row| row["seen"] == true);
    // The agent of a closed window is closed.
    kitty.remote_control(&["close-window", "--match", &format!("id:{tab}")]).unwrap();
    world.wait_for_row("till", "closed", |row| row["status"] == "closed");
    let (code, message) = kitty.crewboard(&["jump", "till"]);
    assert!(code == Some(1) && message.contains("till is closed"), "{message}");
    // Only an event names this window.
    let gone = Agent::new("gone");
    let variables = [("KITTY_WINDOW_ID", "99"), ("KITTY_LISTEN_ON", &*kitty.address)];
    world.send_event_with(&variables, &gone, "UserPromptSubmit", &json!({ "prompt": "go on" }));
    let (code, message) = kitty.crewboard(&["jump", "gone"]);
    assert!(code == Some(1) && message.contains("nothing shows that it runs there"), "{message}");
}

#[test]
fn open_resumes_a_session_in_a_new_kitty_tab() {
    let Some(world) = BoardWorld::new() else { return };
    let Some(screen) = Screen::new() else { return };
    let kitty = Kitty::new(&world, &screen);
    let directory = world.path().join("$(touch x);");
    fs::create_dir(&directory).unwrap();
    let (_, other) = closed_session(&world, &directory);
    // A caller elsewhere has only the variables of kitty, and no terminal.
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", install_fake_claude(&world).display());
    let mut command = world.command(["open", "6cf7"]);
    command.env("PATH", &path);
    command.envs([("KITTY_WINDOW_ID", "1"), ("KITTY_LISTEN_ON", &kitty.address)]);
    let output = command.output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && message.contains("needs a terminal"), "{message}");
    // The board runs in a window of this kitty.
    let board = ["launch", "--type=tab", "--env", &format!("PATH={path}"), PROGRAM];
    assert_eq!(kitty.remote_control(&board).as_deref(), Some("2\n"));
    let screen_of = |window: &str| {
        let window = format!("id:{window}");
        kitty.remote_control(&["get-text", "--match", &window]).unwrap_or_default()
    };
    wait_until("the board", || screen_of("2").contains("o resume"));
    kitty.remote_control(&["send-text", "--match", "id:2", "o"]).unwrap();
    wait_until("Claude Code in the new tab", || {
        let screen = screen_of("3");
        let screen = screen.replace('\n', "");
        screen.contains("ran claude --resume 6cf7f83b-72a2")
            && screen.contains(&format!("in {}", directory.display()))
            && screen.contains(&format!("profile {other}"))
    });
    wait_until("the new tab is in front", || kitty.front() == Some(3));
}

#[test]
fn turn_that_ends_in_the_focused_kitty_window_is_seen() {
    let Some(world) = BoardWorld::new() else { return };
    let Some(screen) = Screen::new() else { return };
    let kitty = Kitty::new(&world, &screen);
    let first = kitty.launch("window", "till");
    let second = kitty.launch("window", "shelf");
    wait_until("the second window has the focus", || kitty.front() == Some(second));
    let row = |name: &str| world.list().into_iter().find(|row| row["id"] == name).unwrap();
    let end_turn = |name: &str, window: u64| {
        let pid = u32::try_from(row(name)["pid"].as_u64().unwrap()).unwrap();
        let (id, listen) = (window.to_string(), kitty.address.as_str());
        let variables = [("KITTY_WINDOW_ID", id.as_str()), ("KITTY_LISTEN_ON", listen)];
        for event in ["UserPromptSubmit", "Stop"] {
            world.send_event_from(pid, name, &variables, event, &json!({ "prompt": "go on" }));
        }
    };
    end_turn("shelf", second);
    // A busy kitty may answer too late. The end of a further turn asks about both sessions again.
    wait_until("the focused window is seen", || {
        end_turn("till", first);
        // This takes as long as one look.
        kitty.front() == Some(second) && row("shelf")["seen"] == true
    });
    assert_eq!(row("till")["needs_you"], true);
}

#[test]
fn peek_shows_a_kitty_window() {
    let Some(world) = BoardWorld::new() else { return };
    let Some(screen) = Screen::new() else { return };
    let kitty = Kitty::new(&world, &screen);
    kitty.launch("tab", "till");
    let board = world.board("board", (100, 24));
    board.wait_for_text("till");
    board.press(&["P"]);
    board.wait_for_text(&greeting("till"));
}

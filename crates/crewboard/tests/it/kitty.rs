//! From a row to its window in a real kitty, on a screen that nobody sees.

use crate::board_world::{Agent, BoardWorld};
use crate::jump::{agent, closed_session, fake_claude};
use crate::skip;
use crewboard_testkit::{Pane, eventually};
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

/// An X server with nothing but its memory for a screen.
struct Screen {
    server: Child,
    name: String,
}

impl Screen {
    /// `None`, and a word of it, where there is none, or no kitty.
    fn new() -> Option<Self> {
        let mut kitty = Command::new("kitty");
        let kitty = kitty.arg("--version").stdout(Stdio::null()).status();
        let screen = kitty.ok().and_then(|_| Self::start());
        if screen.is_none() {
            skip("there is no kitty or no Xvfb here");
        }
        screen
    }

    fn start() -> Option<Self> {
        let mut server = Command::new("Xvfb");
        // It chooses a number that is free, and tells it when it is ready.
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

/// A kitty that takes commands, with a shell in its first window. It ends with the world's tmux.
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
        eventually("kitty takes commands", || kitty.tell(&["ls"]).is_some());
        kitty
    }

    /// What it answers to a command; `None` where it fails.
    fn tell(&self, words: &[&str]) -> Option<String> {
        let mut command = Command::new("kitty");
        command.args(["@", "--to", &self.address]).args(words).env("HOME", self.world.home());
        let output = command.stdin(Stdio::null()).output().unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
    }

    /// The number of the new window in which an agent runs.
    fn launch(&self, kind: &str, name: &str) -> u64 {
        let words = agent(name, "Stop");
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let kind = format!("--type={kind}");
        let answer = self.tell(&[&["launch", &kind][..], &words].concat()).unwrap();
        self.world.row_where(name, "in its window", |row| row["place"]["terminal"] == "kitty");
        answer.trim().parse().unwrap()
    }

    /// The window that has the keys: of the foremost tab of the window that has the screen's.
    fn front(&self) -> Option<u64> {
        let list: Value = serde_json::from_str(&self.tell(&["ls"])?).unwrap();
        let focused =
            |among: &Value| among.as_array()?.iter().find(|one| one["is_focused"] == true).cloned();
        let tab = focused(&focused(&list)?["tabs"])?;
        focused(&tab["windows"])?["id"].as_u64()
    }

    /// `crewboard` with these words, in a terminal that is not kitty's: its exit code, and what it complained of.
    fn crewboard(&self, words: &[&str]) -> (Option<i32>, String) {
        let output = self.world.command(words).stderr(Stdio::piped()).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    }
}

#[test]
fn in_kitty_a_jump_lands_in_the_right_window_of_the_right_tab() {
    let Some(world) = BoardWorld::new() else { return };
    let Some(screen) = Screen::new() else { return };
    let kitty = Kitty::new(&world, &screen);
    let tab = kitty.launch("tab", "till");
    let beside = kitty.launch("window", "shelf");
    let apart = kitty.launch("os-window", "cellar");
    // Twice round: back from another tab, another window of a tab, and another window of the screen.
    for (name, window) in
        [("till", tab), ("cellar", apart), ("shelf", beside), ("till", tab), ("cellar", apart)]
    {
        eventually("there", || match kitty.crewboard(&["jump", name]) {
            (Some(0), said) if said.is_empty() => true,
            // On a busy machine it may take too long over it.
            (Some(1), said) if said.contains("kitty does not answer") => false,
            other => panic!("{name}: {other:?}"),
        });
        eventually(name, || kitty.front() == Some(window));
    }
    world.row_where("till", "seen", |row| row["seen"] == true);
    // Of a window that was closed nothing is left to be shown.
    kitty.tell(&["close-window", "--match", &format!("id:{tab}")]).unwrap();
    world.row_where("till", "closed", |row| row["status"] == "closed");
    let (code, said) = kitty.crewboard(&["jump", "till"]);
    assert!(code == Some(1) && said.contains("till is closed"), "{said}");
    // An event alone names a window of it.
    let gone = Agent::new("gone");
    let variables = [("KITTY_WINDOW_ID", "99"), ("KITTY_LISTEN_ON", &*kitty.address)];
    world.hook_with(&variables, &gone, "UserPromptSubmit", &json!({ "prompt": "go on" }));
    let (code, said) = kitty.crewboard(&["jump", "gone"]);
    assert!(code == Some(1) && said.contains("nothing shows that it runs there"), "{said}");
}

#[test]
fn in_kitty_a_closed_session_is_taken_up_again_in_a_new_tab() {
    let Some(world) = BoardWorld::new() else { return };
    let Some(screen) = Screen::new() else { return };
    let kitty = Kitty::new(&world, &screen);
    let directory = world.path().join("$(touch x);");
    fs::create_dir(&directory).unwrap();
    let (_, other) = closed_session(&world, &directory);
    // Somebody in its first window asks.
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", fake_claude(&world).display());
    let mut command = world.command(&["open", "6cf7"]);
    command.env("PATH", path).envs([("KITTY_WINDOW_ID", "1"), ("KITTY_LISTEN_ON", &kitty.address)]);
    let output = command.stderr(Stdio::piped()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    // On a busy machine the answer may come too late; the tab is there.
    assert!(output.status.success() || said.contains("kitty does not answer"), "{said}");
    eventually("Claude Code in the new tab", || {
        let screen = kitty.tell(&["get-text", "--match", "id:2"]).unwrap_or_default();
        let screen = screen.replace('\n', "");
        screen.contains("ran claude --resume 6cf7f83b-72a2")
            && screen.contains(&format!("in {}", directory.display()))
            && screen.contains(&format!("profile {other}"))
    });
    eventually("the new tab is in front", || kitty.front() == Some(2));
}

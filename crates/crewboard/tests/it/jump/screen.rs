//! Jumps to windows of a real GNU screen.

use crate::support::{BoardWorld, PROGRAM, SIZE, agent_command, greeting};
use crewboard_testkit::skip;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::process::{Command, ExitStatus, Stdio};

#[test]
fn jump_shows_or_attaches_a_screen_window() {
    let Some(world) = BoardWorld::new() else { return };
    let (directory, sockets) = (world.path(), world.path().join("screens"));
    let _ = std::fs::DirBuilder::new().mode(0o700).create(&sockets);
    let screen = |words: &[&str]| {
        let mut command = Command::new("screen");
        command.env("SCREENDIR", &sockets).current_dir(directory).args(words);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()
    };
    if screen(&["-v"]).is_err() {
        return skip("GNU screen is not installed");
    }
    let _ended = ScreenEnd(&screen);
    let variable = format!("SCREENDIR={}", sockets.display());
    let words = ["env", "-u", "TMUX", "-u", "TMUX_PANE", &variable];
    let shell = [&words[..], &["screen", "-c", "/dev/null", "-S", "work", "sh", "-i"]].concat();
    let client = world.tmux.open("client", SIZE, &shell);
    client.wait_for_text("$");
    let started = agent_command("till", "UserPromptSubmit");
    let started: Vec<&str> = started.iter().map(String::as_str).collect();
    // A second window, with the agent, hides the shell.
    let line = started[2].replace('$', "\\$");
    let words = [&["-S", "work", "-X", "screen", "sh", "-c", &*line], &started[3..]].concat();
    screen(&words).unwrap();
    world.wait_for_row("till", "in its window", |row| row["place"]["terminal"] == "screen");
    client.wait_for_text(&greeting("till"));
    screen(&["-S", "work", "-X", "select", "0"]).unwrap();
    client.wait_for("the shell", |screen| !screen.contains("agent"));
    client.type_line(&format!("clear; {PROGRAM} jump till"));
    client.wait_for_text(&greeting("till"));
    screen(&["-d", "work"]).unwrap();
    // The client may clear its last line when it ends.
    client.wait_for("the end of the client", |screen| {
        screen.contains("detached") || client.expand("#{pane_dead}") == "1"
    });
    let words = ["env", "-u", "TMUX", "-u", "TMUX_PANE", &variable, "sh", "-i"];
    let plain = world.tmux.open("plain", SIZE, &words);
    plain.wait_for_text("$");
    plain.type_line(&format!("{PROGRAM} jump till"));
    plain.wait_for_text(&greeting("till"));
}

/// Ends the screen session when it is dropped.
struct ScreenEnd<'a>(&'a dyn Fn(&[&str]) -> io::Result<ExitStatus>);

impl Drop for ScreenEnd<'_> {
    fn drop(&mut self) {
        let _ = (self.0)(&["-S", "work", "-X", "quit"]);
    }
}

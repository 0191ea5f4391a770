//! Jumps to panes of a real zellij, if it is installed.

use crate::support::{
    Agent, BoardWorld, PROGRAM, SIZE, agent_command, closed_session, greeting, install_fake_claude,
    plain_shell, run_in_pane,
};
use crewboard_testkit::{Pane, optional_program, wait_until};
use serde_json::json;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The zellij sessions of a test. They end when this value is dropped.
struct Zellij<'a> {
    world: &'a BoardWorld,
    program: PathBuf,
}

impl<'a> Zellij<'a> {
    /// Writes a configuration. Returns `None` if zellij, which is optional, is not installed.
    fn new(world: &'a BoardWorld) -> Option<Self> {
        let program = optional_program("zellij")?;
        let configuration = world.home().join(".config/zellij");
        fs::create_dir_all(configuration.join("layouts")).unwrap();
        // Without bars, a screen shows only its panes.
        fs::write(configuration.join("layouts/bare.kdl"), "layout { pane; }\n").unwrap();
        let text = "show_startup_tips false\nshow_release_notes false\npane_frames false\n\
                    session_serialization false\ndefault_shell \"/bin/sh\"\ndefault_layout \"bare\"\n";
        fs::write(configuration.join("config.kdl"), text).unwrap();
        Some(Self { world, program })
    }

    /// Returns a command that runs `words` with access to this zellij and to no other multiplexer.
    fn within(&self, words: &[&str]) -> Vec<String> {
        let directory = self.program.parent().unwrap().display();
        let variables = [
            format!("PATH={directory}:/usr/local/bin:/usr/bin:/bin"),
            format!("ZELLIJ_SOCKET_DIR={}", self.world.path().join("z").display()),
        ];
        let clean = ["env", "-u", "TMUX", "-u", "TMUX_PANE"].map(str::to_owned);
        let words = words.iter().map(|word| (*word).to_owned());
        clean.into_iter().chain(variables).chain(words).collect()
    }

    /// Opens a new session in its own terminal.
    fn open(&self, session: &str) -> Pane<'a> {
        let pane = self.world.tmux.open(session, SIZE, &self.within(&["zellij", "-s", session]));
        pane.wait_for_text("$");
        pane
    }

    fn command(&self, words: &[&str]) -> Command {
        let words = self.within(words);
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).env("HOME", self.world.home()).stdin(Stdio::null());
        command
    }

    /// Runs an action in a session. Returns its output.
    fn run_action(&self, session: &str, words: &[&str]) -> String {
        let action = ["zellij", "--session", session, "action"];
        let output = self.command(&[&action, words].concat()).output().unwrap();
        assert!(output.status.success(), "{words:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Opens a hidden tab with an agent and a shell.
    fn agent(&self, session: &str, name: &str, event: &str) {
        self.run_action(session, &["new-tab"]);
        let words = agent_command(name, event);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        self.run_action(session, &[&["new-pane", "--"], &words[..]].concat());
        self.world.wait_for_row(name, "in its pane", |row| row["place"]["tty"].is_string());
        self.run_action(session, &["go-to-tab", "1"]);
    }

    /// Returns the active pane of each client of a session.
    fn active(&self, session: &str) -> Vec<String> {
        let clients = self.run_action(session, &["list-clients"]);
        let panes = clients.lines().skip(1).filter_map(|line| line.split_whitespace().nth(1));
        panes.map(str::to_owned).collect()
    }

    /// Returns the pane id of an agent, as zellij writes it.
    fn pane_of(&self, name: &str) -> String {
        let rows = self.world.list();
        let row = rows.iter().find(|row| row["id"] == name).unwrap();
        format!("terminal_{}", row["place"]["pane"].as_str().unwrap())
    }
}

impl Drop for Zellij<'_> {
    fn drop(&mut self) {
        let mut end = self.command(&["zellij", "kill-all-sessions", "--yes"]);
        let _ = end.stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}

#[test]
fn jump_shows_the_right_zellij_pane_and_session() {
    let Some(world) = BoardWorld::new() else { return };
    let Some(zellij) = Zellij::new(&world) else { return };
    let (near, far) = (zellij.open("near"), zellij.open("far"));
    zellij.agent("near", "till", "Stop");
    zellij.agent("near", "shelf", "UserPromptSubmit");
    zellij.agent("far", "abroad", "UserPromptSubmit");
    let is_at = |session: &str, name: &str| {
        let pane = zellij.pane_of(name);
        wait_until(name, || zellij.active(session).contains(&pane));
    };

    // Jumps inside the session of the agent, by the command and by the board.
    near.type_line(&format!("{PROGRAM} next"));
    near.wait_for_text(&greeting("till"));
    is_at("near", "till");
    world.wait_for_row("till", "seen", |row| row["seen"] == true);
    zellij.run_action("near", &["go-to-tab", "1"]);
    near.type_line(&format!("clear; {PROGRAM} --once"));
    near.wait_for_text("Enter jump");
    near.press(&["/"]);
    near.press(&["s", "h", "e", "l", "f", "Enter", "Enter"]);
    near.wait_for_text(&greeting("shelf"));
    is_at("near", "shelf");
    // zellij numbers panes per session, so the target includes the session.
    let rows = world.list();
    let row = rows.iter().find(|row| row["id"] == "shelf").unwrap();
    let target = format!("near:{}", row["place"]["pane"].as_str().unwrap());
    assert_eq!(row["place"]["target"], target);

    // A jump from another terminal uses the client of the session.
    let plain = world.tmux.open("plain", SIZE, &zellij.within(&["sh", "-i"]));
    plain.wait_for_text("$");
    // zellij acts on the client that typed last, and none has yet.
    let (code, screen) = run_in_pane(&plain, "jump abroad");
    assert!(code == 1 && screen.contains("press a key"), "{screen}");
    far.type_line("");
    assert_eq!(run_in_pane(&plain, "jump abroad").0, 0);
    far.wait_for_text(&greeting("abroad"));
    is_at("far", "abroad");
    assert_eq!(run_in_pane(&plain, "jump abroad").0, 0, "the client shows the pane already");
    // A jump from another session stays in its own terminal.
    zellij.run_action("far", &["go-to-tab", "1"]);
    far.wait_for("the shell", |screen| !screen.contains("agent"));
    far.type_line(&format!("clear; {PROGRAM} jump {target}"));
    far.wait_for_text(&greeting("shelf"));
    assert!(zellij.active("far").is_empty());
    // No client is attached to `far` now.
    let (code, screen) = run_in_pane(&plain_shell(&world.tmux, "other"), "jump abroad </dev/null");
    assert!(code == 1, "{screen}");
    plain.type_line(&format!("clear; {PROGRAM} jump abroad"));
    wait_until("a client is attached", || zellij.active("far").len() == 1);

    // The error names a pane or session that is gone.
    for (session, pane, reason) in [
        ("near", "99", "its pane 99 is gone from zellij"),
        ("nowhere", "1", "zellij has no session nowhere any more"),
    ] {
        let process = Agent::new(session);
        let variables = [("ZELLIJ_SESSION_NAME", session), ("ZELLIJ_PANE_ID", pane)];
        world.send_event_with(
            &variables,
            &process,
            "UserPromptSubmit",
            &json!({ "prompt": "go on" }),
        );
        zellij.run_action("near", &["go-to-tab", "1"]);
        near.wait_for("the shell", |screen| !screen.contains("agent"));
        let (code, screen) = run_in_pane(&near, &format!("jump {session}"));
        assert!(code == 1 && screen.replace('\n', "").contains(reason), "{screen}");
    }
    let sessions = zellij.command(&["zellij", "list-sessions", "--short"]).output().unwrap();
    assert_eq!(String::from_utf8(sessions.stdout).unwrap().lines().count(), 2);
}

#[test]
fn open_resumes_a_session_in_a_new_zellij_pane() {
    let Some(world) = BoardWorld::new() else { return };
    let Some(zellij) = Zellij::new(&world) else { return };
    let near = zellij.open("near");
    let directory = world.path().join("$(touch x);");
    fs::create_dir(&directory).unwrap();
    let (_, other) = closed_session(&world, &directory);
    near.type_line(&format!(
        "PATH={}:$PATH {PROGRAM} open 6cf7",
        install_fake_claude(&world).display()
    ));
    let panes = || zellij.run_action("near", &["list-panes", "--json", "--all"]);
    wait_until("a new pane", || panes().contains("--resume"));
    let dumped = || zellij.run_action("near", &["dump-screen", "--pane-id", "terminal_1"]);
    wait_until("Claude Code in the new pane", || {
        let screen = dumped().replace('\n', "");
        screen.contains("ran claude --resume 6cf7f83b-72a2")
            && screen.contains(&format!("in {}", directory.display()))
            && screen.contains(&format!("profile {other}"))
    });
}

//! From a row to its pane in a real zellij, where one is installed.

use crate::board_world::{Agent, BoardWorld};
use crate::jump::{SIZE, agent, closed_session, fake_claude, here, plain_shell, run};
use crewboard_testkit::{Pane, eventually, optional_program};
use serde_json::json;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_crewboard");

/// Sessions of a test's own, which end with it.
struct Zellij<'a> {
    world: &'a BoardWorld,
    program: PathBuf,
}

impl<'a> Zellij<'a> {
    /// Makes a configuration. Returns `None` if zellij, which is optional, is not installed.
    fn new(world: &'a BoardWorld) -> Option<Self> {
        let program = optional_program("zellij")?;
        let configuration = world.home().join(".config/zellij");
        fs::create_dir_all(configuration.join("layouts")).unwrap();
        // No bars: the panes are all there is on a screen.
        fs::write(configuration.join("layouts/bare.kdl"), "layout { pane; }\n").unwrap();
        let text = "show_startup_tips false\nshow_release_notes false\npane_frames false\n\
                    session_serialization false\ndefault_shell \"/bin/sh\"\ndefault_layout \"bare\"\n";
        fs::write(configuration.join("config.kdl"), text).unwrap();
        Some(Self { world, program })
    }

    /// Words that run a command as one who has this zellij and its sessions, and no other multiplexer.
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

    /// A new session, in a terminal of its own.
    fn open(&self, session: &str) -> Pane<'a> {
        let pane = self.world.tmux.open(session, SIZE, &self.within(&["zellij", "-s", session]));
        pane.shows("$");
        pane
    }

    fn command(&self, words: &[&str]) -> Command {
        let words = self.within(words);
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).env("HOME", self.world.home()).stdin(Stdio::null());
        command
    }

    /// What zellij answers to an action in a session.
    fn ask(&self, session: &str, words: &[&str]) -> String {
        let action = ["zellij", "--session", session, "action"];
        let output = self.command(&[&action, words].concat()).output().unwrap();
        assert!(output.status.success(), "{words:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// A tab with an agent in it and a shell beside, none of which anybody looks at then.
    fn agent(&self, session: &str, name: &str, event: &str) {
        self.ask(session, &["new-tab"]);
        let words = agent(name, event);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        self.ask(session, &[&["new-pane", "--"], &words[..]].concat());
        self.world.row_where(name, "in its pane", |row| row["place"]["tty"].is_string());
        self.ask(session, &["go-to-tab", "1"]);
    }

    /// The panes that the terminals of a session have the keys of.
    fn active(&self, session: &str) -> Vec<String> {
        let clients = self.ask(session, &["list-clients"]);
        let panes = clients.lines().skip(1).filter_map(|line| line.split_whitespace().nth(1));
        panes.map(str::to_owned).collect()
    }

    /// The pane in which an agent said that it is, in zellij's words.
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
fn in_zellij_a_jump_lands_in_the_right_pane_of_the_right_session() {
    let Some(world) = BoardWorld::new() else { return };
    let Some(zellij) = Zellij::new(&world) else { return };
    let (near, far) = (zellij.open("near"), zellij.open("far"));
    zellij.agent("near", "till", "Stop");
    zellij.agent("near", "shelf", "UserPromptSubmit");
    zellij.agent("far", "abroad", "UserPromptSubmit");
    let is_at = |session: &str, name: &str| {
        let pane = zellij.pane_of(name);
        eventually(name, || zellij.active(session).contains(&pane));
    };

    // Within its session, by each way.
    near.type_line(&format!("{PROGRAM} next"));
    near.shows(&here("till"));
    is_at("near", "till");
    world.row_where("till", "seen", |row| row["seen"] == true);
    zellij.ask("near", &["go-to-tab", "1"]);
    near.type_line(&format!("clear; {PROGRAM} --once"));
    near.shows("Enter jump");
    near.press(&["/"]);
    near.press(&["s", "h", "e", "l", "f", "Enter", "Enter"]);
    near.shows(&here("shelf"));
    is_at("near", "shelf");
    // What zellij numbers in each session says whose it is.
    let rows = world.list();
    let row = rows.iter().find(|row| row["id"] == "shelf").unwrap();
    let target = format!("near:{}", row["place"]["pane"].as_str().unwrap());
    assert_eq!(row["place"]["target"], target);

    // From a terminal of its own, on the one that shows the session.
    let plain = world.tmux.open("plain", SIZE, &zellij.within(&["sh", "-i"]));
    plain.shows("$");
    // zellij goes by who typed last, and nobody has yet.
    let (code, screen) = run(&plain, "jump abroad");
    assert!(code == 1 && screen.contains("press a key"), "{screen}");
    far.type_line("");
    assert_eq!(run(&plain, "jump abroad").0, 0);
    far.shows(&here("abroad"));
    is_at("far", "abroad");
    assert_eq!(run(&plain, "jump abroad").0, 0, "it is there already");
    // From the other session, on one's own terminal.
    zellij.ask("far", &["go-to-tab", "1"]);
    far.wait_for("the shell", |screen| !screen.contains("agent"));
    far.type_line(&format!("clear; {PROGRAM} jump {target}"));
    far.shows(&here("shelf"));
    assert!(zellij.active("far").is_empty());
    // No terminal shows `far` now.
    let (code, screen) = run(&plain_shell(&world.tmux, "beside"), "jump abroad </dev/null");
    assert!(code == 1, "{screen}");
    plain.type_line(&format!("clear; {PROGRAM} jump abroad"));
    eventually("attached", || zellij.active("far").len() == 1);

    // What is gone is said to be, and nothing else becomes of it.
    for (session, pane, says) in [
        ("near", "99", "its pane 99 is gone from zellij"),
        ("nowhere", "1", "zellij has no session nowhere any more"),
    ] {
        let process = Agent::new(session);
        let variables = [("ZELLIJ_SESSION_NAME", session), ("ZELLIJ_PANE_ID", pane)];
        world.hook_with(&variables, &process, "UserPromptSubmit", &json!({ "prompt": "go on" }));
        zellij.ask("near", &["go-to-tab", "1"]);
        near.wait_for("the shell", |screen| !screen.contains("agent"));
        let (code, screen) = run(&near, &format!("jump {session}"));
        assert!(code == 1 && screen.replace('\n', "").contains(says), "{screen}");
    }
    let sessions = zellij.command(&["zellij", "list-sessions", "--short"]).output().unwrap();
    assert_eq!(String::from_utf8(sessions.stdout).unwrap().lines().count(), 2);
}

#[test]
fn in_zellij_a_closed_session_is_taken_up_again_in_a_new_pane() {
    let Some(world) = BoardWorld::new() else { return };
    let Some(zellij) = Zellij::new(&world) else { return };
    let near = zellij.open("near");
    let directory = world.path().join("$(touch x);");
    fs::create_dir(&directory).unwrap();
    let (_, other) = closed_session(&world, &directory);
    near.type_line(&format!("PATH={}:$PATH {PROGRAM} open 6cf7", fake_claude(&world).display()));
    let panes = || zellij.ask("near", &["list-panes", "--json", "--all"]);
    eventually("a new pane", || panes().contains("--resume"));
    let dumped = || zellij.ask("near", &["dump-screen", "--pane-id", "terminal_1"]);
    eventually("Claude Code in the new pane", || {
        let screen = dumped().replace('\n', "");
        screen.contains("ran claude --resume 6cf7f83b-72a2")
            && screen.contains(&format!("in {}", directory.display()))
            && screen.contains(&format!("profile {other}"))
    });
}

//! Agents that wait at a dialog before their session begins: no hook runs, and there is no session file yet.

use super::filing::Filing;
use crate::{payload, world};
use crewboard_platform::{facts_of, program_name};
use crewboard_testkit::{Tmux, View, World, eventually};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;

/// A world with terminals, and a client that is told of every row.
struct Terminals {
    // Goes first: what runs in it ends before its world.
    tmux: Tmux,
    view: View,
    world: World,
}

impl Terminals {
    /// Skips the test and returns `None` if there is no tmux.
    fn new() -> Option<Self> {
        let world = world();
        let home = world.home();
        let tmux = Tmux::new(world.path(), &[("HOME", home.to_str().unwrap())])?;
        let view = View::new(world.start());
        Some(Self { tmux, view, world })
    }

    fn sessions(&self) -> PathBuf {
        self.world.home().join(".claude/sessions")
    }

    /// Starts an agent in a terminal of its own, and leaves the file that Claude Code makes before its dialogs.
    fn start(&self, name: &str, words: &[&str]) -> u32 {
        fs::create_dir_all(self.sessions()).unwrap();
        let pid = self.tmux.open(name, (80, 24), words).pid();
        // An agent makes the file itself, so it has its terminal and its variables by then.
        // Until then it is a copy of the terminal's server.
        let runs = || program_name(pid).is_some_and(|program| !program.starts_with("tmux"));
        eventually("the agent runs", runs);
        fs::write(self.sessions().join("new"), "").unwrap();
        fs::rename(self.sessions().join("new"), self.key_file(pid)).unwrap();
        pid
    }

    fn key_file(&self, pid: u32) -> PathBuf {
        self.sessions().join(format!("{pid}.1f0c.key"))
    }

    /// Returns the row of a process once it has this status.
    fn until(&mut self, pid: u32, status: &str) -> Value {
        self.view.until_any(|row| row["pid"] == pid && row["status"] == status)
    }

    /// Asserts that a process which was started before has no row. Another one that is started now is shown, so
    /// the first would have been.
    fn assert_never_shown(&mut self, pid: u32) {
        let other = self.start("other", &["cat"]);
        self.until(other, "question");
        let rows = self.world.say(["list", "--json"]).stdout;
        assert!(!rows.contains(&format!("\"pid\": {pid},")), "{rows}");
    }
}

#[test]
fn dialog_before_the_session_is_a_question() {
    let Some(mut terminals) = Terminals::new() else { return };
    let pid = terminals.start("agent", &["cat"]);
    let row = terminals.until(pid, "question");
    assert_eq!((&row["needs_you"], &row["confirmed"]), (&json!(true), &json!(true)), "{row}");
    assert_eq!(row["place"]["terminal"], "tmux", "{row}");
    assert_eq!(row["source"], "file:starting", "{row}");

    // The user answers: the session begins in the same row.
    let text = Filing::text_of(facts_of(pid).unwrap().process, "s", "idle", "");
    fs::write(terminals.sessions().join(format!("{pid}.json")), text.to_string()).unwrap();
    let begun = terminals.until(pid, "idle");
    assert_eq!((&begun["key"], &begun["lineage"]), (&row["key"], &json!([])), "{begun}");
    let mut hook = terminals.world.command(["hook", "claude"]);
    hook.env("CLAUDE_PID", pid.to_string());
    let start = payload("SessionStart", "s", &json!({ "source": "startup" }));
    crewboard_testkit::finish(hook, start.as_bytes()).assert_silent();
    let row = terminals.view.until_row("s", |row| row["pid"] == pid);
    assert_eq!((&row["key"], &row["lineage"]), (&begun["key"], &json!([])), "{row}");
}

#[test]
fn agent_that_leaves_at_its_first_dialog_is_closed() {
    let Some(mut terminals) = Terminals::new() else { return };
    let pid = terminals.start("agent", &["cat"]);
    terminals.until(pid, "question");
    fs::remove_file(terminals.key_file(pid)).unwrap();
    terminals.tmux.end();
    let row = terminals.until(pid, "closed");
    assert_eq!(row["end"], "exit", "{row}");
}

/// The client that is kept ready for the next background session.
#[test]
fn spare_client_is_no_question() {
    let Some(mut terminals) = Terminals::new() else { return };
    let spare = terminals.start("spare", &["cat"]);
    let mut text = Filing::text_of(facts_of(spare).unwrap().process, "s", "idle", "");
    (text["kind"], text["spare"]) = (json!("bg"), json!(true));
    fs::write(terminals.sessions().join(format!("{spare}.json")), text.to_string()).unwrap();
    terminals.assert_never_shown(spare);
}

/// A teammate of an agent team makes the first of the two files and never the second.
#[test]
fn teammate_without_a_session_file_is_no_question() {
    let Some(mut terminals) = Terminals::new() else { return };
    let words = ["sh", "-c", "read -r line", "claude", "--agent-name", "tester"];
    let words = [&words[..], &["--parent-session-id", "lead"]].concat();
    let mate = terminals.start("mate", &words);
    terminals.assert_never_shown(mate);
}

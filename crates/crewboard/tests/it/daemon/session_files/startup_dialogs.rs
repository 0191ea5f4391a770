//! Agents that wait at a dialog before their session begins: no hook runs, and there is no session file yet.

use crate::support::{AgentWithFile, BoardWorld, payload};
use crewboard_platform::{process_info, program_name};
use crewboard_testkit::{Subscription, run_with_input, wait_until};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;

/// A world with terminals, and a subscription to its rows.
struct Terminals {
    subscription: Subscription,
    world: BoardWorld,
}

impl Terminals {
    /// Skips the test and returns `None` if there is no tmux.
    fn new() -> Option<Self> {
        let world = BoardWorld::new()?;
        let subscription = Subscription::new(world.start_daemon());
        Some(Self { subscription, world })
    }

    fn sessions(&self) -> PathBuf {
        self.world.home().join(".claude/sessions")
    }

    /// Starts an agent in its own terminal, and writes the file that Claude Code makes before its dialogs.
    fn start(&self, name: &str, words: &[&str]) -> u32 {
        fs::create_dir_all(self.sessions()).unwrap();
        let pid = self.world.tmux.open(name, (80, 24), words).pid();
        // A real agent writes the file after exec. Before exec, the process is a fork of the tmux server.
        let runs = || program_name(pid).is_some_and(|program| !program.starts_with("tmux"));
        wait_until("the agent runs", runs);
        fs::write(self.sessions().join("new"), "").unwrap();
        fs::rename(self.sessions().join("new"), self.key_file(pid)).unwrap();
        pid
    }

    fn key_file(&self, pid: u32) -> PathBuf {
        self.sessions().join(format!("{pid}.1f0c.key"))
    }

    /// Returns the row of a process once it has this status.
    fn wait_for(&mut self, pid: u32, status: &str) -> Value {
        self.subscription.wait_for_any_row(|row| row["pid"] == pid && row["status"] == status)
    }

    /// Asserts that the process has no row. A process that starts later gets one, so this process would have one too.
    fn assert_has_no_row(&mut self, pid: u32) {
        let other = self.start("other", &["cat"]);
        self.wait_for(other, "question");
        let rows = self.world.run(["list", "--json"]).stdout;
        assert!(!rows.contains(&format!("\"pid\": {pid},")), "{rows}");
    }
}

#[test]
fn startup_dialog_is_a_question() {
    let Some(mut terminals) = Terminals::new() else { return };
    let pid = terminals.start("agent", &["cat"]);
    let row = terminals.wait_for(pid, "question");
    assert_eq!((&row["needs_you"], &row["confirmed"]), (&json!(true), &json!(true)), "{row}");
    assert_eq!(row["place"]["terminal"], "tmux", "{row}");
    assert_eq!(row["source"], "file:starting", "{row}");

    // The user answers: the session begins in the same row.
    let text = AgentWithFile::text_of(process_info(pid).unwrap().process, "s", "idle", "");
    fs::write(terminals.sessions().join(format!("{pid}.json")), text.to_string()).unwrap();
    let started = terminals.wait_for(pid, "idle");
    assert_eq!((&started["key"], &started["lineage"]), (&row["key"], &json!([])), "{started}");
    let mut hook = terminals.world.command(["hook", "claude"]);
    hook.env("CLAUDE_PID", pid.to_string());
    let start = payload("SessionStart", "s", &json!({ "source": "startup" }));
    run_with_input(hook, start.as_bytes()).assert_silent();
    let row = terminals.subscription.wait_for_any_row(|row| row["pid"] == pid && row["id"] == "s");
    assert_eq!((&row["key"], &row["lineage"]), (&started["key"], &json!([])), "{row}");
}

#[test]
fn agent_that_exits_at_its_first_dialog_is_closed() {
    let Some(mut terminals) = Terminals::new() else { return };
    let pid = terminals.start("agent", &["cat"]);
    terminals.wait_for(pid, "question");
    fs::remove_file(terminals.key_file(pid)).unwrap();
    terminals.world.tmux.end();
    let row = terminals.wait_for(pid, "closed");
    assert_eq!(row["end"], "exit", "{row}");
}

/// Claude Code keeps a client ready for the next background session.
#[test]
fn spare_client_is_no_question() {
    let Some(mut terminals) = Terminals::new() else { return };
    let spare = terminals.start("spare", &["cat"]);
    let mut text = AgentWithFile::text_of(process_info(spare).unwrap().process, "s", "idle", "");
    (text["kind"], text["spare"]) = (json!("bg"), json!(true));
    fs::write(terminals.sessions().join(format!("{spare}.json")), text.to_string()).unwrap();
    terminals.assert_has_no_row(spare);
}

/// A teammate of an agent team writes the first of the two files and never the second.
#[test]
fn teammate_without_a_session_file_is_no_question() {
    let Some(mut terminals) = Terminals::new() else { return };
    let words = ["sh", "-c", "read -r line", "claude", "--agent-name", "tester"];
    let words = [&words[..], &["--parent-session-id", "lead"]].concat();
    let mate = terminals.start("mate", &words);
    terminals.assert_has_no_row(mate);
}

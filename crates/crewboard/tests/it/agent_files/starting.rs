//! Agents that wait at a dialog before their session begins: no hook runs, and there is no session file yet.

use super::filing::Filing;
use crate::{payload, world};
use crewboard_platform::facts_of;
use crewboard_testkit::{Tmux, View, World};
use serde_json::{Value, json};
use std::fs;

/// Starts an agent in a terminal of its own, and leaves the file that Claude Code makes before its dialogs.
fn start_agent(world: &World, tmux: &Tmux) -> (u32, std::path::PathBuf) {
    start_as(world, tmux, "agent", &["cat"])
}

fn start_as(world: &World, tmux: &Tmux, name: &str, words: &[&str]) -> (u32, std::path::PathBuf) {
    let sessions = world.home().join(".claude/sessions");
    fs::create_dir_all(&sessions).unwrap();
    let pid = tmux.open(name, (80, 24), words).pid();
    let key = sessions.join(format!("{pid}.1f0c.key"));
    fs::write(sessions.join("new"), "").unwrap();
    fs::rename(sessions.join("new"), &key).unwrap();
    (pid, key)
}

#[test]
fn dialog_before_the_session_is_a_question() {
    let world = world();
    let home = world.home();
    let Some(tmux) = Tmux::new(world.path(), &[("HOME", home.to_str().unwrap())]) else { return };
    let mut view = View::new(world.start());
    let (pid, key) = start_agent(&world, &tmux);
    let is_it = |row: &Value| row["pid"] == pid;
    let row = view.until_any(|row| is_it(row) && row["status"] == "question");
    assert_eq!((&row["needs_you"], &row["confirmed"]), (&json!(true), &json!(true)), "{row}");
    assert_eq!(row["place"]["terminal"], "tmux", "{row}");
    assert_eq!(row["source"], "file:starting", "{row}");

    // The user answers: the session begins in the same row.
    let process = facts_of(pid).unwrap().process;
    let text = Filing::text_of(process, "s", "idle", "");
    fs::write(home.join(format!(".claude/sessions/{pid}.json")), text.to_string()).unwrap();
    let begun = view.until_any(|row| is_it(row) && row["status"] == "idle");
    assert_eq!((&begun["key"], &begun["lineage"]), (&row["key"], &json!([])), "{begun}");
    let mut hook = world.command(["hook", "claude"]);
    hook.env("CLAUDE_PID", pid.to_string());
    let start = payload("SessionStart", "s", &json!({ "source": "startup" }));
    crewboard_testkit::finish(hook, start.as_bytes()).assert_silent();
    let row = view.until_any(|row| is_it(row) && row["id"] == "s");
    assert_eq!((&row["key"], &row["lineage"]), (&begun["key"], &json!([])), "{row}");
    fs::remove_file(key).unwrap();
}

#[test]
fn agent_that_leaves_at_its_first_dialog_is_closed() {
    let world = world();
    let home = world.home();
    let Some(tmux) = Tmux::new(world.path(), &[("HOME", home.to_str().unwrap())]) else { return };
    let mut view = View::new(world.start());
    let (pid, key) = start_agent(&world, &tmux);
    let is_it = |row: &Value| row["pid"] == pid;
    view.until_any(|row| is_it(row) && row["status"] == "question");
    fs::remove_file(key).unwrap();
    tmux.end();
    let row = view.until_any(|row| is_it(row) && row["status"] == "closed");
    assert_eq!(row["end"], "exit", "{row}");
}

/// The client that is kept ready for the next background session.
#[test]
fn spare_client_is_no_question() {
    let world = world();
    let home = world.home();
    let Some(tmux) = Tmux::new(world.path(), &[("HOME", home.to_str().unwrap())]) else { return };
    let mut view = View::new(world.start());
    let (spare, _) = start_as(&world, &tmux, "spare", &["cat"]);
    let mut text = Filing::text_of(facts_of(spare).unwrap().process, "s", "idle", "");
    (text["kind"], text["spare"]) = (json!("bg"), json!(true));
    fs::write(home.join(format!(".claude/sessions/{spare}.json")), text.to_string()).unwrap();
    // What is started after it is shown, so the spare client would have been.
    let (pid, _) = start_agent(&world, &tmux);
    view.until_any(|row| row["pid"] == pid && row["status"] == "question");
    let rows = world.say(["list", "--json"]).stdout;
    assert!(!rows.contains(&format!("\"pid\": {spare},")), "{rows}");
}

/// A teammate of an agent team makes the first of the two files and never the second.
#[test]
fn teammate_without_a_session_file_is_no_question() {
    let world = world();
    let home = world.home();
    let Some(tmux) = Tmux::new(world.path(), &[("HOME", home.to_str().unwrap())]) else { return };
    let mut view = View::new(world.start());
    let words = ["sh", "-c", "read -r line", "claude", "--agent-name", "tester"];
    let words = [&words[..], &["--parent-session-id", "lead"]].concat();
    let (mate, _) = start_as(&world, &tmux, "mate", &words);
    // What is started after it is shown, so the teammate would have been.
    let (pid, _) = start_agent(&world, &tmux);
    view.until_any(|row| row["pid"] == pid && row["status"] == "question");
    let rows = world.say(["list", "--json"]).stdout;
    assert!(!rows.contains(&format!("\"pid\": {mate},")), "{rows}");
}

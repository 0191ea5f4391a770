//! Agents die, with and without a word.

use crate::{note, now, payload, prompt_payload, skip, world};
use crewboard_core::{EndReason, Event, Process};
use crewboard_testkit::{FakeAgent, Said, View, World, event_line, eventually, finish, prompt};
use serde_json::json;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// From the kill to a view that knows it.
const CLOSED_WITHIN: Duration = Duration::from_millis(100);

/// Kills, and how many of them may be noticed later than that: other programs may keep a busy machine from running
/// anything for as long. A delay of every tenth kill is found.
const KILLS: usize = 30;
const MAY_BE_LATE: usize = 2;

#[test]
fn an_agent_killed_is_closed_by_the_kernels_word_within_100_ms() {
    let world = world();
    let mut view = View::new(world.start());
    let mut took = Vec::new();
    for round in 0..KILLS {
        let mut agent = FakeAgent::new();
        let id = format!("session-{round}");
        world.hook(&agent, &prompt_payload(&id, "go"));
        view.until_row(&id, |row| row["confirmed"] == true);
        // From the end that the kernel tells us, its parent, of.
        agent.kill();
        let killed = Instant::now();
        let row = view.until_row(&id, |row| row["status"] == "closed");
        took.push(killed.elapsed());
        assert_eq!((&row["end"], &row["source"]), (&json!("killed"), &json!("process:exited")));
        assert_eq!(row["needs_you"], false);
    }
    took.sort();
    let late = took.iter().filter(|took| **took > CLOSED_WITHIN).count();
    note(&format!("killed agents were closed after {:?} to {:?}", took[0], took[KILLS - 1]));
    assert!(late <= MAY_BE_LATE, "{late} of {KILLS} were late: {took:?}");
    assert!(took[KILLS / 2] < CLOSED_WITHIN / 4, "the median: {took:?}");
}

#[test]
fn a_goodbye_before_the_death_is_an_exit() {
    let world = world();
    let mut agent = FakeAgent::new();
    world.hook(&agent, &prompt_payload("s", "go"));
    world.hook(&agent, &payload("SessionEnd", "s", &json!({"reason": "prompt_input_exit"})));
    let mut view = View::new(world.connect());
    view.until_row("s", |row| row["status"] == "closed");
    agent.kill();
    // A second agent's death comes after the first one's in the daemon's queue.
    let mut second = FakeAgent::new();
    world.hook(&second, &prompt_payload("t", "go"));
    second.kill();
    view.until_row("t", |row| row["end"] == "killed");
    assert_eq!(view.until_row("s", |_| true)["end"], "exit");
}

#[test]
fn a_goodbye_that_comes_late_turns_killed_into_exit() {
    let world = world();
    let mut agent = FakeAgent::new();
    let process = agent.process();
    let mut view = View::new(world.start());
    let hook = world.connect();
    hook.send_bytes(&event_line("s", Some(process), now(), prompt("go")));
    view.until_row("s", |row| row["confirmed"] == true);
    let goodbye =
        event_line("s", Some(process), now(), Event::SessionEnded { reason: EndReason::Exit });
    agent.kill();
    view.until_row("s", |row| row["end"] == "killed");
    hook.send_bytes(&goodbye);
    view.until_row("s", |row| row["end"] == "exit");
}

#[test]
fn a_pid_used_again_fools_nobody() {
    let world = world();
    let agent = FakeAgent::new();
    let mut view = View::new(world.start());
    let former = Process { start: agent.process().start - 1, ..agent.process() };
    let hook = world.connect();
    hook.send_bytes(&event_line("s", Some(former), now(), prompt("go")));
    let row = view.until_row("s", |row| row["status"] == "closed");
    assert_eq!(row["end"], "killed");
    // The one that has the number now is a row of its own, and lives.
    hook.send_bytes(&event_line("t", Some(agent.process()), now(), prompt("go")));
    view.until_row("t", |row| row["status"] == "working" && row["confirmed"] == true);
    assert_eq!(view.rows.len(), 2);
}

#[test]
fn a_hook_of_another_pid_namespace_names_no_process_of_ours() {
    let world = world();
    let mut agent = FakeAgent::new();
    let mut view = View::new(world.start());
    let line = event_line("s", Some(agent.process()), now(), prompt("go"));
    let mut line: serde_json::Value = serde_json::from_slice(&line).unwrap();
    line["hook_pid"] = json!(7);
    world.connect().send(line);
    let row = view.until_row("s", |_| true);
    assert_eq!((&row["pid"], &row["confirmed"]), (&json!(null), &json!(false)));
    agent.kill();
    assert_eq!(world.connect().list().values().next().unwrap()["status"], "working");
}

/// The same words in a pid namespace of their own, as in a container that has the socket.
fn in_a_container(world: &World, words: &[&str], input: &str) -> Said {
    let inner = world.command(words);
    let mut command = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        command.arg("--map-root-user");
    }
    command.args(["--pid", "--fork", "--kill-child"]).arg(inner.get_program());
    command.args(inner.get_args()).env_clear();
    command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    finish(command, input.as_bytes())
}

#[test]
fn a_container_neither_marks_a_session_of_ours_nor_ends_it_nor_stops_the_daemon() {
    let world = world();
    let agent = FakeAgent::new();
    world.hook(&agent, &prompt_payload("s", "go"));
    let row = |world: &World| world.connect().list().into_values().next();
    eventually("the row is there", || row(&world).is_some_and(|row| row["confirmed"] == true));
    let tried =
        Command::new("unshare").args(["--pid", "--fork", "--map-root-user", "true"]).status();
    if !tried.is_ok_and(|status| status.success()) {
        return skip("a_container_neither_marks: no pid namespaces for us here (`unshare`)");
    }
    assert_eq!(in_a_container(&world, &["counts"], "").code(), Some(0));
    let daemon = world.daemon();
    let before = row(&world).unwrap();
    for words in
        [&["seen", "shop"][..], &["dismiss", "shop"], &["pin", "shop"], &["daemon", "stop"]]
    {
        let said = in_a_container(&world, words, "");
        assert_eq!(said.code(), Some(1), "{words:?} {said:?}");
        assert!(said.stderr.contains("(a container) may not"), "{words:?} {said:?}");
    }
    for event in ["Stop", "SessionEnd"] {
        let payload = payload(event, "s", &json!({"reason": "other"}));
        in_a_container(&world, &["hook", "claude"], &payload).assert_silent();
    }
    let words = ["report", "--agent", "mine", "--session", "inside", "--status", "working"];
    assert!(in_a_container(&world, &words, "").status.success());
    let rows = world.connect().list();
    assert!(rows.values().any(|row| row["id"] == "inside"), "{rows:?}");
    assert_eq!(rows.values().find(|row| row["pid"] == json!(agent.pid())), Some(&before));
    assert_eq!(world.daemon(), daemon);
}

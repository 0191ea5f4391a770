//! Agents die, with and without a word.

use crate::{note, now, payload, prompt_payload, world};
use crewboard_core::{EndReason, Event, Process};
use crewboard_testkit::{FakeAgent, View, event_line, prompt};
use serde_json::json;
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

//! Sessions close when their process ends.

use crate::support::{note, now, own_uid, payload, prompt_payload, world};
use crewboard_core::{EndReason, Event, Process};
use crewboard_testkit::{
    CommandOutput, FakeAgent, Subscription, World, event_line, prompt, run_with_input, skip,
    wait_until, wrap_command,
};
use serde_json::json;
use std::process::Command;
use std::time::{Duration, Instant};

/// The longest time from a kill to its change on a subscription.
const CLOSED_WITHIN: Duration = Duration::from_millis(100);

/// The number of kills, and how many of them may take longer, because a busy machine may delay any process. The
/// test still finds a delay of every tenth kill.
const KILLS: usize = 30;
const MAY_BE_LATE: usize = 2;

#[test]
fn killed_agent_is_closed_within_100_ms() {
    let world = world();
    let mut subscription = Subscription::new(world.start_daemon());
    let mut took = Vec::new();
    for round in 0..KILLS {
        let mut agent = FakeAgent::new();
        let id = format!("session-{round}");
        world.run_hook(&agent, &prompt_payload(&id, "go"));
        subscription.wait_for_row(&id, |row| row["confirmed"] == true);
        // `kill` also waits for the end of the process.
        agent.kill();
        let killed = Instant::now();
        let row = subscription.wait_for_row(&id, |row| row["status"] == "closed");
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
fn session_end_before_the_process_exits_is_an_exit() {
    let world = world();
    let mut agent = FakeAgent::new();
    world.run_hook(&agent, &prompt_payload("s", "go"));
    world.run_hook(&agent, &payload("SessionEnd", "s", &json!({"reason": "prompt_input_exit"})));
    let mut subscription = Subscription::new(world.connect());
    subscription.wait_for_row("s", |row| row["status"] == "closed");
    agent.kill();
    // The daemon handles the end of the second agent after that of the first.
    let mut second = FakeAgent::new();
    world.run_hook(&second, &prompt_payload("t", "go"));
    second.kill();
    subscription.wait_for_row("t", |row| row["end"] == "killed");
    assert_eq!(subscription.wait_for_row("s", |_| true)["end"], "exit");
}

#[test]
fn late_session_end_turns_killed_into_exit() {
    let world = world();
    let mut agent = FakeAgent::new();
    let process = agent.process();
    let mut subscription = Subscription::new(world.start_daemon());
    let hook = world.connect();
    hook.send_bytes(&event_line("s", Some(process), now(), prompt("go")));
    subscription.wait_for_row("s", |row| row["confirmed"] == true);
    let session_end =
        event_line("s", Some(process), now(), Event::SessionEnded { reason: EndReason::Exit });
    agent.kill();
    subscription.wait_for_row("s", |row| row["end"] == "killed");
    hook.send_bytes(&session_end);
    subscription.wait_for_row("s", |row| row["end"] == "exit");
}

#[test]
fn reused_pid_is_a_session_of_its_own() {
    let world = world();
    let agent = FakeAgent::new();
    let mut subscription = Subscription::new(world.start_daemon());
    let former = Process { start: agent.process().start - 1, ..agent.process() };
    let hook = world.connect();
    hook.send_bytes(&event_line("s", Some(former), now(), prompt("go")));
    let row = subscription.wait_for_row("s", |row| row["status"] == "closed");
    assert_eq!(row["end"], "killed");
    // The process that has the pid now has its own row, which is open.
    hook.send_bytes(&event_line("t", Some(agent.process()), now(), prompt("go")));
    subscription.wait_for_row("t", |row| row["status"] == "working" && row["confirmed"] == true);
    assert_eq!(subscription.rows.len(), 2);
}

#[test]
fn hook_in_a_pid_namespace_names_no_process_outside() {
    let world = world();
    let mut agent = FakeAgent::new();
    let mut subscription = Subscription::new(world.start_daemon());
    let line = event_line("s", Some(agent.process()), now(), prompt("go"));
    let mut line: serde_json::Value = serde_json::from_slice(&line).unwrap();
    line["hook_pid"] = json!(7);
    world.connect().send(line);
    let row = subscription.wait_for_row("s", |_| true);
    assert_eq!((&row["pid"], &row["confirmed"]), (&json!(null), &json!(false)));
    agent.kill();
    assert_eq!(world.connect().list().values().next().unwrap()["status"], "working");
}

/// Runs `crewboard` in its own pid namespace, as in a container that has the socket.
fn run_in_container(world: &World, words: &[&str], input: &str) -> CommandOutput {
    let mut outer = vec!["unshare", "--pid", "--fork", "--kill-child"];
    outer.extend((own_uid() != 0).then_some("--map-root-user"));
    run_with_input(wrap_command(&outer, &world.command(words)), input.as_bytes())
}

#[test]
fn container_can_neither_mark_nor_end_sessions_outside() {
    let world = world();
    let agent = FakeAgent::new();
    world.run_hook(&agent, &prompt_payload("s", "go"));
    let row = |world: &World| world.connect().list().into_values().next();
    wait_until("the row appears", || row(&world).is_some_and(|row| row["confirmed"] == true));
    let tried =
        Command::new("unshare").args(["--pid", "--fork", "--map-root-user", "true"]).status();
    if !tried.is_ok_and(|status| status.success()) {
        return skip("`unshare` of util-linux cannot create pid namespaces here");
    }
    assert_eq!(run_in_container(&world, &["counts"], "").code(), Some(0));
    let daemon = world.daemon();
    let before = row(&world).unwrap();
    for words in
        [&["seen", "shop"][..], &["dismiss", "shop"], &["pin", "shop"], &["daemon", "stop"]]
    {
        let output = run_in_container(&world, words, "");
        assert_eq!(output.code(), Some(1), "{words:?} {output:?}");
        assert!(output.stderr.contains("(a container) may not"), "{words:?} {output:?}");
    }
    for event in ["Stop", "SessionEnd"] {
        let payload = payload(event, "s", &json!({"reason": "other"}));
        run_in_container(&world, &["hook", "claude"], &payload).assert_silent();
    }
    let words = ["report", "--agent", "mine", "--session", "inside", "--status", "working"];
    assert!(run_in_container(&world, &words, "").status.success());
    let rows = world.connect().list();
    assert!(rows.values().any(|row| row["id"] == "inside"), "{rows:?}");
    assert_eq!(rows.values().find(|row| row["pid"] == json!(agent.pid())), Some(&before));
    assert_eq!(world.daemon(), daemon);
}

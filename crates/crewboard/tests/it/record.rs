//! `crewboard record`.

use crate::support::{payload, world};
use crewboard_testkit::{
    FakeAgent, TIMEOUT, World, run_with_input, signal, wait_for_output, wait_until,
};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::fs;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Records in `world` while `happens` runs, until `is_over` returns true for the file.
pub(crate) fn record(
    world: &World,
    words: &[&str],
    happens: impl FnOnce(),
    is_over: impl Fn(&str) -> bool,
) -> String {
    let file = world.home().join("r.jsonl");
    let _ = fs::remove_file(&file);
    let mut all = vec!["record", "--out", file.to_str().unwrap()];
    all.extend(words);
    let started = Instant::now();
    let recorder = world.command(all).spawn().unwrap();
    let written = || fs::read_to_string(&file).unwrap_or_default();
    wait_until("the recording begins", || written().ends_with('\n'));
    happens();
    wait_until("all events are recorded", || is_over(&written()));
    signal(recorder.id(), Signal::INT);
    let output = wait_for_output(recorder, started);
    assert!(output.status.success() && output.elapsed < TIMEOUT, "{output:?}");
    written()
}

#[test]
fn record_stores_reset_times_relative_to_the_event() {
    let world = world();
    let agent = FakeAgent::new();
    world.run_hook(&agent, &payload("SessionStart", "s1", &json!({"source": "startup"})));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let resets = json!({"used_percentage": 62, "resets_at": now + 3600});
    let input = json!({"session_id": "s1", "transcript_path": "/h/.claude/projects/p/s1.jsonl",
        "rate_limits": {"five_hour": resets}})
    .to_string();
    let happens = || {
        let mut line = world.command(["statusline"]);
        line.env("CLAUDE_PID", agent.pid().to_string());
        run_with_input(line, input.as_bytes());
    };
    let text = record(&world, &[], happens, |text| text.contains("usage_reported"));
    let line: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    let after = line["report"]["event"]["five_hour"]["resets_at"].as_u64().unwrap();
    let patience = u64::try_from(TIMEOUT.as_millis()).unwrap();
    assert!((3_600_000 - patience..=3_600_000).contains(&after), "{text}");
}

#[test]
fn record_never_replaces_a_file() {
    let world = world();
    let file = world.home().join("r.jsonl");
    fs::write(&file, "mine").unwrap();
    let output = world.run(["record", "--out", file.to_str().unwrap()]);
    assert_eq!(output.code(), Some(1), "{output:?}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
}

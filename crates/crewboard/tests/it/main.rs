//! End to end: real processes, real sockets, a world of its own for each test.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod agent_files;
mod bad_input;
mod bars;
mod board;
mod board_world;
mod boards;
mod bounds;
mod busy;
mod claims;
mod commands;
mod completing;
mod daemon_command;
mod death;
mod files;
mod hook;
mod hostile_daemon;
mod hung;
mod installing;
mod jump;
mod jump_without_variables;
mod kitty;
mod life;
mod missing_senses;
mod notify;
mod permission_text;
mod places;
mod private_namespace;
mod profiles;
mod replaced;
mod replay;
mod rest;
mod start;
mod statusline;
mod stranger;
mod teams;
mod views;
mod waiting;
mod zellij;

use crewboard_core::Stamp;
use crewboard_platform::Clock;
use crewboard_testkit::{PATIENCE, World, skip};
use serde_json::{Value, json};
use std::io::Write;
use std::time::{Duration, Instant};

/// A new world for the program that was built with these tests.
fn world() -> World {
    World::new(env!("CARGO_BIN_EXE_crewboard"))
}

/// How often a race is run: a few times, or as often as the environment says.
fn rounds(usual: usize) -> usize {
    let asked = std::env::var("CREWBOARD_TEST_ROUNDS").ok();
    asked.and_then(|rounds| rounds.parse().ok()).unwrap_or(usual)
}

/// Tells whoever reads along, past what the test runner keeps to itself.
fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "note: {text}");
}

/// The user who runs the tests.
fn own_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

fn now() -> Stamp {
    Clock::new().stamp()
}

/// What Claude Code says on an event of session `id`, with more fields.
fn payload(event: &str, id: &str, more: &Value) -> String {
    let mut payload = json!({
        "session_id": id,
        "hook_event_name": event,
        "cwd": "/srv/shop",
        "transcript_path": "/home/dev/.claude/projects/shop/t.jsonl",
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        payload[name] = value.clone();
    }
    payload.to_string()
}

fn prompt_payload(id: &str, text: &str) -> String {
    payload("UserPromptSubmit", id, &json!({ "prompt": text }))
}

/// A value of `/proc/PID/status`, in its own unit.
fn status_of(pid: u32, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.unwrap().split_whitespace().next().unwrap().parse().unwrap()
}

/// Fails if the daemon never rests for some seconds, in which it does not wake once.
fn assert_rests(daemon: u32) {
    let wakes = || {
        status_of(daemon, "voluntary_ctxt_switches")
            + status_of(daemon, "nonvoluntary_ctxt_switches")
    };
    // It may still tidy up after the hooks' ends and our own requests.
    let rest = Duration::from_secs(rounds(5).clamp(5, 600) as u64);
    let (mut seen, mut since) = (wakes(), Instant::now());
    let begun = Instant::now();
    while since.elapsed() < rest {
        // Nothing can be awaited here: it is nothing that is to happen.
        std::thread::sleep(Duration::from_millis(50));
        if wakes() != seen {
            (seen, since) = (wakes(), Instant::now());
            assert!(begun.elapsed() < rest + PATIENCE / 2, "it wakes though nothing happens");
        }
    }
    assert_eq!(status_of(daemon, "Threads"), 1);
}

/// Kilobytes of memory that are a process's own.
fn memory_of(pid: u32) -> u64 {
    status_of(pid, "RssAnon")
}

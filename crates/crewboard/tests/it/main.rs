//! End-to-end tests with real processes and sockets. Each test has its own world.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod bad_input;
mod board;
mod board_world;
mod bounds;
mod busy_machine;
mod claims;
mod command_line;
mod completions;
mod counts;
mod daemon;
mod daemon_exit;
mod daemon_files;
mod daemon_idle;
mod daemon_start;
mod degraded;
mod demo;
mod explain;
mod hook;
mod hostile_daemon;
mod hung_file_systems;
mod install;
mod jump;
mod jump_without_variables;
mod kitty;
mod list;
mod notify;
mod open;
mod other_users;
mod permission_text;
mod private_namespace;
mod profiles;
mod record;
mod replay;
mod report;
mod running_command;
mod screen;
mod seen;
mod session_exit;
mod session_files;
mod several_boards;
mod sockets;
mod statusline;
mod subscriptions;
mod teammates;
mod version_skew;
mod wait;
mod watch;
mod zellij;

use crewboard_core::Stamp;
use crewboard_platform::Clock;
use crewboard_testkit::{TIMEOUT, World, skip};
use serde_json::{Value, json};
use std::io::Write;
use std::time::{Duration, Instant};

/// Creates a world for the program that was built with these tests.
fn world() -> World {
    World::new(env!("CARGO_BIN_EXE_crewboard"))
}

/// Returns how often a test repeats a race: `CREWBOARD_TEST_ROUNDS` times, or `usual` times.
fn rounds(usual: usize) -> usize {
    let asked = std::env::var("CREWBOARD_TEST_ROUNDS").ok();
    asked.and_then(|rounds| rounds.parse().ok()).unwrap_or(usual)
}

/// Prints a measured value to standard error, which the test runner does not capture.
fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "note: {text}");
}

/// Returns the uid of the user who runs the tests.
fn own_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

fn now() -> Stamp {
    Clock::new().stamp()
}

/// Returns the hook payload of Claude Code for an event of session `id`, with `more` fields.
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

/// Returns a value of `/proc/PID/status`, in its own unit.
fn status_of(pid: u32, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.unwrap().split_whitespace().next().unwrap().parse().unwrap()
}

/// Asserts that the daemon does not wake for some seconds.
fn assert_rests(daemon: u32) {
    let wakes = || {
        status_of(daemon, "voluntary_ctxt_switches")
            + status_of(daemon, "nonvoluntary_ctxt_switches")
    };
    // The daemon may still handle the ends of hooks and the requests of the test.
    let rest = Duration::from_secs(rounds(5).clamp(5, 600) as u64);
    let (mut seen, mut since) = (wakes(), Instant::now());
    let started = Instant::now();
    while since.elapsed() < rest {
        // There is no event to await: the test shows that nothing happens.
        std::thread::sleep(Duration::from_millis(50));
        if wakes() != seen {
            (seen, since) = (wakes(), Instant::now());
            assert!(started.elapsed() < rest + TIMEOUT / 2, "it wakes though nothing happens");
        }
    }
    assert_eq!(status_of(daemon, "Threads"), 1);
}

/// Returns the private memory of a process in kilobytes.
fn memory_of(pid: u32) -> u64 {
    status_of(pid, "RssAnon")
}

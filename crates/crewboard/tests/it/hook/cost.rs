//! Bounds on the work of a hook, which an agent runs several times in each tool call. They are counted, not timed, so
//! that a busy machine changes nothing.

use crate::support::{payload, world};
use crewboard_testkit::{FakeAgent, skip, wrap_command};
use serde_json::json;
use std::fs::{self, File};

/// System calls of a hook after the start of the program, without those that allocate memory and one for each directory
/// above the socket's.
const MAX_CALLS: usize = 26;

/// Calls that depend on the allocator, and one that the standard library makes in an unoptimised build only.
const LEFT_OUT: [&str; 5] = ["brk(", "mmap(", "munmap(", "mremap(", "fcntl("];

#[test]
fn hook_of_a_tool_makes_few_system_calls() {
    let world = world();
    world.start_daemon();
    let agent = FakeAgent::new();
    let profile = world.path().join("profile");
    fs::create_dir(&profile).unwrap();
    let (input, trace) = (world.path().join("input"), world.path().join("trace"));
    let tool = json!({
        "tool_name": "Bash", "tool_input": {"command": "make"},
        "transcript_path": profile.join("projects/-x/s.jsonl"),
    });
    fs::write(&input, payload("PreToolUse", "s", &tool)).unwrap();
    let outer = ["strace", "-f", "-qq", "-o", trace.to_str().unwrap()];
    let mut command = wrap_command(&outer, &world.hook_command(&agent));
    command.stdin(File::open(&input).unwrap());
    if !command.output().is_ok_and(|output| output.status.success()) {
        return skip("strace cannot trace here");
    }
    let trace = fs::read_to_string(&trace).unwrap();
    // The hook starts with the time, for which it reads this file.
    let own: Vec<&str> = trace.lines().skip_while(|line| !line.contains("boot_id")).collect();
    assert!(own.iter().any(|line| line.contains("hook_pid")), "it delivered nothing: {trace}");
    let end = own.iter().position(|line| line.contains("sigaltstack(")).unwrap_or(own.len());
    let calls: Vec<&str> = own[..end]
        .iter()
        .copied()
        .filter(|line| !LEFT_OUT.iter().any(|call| line.contains(call)))
        .collect();
    assert!(!calls.iter().any(|line| line.contains("clone")), "it started a thread: {calls:#?}");
    let directories = world.socket_directory().ancestors().count() - 1;
    assert!(calls.len() <= MAX_CALLS + directories, "{} calls: {calls:#?}", calls.len());
}

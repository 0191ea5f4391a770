//! `crewboard replay`.

use crate::record::record;
use crate::support::{payload, prompt_payload, world};
use crewboard_testkit::{
    FakeAgent, Subscription, World, children, is_dead, signal, wait_for_output, wait_until,
    wrap_command,
};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Instant;

/// Returns the statuses of a row with its end and its prompt.
fn summary(row: &Value) -> Value {
    let history: Vec<&Value> =
        row["history"].as_array().unwrap().iter().map(|entered| &entered["status"]).collect();
    json!([history, row["status"], row["end"], row["confirmed"], row["request"]["kind"]])
}

/// Returns the summaries of all rows, sorted.
fn summaries(list: &str) -> Vec<String> {
    let rows: Vec<Value> = serde_json::from_str(list).unwrap();
    let mut summaries: Vec<String> = rows.iter().map(|row| summary(row).to_string()).collect();
    summaries.sort();
    summaries
}

/// Runs three agents: one gets a permission and finishes, one waits for a permission, one is killed.
fn three_agents(world: &World, agents: &mut [FakeAgent; 3]) {
    let bash = json!({"tool_name": "Bash", "tool_input": {"command": "rm -r SECRET"},
        "tool_use_id": "toolu_1"});
    let [first, second, third] = &*agents;
    world.run_hook(first, &payload("SessionStart", "s1", &json!({"source": "startup"})));
    world.run_hook(first, &prompt_payload("s1", "tidy up SECRET"));
    world.run_hook(first, &payload("PreToolUse", "s1", &bash));
    world.run_hook(first, &payload("PermissionRequest", "s1", &bash));
    world.run_hook(second, &prompt_payload("s2", "ask me"));
    world.run_hook(first, &payload("PostToolUse", "s1", &bash));
    world.run_hook(third, &prompt_payload("s3", "die"));
    world.run_hook(
        first,
        &payload("Stop", "s1", &json!({"last_assistant_message": "Done SECRET."})),
    );
    world.run_hook(second, &payload("PreToolUse", "s2", &bash));
    world.run_hook(second, &payload("PermissionRequest", "s2", &bash));
    let mut subscription = Subscription::new(world.connect());
    subscription.wait_for_row("s3", |row| row["status"] == "working" && row["confirmed"] == true);
    agents[2].kill();
    subscription.wait_for_row("s3", |row| row["status"] == "closed");
}

fn play(world: &World, file: &Path) -> Vec<String> {
    let output = world.run(["replay", file.to_str().unwrap(), "--speed", "10000", "--json"]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(output.stderr, "");
    summaries(&output.stdout)
}

#[test]
fn replay_shows_the_recorded_statuses_in_order() {
    for (keeps, words) in [(false, &[][..]), (true, &["--keep-text"][..])] {
        let world = world();
        let mut agents = [FakeAgent::new(), FakeAgent::new(), FakeAgent::new()];
        let happens = || three_agents(&world, &mut agents);
        let text = record(&world, words, happens, |text| text.contains("\"exited\""));
        assert_eq!(text.contains("SECRET") || text.contains("/srv/shop"), keeps, "{text}");
        let real = summaries(&world.run(["list", "--json"]).stdout);
        assert_eq!(real.len(), 3);
        let daemon = world.daemon();
        let played = play(&world, &world.home().join("r.jsonl"));
        assert_eq!(played, real, "{text}");
        wait_until("the private daemon exits", || world.daemons() == [daemon]);
    }
}

#[test]
fn interrupted_replay_leaves_nothing_behind() {
    let world = world();
    let file = world.home().join("long.jsonl");
    let report = json!({"agent": "claude", "session": "s", "source": "hook:UserPromptSubmit",
        "process": "p1", "event": {"kind": "prompt_submitted", "prompt": "go"}});
    let lines = [
        json!({"crewboard": "record", "version": 1}),
        json!({"at": -5000, "report": report}),
        json!({"at": 3_600_000, "exited": "p1"}),
    ];
    fs::write(&file, lines.map(|line| line.to_string()).join("\n")).unwrap();
    let started = Instant::now();
    let replay = world.command(["replay", file.to_str().unwrap(), "--json"]).spawn().unwrap();
    let mut found = Vec::new();
    wait_until("the replay runs", || {
        found = children(replay.id());
        found.len() >= 2
    });
    let directory = world.daemons().first().and_then(|daemon| socket_of(*daemon)).unwrap();
    signal(replay.id(), Signal::TERM);
    let output = wait_for_output(replay, started);
    assert_eq!(output.code(), Some(130), "{output:?}");
    let is_gone = || world.daemons().is_empty() && found.iter().all(|pid| is_dead(*pid));
    wait_until("its processes end", is_gone);
    let directory = Path::new(&directory).parent().unwrap();
    assert!(!directory.exists(), "{}", directory.display());
}

#[test]
fn replay_removes_the_files_of_a_killed_replay() {
    let world = world();
    let file = world.home().join("long.jsonl");
    let header = json!({"crewboard": "record", "version": 1});
    let later = json!({"at": 3_600_000, "exited": "p1"});
    fs::write(&file, format!("{header}\n{later}\n")).unwrap();
    let mut replay = world.command(["replay", file.to_str().unwrap(), "--json"]).spawn().unwrap();
    wait_until("the replay runs", || !world.daemons().is_empty());
    let socket = socket_of(world.daemon()).unwrap();
    let directory = Path::new(&socket).parent().unwrap();
    replay.kill().unwrap();
    replay.wait().unwrap();
    wait_until("its daemon exits", || world.daemons().is_empty());
    // Any replay of the user removes the directory now, also one of another test.
    fs::write(&file, format!("{header}\n")).unwrap();
    let output = world.run(["replay", file.to_str().unwrap(), "--json"]);
    assert!(output.status.success(), "{output:?}");
    assert!(!directory.exists(), "{}", directory.display());
}

#[test]
fn replay_directory_is_private_under_any_umask() {
    let world = world();
    let file = world.home().join("long.jsonl");
    let header = json!({"crewboard": "record", "version": 1});
    let later = json!({"at": 3_600_000, "exited": "p1"});
    fs::write(&file, format!("{header}\n{later}\n")).unwrap();
    let replay = world.command(["replay", file.to_str().unwrap(), "--json"]);
    for umask in ["000", "002", "007", "022", "077", "777"] {
        let script = format!("umask {umask}; exec \"$0\" \"$@\"");
        let started = Instant::now();
        let mut replay = wrap_command(&["sh", "-c", &script], &replay).spawn().unwrap();
        wait_until("the replay runs", || {
            let ended = replay.try_wait().unwrap();
            assert_eq!(ended, None, "umask {umask}");
            !world.daemons().is_empty()
        });
        let socket = socket_of(world.daemon()).unwrap();
        let mode = fs::metadata(Path::new(&socket).parent().unwrap()).unwrap().mode();
        assert_eq!(mode & 0o7777, 0o700, "umask {umask}");
        signal(replay.id(), Signal::TERM);
        let output = wait_for_output(replay, started);
        assert_eq!(output.code(), Some(130), "umask {umask}: {output:?}");
        wait_until("the private daemon exits", || world.daemons().is_empty());
    }
}

/// Returns the socket in the environment of a daemon.
fn socket_of(pid: u32) -> Option<String> {
    let environ = fs::read_to_string(format!("/proc/{pid}/environ")).ok()?;
    environ
        .split('\0')
        .find_map(|variable| variable.strip_prefix("CREWBOARD_SOCKET="))
        .map(str::to_owned)
}

#[test]
fn replay_names_the_line_that_it_cannot_read() {
    let world = world();
    let file = world.home().join("bad.jsonl");
    fs::write(&file, "{\"crewboard\":\"record\",\"version\":1}\n{\"at\":1,\"exited\":\"p\"}\n?\n")
        .unwrap();
    let output = world.run(["replay", file.to_str().unwrap(), "--json"]);
    assert!(output.status.success() && output.stderr.contains("line 3: "), "{output:?}");
    let output = world.run(["replay", world.home().join("none").to_str().unwrap()]);
    assert_eq!(output.code(), Some(1), "{output:?}");
}

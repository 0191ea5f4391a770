//! `crewboard replay`.

use crate::{payload, prompt_payload, world};
use crewboard_testkit::{
    FakeAgent, Subscription, TIMEOUT, World, is_dead, signal, wait_for_output, wait_until,
};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// Returns the statuses of a row with its end and its prompt.
fn story(row: &Value) -> Value {
    let history: Vec<&Value> =
        row["history"].as_array().unwrap().iter().map(|entered| &entered["status"]).collect();
    json!([history, row["status"], row["end"], row["confirmed"], row["request"]["kind"]])
}

/// Returns the stories of all rows, sorted.
fn stories(list: &str) -> Vec<String> {
    let rows: Vec<Value> = serde_json::from_str(list).unwrap();
    let mut stories: Vec<String> = rows.iter().map(|row| story(row).to_string()).collect();
    stories.sort();
    stories
}

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
    wait_until("recording begins", || written().ends_with('\n'));
    happens();
    wait_until("all is recorded", || is_over(&written()));
    signal(recorder.id(), Signal::INT);
    let output = wait_for_output(recorder, started);
    assert!(output.status.success() && output.elapsed < TIMEOUT, "{output:?}");
    written()
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
    stories(&output.stdout)
}

#[test]
fn replay_shows_the_recorded_statuses_in_order() {
    for (keeps, words) in [(false, &[][..]), (true, &["--keep-text"][..])] {
        let world = world();
        let mut agents = [FakeAgent::new(), FakeAgent::new(), FakeAgent::new()];
        let happens = || three_agents(&world, &mut agents);
        let text = record(&world, words, happens, |text| text.contains("\"exited\""));
        assert_eq!(text.contains("SECRET") || text.contains("/srv/shop"), keeps, "{text}");
        let real = stories(&world.run(["list", "--json"]).stdout);
        assert_eq!(real.len(), 3);
        let daemon = world.daemon();
        let played = play(&world, &world.home().join("r.jsonl"));
        assert_eq!(played, real, "{text}");
        wait_until("the private daemon is gone", || world.daemons() == [daemon]);
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
    wait_until("it plays", || {
        found = children(replay.id());
        found.len() >= 2
    });
    let stage = world.daemons().first().and_then(|daemon| socket_of(*daemon)).unwrap();
    signal(replay.id(), Signal::TERM);
    let output = wait_for_output(replay, started);
    assert_eq!(output.code(), Some(130), "{output:?}");
    let is_gone = || world.daemons().is_empty() && found.iter().all(|pid| is_dead(*pid));
    wait_until("its processes are gone", is_gone);
    let stage = Path::new(&stage).parent().unwrap();
    assert!(!stage.exists(), "{}", stage.display());
}

#[test]
fn replay_removes_the_files_of_a_killed_replay() {
    let world = world();
    let file = world.home().join("long.jsonl");
    let header = json!({"crewboard": "record", "version": 1});
    let later = json!({"at": 3_600_000, "exited": "p1"});
    fs::write(&file, format!("{header}\n{later}\n")).unwrap();
    let mut replay = world.command(["replay", file.to_str().unwrap(), "--json"]).spawn().unwrap();
    wait_until("it plays", || !world.daemons().is_empty());
    let socket = socket_of(world.daemon()).unwrap();
    let stage = Path::new(&socket).parent().unwrap();
    replay.kill().unwrap();
    replay.wait().unwrap();
    wait_until("its daemon leaves by itself", || world.daemons().is_empty());
    assert!(stage.exists(), "the killed replay cannot remove it");
    fs::write(&file, format!("{header}\n")).unwrap();
    let output = world.run(["replay", file.to_str().unwrap(), "--json"]);
    assert!(output.status.success(), "{output:?}");
    assert!(!stage.exists(), "{}", stage.display());
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
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", &format!("umask {umask}; exec \"$0\" \"$@\"")]);
        shell.arg(replay.get_program()).args(replay.get_args()).env_clear();
        shell.envs(replay.get_envs().filter_map(|(name, value)| Some((name, value?))));
        shell.current_dir(world.home()).stdin(Stdio::null());
        shell.stdout(Stdio::piped()).stderr(Stdio::piped());
        let started = Instant::now();
        let mut replay = shell.spawn().unwrap();
        wait_until("it plays", || {
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
        wait_until("the private daemon is gone", || world.daemons().is_empty());
    }
}

/// Returns the children of a process.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace().map(|word| word.parse().unwrap()).collect()
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

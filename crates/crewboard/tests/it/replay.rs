//! What was recorded is played again, to a daemon of its own, and nothing is left of it.

use crate::board_world::BoardWorld;
use crate::{payload, prompt_payload, world};
use crewboard_core::Status;
use crewboard_testkit::{
    FakeAgent, PATIENCE, View, World, eventually, finish, is_dead, outcome, signal,
};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// What a row went through, and what became of it.
fn story(row: &Value) -> Value {
    let history: Vec<&Value> =
        row["history"].as_array().unwrap().iter().map(|entered| &entered["status"]).collect();
    json!([history, row["status"], row["end"], row["confirmed"], row["request"]["kind"]])
}

/// The stories of all rows, in an order that names do not change.
fn stories(list: &str) -> Vec<String> {
    let rows: Vec<Value> = serde_json::from_str(list).unwrap();
    let mut stories: Vec<String> = rows.iter().map(|row| story(row).to_string()).collect();
    stories.sort();
    stories
}

/// Records in `world` what `happens` does, until `is_over` holds of the file.
fn record(
    world: &World,
    words: &[&str],
    happens: impl FnOnce(),
    is_over: impl Fn(&str) -> bool,
) -> String {
    let file = world.home().join("r.jsonl");
    let _ = fs::remove_file(&file);
    let mut all = vec!["record", "--out", file.to_str().unwrap()];
    all.extend(words);
    let begun = Instant::now();
    let recorder = world.command(all).spawn().unwrap();
    let written = || fs::read_to_string(&file).unwrap_or_default();
    eventually("recording begins", || written().ends_with('\n'));
    happens();
    eventually("all is recorded", || is_over(&written()));
    signal(recorder.id(), Signal::INT);
    let said = outcome(recorder, begun);
    assert!(said.status.success() && said.took < PATIENCE, "{said:?}");
    written()
}

/// Three agents: one that is granted a tool and finishes, one that waits, one that is killed.
fn three_agents(world: &World, agents: &mut [FakeAgent; 3]) {
    let bash = json!({"tool_name": "Bash", "tool_input": {"command": "rm -r SECRET"},
        "tool_use_id": "toolu_1"});
    let [first, second, third] = &*agents;
    world.hook(first, &payload("SessionStart", "s1", &json!({"source": "startup"})));
    world.hook(first, &prompt_payload("s1", "tidy up SECRET"));
    world.hook(first, &payload("PreToolUse", "s1", &bash));
    world.hook(first, &payload("PermissionRequest", "s1", &bash));
    world.hook(second, &prompt_payload("s2", "ask me"));
    world.hook(first, &payload("PostToolUse", "s1", &bash));
    world.hook(third, &prompt_payload("s3", "die"));
    world.hook(first, &payload("Stop", "s1", &json!({"last_assistant_message": "Done SECRET."})));
    world.hook(second, &payload("PreToolUse", "s2", &bash));
    world.hook(second, &payload("PermissionRequest", "s2", &bash));
    let mut view = View::new(world.connect());
    view.until_row("s3", |row| row["status"] == "working" && row["confirmed"] == true);
    agents[2].kill();
    view.until_row("s3", |row| row["status"] == "closed");
}

fn play(world: &World, file: &Path) -> Vec<String> {
    let said = world.say(["replay", file.to_str().unwrap(), "--speed", "10000", "--json"]);
    assert!(said.status.success(), "{said:?}");
    assert_eq!(said.stderr, "");
    stories(&said.stdout)
}

#[test]
fn what_was_recorded_is_played_again_status_by_status() {
    for (keeps, words) in [(false, &[][..]), (true, &["--keep-text"][..])] {
        let world = world();
        let mut agents = [FakeAgent::new(), FakeAgent::new(), FakeAgent::new()];
        let happens = || three_agents(&world, &mut agents);
        let text = record(&world, words, happens, |text| text.contains("\"exited\""));
        assert_eq!(text.contains("SECRET") || text.contains("/srv/shop"), keeps, "{text}");
        let real = stories(&world.say(["list", "--json"]).stdout);
        assert_eq!(real.len(), 3);
        let daemon = world.daemon();
        let played = play(&world, &world.home().join("r.jsonl"));
        assert_eq!(played, real, "{text}");
        eventually("the private daemon is gone", || world.daemons() == [daemon]);
    }
}

#[test]
fn a_recorded_limit_begins_anew_as_long_after_as_it_did() {
    let world = world();
    let agent = FakeAgent::new();
    world.hook(&agent, &payload("SessionStart", "s1", &json!({"source": "startup"})));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let resets = json!({"used_percentage": 62, "resets_at": now + 3600});
    let tells = json!({"session_id": "s1", "transcript_path": "/h/.claude/projects/p/s1.jsonl",
        "rate_limits": {"five_hour": resets}})
    .to_string();
    let happens = || {
        let mut line = world.command(["statusline"]);
        line.env("CLAUDE_PID", agent.pid().to_string());
        finish(line, tells.as_bytes());
    };
    let text = record(&world, &[], happens, |text| text.contains("usage_told"));
    let line: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    let after = line["report"]["event"]["five_hour"]["resets_at"].as_u64().unwrap();
    let patience = u64::try_from(PATIENCE.as_millis()).unwrap();
    assert!((3_600_000 - patience..=3_600_000).contains(&after), "{text}");
}

#[test]
fn a_replay_that_is_interrupted_leaves_nothing_behind() {
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
    let begun = Instant::now();
    let replay = world.command(["replay", file.to_str().unwrap(), "--json"]).spawn().unwrap();
    let mut found = Vec::new();
    eventually("it plays", || {
        found = children(replay.id());
        found.len() >= 2
    });
    let stage = world.daemons().first().and_then(|daemon| socket_of(*daemon)).unwrap();
    signal(replay.id(), Signal::TERM);
    let said = outcome(replay, begun);
    assert_eq!(said.code(), Some(130), "{said:?}");
    let is_gone = || world.daemons().is_empty() && found.iter().all(|pid| is_dead(*pid));
    eventually("its processes are gone", is_gone);
    let stage = Path::new(&stage).parent().unwrap();
    assert!(!stage.exists(), "{}", stage.display());
}

#[test]
fn what_a_replay_that_was_killed_left_behind_goes_with_the_next() {
    let world = world();
    let file = world.home().join("long.jsonl");
    let header = json!({"crewboard": "record", "version": 1});
    let later = json!({"at": 3_600_000, "exited": "p1"});
    fs::write(&file, format!("{header}\n{later}\n")).unwrap();
    let mut replay = world.command(["replay", file.to_str().unwrap(), "--json"]).spawn().unwrap();
    eventually("it plays", || !world.daemons().is_empty());
    let socket = socket_of(world.daemon()).unwrap();
    let stage = Path::new(&socket).parent().unwrap();
    replay.kill().unwrap();
    replay.wait().unwrap();
    eventually("its daemon leaves by itself", || world.daemons().is_empty());
    assert!(stage.exists(), "nobody was left to remove it");
    fs::write(&file, format!("{header}\n")).unwrap();
    let said = world.say(["replay", file.to_str().unwrap(), "--json"]);
    assert!(said.status.success(), "{said:?}");
    assert!(!stage.exists(), "{}", stage.display());
}

#[test]
fn the_stage_is_private_whatever_the_umask() {
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
        let begun = Instant::now();
        let mut replay = shell.spawn().unwrap();
        eventually("it plays", || {
            let ended = replay.try_wait().unwrap();
            assert_eq!(ended, None, "umask {umask}");
            !world.daemons().is_empty()
        });
        let socket = socket_of(world.daemon()).unwrap();
        let mode = fs::metadata(Path::new(&socket).parent().unwrap()).unwrap().mode();
        assert_eq!(mode & 0o7777, 0o700, "umask {umask}");
        signal(replay.id(), Signal::TERM);
        let said = outcome(replay, begun);
        assert_eq!(said.code(), Some(130), "umask {umask}: {said:?}");
        eventually("the private daemon is gone", || world.daemons().is_empty());
    }
}

/// The children of a process.
fn children(pid: u32) -> Vec<u32> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace().map(|word| word.parse().unwrap()).collect()
}

/// The socket a daemon was told to use.
fn socket_of(pid: u32) -> Option<String> {
    let environ = fs::read_to_string(format!("/proc/{pid}/environ")).ok()?;
    environ
        .split('\0')
        .find_map(|variable| variable.strip_prefix("CREWBOARD_SOCKET="))
        .map(str::to_owned)
}

#[test]
fn a_file_that_is_wrong_is_told_by_line_and_a_record_never_replaces_a_file() {
    let world = world();
    let file = world.home().join("bad.jsonl");
    fs::write(&file, "{\"crewboard\":\"record\",\"version\":1}\n{\"at\":1,\"exited\":\"p\"}\n?\n")
        .unwrap();
    let said = world.say(["replay", file.to_str().unwrap(), "--json"]);
    assert!(said.status.success() && said.stderr.contains("line 3: "), "{said:?}");
    let said = world.say(["record", "--out", file.to_str().unwrap()]);
    assert_eq!(said.code(), Some(1), "{said:?}");
    let said = world.say(["replay", world.home().join("none").to_str().unwrap()]);
    assert_eq!(said.code(), Some(1), "{said:?}");
}

#[test]
fn the_demo_is_a_board_with_a_daemon_of_its_own_and_leaves_with_it() {
    let Some(world) = BoardWorld::new() else { return };
    for by_signal in [false, true] {
        let pane = world.demo(if by_signal { "signal" } else { "key" }, "5500");
        // The footer, with the keys of a board that has rows, is drawn last.
        let screen = pane.shows("Enter jump");
        for status in Status::ALL {
            assert!(screen.contains(status.word()), "{status}: {screen}");
        }
        // Times of resets go on with the wall clock's minutes.
        for used in ["5h ▕", "61% ↻ 1h1", "7d ▕", "31% ↻ ", "41%"] {
            assert!(screen.contains(used), "{used}: {screen}");
        }
        let demo = pane.pid();
        let held = children(demo);
        assert!(held.len() > 10, "a daemon and the placeholders: {held:?}");
        if by_signal {
            signal(demo, Signal::TERM);
        } else {
            pane.press(&["q"]);
        }
        eventually("nothing of it is left", || held.iter().all(|pid| is_dead(*pid)));
    }
    assert_eq!(world.list(), Vec::<Value>::new(), "the user's own daemon heard nothing");
}

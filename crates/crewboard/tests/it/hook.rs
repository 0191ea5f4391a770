//! `crewboard hook` prints nothing, exits with 0 and meets its deadline in every situation.

mod busy_machine;
mod cost;
mod hung_file_systems;

use crate::support::{in_private_namespace, note, own_uid, payload, prompt_payload, world};
use crewboard_protocol::DropReason;
use crewboard_testkit::{
    CommandOutput, FakeAgent, LineClient, World, run_with_input, signal, wait_for_output,
    wait_until, wrap_command,
};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The longest time that a test allows: ten times the deadline of a hook, because the machine may be busy. An
/// unoptimised build needs most of a second to read 16 MB of JSON.
const LONG: Duration = Duration::from_secs(if cfg!(debug_assertions) { 5 } else { 1 });

#[track_caller]
fn assert_in_time(what: &str, output: &CommandOutput) {
    output.assert_silent();
    assert!(output.elapsed < LONG, "{what}: {:?}", output.elapsed);
    note(&format!("hook, {what}: {:?}", output.elapsed));
}

/// Runs one hook, which may miss its deadline.
fn run_hook(world: &World, agent: &FakeAgent, payload: &str) -> CommandOutput {
    run_with_input(world.hook_command(agent), payload.as_bytes())
}

#[test]
fn hook_survives_any_standard_input() {
    let world = world();
    let agent = FakeAgent::new();
    world.start_daemon();
    let mut mega = prompt_payload("s", "x").into_bytes();
    mega.resize(50 << 20, b' ');
    let cases: [(&str, Vec<u8>); 12] = [
        ("ordinary", prompt_payload("s", "go").into_bytes()),
        ("not JSON", b"hello".to_vec()),
        ("a JSON array", b"[1,2,3]".to_vec()),
        ("a number", b"7".to_vec()),
        ("half an object", br#"{"session_id":"s","hook_event_name":"Us"#.to_vec()),
        ("binary", (0..=255).cycle().take(100_000).collect()),
        ("invalid UTF-8", b"{\"session_id\":\"\xff\xfe\",\"hook_event_name\":\"Stop\"}".to_vec()),
        ("nested arrays", "[".repeat(1_000_000).into_bytes()),
        (
            "nested input",
            format!(
                r#"{{"session_id":"s","hook_event_name":"PreToolUse","tool_name":"T","tool_input":{}}}"#,
                "{\"a\":".repeat(200_000) + "1" + &"}".repeat(200_000)
            )
            .into_bytes(),
        ),
        ("wrong types", br#"{"session_id":7,"hook_event_name":["x"],"prompt":{}}"#.to_vec()),
        ("a 10 MB prompt", prompt_payload("s", &"x".repeat(10 << 20)).into_bytes()),
        ("50 MB", mega),
    ];
    for (what, input) in cases {
        assert_in_time(what, &run_with_input(world.hook_command(&agent), &input));
    }
    assert_in_time("empty", &run_with_input(world.hook_command(&agent), b""));
    // The daemon still accepts events after invalid input.
    world.run_hook(&FakeAgent::new(), &prompt_payload("t", "after all"));
    let mut client = world.connect();
    wait_until("the event arrives", || {
        client.list().values().any(|row| row["prompt"] == "after all")
    });
}

#[test]
fn hook_shortens_long_texts() {
    let world = world();
    // This is longer than the longest line that the daemon accepts.
    let long = "x".repeat(300 << 10);
    let tool = json!({"tool_name": "T", "tool_input": {"a": long}});
    let ask = json!({"tool_name": "Bash", "tool_input": {"command": long}});
    let cases = [
        ("prompt", prompt_payload("prompt", &long)),
        ("tool", payload("PreToolUse", "tool", &tool)),
        ("ask", payload("PermissionRequest", "ask", &ask)),
        ("stop", payload("Stop", "stop", &json!({"last_assistant_message": long}))),
    ];
    let agents: Vec<FakeAgent> = cases.iter().map(|_| FakeAgent::new()).collect();
    for ((_, input), agent) in cases.iter().zip(&agents) {
        world.run_hook(agent, input);
    }
    let mut client = world.connect();
    wait_until("the events arrive", || client.list().len() == cases.len());
    for row in client.list().values() {
        assert!(row.to_string().len() < 16_000, "{} is long", row["id"]);
    }
}

#[test]
fn hook_survives_an_open_or_closed_standard_input() {
    let world = world();
    let agent = FakeAgent::new();
    world.start_daemon();
    for (what, input) in [
        ("open without input", String::new()),
        ("open with the whole input", prompt_payload("whole", "go")),
        ("open with half of the input", prompt_payload("half", "go").split_at(40).0.to_owned()),
    ] {
        let started = Instant::now();
        let mut child = world.hook_command(&agent).stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).unwrap();
        assert_in_time(what, &wait_for_output(child, started));
        drop(stdin);
    }
    let mut client = world.connect();
    wait_until("the whole input arrives", || {
        client.list().values().any(|row| row["id"] == "whole")
    });
    assert_eq!(client.hello()["dropped_by_reason"], json!({"late": 2}));

    let script = r#"exec "$0" "$@" <&- >&- 2>&-"#;
    let closed = wrap_command(&["sh", "-c", script], &world.hook_command(&agent));
    assert_in_time("all of 0, 1 and 2 closed", &run_with_input(closed, b""));

    let mut directory = world.hook_command(&agent);
    directory.stdin(File::open("/").unwrap());
    assert_in_time("a directory", &run_with_input(directory, b""));
}

#[test]
fn hook_survives_an_endless_standard_input() {
    let world = world();
    let agent = FakeAgent::new();
    let started = Instant::now();
    let mut command = world.hook_command(&agent);
    command.stdin(File::open("/dev/zero").unwrap()).stdout(Stdio::piped()).stderr(Stdio::piped());
    assert_in_time("/dev/zero", &wait_for_output(command.spawn().unwrap(), started));
}

#[test]
fn hook_survives_a_stopped_or_flooded_daemon() {
    let world = world();
    let agent = FakeAgent::new();
    world.start_daemon();
    let daemon = world.daemon();
    signal(daemon, Signal::STOP);
    assert_in_time(
        "the daemon is stopped",
        &run_hook(&world, &agent, &prompt_payload("queued", "go")),
    );
    // Connections that the daemon does not accept fill the backlog.
    let mut held = Vec::new();
    loop {
        let connecting = crewboard_platform::connect(&world.socket(), own_uid());
        let crewboard_platform::ConnectAttempt::Connected(stream) = connecting else { break };
        held.push(stream);
    }
    assert!(held.len() > 100, "{}", held.len());
    assert_in_time(
        "the backlog is full",
        &run_hook(&world, &agent, &prompt_payload("dropped", "go")),
    );
    let listing = Instant::now();
    drop(held);
    signal(daemon, Signal::CONT);
    let mut client = world.connect();
    wait_until("the queued event arrives", || {
        client.list().values().any(|row| row["id"] == "queued")
    });
    note(&format!("a full backlog was served in {:?}", listing.elapsed()));
    let hello = client.hello();
    assert_eq!(
        (&hello["events"], &hello["dropped"], &hello["dropped_by_reason"]),
        (&json!(1), &json!(1), &json!({"busy": 1})),
        "the hook counts the dropped event"
    );
    let output = world.run(["daemon", "status"]);
    assert!(output.stdout.contains("1 dropped: daemon busy"), "{output:?}");
}

#[test]
fn dropped_events_are_shown_until_they_are_seen() {
    let world = world();
    let mut client = world.start_daemon();
    let mut other = world.connect();
    other.send(json!({"type": "subscribe"}));
    while other.receive()["type"] != "synced" {}
    let lock = world.socket_directory().join("s.lock");
    let drop_event =
        |reason: DropReason| crewboard_platform::Lock::append_drop_reason_to(&lock, reason.byte());
    drop_event(DropReason::Busy);
    assert_eq!(other.receive(), json!({"type": "dropped_events", "unseen": {"busy": 1}}));
    client.send_bytes(b"{\"type\":\"event\",\"report\":{\n");
    assert_eq!(client.receive()["code"], "bad_request");
    let both = json!({"type": "dropped_events", "unseen": {"busy": 1, "refused": 1}});
    assert_eq!(other.receive(), both);
    // The client confirms one dropped event, but two are dropped now.
    client.send(json!({"type": "dropped_events_seen", "count": 1}));
    client.send(json!({"type": "subscribe"}));
    assert_eq!(client.receive()["type"], "snapshot");
    assert_eq!(client.receive(), both);

    let status_bar = world.run(["list", "--json"]);
    assert!(!status_bar.stderr.contains("dropped"), "{status_bar:?}");
    let first = world.run(["list"]);
    assert!(first.stderr.contains("2 events dropped: 1 daemon busy, 1 event refused"), "{first:?}");
    assert_eq!(other.receive(), json!({"type": "dropped_events", "unseen": {}}));
    let second = world.run(["list"]);
    assert!(!second.stderr.contains("dropped"), "{second:?}");
    drop_event(DropReason::Late);
    let third = world.run(["list"]);
    assert!(third.stderr.contains("1 event dropped: payload came too late"), "{third:?}");
    let expected = json!({"busy": 1, "refused": 1, "late": 1});
    assert_eq!(world.connect().hello()["dropped_by_reason"], expected);
}

#[test]
fn hook_survives_a_start_lock_that_stays_held() {
    let world = world();
    let agent = FakeAgent::new();
    let path = world.socket_directory().join("s.start");
    let crewboard_platform::LockAttempt::Acquired(_held) =
        crewboard_platform::Lock::try_lock(&path).unwrap()
    else {
        panic!("the lock is held already")
    };
    assert_in_time(
        "the start lock stays held",
        &run_hook(&world, &agent, &prompt_payload("s", "go")),
    );
    assert!(world.daemons().is_empty());
}

#[test]
fn hook_counts_a_dropped_event_with_its_reason() {
    let world = world();
    let agent = FakeAgent::new();
    let dropped = || fs::read(world.socket_directory().join("s.lock")).unwrap_or_default();
    // A directory has the path of the socket.
    fs::create_dir(world.socket()).unwrap();
    world.run_hook(&agent, &prompt_payload("s", "go"));
    assert_eq!(dropped(), b"p");
    fs::remove_dir(world.socket()).unwrap();
    // The hook counts no dropped event in a directory that other users can write to.
    fs::set_permissions(world.socket_directory(), Permissions::from_mode(0o777)).unwrap();
    world.run_hook(&agent, &prompt_payload("s", "go"));
    assert_eq!(dropped(), b"p");
    fs::set_permissions(world.socket_directory(), Permissions::from_mode(0o700)).unwrap();
    {
        let start = world.socket_directory().join("s.start");
        let _held = crewboard_platform::Lock::try_lock(&start).unwrap();
        world.run_hook(&agent, &prompt_payload("s", "go"));
    }
    assert_eq!(dropped(), b"ps");
    let hello = world.start_daemon().hello();
    assert_eq!(hello["dropped"], 2);
    assert_eq!(hello["dropped_by_reason"], json!({"no_place": 1, "not_started": 1}));
}

#[test]
fn hook_survives_missing_directories() {
    let mut world = world();
    let agent = FakeAgent::new();
    let gone = world.path().join("gone");
    fs::create_dir(&gone).unwrap();
    let script = r#"rmdir "$PWD"; exec "$0" "$@""#;
    let mut command = wrap_command(&["sh", "-c", script], &world.hook_command(&agent));
    command.current_dir(&gone);
    assert_in_time(
        "its directory is gone",
        &run_with_input(command, prompt_payload("gone", "go").as_bytes()),
    );
    assert_eq!(world.connect().list().len(), 1);
    world.kill_daemon();

    world.set("CREWBOARD_SOCKET", world.path().join("no/such/directory/s"));
    assert_in_time(
        "no directory for the socket",
        &run_hook(&world, &agent, &prompt_payload("s", "go")),
    );
    world.set("CREWBOARD_SOCKET", "/proc/self/s");
    assert_in_time(
        "a directory of the kernel",
        &run_hook(&world, &agent, &prompt_payload("s", "go")),
    );
    assert_in_time("an unknown agent", &run_with_input(world.command(["hook", "unknown"]), b"{}"));
    assert_in_time("no agent", &run_with_input(world.command(["hook"]), b"{}"));
    let mut broken = world.hook_command(&agent);
    broken.env("CLAUDE_PID", "not a number");
    assert_in_time("an invalid pid", &run_with_input(broken, b"{}"));
    assert!(world.daemons().is_empty());
}

#[test]
fn hook_survives_a_closed_stdout() {
    let world = world();
    let agent = FakeAgent::new();
    let mut command = world.hook_command(&agent);
    let (theirs, ours) = UnixStream::pair().unwrap();
    command.stdout(Stdio::from(OwnedFd::from(theirs)));
    drop(ours);
    assert_in_time(
        "its output is broken",
        &run_with_input(command, prompt_payload("s", "go").as_bytes()),
    );
}

#[test]
fn hook_survives_an_empty_environment_and_a_full_disk() {
    in_private_namespace(|| {
        let mut world = world();
        let agent = FakeAgent::new();
        let bare = |world: &World, input: &str| {
            let mut command = world.hook_command(&agent);
            command.env_clear();
            run_with_input(command, input.as_bytes())
        };
        // Without HOME and a runtime directory, the candidate in /tmp is left.
        assert_in_time("an empty environment", &bare(&world, &prompt_payload("s", "go")));
        let shared = "/tmp/crewboard-0/crewboard.sock";
        let mut client = LineClient::connect(shared.as_ref());
        client.wait_for_events(1);
        client.send(json!({"type": "stop"}));
        while client.next_line().is_some() {}

        world.unset("HOME");
        assert_in_time("no HOME", &run_hook(&world, &agent, &prompt_payload("s", "go")));
        world.connect().request(json!({"type": "stop"}));
        world.set("HOME", world.home());

        let small = world.path().join("small");
        fs::create_dir(&small).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=4k,nr_inodes=9,mode=700", "tmpfs"]).arg(&small);
        assert!(mount.status().unwrap().success());
        fs::write(small.join("filler"), [b'x'; 4096]).unwrap();
        world.set("CREWBOARD_SOCKET", small.join("s"));
        assert_in_time("a full disk", &run_hook(&world, &agent, &prompt_payload("s", "go")));
        world.kill_daemon();
        for index in 0..20 {
            let _ = File::create(small.join(format!("filler-{index}")));
        }
        for name in ["s", "s.lock", "s.start", "s.log"] {
            let _ = fs::remove_file(small.join(name));
            let _ = File::create(small.join(format!("instead-of-{name}")));
        }
        assert_in_time(
            "no file can be created",
            &run_hook(&world, &agent, &prompt_payload("s", "go")),
        );
        assert!(world.daemons().is_empty());
        let mount = Command::new("mount").args(["-o", "remount,ro"]).arg(&small).status();
        assert!(mount.unwrap().success());
        assert_in_time("a read-only disk", &run_hook(&world, &agent, &prompt_payload("s", "go")));

        // The hook skips a candidate that is read-only.
        let frozen = world.path().join("frozen");
        fs::create_dir(&frozen).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "mode=700", "tmpfs"]).arg(&frozen);
        assert!(mount.status().unwrap().success());
        fs::create_dir(frozen.join("crewboard")).unwrap();
        fs::set_permissions(frozen.join("crewboard"), Permissions::from_mode(0o700)).unwrap();
        let mount = Command::new("mount").args(["-o", "remount,ro"]).arg(&frozen).status();
        assert!(mount.unwrap().success());
        world.unset("CREWBOARD_SOCKET");
        world.set("XDG_RUNTIME_DIR", &frozen);
        assert_in_time(
            "a read-only runtime directory",
            &run_hook(&world, &agent, &prompt_payload("s", "go")),
        );
        assert!(world.run(["list"]).stdout.contains("shop"));
    });
}

#[test]
fn hook_accepts_every_event_silently() {
    // Each known event and an unknown one.
    let world = world();
    let agent = FakeAgent::new();
    let events: [(&str, Value); 9] = [
        ("SessionStart", json!({"source": "startup"})),
        ("UserPromptSubmit", json!({"prompt": "p"})),
        (
            "PreToolUse",
            json!({"tool_name": "Bash", "tool_use_id": "t", "tool_input": {"command": "ls"}}),
        ),
        ("PermissionRequest", json!({"tool_name": "Bash", "tool_input": {"command": "ls"}})),
        (
            "PostToolUse",
            json!({"tool_name": "Bash", "tool_use_id": "t", "tool_input": {"command": "ls"}}),
        ),
        ("SubagentStop", json!({"agent_id": "a"})),
        ("Stop", json!({"last_assistant_message": "done"})),
        ("SessionEnd", json!({"reason": "other"})),
        ("FromTheFuture", json!({})),
    ];
    for (name, more) in &events {
        world.run_hook(&agent, &payload(name, "s", more));
    }
    let mut client = world.connect();
    client.wait_for_events(8);
    let rows = client.list();
    assert_eq!(rows.values().next().unwrap()["end"], "exit");
}

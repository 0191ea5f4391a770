//! The hook's promise: it prints nothing, exits with 0 and is gone in time, whatever happens.

use crate::private_namespace::in_private_namespace;
use crate::{note, own_uid, payload, prompt_payload, world};
use crewboard_protocol::Loss;
use crewboard_testkit::{FakeAgent, Said, World, eventually, finish, outcome, signal};
use rustix::process::Signal;
use serde_json::json;
use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Far more than a hook may ever take: its own deadline is a tenth of that, a busy machine the rest.
/// Without optimisation, reading 16 MB of JSON takes most of a second by itself.
const LONG: Duration = Duration::from_secs(if cfg!(debug_assertions) { 5 } else { 1 });

#[track_caller]
fn assert_kept(what: &str, said: &Said) {
    said.assert_silent();
    assert!(said.took < LONG, "{what}: {:?}", said.took);
    note(&format!("hook, {what}: {:?}", said.took));
}

/// One hook, its deadline met or not.
fn once(world: &World, agent: &FakeAgent, payload: &str) -> Said {
    finish(world.hook_command(agent), payload.as_bytes())
}

#[test]
fn whatever_comes_on_standard_input() {
    let world = world();
    let agent = FakeAgent::new();
    world.start();
    let mut mega = prompt_payload("s", "x").into_bytes();
    mega.resize(50 << 20, b' ');
    let cases: [(&str, Vec<u8>); 12] = [
        ("ordinary", prompt_payload("s", "go").into_bytes()),
        ("not JSON", b"hello".to_vec()),
        ("another JSON", b"[1,2,3]".to_vec()),
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
        assert_kept(what, &finish(world.hook_command(&agent), &input));
    }
    assert_kept("empty", &finish(world.hook_command(&agent), b""));
    // What was none of an event has not kept the daemon from the next.
    world.hook(&FakeAgent::new(), &prompt_payload("t", "after all"));
    let mut client = world.connect();
    eventually("it arrives", || client.list().values().any(|row| row["prompt"] == "after all"));
}

#[test]
fn what_is_long_arrives_cut_short() {
    let world = world();
    // More than the daemon would take in one line.
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
        world.hook(agent, input);
    }
    let mut client = world.connect();
    eventually("they arrive", || client.list().len() == cases.len());
    for row in client.list().values() {
        assert!(row.to_string().len() < 16_000, "{} is long", row["id"]);
    }
}

#[test]
fn a_standard_input_that_never_ends_or_never_was() {
    let world = world();
    let agent = FakeAgent::new();
    world.start();
    for (what, input) in [
        ("open for ever, nothing said", String::new()),
        ("open for ever, all said", prompt_payload("said", "go")),
        ("open for ever, half said", prompt_payload("half", "go").split_at(40).0.to_owned()),
    ] {
        let begun = Instant::now();
        let mut child = world.hook_command(&agent).stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).unwrap();
        assert_kept(what, &outcome(child, begun));
        drop(stdin);
    }
    let mut client = world.connect();
    eventually("what was said arrives", || client.list().values().any(|row| row["id"] == "said"));
    assert_eq!(client.hello()["lost"], json!({"late": 2}));

    let mut closed = Command::new("sh");
    closed.args(["-c", r#"exec "$1" hook claude <&- >&- 2>&-"#, "sh"]);
    closed.arg(env!("CARGO_BIN_EXE_crewboard")).env_clear().env("HOME", world.home());
    closed.env("CREWBOARD_SOCKET", world.socket());
    assert_kept("all of 0, 1 and 2 closed", &finish(closed, b""));

    let mut directory = world.hook_command(&agent);
    directory.stdin(File::open("/").unwrap());
    assert_kept("a directory", &finish(directory, b""));
}

#[test]
fn an_endless_flow_on_standard_input() {
    let world = world();
    let agent = FakeAgent::new();
    let begun = Instant::now();
    let mut command = world.hook_command(&agent);
    command.stdin(File::open("/dev/zero").unwrap()).stdout(Stdio::piped()).stderr(Stdio::piped());
    assert_kept("/dev/zero", &outcome(command.spawn().unwrap(), begun));
}

#[test]
fn a_daemon_that_is_stopped_or_flooded() {
    let world = world();
    let agent = FakeAgent::new();
    world.start();
    let daemon = world.daemon();
    signal(daemon, Signal::STOP);
    assert_kept("the daemon is stopped", &once(&world, &agent, &prompt_payload("queued", "go")));
    // Connections that nobody takes fill the backlog.
    let mut held = Vec::new();
    loop {
        let connecting = crewboard_platform::connect(&world.socket(), own_uid());
        let crewboard_platform::Connection::Made(stream) = connecting else { break };
        held.push(stream);
    }
    assert!(held.len() > 100, "{}", held.len());
    assert_kept("the backlog is full", &once(&world, &agent, &prompt_payload("dropped", "go")));
    let listing = Instant::now();
    drop(held);
    signal(daemon, Signal::CONT);
    let mut client = world.connect();
    eventually("what was queued arrives", || {
        client.list().values().any(|row| row["id"] == "queued")
    });
    note(&format!("a full backlog was served in {:?}", listing.elapsed()));
    let hello = client.hello();
    assert_eq!(
        (&hello["events"], &hello["dropped"], &hello["lost"]),
        (&json!(1), &json!(1), &json!({"busy": 1})),
        "the loss is counted"
    );
    let said = world.say(["daemon", "status"]);
    assert!(said.stdout.contains("1 lost: daemon busy"), "{said:?}");
}

#[test]
fn lost_events_are_shown_until_they_are_seen() {
    let world = world();
    let mut client = world.start();
    let mut other = world.connect();
    other.send(json!({"type": "subscribe"}));
    while other.receive()["type"] != "synced" {}
    let lock = world.run().join("s.lock");
    let lose = |loss: Loss| crewboard_platform::Lock::count_loss(&lock, loss.byte());
    lose(Loss::Busy);
    assert_eq!(other.receive(), json!({"type": "losses", "unseen": {"busy": 1}}));
    client.send_bytes(b"{\"type\":\"event\",\"report\":{\n");
    assert_eq!(client.receive()["code"], "bad_request");
    let both = json!({"type": "losses", "unseen": {"busy": 1, "refused": 1}});
    assert_eq!(other.receive(), both);
    // What was shown is another number than is lost by now.
    client.send(json!({"type": "losses_seen", "count": 1}));
    client.send(json!({"type": "subscribe"}));
    assert_eq!(client.receive()["type"], "snapshot");
    assert_eq!(client.receive(), both);

    let status_bar = world.say(["list", "--json"]);
    assert!(!status_bar.stderr.contains("lost"), "{status_bar:?}");
    let first = world.say(["list"]);
    assert!(first.stderr.contains("2 events lost: 1 daemon busy, 1 event refused"), "{first:?}");
    assert_eq!(other.receive(), json!({"type": "losses", "unseen": {}}));
    let second = world.say(["list"]);
    assert!(!second.stderr.contains("lost"), "{second:?}");
    lose(Loss::Late);
    let third = world.say(["list"]);
    assert!(third.stderr.contains("1 event lost: payload came too late"), "{third:?}");
    let expected = json!({"busy": 1, "refused": 1, "late": 1});
    assert_eq!(world.connect().hello()["lost"], expected);
}

#[test]
fn a_start_lock_that_somebody_keeps() {
    let world = world();
    let agent = FakeAgent::new();
    let path = world.run().join("s.start");
    let crewboard_platform::LockAttempt::Taken(_held) =
        crewboard_platform::Lock::try_take(&path).unwrap()
    else {
        panic!("held already")
    };
    assert_kept("somebody keeps starting", &once(&world, &agent, &prompt_payload("s", "go")));
    assert!(world.daemons().is_empty());
}

#[test]
fn a_loss_is_counted_with_its_reason() {
    let world = world();
    let agent = FakeAgent::new();
    let lost = || fs::read(world.run().join("s.lock")).unwrap_or_default();
    // A directory of the user's in the place of the socket.
    fs::create_dir(world.socket()).unwrap();
    world.hook(&agent, &prompt_payload("s", "go"));
    assert_eq!(lost(), b"p");
    fs::remove_dir(world.socket()).unwrap();
    // A directory that others may write to holds no note, for it would be theirs as well.
    fs::set_permissions(world.run(), Permissions::from_mode(0o777)).unwrap();
    world.hook(&agent, &prompt_payload("s", "go"));
    assert_eq!(lost(), b"p");
    fs::set_permissions(world.run(), Permissions::from_mode(0o700)).unwrap();
    {
        let start = world.run().join("s.start");
        let _held = crewboard_platform::Lock::try_take(&start).unwrap();
        world.hook(&agent, &prompt_payload("s", "go"));
    }
    assert_eq!(lost(), b"ps");
    let hello = world.start().hello();
    assert_eq!(hello["dropped"], 2);
    assert_eq!(hello["lost"], json!({"no_place": 1, "not_started": 1}));
}

#[test]
fn surroundings_that_are_gone() {
    let mut world = world();
    let agent = FakeAgent::new();
    let gone = world.path().join("gone");
    fs::create_dir(&gone).unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", r#"rmdir "$1"; exec "$2" hook claude"#, "sh"]).arg(&gone);
    command.arg(env!("CARGO_BIN_EXE_crewboard")).current_dir(&gone).env_clear();
    command.env("CREWBOARD_SOCKET", world.socket()).env("CLAUDE_PID", agent.pid().to_string());
    command.env("HOME", world.home()).stdout(Stdio::piped()).stderr(Stdio::piped());
    assert_kept("its directory is gone", &finish(command, prompt_payload("gone", "go").as_bytes()));
    assert_eq!(world.connect().list().len(), 1);
    world.kill_daemon();

    world.set("CREWBOARD_SOCKET", world.path().join("no/such/directory/s"));
    assert_kept("no directory for the socket", &once(&world, &agent, &prompt_payload("s", "go")));
    world.set("CREWBOARD_SOCKET", "/proc/self/s");
    assert_kept("a directory of the kernel's", &once(&world, &agent, &prompt_payload("s", "go")));
    assert_kept("an agent nobody knows", &finish(world.command(["hook", "nobody"]), b"{}"));
    assert_kept("no agent", &finish(world.command(["hook"]), b"{}"));
    let mut broken = world.hook_command(&agent);
    broken.env("CLAUDE_PID", "not a number");
    assert_kept("a pid that is none", &finish(broken, b"{}"));
    assert!(world.daemons().is_empty());
}

#[test]
fn a_reader_that_left() {
    let world = world();
    let agent = FakeAgent::new();
    let mut command = world.hook_command(&agent);
    let (theirs, ours) = UnixStream::pair().unwrap();
    command.stdout(Stdio::from(std::os::fd::OwnedFd::from(theirs)));
    drop(ours);
    assert_kept("its output is broken", &finish(command, prompt_payload("s", "go").as_bytes()));
}

#[test]
fn no_environment_and_no_room() {
    in_private_namespace("hook::no_environment_and_no_room", || {
        let mut world = world();
        let agent = FakeAgent::new();
        let bare = |world: &World, input: &str| {
            let mut command = world.hook_command(&agent);
            command.env_clear();
            finish(command, input.as_bytes())
        };
        // Not even a name for its home, and no runtime directory: /tmp is left.
        assert_kept("an empty environment", &bare(&world, &prompt_payload("s", "go")));
        let shared = "/tmp/crewboard-0/crewboard.sock";
        let mut client = crewboard_testkit::LineClient::connect(shared.as_ref());
        client.await_events(1);
        client.send(json!({"type": "stop"}));
        while client.next_line().is_some() {}

        world.unset("HOME");
        assert_kept("no HOME", &once(&world, &agent, &prompt_payload("s", "go")));
        world.connect().ask(json!({"type": "stop"}));
        world.set("HOME", world.home());

        let small = world.path().join("small");
        fs::create_dir(&small).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=4k,nr_inodes=9,mode=700", "tmpfs"]).arg(&small);
        assert!(mount.status().unwrap().success());
        fs::write(small.join("filler"), [b'x'; 4096]).unwrap();
        world.set("CREWBOARD_SOCKET", small.join("s"));
        assert_kept("a full disk", &once(&world, &agent, &prompt_payload("s", "go")));
        world.kill_daemon();
        for index in 0..20 {
            let _ = File::create(small.join(format!("filler-{index}")));
        }
        for name in ["s", "s.lock", "s.start", "s.log"] {
            let _ = fs::remove_file(small.join(name));
            let _ = File::create(small.join(format!("instead-of-{name}")));
        }
        assert_kept("no file can be made", &once(&world, &agent, &prompt_payload("s", "go")));
        assert!(world.daemons().is_empty());
        let mount = Command::new("mount").args(["-o", "remount,ro"]).arg(&small).status();
        assert!(mount.unwrap().success());
        assert_kept("a read-only disk", &once(&world, &agent, &prompt_payload("s", "go")));

        // A place that cannot be written is passed over where there is another.
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
        assert_kept(
            "a read-only runtime directory",
            &once(&world, &agent, &prompt_payload("s", "go")),
        );
        assert!(world.say(["list"]).stdout.contains("shop"));
    });
}

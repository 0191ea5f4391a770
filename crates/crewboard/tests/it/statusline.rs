//! `crewboard statusline`: the agent sees only the output of the user's command, and the daemon gets the usage.

use crate::support::{RunningCommand, own_uid, prompt_payload, world};
use crewboard_platform::{ConnectAttempt, connect};
use crewboard_testkit::{
    CommandOutput, FakeAgent, World, run_with_input, signal, wait_for_output, wait_until,
};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The most by which two equal commands may differ in time on a busy machine.
const BUSY: Duration = Duration::from_secs(2);

/// Returns the input that Claude Code gives to a status line.
fn payload(context: u32, five_hour: u32) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    json!({
        "session_id": "s",
        "transcript_path": "/home/dev/.claude/projects/shop/s.jsonl",
        "model": {"id": "claude-opus-5-5", "display_name": "Opus 5.5"},
        "cost": {"total_cost_usd": 1.234},
        "context_window": {"used_percentage": context},
        "rate_limits": {
            "five_hour": {"used_percentage": five_hour, "resets_at": now + 4320},
            "seven_day": {"used_percentage": 31, "resets_at": now + 200_000},
        },
    })
    .to_string()
}

fn wrapped(world: &World, agent: &FakeAgent, command: &str) -> Command {
    let mut wrapped = world.command(["statusline", "--", command]);
    wrapped.env("CLAUDE_PID", agent.pid().to_string());
    wrapped
}

/// Returns the same command without Crewboard, as Claude Code runs it.
fn bare(world: &World, agent: &FakeAgent, command: &str) -> Command {
    let mut bare = Command::new("/bin/sh");
    let like = wrapped(world, agent, command);
    bare.args(["-c", command]).env_clear();
    bare.envs(like.get_envs().filter_map(|(name, value)| Some((name, value?))));
    bare.current_dir(world.home()).stdin(Stdio::null());
    bare.stdout(Stdio::piped()).stderr(Stdio::piped());
    bare
}

/// Runs a command whose standard input is a socket, as the agent does.
fn run_with_socket(mut command: Command, input: &[u8]) -> CommandOutput {
    let (ours, theirs) = UnixStream::pair().unwrap();
    command.stdin(OwnedFd::from(theirs));
    let started = Instant::now();
    let child = command.spawn().unwrap();
    // The `Command` holds a copy of the socket, which would keep it open.
    drop(command);
    let _ = (&ours).write_all(input);
    let _ = ours.shutdown(Shutdown::Write);
    wait_for_output(child, started)
}

/// Returns commands of users with their input.
fn commands() -> Vec<(&'static str, Vec<u8>)> {
    let short = payload(42, 62).into_bytes();
    let mut long = short.clone();
    long.resize(1 << 20, b' ');
    vec![
        ("cat", short.clone()),
        // Their output is read only after all input is written.
        ("cksum", long.clone()),
        ("wc -c", long),
        ("cat", Vec::new()),
        ("cat", b"\xff\0 not JSON".to_vec()),
        ("echo partly; exit 7", short.clone()),
        ("printf 'one\\n\\n  three\\nfour'", short.clone()),
        (
            "printf '\\033[31mred\\033[0m \\033]8;;http://x\\007link\\033]8;;\\007\\n'",
            short.clone(),
        ),
        ("echo out; echo err >&2", short.clone()),
        ("echo dying; kill -KILL $$", short.clone()),
        ("echo dying; kill -TERM $$", short.clone()),
        ("echo no input read", short.clone()),
        ("exec <&-; echo input closed", short.clone()),
        ("cat >/dev/null; sleep 0.3; echo late; exit 3", short.clone()),
        ("no-such-program", short.clone()),
        ("'", short.clone()),
        ("echo \"$0 $# $CLAUDE_PID\"; pwd; umask", short.clone()),
        // An extra descriptor would keep the daemon's socket or the agent's pipes open.
        ("ls /proc/self/fd | wc -l; grep -E 'Sig(Blk|Ign|Cgt)' /proc/self/status", short.clone()),
        ("yes 2>&1 | head -n 3", short),
    ]
}

/// Asserts that a command behaves the same with and without Crewboard.
fn assert_the_same(world: &World, agent: &FakeAgent, command: &str, input: &[u8]) {
    for (how, run) in [("pipe", run_with_input as fn(_, &_) -> _), ("socket", run_with_socket)] {
        let (bare, wrapped) = (bare(world, agent, command), wrapped(world, agent, command));
        let (bare, wrapped): (CommandOutput, CommandOutput) =
            (run(bare, input), run(wrapped, input));
        assert_eq!(wrapped.stdout, bare.stdout, "{command}, {how}");
        assert_eq!(wrapped.stderr, bare.stderr, "{command}, {how}");
        assert_eq!(wrapped.status, bare.status, "{command}, {how}");
        assert!(wrapped.elapsed < bare.elapsed + BUSY, "{command}, {how}: {:?}", wrapped.elapsed);
    }
}

#[test]
fn wrapped_status_line_command_behaves_the_same() {
    let world = world();
    let agent = FakeAgent::new();
    for (command, input) in commands() {
        assert_the_same(&world, &agent, command, &input);
    }
    assert!(world.daemons().is_empty(), "a status line starts no daemon");
    world.start_daemon();
    for (command, input) in commands() {
        assert_the_same(&world, &agent, command, &input);
    }
    signal(world.daemon(), Signal::STOP);
    assert_the_same(&world, &agent, "cat", payload(1, 1).as_bytes());
    // The command does not wait for a daemon whose backlog is full.
    let mut held = Vec::new();
    while let ConnectAttempt::Connected(stream) = connect(&world.socket(), own_uid()) {
        held.push(stream);
    }
    assert_the_same(&world, &agent, "cat", payload(1, 1).as_bytes());
    drop(held);
    signal(world.daemon(), Signal::CONT);
}

#[test]
fn several_words_are_a_program_and_its_arguments() {
    let world = world();
    let output = world.run(["statusline", "--", "printf", "%s|", "a b", "$HOME", "*"]);
    assert_eq!((output.stdout.as_str(), output.code()), ("a b|$HOME|*|", Some(0)));
    let output = world.run(["statusline", "--", "/no/such/program", "x"]);
    assert_eq!((output.stdout.as_str(), output.code()), ("", Some(127)));
    assert!(output.stderr.contains("/no/such/program"), "{}", output.stderr);
}

/// The command replaces the process of Crewboard, and starts although its input never ends.
#[test]
fn slow_status_line_command_replaces_the_process() {
    let world = world();
    let agent = FakeAgent::new();
    for input in ["", "{\"session_id\":"] {
        let command = "echo $$; read line; echo \"$line\"; exec sleep 1000";
        let mut command = wrapped(&world, &agent, command);
        let started = Instant::now();
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let pid: u32 = lines.next().unwrap().unwrap().parse().unwrap();
        assert!(started.elapsed() < BUSY, "{:?}", started.elapsed());
        assert_eq!(pid, child.id(), "nothing stands between the client and the command");
        // The command also gets the input that arrives after Crewboard has read a part.
        stdin.write_all(b"late\n").unwrap();
        assert_eq!(lines.next().unwrap().unwrap(), format!("{input}late"));
        signal(pid, Signal::TERM);
        assert_eq!(wait_for_output(child, started).status.code(), None);
        assert!(lines.next().is_none(), "no process holds its output");
    }
}

/// Returns the usage of the row and the rate limits of the first account.
fn usage_and_limits(world: &World) -> (Value, Value) {
    let mut client = world.connect();
    client.send(json!({"type": "list"}));
    let (mut usage, mut limits) = (Value::Null, Value::Null);
    loop {
        let line = client.receive();
        match line["type"].as_str().unwrap() {
            "row" => usage = line["row"]["usage"].clone(),
            "limits" => limits = line["limits"][0].clone(),
            "synced" => return (usage, limits),
            _ => {}
        }
    }
}

/// Runs the status line until the daemon has its values. Returns usage and rate limits.
fn send_usage(world: &World, agent: &FakeAgent, context: u32, five_hour: u32) -> (Value, Value) {
    wait_until("the daemon has the values", || {
        let output =
            run_with_socket(wrapped(world, agent, "cat"), payload(context, five_hour).as_bytes());
        assert_eq!(output.code(), Some(0));
        let (usage, limits) = usage_and_limits(world);
        usage["context_percent"] == f64::from(context)
            && limits["five_hour"]["used_percent"] == five_hour
    });
    usage_and_limits(world)
}

#[test]
fn status_line_updates_usage_and_rate_limits() {
    let world = world();
    let agent = FakeAgent::new();
    world.run_hook(&agent, &prompt_payload("s", "go"));
    let (usage, limits) = send_usage(&world, &agent, 42, 62);
    assert_eq!((&usage["context_percent"], &usage["cost_usd"]), (&json!(42.0), &json!(1.23)));
    assert_eq!(limits["profile"], "/home/dev/.claude");
    assert_eq!(limits["seven_day"]["used_percent"], 31);
    let list = world.run(["list", "--json"]);
    let rows: Value = serde_json::from_str(&list.stdout).unwrap();
    assert_eq!(rows[0]["model"], "claude-opus-5-5");
    assert_eq!(rows[0]["status"], "working");
}

#[test]
fn status_line_updates_pull_request_and_cost_of_the_day() {
    let world = world();
    let agent = FakeAgent::new();
    world.run_hook(&agent, &prompt_payload("s", "go"));
    let mut watch = RunningCommand::start(&world, &["watch", "--json"]);
    watch.next_line();
    let report = |cost: f64| {
        let mut payload: Value = serde_json::from_str(&payload(42, 62)).unwrap();
        payload["cost"]["total_cost_usd"] = json!(cost);
        payload["workspace"] =
            json!({"repo": {"host": "github.com", "owner": "acme", "name": "shop"}});
        payload["pr"] = json!({"number": 7, "url": "https://github.com/acme/shop/pull/7"});
        let output =
            run_with_socket(wrapped(&world, &agent, "cat"), payload.to_string().as_bytes());
        assert_eq!(output.code(), Some(0));
    };
    let rows = || -> Value { serde_json::from_str(&world.run(["list", "--json"]).stdout).unwrap() };
    // The daemon does not know when the first dollar was spent.
    for cost in [1.0, 1.25] {
        wait_until("the daemon has the cost", || {
            report(cost);
            rows()[0]["usage"]["cost_usd"] == cost
        });
    }
    watch.wait_for_text("\"usd\":0.25");
    let rows = rows();
    assert_eq!(rows[0]["repository"], "github.com/acme/shop");
    let pull_request = json!({"number": 7, "url": "https://github.com/acme/shop/pull/7"});
    assert_eq!(rows[0]["pull_request"], pull_request);
    let counts = || -> Value {
        let output = world.run(["counts", "--format", "json"]);
        serde_json::from_str(&output.stdout).unwrap()
    };
    assert_eq!(counts()["cost_today_usd"], 0.25);
    world.kill_daemon();
    wait_until("`watch` has started another daemon", || world.try_connect().is_some());
    wait_until("`watch` has restored the cost", || counts()["cost_today_usd"] == 0.25);
}

#[test]
fn rate_limits_survive_a_killed_daemon() {
    let world = world();
    let agent = FakeAgent::new();
    world.run_hook(&agent, &prompt_payload("s", "go"));
    let mut watch = RunningCommand::start(&world, &["watch", "--json"]);
    watch.next_line();
    let before = send_usage(&world, &agent, 42, 62);
    // The daemon sends the rate limits before the usage, so `watch` has both.
    watch.wait_for_text("\"context_percent\":42.0");
    world.kill_daemon();
    wait_until("`watch` has started another daemon", || world.try_connect().is_some());
    wait_until("`watch` has restored the limits", || usage_and_limits(&world) == before);
}

#[test]
fn status_line_without_a_command_prints_a_line() {
    let world = world();
    let agent = FakeAgent::new();
    world.start_daemon();
    let mut command = world.command(["statusline"]);
    command.env("CLAUDE_PID", agent.pid().to_string()).env("LANG", "C.UTF-8").env("NO_COLOR", "1");
    let output = run_with_input(command, payload(42, 62).as_bytes());
    assert_eq!((output.code(), output.stderr.as_str()), (Some(0), ""));
    let line = output.stdout.trim_end();
    assert!(line.starts_with("Opus 5.5 · 42% context · $1.23 · 5h 62% → 1h 1"), "{line}");
    let nothing = run_with_input(world.command(["statusline"]), b"not JSON");
    assert_eq!((nothing.code(), nothing.stdout.as_str()), (Some(0), "\n"));
    let help = world.run(["statusline", "--help"]);
    assert!(help.stdout.contains("Usage: crewboard statusline"), "{}", help.stdout);
}

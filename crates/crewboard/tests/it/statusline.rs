//! The status line's promise: the user's own command is all that the client sees, and the daemon hears what it
//! was told.

use crate::{own_uid, prompt_payload, world};
use crewboard_platform::{Connection, connect};
use crewboard_testkit::{FakeAgent, Said, World, eventually, finish, outcome, signal};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long a child of a busy machine may take longer than another that does the same.
const BUSY: Duration = Duration::from_secs(2);

/// What Claude Code tells its status line, `context` percent of it used.
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

/// The same command without us, as Claude Code runs it.
fn bare(world: &World, agent: &FakeAgent, command: &str) -> Command {
    let mut bare = Command::new("/bin/sh");
    let like = wrapped(world, agent, command);
    bare.args(["-c", command]).env_clear();
    bare.envs(like.get_envs().filter_map(|(name, value)| Some((name, value?))));
    bare.current_dir(world.home()).stdin(Stdio::null());
    bare.stdout(Stdio::piped()).stderr(Stdio::piped());
    bare
}

/// Runs a command with its input in a socket, as the client gives it.
fn finish_on_socket(mut command: Command, input: &[u8]) -> Said {
    let (ours, theirs) = UnixStream::pair().unwrap();
    command.stdin(OwnedFd::from(theirs));
    let begun = Instant::now();
    let child = command.spawn().unwrap();
    // The command holds an end of its own by now; ours would keep it from ever being closed.
    drop(command);
    let _ = (&ours).write_all(input);
    let _ = ours.shutdown(Shutdown::Write);
    outcome(child, begun)
}

/// What a command may do, and what it is told.
fn commands() -> Vec<(&'static str, Vec<u8>)> {
    let short = payload(42, 62).into_bytes();
    let mut long = short.clone();
    long.resize(1 << 20, b' ');
    vec![
        ("cat", short.clone()),
        // Nobody reads their output before all is written.
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
        // One descriptor too many would be a hold on the daemon, or on the client's pipes.
        ("ls /proc/self/fd | wc -l; grep -E 'Sig(Blk|Ign|Cgt)' /proc/self/status", short.clone()),
        ("yes 2>&1 | head -n 3", short),
    ]
}

/// Fails unless a command does the same with us as without.
fn assert_the_same(world: &World, agent: &FakeAgent, command: &str, input: &[u8]) {
    for (how, run) in [("pipe", finish as fn(_, &_) -> _), ("socket", finish_on_socket)] {
        let (bare, wrapped) = (bare(world, agent, command), wrapped(world, agent, command));
        let (bare, wrapped): (Said, Said) = (run(bare, input), run(wrapped, input));
        assert_eq!(wrapped.stdout, bare.stdout, "{command}, {how}");
        assert_eq!(wrapped.stderr, bare.stderr, "{command}, {how}");
        assert_eq!(wrapped.status, bare.status, "{command}, {how}");
        assert!(wrapped.took < bare.took + BUSY, "{command}, {how}: {:?}", wrapped.took);
    }
}

#[test]
fn a_users_command_is_the_same_with_us_as_without() {
    let world = world();
    let agent = FakeAgent::new();
    for (command, input) in commands() {
        assert_the_same(&world, &agent, command, &input);
    }
    assert!(world.daemons().is_empty(), "a status line starts no daemon");
    world.start();
    for (command, input) in commands() {
        assert_the_same(&world, &agent, command, &input);
    }
    signal(world.daemon(), Signal::STOP);
    assert_the_same(&world, &agent, "cat", payload(1, 1).as_bytes());
    // Its queue of connections fills up, and nobody waits for it.
    let mut held = Vec::new();
    while let Connection::Made(stream) = connect(&world.socket(), own_uid()) {
        held.push(stream);
    }
    assert_the_same(&world, &agent, "cat", payload(1, 1).as_bytes());
    drop(held);
    signal(world.daemon(), Signal::CONT);
}

#[test]
fn several_words_are_a_program_and_its_arguments() {
    let world = world();
    let said = world.say(["statusline", "--", "printf", "%s|", "a b", "$HOME", "*"]);
    assert_eq!((said.stdout.as_str(), said.code()), ("a b|$HOME|*|", Some(0)));
    let said = world.say(["statusline", "--", "/no/such/program", "x"]);
    assert_eq!((said.stdout.as_str(), said.code()), ("", Some(127)));
    assert!(said.stderr.contains("/no/such/program"), "{}", said.stderr);
}

/// The command begins though its input never ends, and takes our place: what ends it ends all.
#[test]
fn a_slow_command_is_not_held_up_and_leaves_nothing_behind() {
    let world = world();
    let agent = FakeAgent::new();
    for input in ["", "{\"session_id\":"] {
        let command = "echo $$; read line; echo \"$line\"; exec sleep 1000";
        let mut command = wrapped(&world, &agent, command);
        let begun = Instant::now();
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let pid: u32 = lines.next().unwrap().unwrap().parse().unwrap();
        assert!(begun.elapsed() < BUSY, "{:?}", begun.elapsed());
        assert_eq!(pid, child.id(), "nothing stands between the client and the command");
        // What comes late comes to the command, behind what was looked at.
        stdin.write_all(b"late\n").unwrap();
        assert_eq!(lines.next().unwrap().unwrap(), format!("{input}late"));
        signal(pid, Signal::TERM);
        assert_eq!(outcome(child, begun).status.code(), None);
        assert!(lines.next().is_none(), "nobody holds its output any more");
    }
}

/// The row's usage, and the first account's limits.
fn told(world: &World) -> (Value, Value) {
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

/// Runs status lines until the daemon knows what they tell.
fn tell(world: &World, agent: &FakeAgent, context: u32, five_hour: u32) -> (Value, Value) {
    eventually("the daemon knows", || {
        let said =
            finish_on_socket(wrapped(world, agent, "cat"), payload(context, five_hour).as_bytes());
        assert_eq!(said.code(), Some(0));
        let (usage, limits) = told(world);
        usage["context_percent"] == f64::from(context)
            && limits["five_hour"]["used_percent"] == five_hour
    });
    told(world)
}

#[test]
fn what_the_status_line_was_told_is_the_rows_and_the_accounts() {
    let world = world();
    let agent = FakeAgent::new();
    world.hook(&agent, &prompt_payload("s", "go"));
    let (usage, limits) = tell(&world, &agent, 42, 62);
    assert_eq!((&usage["context_percent"], &usage["cost_usd"]), (&json!(42.0), &json!(1.23)));
    assert_eq!(limits["profile"], "/home/dev/.claude");
    assert_eq!(limits["seven_day"]["used_percent"], 31);
    let list = world.say(["list", "--json"]);
    let rows: Value = serde_json::from_str(&list.stdout).unwrap();
    assert_eq!(rows[0]["model"], "claude-opus-5-5");
    assert_eq!(rows[0]["status"], "working");
}

#[test]
fn a_killed_daemon_costs_no_limits() {
    let world = world();
    let agent = FakeAgent::new();
    world.hook(&agent, &prompt_payload("s", "go"));
    let mut watch = world.command(["watch", "--json"]).spawn().unwrap();
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    lines.next().unwrap().unwrap();
    let before = tell(&world, &agent, 42, 62);
    // The view has heard of it, and of the limits before it: they go out together.
    let has_usage = |line: &str| line.contains("\"context_percent\":42.0");
    assert!(lines.any(|line| has_usage(&line.unwrap())));
    world.kill_daemon();
    eventually("the view has started another", || world.try_connect().is_some());
    eventually("it knows what the view remembers", || told(&world) == before);
    let _ = watch.kill();
    let _ = watch.wait();
}

#[test]
fn without_a_command_it_prints_a_line() {
    let world = world();
    let agent = FakeAgent::new();
    world.start();
    let mut command = world.command(["statusline"]);
    command.env("CLAUDE_PID", agent.pid().to_string()).env("LANG", "C.UTF-8").env("NO_COLOR", "1");
    let said = finish(command, payload(42, 62).as_bytes());
    assert_eq!((said.code(), said.stderr.as_str()), (Some(0), ""));
    let line = said.stdout.trim_end();
    assert!(line.starts_with("Opus 5.5 · 42% context · $1.23 · 5h 62% ↻ 1h1"), "{line}");
    let nothing = finish(world.command(["statusline"]), b"not JSON");
    assert_eq!((nothing.code(), nothing.stdout.as_str()), (Some(0), "\n"));
    let help = world.say(["statusline", "--help"]);
    assert!(help.stdout.contains("Usage: crewboard statusline"), "{}", help.stdout);
}

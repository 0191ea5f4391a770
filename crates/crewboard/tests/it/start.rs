//! How a daemon comes to be: one, by itself, and with nothing of whoever started it.

use crate::{note, payload, prompt_payload, rounds, world};
use crewboard_testkit::{FakeAgent, Said, World, eventually, outcome};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Hooks that start at the same instant.
const HOOKS: usize = 50;

#[test]
fn fifty_hooks_at_one_instant_start_one_daemon_and_all_arrive() {
    let agents: Vec<FakeAgent> = (0..HOOKS).map(|_| FakeAgent::new()).collect();
    let (mut slowest, mut dropped) = (Duration::ZERO, 0);
    let (mut clean, rounds) = (0, rounds(3));
    for round in 0..3 * rounds {
        if clean == rounds {
            break;
        }
        let world = world();
        slowest = slowest.max(release(&world, &agents));
        let mut client = world.connect();
        // A hook that the machine does not let run within its deadline gives up, and says so.
        let mut lost = 0;
        eventually("every event arrives", || {
            let hello = client.hello();
            lost = hello["dropped"].as_u64().unwrap();
            hello["events"].as_u64().unwrap() + lost == HOOKS as u64
        });
        let rows = client.list();
        assert_eq!(rows.len() as u64 + lost, HOOKS as u64, "round {round}");
        assert!(rows.values().all(|row| row["status"] == "working" && row["confirmed"] == true));
        let _the_only_one = world.daemon();
        let starts = world.log().matches("listens on").count();
        assert_eq!(starts, 1, "round {round}: {}", world.log());
        dropped += lost;
        clean += usize::from(lost == 0);
    }
    note(&format!(
        "{HOOKS} hooks at once, {clean} rounds: the slowest took {slowest:?}; \
         in other rounds {dropped} in all met their deadline"
    ));
    assert_eq!(clean, rounds, "{dropped} events dropped");
}

/// Lets a hook of each agent go at the same instant; how long the slowest took.
fn release(world: &World, agents: &[FakeAgent]) -> Duration {
    let gate = world.path().join("gate");
    let made = Command::new("mkfifo").arg(&gate).status().unwrap();
    assert!(made.success());
    let mut hooks = Vec::new();
    for (index, agent) in agents.iter().enumerate() {
        let file = world.path().join(format!("payload-{index}"));
        fs::write(&file, prompt_payload(&format!("session-{index}"), "go")).unwrap();
        // Opening the gate waits for its writer; what it writes is never.
        let mut command = Command::new("sh");
        command.args(["-c", r#"read -r _ < "$1"; exec "$2" hook claude < "$3""#, "sh"]);
        command.arg(&gate).arg(env!("CARGO_BIN_EXE_crewboard")).arg(&file);
        command.env_clear().envs(
            world
                .hook_command(agent)
                .get_envs()
                .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))),
        );
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        hooks.push(command.spawn().unwrap());
    }
    eventually("all wait at the gate", || hooks.iter().all(|hook| waits_at(hook.id())));
    let begun = Instant::now();
    drop(fs::OpenOptions::new().write(true).open(&gate).unwrap());
    let mut slowest = Duration::ZERO;
    for hook in hooks {
        let said = outcome(hook, begun);
        said.assert_silent();
        slowest = slowest.max(said.took);
    }
    slowest
}

/// Whether a shell sleeps in the kernel, as it does before the gate (it runs nothing else).
fn waits_at(pid: u32) -> bool {
    let wait = fs::read_to_string(format!("/proc/{pid}/wchan")).unwrap_or_default();
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    wait.contains("fifo")
        || wait.contains("wait_for_partner")
        || wait == "0" && stat.contains(") S ")
}

#[test]
fn a_daemon_has_nothing_of_the_hook_that_started_it() {
    let world = world();
    let agent = FakeAgent::new();
    fs::write(world.path().join("payload"), prompt_payload("s", "go")).unwrap();
    let mut command = Command::new("sh");
    // Descriptors an agent left open, one of them the far end of a pipe it waits on.
    command.args(["-c", r#"exec 7< /etc/passwd 9< . ; exec "$1" hook claude < "$2""#, "sh"]);
    command.arg(env!("CARGO_BIN_EXE_crewboard")).arg(world.path().join("payload"));
    command.env_clear().env("HOME", world.home()).env("CREWBOARD_SOCKET", world.socket());
    command.env("PATH", "/usr/bin:/bin").env("CLAUDE_PID", agent.pid().to_string());
    for (name, value) in [
        ("TMUX", "/tmp/tmux-0/default,1,0"),
        ("TMUX_PANE", "%1"),
        ("CLAUDECODE", "1"),
        ("CLAUDE_CODE_ENTRYPOINT", "cli"),
        ("ANTHROPIC_API_KEY", "a-key"),
        ("AWS_SECRET_ACCESS_KEY", "a-key"),
    ] {
        command.env(name, value);
    }
    command.current_dir(world.home());
    let said = crewboard_testkit::finish(command, b"");
    said.assert_silent();
    let mut client = world.connect();
    let daemon = client.hello()["pid"].as_u64().unwrap();
    assert_eq!(client.list().len(), 1);

    let proc = format!("/proc/{daemon}");
    assert_eq!(fs::read_link(format!("{proc}/cwd")).unwrap().as_os_str(), "/");
    let status = fs::read_to_string(format!("{proc}/status")).unwrap();
    assert!(status.contains("\nUmask:\t0077\n"), "{status}");
    assert!(status.contains("\nThreads:\t1\n"), "{status}");
    let stat = fs::read_to_string(format!("{proc}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let fields: Vec<&str> = fields.split(' ').collect();
    let own = daemon.to_string();
    assert_eq!((fields[2], fields[3], fields[4]), (own.as_str(), own.as_str(), "0"), "its session");

    let environ = fs::read(format!("{proc}/environ")).unwrap();
    let mut names: Vec<String> = environ
        .split(|byte| *byte == 0)
        .filter(|variable| !variable.is_empty())
        .map(|variable| String::from_utf8_lossy(variable).split('=').next().unwrap().to_owned())
        .collect();
    names.sort();
    assert_eq!(names, ["CREWBOARD_SOCKET", "HOME", "PATH"]);

    for entry in fs::read_dir(format!("{proc}/fd")).unwrap() {
        let entry = entry.unwrap();
        let number: u32 = entry.file_name().to_str().unwrap().parse().unwrap();
        let target = fs::read_link(entry.path()).unwrap();
        let name = target.to_string_lossy();
        let world_file = target.parent() == Some(&world.run())
            && matches!(name.rsplit('.').next(), Some("lock" | "log"));
        let expected = match number {
            0..=2 => target.as_os_str().as_bytes() == b"/dev/null",
            _ => {
                world_file
                    || name.starts_with("socket:")
                    || [
                        "anon_inode:[eventpoll]",
                        "anon_inode:[eventfd]",
                        "anon_inode:inotify",
                        "anon_inode:[pidfd]",
                    ]
                    .contains(&name.as_ref())
                    || name.starts_with("pidfd:")
            }
        };
        assert!(expected, "descriptor {number} is {name}");
        if number > 2 {
            let info = fs::read_to_string(format!("{proc}/fdinfo/{number}")).unwrap();
            let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap().trim();
            let flags = u32::from_str_radix(flags, 8).unwrap();
            assert_ne!(flags & 0o2_000_000, 0, "a child would have descriptor {number}, {name}");
        }
    }
}

#[test]
fn a_view_that_starts_the_daemon_keeps_no_dead_child() {
    let world = world();
    let mut watch = world.command(["watch", "--json"]).stdout(Stdio::null()).spawn().unwrap();
    eventually("a daemon starts", || world.try_connect().is_some());
    world.connect().hello();
    for _ in 0..3 {
        let former = world.daemon();
        world.kill_daemon();
        eventually("the view starts another", || {
            world.daemons().first().is_some_and(|daemon| *daemon != former)
                && world.try_connect().is_some()
        });
        world.connect().hello();
        let gone = || !fs::exists(format!("/proc/{former}")).unwrap();
        eventually("the dead one is buried", gone);
    }
    watch.kill().unwrap();
    watch.wait().unwrap();
}

#[test]
fn hooks_that_differ_in_what_they_know_of_the_world_meet() {
    // A payload of each event we know: none makes the hook speak or fail.
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
        world.hook(&agent, &payload(name, "s", more));
    }
    let mut client = world.connect();
    client.await_events(8);
    let rows = client.list();
    assert_eq!(rows.values().next().unwrap()["end"], "exit");
}

/// The outcome of `words` under a limit that `ulimit` sets.
fn under_limit(world: &World, limit: &str, words: &[&str], input: &str) -> Said {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit {limit}; exec \"$0\" \"$@\"")]);
    command.arg(env!("CARGO_BIN_EXE_crewboard")).args(words).env_clear();
    for (name, value) in world.command(words).get_envs() {
        command.env(name, value.unwrap());
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    crewboard_testkit::finish(command, input.as_bytes())
}

#[test]
fn a_limit_on_file_sizes_costs_only_the_log() {
    let world = world();
    let said = under_limit(&world, "-f 0", &["daemon", "start"], "");
    assert!(said.status.success(), "{said:?}");
    let daemon = world.daemon();
    let agent = FakeAgent::new();
    for round in 0..3 {
        // Each of these would be a line of the log.
        fs::remove_file(world.socket()).unwrap();
        eventually("the socket is back", || world.try_connect().is_some());
        world.hook(&agent, &prompt_payload(&format!("s{round}"), "go"));
    }
    assert_eq!(world.daemon(), daemon);
    assert_eq!(world.log(), "");
    world.kill_daemon();
    // A hook whose loss cannot be counted ends well all the same.
    let start = world.run().join("s.start");
    let _held = crewboard_platform::Lock::try_take(&start).unwrap();
    let said = under_limit(&world, "-f 0", &["hook", "claude"], &prompt_payload("s", "go"));
    said.assert_silent();
    assert!(world.daemons().is_empty());
}

#[test]
fn a_limit_on_open_files_that_is_too_low_is_named() {
    let world = world();
    for words in [&["list"][..], &["daemon", "start"], &["daemon", "run"]] {
        let said = under_limit(&world, "-n 16", words, "");
        assert_eq!(said.code(), Some(1), "{words:?} {said:?}");
        assert!(said.stderr.contains("(`ulimit -n`)"), "{words:?} {said:?}");
        assert!(said.took < Duration::from_secs(3), "{words:?} {said:?}");
    }
    assert!(world.daemons().is_empty());
    // With the least that is allowed, it serves.
    let said = under_limit(&world, "-n 64", &["list"], "");
    assert!(said.status.success(), "{said:?}");
    let greeted = || {
        let mut client = world.connect();
        client.hello();
        client
    };
    let _clients: Vec<_> = std::iter::repeat_with(greeted).take(10).collect();
    let _the_only_one = world.daemon();
}

//! Starts of the daemon.

use crate::support::{PROGRAM, note, prompt_payload, rounds, world};
use crewboard_testkit::{
    CommandOutput, FakeAgent, World, process_state, run_with_input, wait_for_output, wait_until,
    wrap_command,
};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The number of hooks that start at the same time.
const HOOKS: usize = 50;

#[test]
fn fifty_simultaneous_hooks_start_one_daemon() {
    let agents: Vec<FakeAgent> = (0..HOOKS).map(|_| FakeAgent::new()).collect();
    let (mut slowest, mut total_dropped) = (Duration::ZERO, 0);
    let (mut clean, rounds) = (0, rounds(3));
    for round in 0..3 * rounds {
        if clean == rounds {
            break;
        }
        let world = world();
        slowest = slowest.max(release(&world, &agents));
        let mut client = world.connect();
        // A hook that misses its deadline on a busy machine counts its event as dropped.
        let mut dropped = 0;
        wait_until("every event arrives", || {
            let hello = client.hello();
            dropped = hello["dropped"].as_u64().unwrap();
            hello["events"].as_u64().unwrap() + dropped == HOOKS as u64
        });
        let rows = client.list();
        assert_eq!(rows.len() as u64 + dropped, HOOKS as u64, "round {round}");
        assert!(rows.values().all(|row| row["status"] == "working" && row["confirmed"] == true));
        let _the_only_one = world.daemon();
        let starts = world.log().matches("listens on").count();
        assert_eq!(starts, 1, "round {round}: {}", world.log());
        total_dropped += dropped;
        clean += usize::from(dropped == 0);
    }
    note(&format!(
        "{HOOKS} hooks at once, {clean} rounds: the slowest took {slowest:?}; \
         in other rounds {total_dropped} hooks reached their deadline"
    ));
    assert_eq!(clean, rounds, "{total_dropped} events dropped");
}

/// Starts a hook of each agent at the same time. Returns the time of the slowest.
fn release(world: &World, agents: &[FakeAgent]) -> Duration {
    let gate = world.path().join("gate");
    let made = Command::new("mkfifo").arg(&gate).status().unwrap();
    assert!(made.success());
    let mut hooks = Vec::new();
    for (index, agent) in agents.iter().enumerate() {
        let file = world.path().join(format!("payload-{index}"));
        fs::write(&file, prompt_payload(&format!("session-{index}"), "go")).unwrap();
        // Opening the pipe blocks until there is a writer. The writer writes nothing.
        let script = r#"gate=$1 file=$2; shift 2; read -r _ <"$gate"; exec "$@" <"$file""#;
        let (gate, file) = (gate.to_str().unwrap(), file.to_str().unwrap());
        let hook = world.hook_command(agent);
        let mut command = wrap_command(&["sh", "-c", script, "sh", gate, file], &hook);
        hooks.push(command.spawn().unwrap());
    }
    wait_until("all hooks wait at the gate", || {
        hooks.iter().all(|hook| waits_at_a_pipe(hook.id()))
    });
    let started = Instant::now();
    drop(fs::OpenOptions::new().write(true).open(&gate).unwrap());
    let mut slowest = Duration::ZERO;
    for hook in hooks {
        let output = wait_for_output(hook, started);
        output.assert_silent();
        slowest = slowest.max(output.elapsed);
    }
    slowest
}

/// Returns true if a shell sleeps in the kernel, as it does while it opens the pipe.
fn waits_at_a_pipe(pid: u32) -> bool {
    let wait = fs::read_to_string(format!("/proc/{pid}/wchan")).unwrap_or_default();
    wait.contains("fifo")
        || wait.contains("wait_for_partner")
        || wait == "0" && process_state(pid) == Some('S')
}

#[test]
fn daemon_inherits_nothing_from_the_hook_that_started_it() {
    let world = world();
    let agent = FakeAgent::new();
    fs::write(world.path().join("payload"), prompt_payload("s", "go")).unwrap();
    let mut command = Command::new("sh");
    // An agent may leave file descriptors open.
    command.args(["-c", r#"exec 7< /etc/passwd 9< . ; exec "$1" hook claude < "$2""#, "sh"]);
    command.arg(PROGRAM).arg(world.path().join("payload"));
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
    let output = run_with_input(command, b"");
    output.assert_silent();
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
    assert_eq!((fields[2], fields[3], fields[4]), (own.as_str(), own.as_str(), "0"));

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
        let world_file = target.parent() == Some(&world.socket_directory())
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
fn watch_reaps_the_daemons_that_it_started() {
    let world = world();
    let mut watch = world.command(["watch", "--json"]).stdout(Stdio::null()).spawn().unwrap();
    wait_until("a daemon starts", || world.try_connect().is_some());
    world.connect().hello();
    for _ in 0..3 {
        let former = world.daemon();
        world.kill_daemon();
        wait_until("`watch` starts another", || {
            world.daemons().first().is_some_and(|daemon| *daemon != former)
                && world.try_connect().is_some()
        });
        world.connect().hello();
        let gone = || !fs::exists(format!("/proc/{former}")).unwrap();
        wait_until("`watch` reaps the killed daemon", gone);
    }
    watch.kill().unwrap();
    watch.wait().unwrap();
}

/// Runs `crewboard` with `words` under a limit that `ulimit` sets.
fn under_limit(world: &World, limit: &str, words: &[&str], input: &str) -> CommandOutput {
    let script = format!("ulimit {limit}; exec \"$0\" \"$@\"");
    run_with_input(wrap_command(&["sh", "-c", &script], &world.command(words)), input.as_bytes())
}

#[test]
fn file_size_limit_costs_only_the_log() {
    let world = world();
    let output = under_limit(&world, "-f 0", &["daemon", "start"], "");
    assert!(output.status.success(), "{output:?}");
    let daemon = world.daemon();
    let agent = FakeAgent::new();
    for round in 0..3 {
        // Each removal would add a line to the log.
        fs::remove_file(world.socket()).unwrap();
        wait_until("the socket is back", || world.try_connect().is_some());
        world.run_hook(&agent, &prompt_payload(&format!("s{round}"), "go"));
    }
    assert_eq!(world.daemon(), daemon);
    assert_eq!(world.log(), "");
    world.kill_daemon();
    // A hook succeeds even if it cannot count the dropped event.
    let start = world.socket_directory().join("s.start");
    let _held = crewboard_platform::Lock::try_lock(&start).unwrap();
    let output = under_limit(&world, "-f 0", &["hook", "claude"], &prompt_payload("s", "go"));
    output.assert_silent();
    assert!(world.daemons().is_empty());
}

#[test]
fn open_file_limit_that_is_too_low_is_named() {
    let world = world();
    for words in [&["list"][..], &["daemon", "start"], &["daemon", "run"]] {
        let output = under_limit(&world, "-n 16", words, "");
        assert_eq!(output.code(), Some(1), "{words:?} {output:?}");
        assert!(output.stderr.contains("`ulimit -n`"), "{words:?} {output:?}");
        assert!(output.elapsed < Duration::from_secs(3), "{words:?} {output:?}");
    }
    assert!(world.daemons().is_empty());
    // The daemon works with the lowest limit that it accepts.
    let output = under_limit(&world, "-n 64", &["list"], "");
    assert!(output.status.success(), "{output:?}");
    let greeted = || {
        let mut client = world.connect();
        client.hello();
        client
    };
    let _clients: Vec<_> = std::iter::repeat_with(greeted).take(10).collect();
    let _the_only_one = world.daemon();
}

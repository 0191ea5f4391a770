//! `crewboard daemon`, also with a hung daemon.

mod bad_input;
mod bounds;
mod degraded;
mod exit;
mod files;
mod idle;
mod other_users;
mod profiles;
mod session_exit;
mod session_files;
mod sockets;
mod start;
mod subscriptions;
mod teammates;
mod version_skew;

use crate::support::{PROGRAM, world};
use crewboard_testkit::{Tmux, signal, wait_until};
use rustix::process::Signal;
use serde_json::json;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Stdio;

fn program() -> PathBuf {
    PathBuf::from(PROGRAM).canonicalize().unwrap()
}

#[test]
fn daemon_starts_reports_its_status_and_stops() {
    let world = world();
    let output = world.run(["daemon", "status"]);
    assert_eq!((output.code(), output.stdout.as_str()), (Some(1), "no daemon is running\n"));
    assert_eq!(world.run(["daemon", "status", "--json"]).stdout, "null\n");
    let output = world.run(["daemon", "stop"]);
    assert_eq!((output.code(), output.stdout.as_str()), (Some(0), "no daemon is running\n"));
    assert!(world.daemons().is_empty());

    let output = world.run(["daemon", "start"]);
    let first = world.daemon();
    assert_eq!(output.stdout, format!("the daemon is running, pid {first}\n"));
    assert!(world.run(["daemon", "start"]).status.success());
    assert_eq!(world.daemon(), first);
    let facts = world.run(["daemon", "status", "--json"]).json();
    assert_eq!((&facts["pid"], &facts["rows"]), (&json!(first), &json!(0)));
    assert_eq!(facts["sockets"][0], world.socket().to_str().unwrap());
    assert_eq!((&facts["active"], &facts["closed"]), (&json!(0), &json!(0)));
    world.report("a", "working");
    world.report("b", "closed");
    let output = world.run(["daemon", "status"]);
    assert!(output.stdout.contains("\n1 active and 1 closed sessions, "), "{output:?}");
    if cfg!(target_os = "linux") {
        assert!(output.stdout.contains(" MiB of memory\n"), "{output:?}");
    }
    let output = world.run(["daemon"]);
    assert!(output.stdout.contains(&format!("pid {first}, up ")), "{output:?}");

    assert!(world.run(["daemon", "restart"]).status.success());
    assert_ne!(world.daemon(), first);
    let output = world.run(["daemon", "stop"]);
    assert_eq!((output.code(), output.stdout.as_str()), (Some(0), "stopped\n"));
    // The process has already ended when the command returns.
    assert!(world.daemons().is_empty());
    assert_eq!(world.run(["daemon", "status"]).code(), Some(1));

    // A second daemon does not start, and names the reason.
    world.run(["daemon", "start"]);
    let output = world.run(["daemon", "run"]);
    assert_eq!(output.code(), Some(1));
    assert!(output.stderr.contains("another daemon"), "{output:?}");
    let _the_only_one = world.daemon();
}

#[test]
fn stop_asks_if_active_sessions_would_be_lost() {
    let world = world();
    world.report("a", "working");
    let (home, socket) = (world.home().display().to_string(), world.socket().display().to_string());
    let variables = [("HOME", home.as_str()), ("CREWBOARD_SOCKET", socket.as_str())];
    let Some(tmux) = Tmux::new(&world.home(), &variables) else { return };
    let ask = |session: &str, answer: &str| {
        let command = format!("'{PROGRAM}' daemon stop; echo code $?");
        let words = ["new-session", "-d", "-x", "120", "-s", session, "/bin/sh", "-c", &command];
        tmux.run(words);
        let screen = || tmux.run(["capture-pane", "-p", "-t", session]);
        wait_until("the question", || screen().contains("1 active session"));
        tmux.run(["send-keys", "-t", session, answer, "Enter"]);
        wait_until("the answer", || screen().contains("code "));
        screen()
    };
    let screen = ask("no", "n");
    assert!(screen.contains("the daemon still runs") && screen.contains("code 1"), "{screen}");
    let _the_daemon_still_runs = world.daemon();
    let screen = ask("yes", "y");
    assert!(screen.contains("stopped") && screen.contains("code 0"), "{screen}");
    assert!(world.daemons().is_empty());
}

#[test]
fn restart_ends_a_hung_daemon_and_names_it() {
    let world = world();
    world.start_daemon();
    let hung = world.daemon();
    signal(hung, Signal::STOP);
    let named = format!("the daemon (process {hung}, {}, suspended)", program().display());
    let output = std::thread::scope(|scope| {
        let world = &world;
        let commands: [&[&str]; 3] = [&["daemon", "status"], &["daemon", "stop"], &["list"]];
        let running = commands.map(|words| scope.spawn(move || world.run(words)));
        running.map(|running| running.join().unwrap())
    });
    for output in &output {
        assert_eq!((output.code(), output.stdout.as_str()), (Some(1), ""), "{output:?}");
        assert!(output.stderr.contains("run `crewboard daemon restart`"), "{output:?}");
    }
    for output in &output[..2] {
        assert!(output.stderr.contains(&format!("{named} does not answer\n")), "{output:?}");
    }
    let output = world.run(["daemon", "restart"]);
    assert!(output.status.success(), "{output:?}");
    let new = world.daemon();
    assert_ne!(new, hung);
    let expected =
        format!("{named} did not answer and was killed\nthe daemon is running, pid {new}\n");
    assert_eq!(output.stdout, expected);
}

#[test]
fn restart_kills_a_daemon_that_ignores_sigterm() {
    let world = world();
    let lock = world.socket_directory().join("s.lock");
    // This process holds the lock, has no socket and ignores SIGTERM.
    let script = r#"exec 9>>"$1"; flock -x 9; trap '' TERM; echo; exec sleep 600"#;
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", script, "sh"]).arg(&lock).stdout(Stdio::piped());
    let mut holder = shell.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let output = world.run(["daemon", "restart"]);
    assert!(output.status.success(), "{output:?}");
    assert!(output.stdout.contains(&format!("process {},", holder.id())), "{output:?}");
    assert_eq!(holder.wait().unwrap().signal(), Some(Signal::KILL.as_raw()));
    let _the_new_one = world.daemon();
}

#[test]
fn sigterm_ends_the_daemon_in_order() {
    let world = world();
    world.start_daemon();
    signal(world.daemon(), Signal::TERM);
    wait_until("the daemon exits", || world.daemons().is_empty());
    assert!(!world.socket().exists());
    assert!(world.log().contains("exited: stopped by a signal"), "{}", world.log());
}

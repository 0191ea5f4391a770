//! `crewboard run`: the program behaves as without it.

mod reports;

use crate::support::{PROGRAM, world};
use crewboard_testkit::{PseudoTerminal, World, children, is_dead, signal, wait_until};
use rustix::process::Signal;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitStatus};

/// Starts `sh -c SCRIPT` in a terminal, with or without `crewboard run`.
fn start(world: &World, with_run: bool, script: &str) -> PseudoTerminal {
    let words = ["sh", "-c", script];
    let command = if with_run {
        world.command(["run", "--"].iter().chain(&words))
    } else {
        plain(world, &words)
    };
    PseudoTerminal::start(&command, (80, 24))
}

/// Returns a command with the environment of `world`.
fn plain(world: &World, words: &[&str]) -> Command {
    let of_world = world.command([] as [&str; 0]);
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).env_clear().current_dir(world.home());
    command.envs(of_world.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command
}

/// Runs a script in both ways, and compares all that the terminal gets. `act` plays the user.
#[track_caller]
fn compare(script: &str, act: impl Fn(&mut PseudoTerminal)) -> (Vec<u8>, ExitStatus) {
    let world = world();
    let [without, with] = [false, true].map(|with_run| {
        let mut terminal = start(&world, with_run, script);
        act(&mut terminal);
        terminal.finish()
    });
    assert_eq!(with.0.escape_ascii().to_string(), without.0.escape_ascii().to_string(), "{script}");
    assert_eq!(with.1, without.1, "{script}");
    with
}

#[test]
fn run_changes_no_byte_size_or_exit() {
    let nothing = |_: &mut PseudoTerminal| ();
    let (_, status) = compare("stty -a; stty size; tty >/dev/null && exit 3", nothing);
    assert_eq!(status.code(), Some(3));
    compare("stty raw -echo; printf 'a\\nb\\033[31mc\\033[0m\\377'; exit 255", nothing);
    compare(
        "printf '\\033]0;title\\007\\033P$q\"p\\033\\\\\\033_Gx\\033\\\\\\033[c\\033'",
        nothing,
    );
    compare("cat /bin/ls; cat -v /bin/ls; seq 1 20000", nothing);
    for (name, signal) in [("TERM", 15), ("KILL", 9), ("HUP", 1), ("INT", 2), ("USR1", 10)] {
        let (_, status) = compare(&format!("printf x; kill -{name} $$"), nothing);
        assert_eq!(status.signal(), Some(signal));
    }
}

#[test]
fn keys_and_sizes_reach_the_program() {
    let script = "trap 'stty size; trap : INT' INT; trap 'stty size' WINCH; stty -echo; echo ready
        until read line; do :; done; echo got $line; sleep 1000";
    let (output, status) = compare(script, |terminal| {
        terminal.wait_for("ready");
        terminal.resize(50, 10);
        terminal.wait_for("10 50");
        terminal.write(b"\x03");
        terminal.wait_for("10 50");
        terminal.write(b"line\r");
        terminal.wait_for("got line");
        terminal.write(b"\x1c");
    });
    assert_eq!(status.signal(), Some(Signal::QUIT.as_raw()), "{}", output.escape_ascii());
}

#[test]
fn suspended_program_suspends_its_job() {
    for program in ["", PROGRAM] {
        let world = world();
        let shell = plain(&world, &["bash", "--norc", "--noediting", "-i"]);
        let mut terminal = PseudoTerminal::start(&shell, (500, 24));
        terminal.write(b"PS1='> '\r");
        terminal.wait_for("> ");
        let run = if program.is_empty() { String::new() } else { format!("{program} run -- ") };
        let script = "sh -c 'stty -echo; echo ready; read line; echo got $line; exit 7'";
        terminal.write(format!("{run}{script}\r").as_bytes());
        terminal.wait_for("ready\r\n");
        wait_until("the terminal is raw", || program.is_empty() || terminal.is_raw());
        terminal.write(b"\x1a");
        terminal.wait_for("Stopped");
        terminal.wait_for("> ");
        assert!(!terminal.is_raw());
        terminal.write(b"fg\r");
        terminal.wait_for("exit 7'\r\n");
        wait_until("the terminal is raw", || program.is_empty() || terminal.is_raw());
        terminal.write(b"line\r");
        terminal.wait_for("got line");
        terminal.wait_for("> ");
        terminal.write(b"echo code $?\r");
        terminal.wait_for("code 7");
        terminal.write(b"exit\r");
        terminal.finish();
    }
}

#[test]
fn signal_during_a_suspension_reaches_the_program_later() {
    let world = world();
    let shell = plain(&world, &["bash", "--norc", "--noediting", "-i"]);
    let mut terminal = PseudoTerminal::start(&shell, (500, 24));
    terminal.write(b"PS1='> '\r");
    terminal.wait_for("> ");
    let script =
        r#"sh -c 'trap "kill $!; echo caught; exit 9" TERM; sleep 1000 & echo ready; wait'"#;
    terminal.write(format!("{PROGRAM} run -- {script}\r").as_bytes());
    terminal.wait_for("ready\r\n");
    wait_until("the terminal is raw", || terminal.is_raw());
    let relay = children(terminal.pid())[0];
    terminal.write(b"\x1a");
    terminal.wait_for("Stopped");
    terminal.wait_for("> ");
    signal(relay, Signal::TERM);
    terminal.write(b"fg\r");
    terminal.wait_for("caught\r\n");
    terminal.wait_for("> ");
    terminal.write(b"echo code $?\r");
    terminal.wait_for("code 9");
    terminal.write(b"exit\r");
    terminal.finish();
}

#[test]
fn suspension_without_a_shell_is_ignored() {
    // The kernel suspends no process of a session without a shell, so the program goes on.
    compare("echo ready; read line; echo got $line", |terminal| {
        terminal.wait_for("ready\r\n");
        terminal.write(b"\x1a");
        terminal.wait_for("^Z");
        terminal.write(b"line\r");
        terminal.wait_for("got line");
    });
}

#[test]
fn signals_reach_the_program_and_restore_the_terminal() {
    for (name, raw) in [("TERM", Signal::TERM), ("HUP", Signal::HUP), ("INT", Signal::INT)] {
        let world = world();
        let script = format!(
            "trap 'echo caught {name}; exit 9' {name}; echo ready; while :; do sleep 0.1; done"
        );
        let mut terminal = start(&world, true, &script);
        terminal.wait_for("ready");
        wait_until("the terminal is raw", || terminal.is_raw());
        signal(terminal.pid(), raw);
        terminal.wait_for(&format!("caught {name}"));
        wait_until("the modes are restored", || !terminal.is_raw());
        assert_eq!(terminal.finish().1.code(), Some(9));
    }
}

#[test]
fn killed_relay_ends_the_program_as_a_closed_terminal_does() {
    let world = world();
    let mut terminal = start(&world, true, "echo ready; sleep 1000");
    terminal.wait_for("ready");
    let monitor = children(terminal.pid())[0];
    let program = children(monitor)[0];
    // The kernel hangs up the foreground, into which the monitor moves the program just after its start.
    wait_until("the program is in the foreground", || is_in_foreground(program));
    signal(terminal.pid(), Signal::KILL);
    wait_until("the program ends", || is_dead(program) && is_dead(monitor));
}

/// Returns true if the process group of a process is the foreground of its terminal.
fn is_in_foreground(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    let (group, foreground) = (fields[2], fields[5]);
    group == foreground
}

#[test]
fn background_process_survives_the_program() {
    let world = world();
    let mut terminal = start(&world, true, "sleep 1000 & echo pid $!.");
    terminal.wait_for("pid ");
    let (output, _) = terminal.finish();
    let output = String::from_utf8(output).unwrap();
    let pid: u32 = output.split("pid ").nth(1).unwrap().split('.').next().unwrap().parse().unwrap();
    assert!(!is_dead(pid));
    signal(pid, Signal::KILL);
}

#[test]
fn output_of_a_background_process_does_not_keep_the_relay() {
    let world = world();
    let mut terminal = start(&world, true, "yes & sleep 0.2; echo pid $!.; exit 6");
    terminal.wait_for("pid ");
    let (output, status) = terminal.finish();
    assert_eq!(status.code(), Some(6));
    let output = String::from_utf8(output).unwrap();
    let pid = output.split("pid ").nth(1).unwrap().split('.').next().unwrap().parse().unwrap();
    wait_until("its terminal is gone", || is_dead(pid));
}

#[test]
fn run_without_a_terminal_only_starts_the_program() {
    let world = world();
    let output = world.run(["run", "sh", "-c", "printf out; printf err >&2; exit 4"]);
    let expected = (Some(4), "out", "err");
    assert_eq!((output.code(), &*output.stdout, &*output.stderr), expected);
    let output = world.run(["run", "--", "no-such-program"]);
    assert_eq!(output.code(), Some(127));
    assert!(output.stderr.contains("cannot find the program no-such-program"), "{output:?}");
    assert_eq!(world.run(["run", "--", "/"]).code(), Some(126));
    assert_eq!(world.run(["run"]).code(), Some(2));
}

#[test]
fn program_that_cannot_be_started_says_so_on_the_terminal() {
    let world = world();
    let command = world.command(["run", "--", "no-such-program"]);
    let (output, status) = PseudoTerminal::start(&command, (80, 24)).finish();
    assert_eq!(status.code(), Some(127));
    assert!(String::from_utf8_lossy(&output).contains("cannot find the program"), "{output:?}");
}

#[test]
fn alias_is_printed_for_plain_names_only() {
    let world = world();
    let output = world.run(["run", "--print-alias", "claude"]);
    assert_eq!(output.stdout, "alias claude='crewboard run -- claude'\n");
    for name in ["", "a b", "a'b", "-a", "$(a)"] {
        assert_eq!(world.run(["run", "--print-alias", name]).code(), Some(2), "{name}");
    }
}

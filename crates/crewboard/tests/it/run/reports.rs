//! The session that `crewboard run` reports.

use crate::run::start;
use crate::support::{assert_never_wakes, memory_of, world};
use crewboard_testkit::{PseudoTerminal, World, signal, wait_until};
use rustix::process::Signal;
use serde_json::Value;

/// Waits until the only session is as wanted.
#[track_caller]
fn wait_for_session(world: &World, what: &str, is_wanted: impl Fn(&Value) -> bool) {
    wait_until(what, || matches!(&world.list()[..], [row] if is_wanted(row)));
}

/// A shell function that reports its argument to the terminal.
const REPORT: &str = "s() { printf '\\033]7501;%s\\033\\\\' \"$1\"; }; ";

#[test]
fn program_that_reports_its_status_gets_a_session() {
    let world = world();
    let script = format!(
        "{REPORT} stty -echo; read go; s state=blocked:kind=permission:msg=YXBwcm92ZSBCYXNoOiBscw==; read go
        s state=working:progress=40; s state=working:id=a:title=RXhwbG9yZQ; read go
        s state=done:msg=SGk; read go; exit 3"
    );
    let command = world.command(["run", "--name", "mine", "sh", "-c", &script]);
    let terminal = PseudoTerminal::start(&command, (80, 24));
    wait_for_session(&world, "is running", |row| {
        row["agent"] == "mine"
            && row["status"] == "working"
            && row["activity"] == "running"
            && row["confirmed"] == false
            && row["cwd"] == world.home().to_str().unwrap()
    });
    terminal.write(b"\r");
    wait_for_session(&world, "waits for the user", |row| {
        row["status"] == "permission"
            && row["request"]["text"] == "approve Bash: ls"
            && row["confirmed"] == true
    });
    terminal.write(b"\r");
    wait_for_session(&world, "works", |row| {
        row["status"] == "working"
            && row["activity"] == "40%"
            && row["subagents"][0]["type"] == "Explore"
    });
    terminal.write(b"\r");
    wait_for_session(&world, "is done", |row| row["status"] == "done" && row["activity"] == "Hi");
    terminal.write(b"\r");
    let (output, status) = terminal.finish();
    assert_eq!(status.code(), Some(3));
    // This terminal did not answer the query, so it gets no report.
    assert_eq!(output.escape_ascii().to_string(), "\\x1b]7501;?\\x1b\\\\");
    wait_for_session(&world, "has ended", |row| {
        row["status"] == "closed" && row["activity"] == "exited with code 3" && row["end"] == "exit"
    });
}

#[test]
fn terminal_that_knows_the_protocol_gets_the_reports_too() {
    let world = world();
    let script = format!(
        "{REPORT} stty raw -echo; s '?'; head -c 10 | od -An -c; s state=idle; printf ready
        read x; printf \"<$x>\"; s state=done; printf end"
    );
    let mut terminal = start(&world, true, &script);
    // The relay answers before the terminal does.
    terminal.wait_for("]   7   5   0   1   ;   ? 033   \\");
    terminal.wait_for("ready");
    terminal.write(b"a\x1b]7501;?\x1b\\b\n");
    terminal.wait_for("\x1b]7501;state=idle\x1b\\");
    terminal.wait_for("<ab>\x1b]7501;state=done\x1b\\end");
    terminal.finish();
}

#[test]
fn session_returns_after_the_daemon_is_killed() {
    let world = world();
    let terminal =
        start(&world, true, &format!("{REPORT} s state=blocked; read go; s state=idle; read go"));
    wait_for_session(&world, "asks", |row| row["status"] == "question");
    world.kill_daemon();
    wait_for_session(&world, "asks again", |row| row["status"] == "question");
    terminal.write(b"\r");
    wait_for_session(&world, "is idle", |row| row["status"] == "idle");
}

#[test]
fn program_runs_without_a_place_for_the_daemon() {
    let mut world = world();
    world.set("CREWBOARD_SOCKET", "relative/s");
    let mut terminal = start(&world, true, "echo ready; exit 5");
    terminal.wait_for("cannot use CREWBOARD_SOCKET");
    terminal.wait_for("ready");
    assert_eq!(terminal.finish().1.code(), Some(5));
}

#[test]
fn stopped_daemon_delays_nothing() {
    let world = world();
    world.start_daemon();
    let daemon = world.daemon();
    signal(daemon, Signal::STOP);
    let script =
        format!("{REPORT} for i in $(seq 5000); do s state=working:id=a$i; done; echo end");
    let mut terminal = start(&world, true, &script);
    terminal.wait_for("end");
    let (_, status) = terminal.finish();
    assert!(status.success());
    signal(daemon, Signal::CONT);
}

#[test]
fn hostile_output_is_bounded_and_passed_on() {
    let world = world();
    let script = "s() { printf \"$@\"; }
        s '\\033]7501;state=idle'; head -c 1000000 /dev/zero | tr '\\0' x; s '\\007'
        i=0; while [ $i -lt 3000 ]; do s '\\033]7501;state=working:id=a%s\\007' $i; i=$((i+1)); done
        s '\\033]7501;state=blocked:msg=%s\\007' $(printf 'a\\033[31mb' | base64)
        s '\\033]7501;state=idle:msg=//79\\007'; s '\\033P\\033]7501;state=error\\007'; s '\\033\\\\end'; stty -echo; read x";
    let mut terminal = start(&world, true, script);
    terminal.wait_for("end");
    wait_for_session(&world, "is bounded", |row| {
        row["status"] == "working" && row["subagents"].as_array().unwrap().len() >= 16
    });
    let memory = memory_of(terminal.pid());
    assert!(memory < 8 << 10, "{memory} KiB");
    terminal.write(b"\r");
    let (output, _) = terminal.finish();
    assert!(output.len() > 1_000_000, "{}", output.len());
}

#[test]
fn relay_never_wakes_while_nothing_happens() {
    let world = world();
    let mut terminal = start(&world, true, "echo ready; read x");
    terminal.wait_for("ready");
    wait_for_session(&world, "is running", |row| row["activity"] == "running");
    assert_never_wakes(terminal.pid());
}

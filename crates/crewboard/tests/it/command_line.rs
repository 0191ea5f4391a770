//! Output and exit codes that all commands have in common.

use crate::support::{RunningCommand, world};
use crewboard_testkit::wait_for_output;
use std::time::Instant;

#[test]
fn ascii_locale_gets_only_ascii() {
    let mut world = world();
    let text = format!("“an answer” – {}", "x".repeat(400));
    world.run([
        "report",
        "--agent",
        "m",
        "--session",
        "s",
        "--status",
        "question",
        "--text",
        &text,
    ]);
    world.set("LC_ALL", "C");
    let name = world.list()[0]["key"].as_str().unwrap().to_owned();
    let mut watch = RunningCommand::start(&world, &["watch"]);
    for printed in
        [watch.next_line(), world.run(["list"]).stdout, world.run(["explain", &name]).stdout]
    {
        assert!(printed.is_ascii() && printed.contains("\"an answer\" - x"), "{printed}");
    }
}

#[test]
fn closed_stdout_is_no_failure() {
    let world = world();
    world.report("a", "working");
    for words in [
        &["list"][..],
        &["list", "--json"],
        &["watch"],
        &["watch", "--json"],
        &["explain", "a"],
        &["daemon", "status"],
        &["completions", "bash"],
        &["--help"],
    ] {
        let started = Instant::now();
        let mut child = world.command(words).spawn().unwrap();
        drop(child.stdout.take());
        let output = wait_for_output(child, started);
        assert_eq!((output.code(), output.stderr.as_str()), (Some(0), ""), "{words:?}");
    }
}

#[test]
fn bare_command_without_a_terminal_starts_nothing() {
    let world = world();
    let output = world.run::<&str>([]);
    assert_eq!((output.code(), output.stdout.as_str(), output.stderr.as_str()), (Some(0), "", ""));
    assert!(world.daemons().is_empty());
    assert!(world.socket_files().is_empty());
}

#[test]
fn usage_errors_exit_with_code_2() {
    let world = world();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = world.run(["completions", shell]);
        assert!(output.status.success() && output.stdout.contains("crewboard"), "{shell}");
    }
    assert_eq!(world.run(["completions", "tcl"]).code(), Some(2));
    assert_eq!(world.run(["dance"]).code(), Some(2));
    let output = world.run(["notify"]);
    assert_eq!(output.code(), Some(2));
    assert_eq!(
        output.stderr,
        "crewboard: the daemon runs `crewboard notify` with a notification on standard input\n  \
         run `crewboard notify --test` to test notifications\n"
    );
    let output = world.run(["--version"]);
    assert_eq!(output.stdout, format!("crewboard {}\n", env!("CARGO_PKG_VERSION")));
    assert!(world.daemons().is_empty());
}

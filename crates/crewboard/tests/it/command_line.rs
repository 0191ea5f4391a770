//! Output and exit codes that all commands have in common.

use crate::support::{PROGRAM, RunningCommand, world};
use crewboard_testkit::{Tmux, wait_for_output, wait_until};
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
fn bare_command_in_a_pipe_prints_the_list() {
    let world = world();
    world.report("a", "working");
    let (home, socket) = (world.home().display().to_string(), world.socket().display().to_string());
    let variables = [("HOME", home.as_str()), ("CREWBOARD_SOCKET", socket.as_str())];
    let Some(tmux) = Tmux::new(&world.home(), &variables) else { return };
    let file = world.home().join("list");
    let command = format!("'{PROGRAM}' | cat > '{}'", file.display());
    tmux.run(["new-session", "-d", "-s", "pipe", "/bin/sh", "-c", &command]);
    let printed = || std::fs::read_to_string(&file).unwrap_or_default();
    wait_until("the list is printed", || printed().ends_with('\n'));
    assert!(printed().contains(" working ") && printed().lines().count() == 1, "{}", printed());
}

#[test]
fn hook_explains_itself() {
    let output = world().run(["hook", "--help"]);
    assert!(output.status.success() && output.stdout.contains("crewboard install"), "{output:?}");
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
    for (words, expected) in [
        (
            &["ls"][..],
            "crewboard: there is no command `ls`\n  `crewboard list` lists the sessions\n",
        ),
        (&["lst"], "crewboard: there is no command `lst`\n  did you mean `crewboard list`?\n"),
        (&["list", "shop"], "crewboard: unexpected argument 'shop' found\n"),
    ] {
        let output = world.run(words);
        assert_eq!((output.code(), output.stdout.as_str()), (Some(2), ""), "{words:?}");
        assert!(output.stderr.starts_with(expected), "{output:?}");
    }
    let report = ["report", "--agent", "a", "--session", "s", "--status", "done", "--pid", "abc"];
    let output = world.run(report);
    assert!(output.stderr.contains("must be the number of a process"), "{output:?}");
    let output = world.run(["--version"]);
    assert_eq!(output.stdout, format!("crewboard {}\n", env!("CARGO_PKG_VERSION")));
    assert!(world.daemons().is_empty());
}

#[test]
fn config_edit_runs_the_editor_and_checks_the_file() {
    let mut world = world();
    let file = world.home().join(".config/crewboard/config.toml");
    world.set("EDITOR", "sh -c 'printf \"[board]\\ntheme = \\\"dark\\\"\\n\" > \"$1\"' sh");
    let output = world.run(["config", "edit"]);
    assert!(output.stdout.ends_with(&format!("{} is valid\n", file.display())), "{output:?}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "[board]\ntheme = \"dark\"\n");
    world.set("VISUAL", "sh -c 'echo no > \"$1\"' sh");
    let output = world.run(["config", "edit"]);
    assert_eq!(output.code(), Some(1), "{output:?}");
    assert!(output.stdout.contains("error: "), "{output:?}");
    world.set("VISUAL", "/no/such/editor");
    let output = world.run(["config", "edit"]);
    assert!(output.stderr.contains("the editor `/no/such/editor` failed"), "{output:?}");
}

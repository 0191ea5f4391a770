//! Output and exit codes that all commands have in common.

use crate::running_command::Running;
use crate::{json_of, report, world};
use crewboard_testkit::outcome;
use std::time::Instant;

#[test]
fn where_the_locale_has_no_more_than_ascii_nothing_else_is_printed() {
    let mut world = world();
    let text = format!("“an answer” – {}", "x".repeat(400));
    world.say([
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
    let name = json_of(&world.say(["list", "--json"]))[0]["key"].as_str().unwrap().to_owned();
    let mut watch = Running::start(&world, ["watch"]);
    for printed in [watch.line(), world.say(["list"]).stdout, world.say(["explain", &name]).stdout]
    {
        assert!(printed.is_ascii() && printed.contains("\"an answer\" - x"), "{printed}");
    }
}

#[test]
fn a_reader_that_left_is_no_failure() {
    let world = world();
    report(&world, "a", "working");
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
        let begun = Instant::now();
        let mut child = world.command(words).spawn().unwrap();
        drop(child.stdout.take());
        let said = outcome(child, begun);
        assert_eq!((said.code(), said.stderr.as_str()), (Some(0), ""), "{words:?}");
    }
}

#[test]
fn bare_crewboard_without_a_terminal_says_and_starts_nothing() {
    let world = world();
    let said = world.say::<&str>([]);
    assert_eq!((said.code(), said.stdout.as_str(), said.stderr.as_str()), (Some(0), "", ""));
    assert!(world.daemons().is_empty());
    assert!(world.run_files().is_empty());
}

#[test]
fn completions_and_usage() {
    let world = world();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let said = world.say(["completions", shell]);
        assert!(said.status.success() && said.stdout.contains("crewboard"), "{shell}");
    }
    assert_eq!(world.say(["completions", "tcl"]).code(), Some(2));
    assert_eq!(world.say(["dance"]).code(), Some(2));
    let said = world.say(["notify"]);
    assert_eq!(said.code(), Some(2));
    assert_eq!(
        said.stderr,
        "crewboard: the daemon runs this, with a notification on standard input\n  \
         `crewboard notify --test` tries each way of telling you\n"
    );
    let said = world.say(["--version"]);
    assert_eq!(said.stdout, format!("crewboard {}\n", env!("CARGO_PKG_VERSION")));
    assert!(world.daemons().is_empty());
}

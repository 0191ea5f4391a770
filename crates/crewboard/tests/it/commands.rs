//! The commands, as a script sees them.

use crate::{payload, prompt_payload, world};
use crewboard_testkit::{
    FakeAgent, PATIENCE, Said, View, World, eventually, finish, is_dead, outcome, signal,
};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Stdio};
use std::time::Instant;

#[track_caller]
pub(crate) fn json_of(said: &Said) -> Value {
    assert!(said.status.success(), "{said:?}");
    serde_json::from_str(&said.stdout).unwrap()
}

pub(crate) fn report(world: &World, session: &str, status: &str) -> Said {
    world.say(["report", "--agent", "mine", "--session", session, "--status", status])
}

/// A command that is running, and what it prints.
struct Running {
    child: Child,
    /// The other end of its standard output; a socket, for it can be read with a bound.
    lines: Option<BufReader<UnixStream>>,
}

impl Running {
    fn start<const N: usize>(world: &World, words: [&str; N]) -> Self {
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut command = world.command(words);
        command.stdout(OwnedFd::from(theirs)).stderr(Stdio::null());
        Self { child: command.spawn().unwrap(), lines: Some(BufReader::new(ours)) }
    }

    #[track_caller]
    fn line(&mut self) -> String {
        let mut line = String::new();
        let read = self.lines.as_mut().unwrap().read_line(&mut line);
        assert_ne!(read.expect("a line within patience"), 0, "it ended");
        line
    }

    #[track_caller]
    fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let value: Value = serde_json::from_str(&self.line()).unwrap();
            if wanted(&value) {
                return value;
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_list_stopped_and_continued_while_it_waits_still_gets_its_answer() {
    let world = world();
    world.start();
    let daemon = world.daemon();
    signal(daemon, Signal::STOP);
    let begun = Instant::now();
    let list = world.command(["list", "--json"]).spawn().unwrap();
    let state = || {
        let stat = fs::read_to_string(format!("/proc/{}/stat", list.id())).unwrap();
        stat.rsplit(')').next().unwrap().trim_start().chars().next().unwrap()
    };
    let connected = || {
        let links = fs::read_dir(format!("/proc/{}/fd", list.id())).into_iter().flatten().flatten();
        links
            .filter_map(|link| fs::read_link(link.path()).ok())
            .any(|target| target.to_string_lossy().starts_with("socket:"))
    };
    for _ in 0..10 {
        eventually("it waits", || connected() && state() == 'S');
        signal(list.id(), Signal::STOP);
        eventually("it is stopped", || state() == 'T');
        signal(list.id(), Signal::CONT);
    }
    signal(daemon, Signal::CONT);
    assert_eq!(json_of(&outcome(list, begun)), json!([]));
}

#[test]
fn list_explain_and_report() {
    let world = world();
    let said = world.say(["list"]);
    assert!(said.status.success() && said.stdout.contains("No sessions"), "{said:?}");
    assert_eq!(json_of(&world.say(["list", "--json"])), json!([]));

    let agent = FakeAgent::new();
    world.hook(&agent, &prompt_payload("one", "go"));
    let ask = json!({"tool_name": "Bash", "tool_input": {"command": "rm -rf target"}});
    world.hook(&agent, &payload("PermissionRequest", "one", &ask));
    let said = world.say([
        "report",
        "--agent",
        "mine",
        "--session",
        "two",
        "--status",
        "question",
        "--text",
        "which?",
    ]);
    assert!(said.status.success() && said.stdout.is_empty() && said.stderr.is_empty(), "{said:?}");
    let rows = json_of(&world.say(["list", "--json"]));
    let row = &rows[0];
    assert_eq!((&row["id"], &row["status"]), (&json!("one"), &json!("permission")));
    assert_eq!(row["request"]["text"], "rm -rf target");
    assert_eq!((&row["pid"], &row["name"]), (&json!(agent.pid()), &json!("shop")));
    assert_eq!(rows[1]["request"]["text"], "which?");
    let said = world.say(["list"]);
    assert!(
        said.stdout.contains("permission") && said.stdout.contains("rm -rf target"),
        "{said:?}"
    );

    let key = row["key"].as_str().unwrap();
    for word in [key, "shop", "one"] {
        let said = world.say(["explain", word]);
        assert!(said.stdout.contains("is permission"), "{said:?}");
        assert!(said.stdout.contains("hook:PermissionRequest"), "{said:?}");
    }
    let explained = json_of(&world.say(["explain", key, "--json"]));
    assert_eq!(explained["trail"][0]["source"], "hook:UserPromptSubmit");
    assert_eq!(world.say(["explain", "nobody"]).code(), Some(1));

    assert_eq!(world.say(["report", "--agent", "mine"]).code(), Some(2));
    let said = world.say([
        "report",
        "--agent",
        "a",
        "--session",
        "s",
        "--status",
        "idle",
        "--pid",
        "4194999",
    ]);
    assert_eq!((said.code(), said.stderr.contains("no process 4194999")), (Some(1), true));
}

#[test]
fn a_report_does_not_speak_as_a_supported_agent() {
    let world = world();
    let agent = FakeAgent::new();
    world.hook(&agent, &prompt_payload("s", "go"));
    let pid = agent.pid().to_string();
    for name in ["claude", "Claude", " claude", "cla\u{200b}ude"] {
        let said = world.say([
            "report",
            "--agent",
            name,
            "--session",
            "s",
            "--status",
            "closed",
            "--pid",
            &pid,
        ]);
        assert_eq!(said.code(), Some(2), "{said:?}");
        assert!(said.stderr.contains("claude is reserved for the hooks of claude"), "{said:?}");
    }
    let rows = json_of(&world.say(["list", "--json"]));
    assert_eq!((rows.as_array().unwrap().len(), &rows[0]["status"]), (1, &json!("working")));
}

#[test]
fn a_report_keeps_both_its_texts_or_says_that_it_cannot() {
    let world = world();
    for (status, shows_both) in [("question", true), ("working", false), ("done", false)] {
        let words = ["report", "--agent", "mine", "--session", "s", "--status", status];
        let said = world.say(words.iter().chain(&["--activity", "a database", "--text", "Which?"]));
        if shows_both {
            let row = json_of(&world.say(["list", "--json"]))[0].clone();
            assert_eq!(row["activity"], "a database");
            assert_eq!(row["request"]["text"], "Which?");
        } else {
            assert_eq!(said.code(), Some(2), "{said:?}");
            assert!(said.stderr.contains(&format!("{status} can show one")), "{said:?}");
        }
    }
}

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
fn watch_prints_each_change_and_ends_with_its_reader() {
    let world = world();
    let agent = FakeAgent::new();
    world.hook(&agent, &prompt_payload("s", "go"));
    let mut watch = Running::start(&world, ["watch", "--json"]);
    let first = watch.until(|row| row["id"] == "s");
    assert_eq!((&first["status"], &first["history"]), (&json!("working"), &Value::Null));
    let stop = json!({"last_assistant_message": "all done"});
    world.hook(&agent, &payload("Stop", "s", &stop));
    let done = watch.until(|row| row["status"] == "done");
    assert_eq!(done["transitions"][0]["status"], "done");

    // Nothing changes any more; its reader goes, and so does it.
    watch.lines = None;
    let mut status = None;
    eventually("it ends with its reader", || {
        status = watch.child.try_wait().unwrap();
        status.is_some()
    });
    assert!(status.unwrap().success());

    let mut plain = Running::start(&world, ["watch"]);
    assert!(plain.line().contains("shop"));

    // `watch | head -1`, as a shell does it.
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", r#""$1" watch --json | head -n 1"#, "sh", env!("CARGO_BIN_EXE_crewboard")]);
    shell.env_clear().env("HOME", world.home()).env("CREWBOARD_SOCKET", world.socket());
    shell.env("PATH", "/usr/bin:/bin").stdout(Stdio::piped()).stderr(Stdio::piped());
    let said = finish(shell, b"");
    assert_eq!((said.code(), said.stdout.lines().count(), said.stderr.as_str()), (Some(0), 1, ""));
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
fn watch_outlives_the_daemon_and_gives_its_rows_back() {
    let world = world();
    let (living, mut dying) = (FakeAgent::new(), FakeAgent::new());
    world.hook(&living, &prompt_payload("living", "go"));
    world.hook(&dying, &prompt_payload("dying", "go"));
    let mut watch = Running::start(&world, ["watch", "--json"]);
    let row = watch.until(|row| row["id"] == "living");
    let mut known = std::collections::BTreeSet::new();
    known.insert("living");
    let mut view = View::new(world.connect());
    view.until(|rows| rows.len() == 2 && rows.values().all(|row| row["confirmed"] == true));
    let former = world.daemon();
    // The agent's death comes before the new daemon or after, but never goes unnoticed.
    let begun = Instant::now();
    world.shoot_daemon();
    dying.kill();
    watch.until(|row| row["id"] == "dying" && row["status"] == "closed");
    crate::note(&format!("rows back and a death noticed {:?} after kill -9", begun.elapsed()));
    assert_ne!(world.daemon(), former);
    let rows = world.connect().list();
    let restored = rows.values().find(|row| row["id"] == "living").unwrap();
    assert_eq!(restored["key"], row["key"]);
    assert_eq!(restored["status"], "working");
    assert_eq!(restored["prompt"], "go");
    assert_eq!(rows.len(), 2);
    // And it follows on.
    let stop = json!({"last_assistant_message": "done"});
    world.hook(&living, &payload("Stop", "living", &stop));
    let done = watch.until(|row| row["id"] == "living" && row["status"] == "done");
    assert_eq!(done["key"], row["key"]);
}

#[test]
fn watch_survives_daemons_that_die_again_and_again() {
    let world = world();
    let agent = FakeAgent::new();
    world.hook(&agent, &prompt_payload("s", "0"));
    let mut watch = Running::start(&world, ["watch", "--json"]);
    watch.until(|row| row["id"] == "s");
    for round in 1..crate::rounds(8) {
        let shot = world.shoot_daemon();
        eventually("the dying one is gone", || shot.iter().all(|pid| is_dead(*pid)));
        let text = round.to_string();
        world.hook(&agent, &prompt_payload("s", &text));
        watch.until(|row| row["prompt"] == *text);
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
        "crewboard: the daemon runs this, with what it announces on standard input\n  \
         `crewboard notify --test` tries each way of telling you\n"
    );
    let said = world.say(["--version"]);
    assert_eq!(said.stdout, format!("crewboard {}\n", env!("CARGO_PKG_VERSION")));
    assert!(world.daemons().is_empty());
}

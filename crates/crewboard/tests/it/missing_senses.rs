//! What the system does not let the daemon watch is looked at when a view asks, and is said.

use crate::agent_files::Filing;
use crate::{assert_rests, prompt_payload, skip, world};
use crewboard_testkit::{FakeAgent, PATIENCE, World, eventually};
use serde_json::{Value, json};
use std::process::{Child, Command, Stdio};

/// A daemon to which the kernel refuses a system call.
struct Deprived {
    tracer: Child,
}

impl Deprived {
    /// Starts it in `world`; `None` where no process can be traced.
    fn start(world: &World, fault: &str) -> Option<Self> {
        let call = fault.split_once(':').unwrap().0;
        let traced = |words: &[&str]| {
            let mut command = Command::new("strace");
            command.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}")]);
            command.args(["-e", &format!("inject={fault}")]).args(words);
            command
        };
        let probe = traced(&["true"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !probe.is_ok_and(|status| status.success()) {
            skip("no process can be traced here with strace");
            return None;
        }
        let own = world.command(["daemon", "run"]);
        let mut command = traced(&[]);
        command.arg(own.get_program()).args(own.get_args()).env_clear();
        let variables = own.get_envs().filter_map(|(name, value)| Some((name, value?)));
        command.envs(variables).current_dir(world.home());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let daemon = command.spawn().unwrap();
        eventually("the daemon listens", || world.try_connect().is_some());
        Some(Self { tracer: daemon })
    }
}

impl Drop for Deprived {
    fn drop(&mut self) {
        let _ = self.tracer.kill();
        let _ = self.tracer.wait();
    }
}

/// What `daemon status` and the log say is missing: each once.
#[track_caller]
fn assert_said(world: &World, what: &str) {
    let status = world.say(["daemon", "status"]).stdout;
    assert_eq!(status.matches(&format!("degraded: {what}")).count(), 1, "{status}");
    let json: Value =
        serde_json::from_str(&world.say(["daemon", "status", "--json"]).stdout).unwrap();
    let listed = json["degraded"].as_array().unwrap();
    assert!(listed.iter().any(|line| line.as_str().unwrap().starts_with(what)), "{json}");
    let log = world.log();
    assert_eq!(log.matches(&format!("degraded: {what}")).count(), 1, "{log}");
}

#[test]
fn a_killed_agent_is_noticed_by_a_view_where_no_process_can_be_watched() {
    for error in ["ENOSYS", "EMFILE", "EPERM"] {
        let world = world();
        let Some(_daemon) = Deprived::start(&world, &format!("pidfd_open:error={error}")) else {
            return;
        };
        for words in
            [&["list", "--json"][..], &["wait", "s", "--until", "closed"], &["explain", "s"]]
        {
            let mut agent = FakeAgent::new();
            world.hook(&agent, &prompt_payload("s", "go"));
            let said = world.say(["list", "--json"]).stdout;
            let rows: Value = serde_json::from_str(&said).unwrap();
            let row = &rows.as_array().unwrap()[0];
            assert_eq!(row["status"], "working", "{row}");
            assert_eq!(row["unconfirmed"], "the end of its process is not watched", "{row}");
            let name = row["name"].as_str().unwrap();
            let explained = world.say(["explain", name]).stdout;
            assert!(explained.contains("the end of its process is not watched"), "{explained}");
            agent.kill();
            let words: Vec<&str> =
                words.iter().map(|word| if *word == "s" { name } else { word }).collect();
            let said = world.say(&words);
            assert!(said.took < PATIENCE / 2 && said.status.success(), "{words:?} {said:?}");
            let is_told = words[0] == "wait" || said.stdout.contains("closed");
            assert!(is_told, "{words:?} {said:?}");
        }
        assert_said(&world, "process watch unavailable");
    }
}

#[test]
fn a_daemon_that_cannot_watch_processes_still_rests() {
    let world = world();
    let Some(_daemon) = Deprived::start(&world, "pidfd_open:error=ENOSYS") else { return };
    let agent = FakeAgent::new();
    world.hook(&agent, &prompt_payload("s", "go"));
    eventually("the row is there", || world.connect().list().len() == 1);
    assert_rests(world.daemon());
}

#[test]
fn an_interrupt_is_noticed_by_a_view_where_no_file_can_be_watched() {
    for fault in ["inotify_add_watch:error=ENOSPC", "inotify_init1:error=EMFILE"] {
        let world = world();
        let Some(_daemon) = Deprived::start(&world, fault) else { return };
        let filing = Filing::new(&world, "s");
        filing.prompts(&world);
        let mut client = world.connect();
        client.await_events(1);
        let mut row = || client.list().into_values().next().unwrap();
        let reason = "its agent's session file is not watched";
        assert_eq!((&row()["status"], &row()["unconfirmed"]), (&json!("working"), &json!(reason)));
        filing.says("idle", "");
        eventually("a view sees it", || row()["status"] == "idle");
        assert_eq!((&row()["confirmed"], &row()["source"]), (&json!(false), &json!("file:idle")));
        filing.says("waiting", "permission prompt");
        eventually("a view sees the dialog", || row()["status"] == "permission");
        assert_said(&world, "file watch unavailable");
        // Looks that find nothing new are not told of.
        let key = row()["key"].clone();
        let trail = client.ask(json!({"type": "explain", "row": key}));
        assert!(trail["trail"].as_array().unwrap().len() < 12, "{trail}");
    }
}

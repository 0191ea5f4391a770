//! A daemon that cannot watch processes or files looks at them at each request, and says that it is degraded.

use crate::support::{AgentWithFile, assert_never_wakes, prompt_payload, world};
use crewboard_testkit::{FakeAgent, TIMEOUT, World, skip, wait_until, wrap_command};
use serde_json::{Value, json};
use std::process::{Child, Command, Stdio};

/// A daemon for which a system call fails.
struct RestrictedDaemon {
    tracer: Child,
}

impl RestrictedDaemon {
    /// Starts a daemon in `world`. Skips the test and returns `None` if strace cannot trace.
    fn start(world: &World, fault: &str) -> Option<Self> {
        let call = fault.split_once(':').unwrap().0;
        let (trace, inject) = (format!("trace={call}"), format!("inject={fault}"));
        let outer = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject];
        let traced = |command: &Command| wrap_command(&outer, command);
        let probe = traced(&world.command(["--version"]))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if !probe.is_ok_and(|status| status.success()) {
            skip("strace cannot trace here");
            return None;
        }
        let mut command = traced(&world.command(["daemon", "run"]));
        let daemon = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        wait_until("the daemon listens", || world.try_connect().is_some());
        Some(Self { tracer: daemon })
    }
}

impl Drop for RestrictedDaemon {
    fn drop(&mut self) {
        let _ = self.tracer.kill();
        let _ = self.tracer.wait();
    }
}

/// Asserts that `daemon status` and the log each name this degradation once.
#[track_caller]
fn assert_degraded(world: &World, what: &str) {
    let status = world.run(["daemon", "status"]).stdout;
    assert_eq!(status.matches(&format!("degraded: {what}")).count(), 1, "{status}");
    let json: Value =
        serde_json::from_str(&world.run(["daemon", "status", "--json"]).stdout).unwrap();
    let listed = json["degraded"].as_array().unwrap();
    assert!(listed.iter().any(|line| line.as_str().unwrap().starts_with(what)), "{json}");
    let log = world.log();
    assert_eq!(log.matches(&format!("degraded: {what}")).count(), 1, "{log}");
}

#[test]
fn request_notices_a_killed_agent_without_pidfds() {
    for error in ["ENOSYS", "EMFILE", "EPERM"] {
        let world = world();
        let Some(_daemon) = RestrictedDaemon::start(&world, &format!("pidfd_open:error={error}"))
        else {
            return;
        };
        for words in
            [&["list", "--json"][..], &["wait", "s", "--until", "closed"], &["explain", "s"]]
        {
            let mut agent = FakeAgent::new();
            world.run_hook(&agent, &prompt_payload("s", "go"));
            let output = world.run(["list", "--json"]).stdout;
            let rows: Value = serde_json::from_str(&output).unwrap();
            let row = &rows.as_array().unwrap()[0];
            assert_eq!(row["status"], "working", "{row}");
            assert_eq!(row["unconfirmed"], "the end of its process is not watched", "{row}");
            let name = row["name"].as_str().unwrap();
            let explained = world.run(["explain", name]).stdout;
            assert!(explained.contains("the end of its process is not watched"), "{explained}");
            agent.kill();
            let words: Vec<&str> =
                words.iter().map(|word| if *word == "s" { name } else { word }).collect();
            let output = world.run(&words);
            assert!(
                output.elapsed < TIMEOUT / 2 && output.status.success(),
                "{words:?} {output:?}"
            );
            let names_the_end = words[0] == "wait" || output.stdout.contains("closed");
            assert!(names_the_end, "{words:?} {output:?}");
        }
        assert_degraded(&world, "process watch unavailable");
    }
}

#[test]
fn daemon_without_pidfds_still_idles() {
    let world = world();
    let Some(_daemon) = RestrictedDaemon::start(&world, "pidfd_open:error=ENOSYS") else { return };
    let agent = FakeAgent::new();
    world.run_hook(&agent, &prompt_payload("s", "go"));
    wait_until("the row appears", || world.connect().list().len() == 1);
    assert_never_wakes(world.daemon());
}

#[test]
fn request_notices_an_interrupt_without_inotify() {
    for fault in ["inotify_add_watch:error=ENOSPC", "inotify_init1:error=EMFILE"] {
        let world = world();
        let Some(_daemon) = RestrictedDaemon::start(&world, fault) else { return };
        let agent = AgentWithFile::new(&world, "s");
        agent.send_prompt(&world);
        let mut client = world.connect();
        client.wait_for_events(1);
        let mut row = || client.list().into_values().next().unwrap();
        let reason = "its agent's session file is not watched";
        assert_eq!((&row()["status"], &row()["unconfirmed"]), (&json!("working"), &json!(reason)));
        agent.write_status("idle", "");
        wait_until("a list shows the idle agent", || row()["status"] == "idle");
        assert_eq!((&row()["confirmed"], &row()["source"]), (&json!(false), &json!("file:idle")));
        agent.write_status("waiting", "permission prompt");
        wait_until("a list shows the dialog", || row()["status"] == "permission");
        assert_degraded(&world, "file watch unavailable");
        // Looks without a result add nothing to the trail.
        let key = row()["key"].clone();
        let trail = client.request(json!({"type": "explain", "row": key}));
        assert!(trail["trail"].as_array().unwrap().len() < 12, "{trail}");
    }
}

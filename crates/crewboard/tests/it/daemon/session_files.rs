//! Statuses that the daemon reads from session files and transcripts.

mod broken_files;
mod foreign_agents;
mod headless;
mod startup_dialogs;
mod transcripts;

use crate::support::{
    AgentWithFile, AgentWithTranscript, assert_never_wakes, is_watched, note, payload,
    prompt_payload, world,
};
use crewboard_agents::AGENTS;
use crewboard_testkit::{FakeAgent, Subscription, signal, wait_until};
use rustix::process::Signal;
use serde_json::json;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Instant;

fn ask_payload(id: &str) -> String {
    let input = json!({ "command": "make" });
    payload("PermissionRequest", id, &json!({ "tool_name": "Bash", "tool_input": input }))
}

#[test]
fn session_file_shows_approvals_and_interrupts() {
    let world = world();
    let mut subscription = Subscription::new(world.start_daemon());
    let agent = AgentWithFile::new(&world, "s");
    agent.send_prompt(&world);
    subscription.wait_for_row("s", |row| row["status"] == "working" && row["confirmed"] == true);

    world.run_hook(&agent.process, &ask_payload("s"));
    agent.write_status("waiting", "permission prompt");
    subscription.wait_for_row("s", |row| row["status"] == "permission");
    let granted = Instant::now();
    agent.write_status("busy", "");
    let row = subscription.wait_for_row("s", |row| row["status"] == "working");
    note(&format!("a grant was shown {:?} after it was written", granted.elapsed()));
    assert_eq!(row["source"], "file:busy");

    let interrupted = Instant::now();
    agent.write_status("idle", "");
    let row = subscription.wait_for_row("s", |row| row["status"] == "idle");
    note(&format!("an interrupt was shown {:?} after it was written", interrupted.elapsed()));
    assert_eq!((&row["source"], &row["needs_you"]), (&json!("file:idle"), &json!(false)));

    agent.send_prompt(&world);
    world.run_hook(&agent.process, &ask_payload("s"));
    agent.write_status("waiting", "permission prompt");
    subscription.wait_for_row("s", |row| row["status"] == "permission");
    agent.write_status("idle", "");
    subscription.wait_for_row("s", |row| row["status"] == "idle" && row["request"].is_null());
}

/// Unknown statuses, fields and events leave the row as it is.
#[test]
fn client_newer_than_the_newest_tried_is_served_and_named() {
    let world = world();
    let mut subscription = Subscription::new(world.start_daemon());
    let agent = AgentWithFile::new(&world, "newer");
    agent.send_prompt(&world);
    subscription
        .wait_for_row("newer", |row| row["status"] == "working" && row["agent_version"].is_null());
    let write_status = |status: &str| {
        let mut text = agent.text(status, "");
        text["version"] = json!("2.1.9999");
        text["dreams"] = json!([{ "of": "sheep" }]);
        text["nameSource"] = json!({ "kind": "model" });
        agent.write_file(&text);
    };
    write_status("dreaming");
    let row = subscription.wait_for_row("newer", |row| row["agent_version"] == "2.1.9999");
    assert_eq!(row["status"], "working");
    let input = json!({ "command": "make" });
    let fields = json!({ "tool_name": "Bash", "tool_input": input, "command_source": "skill" });
    // The call fails unless the hook succeeds without output.
    world.run_hook(&agent.process, &payload("PreSkillShellCommand", "newer", &fields));
    world.run_hook(&agent.process, &ask_payload("newer"));
    subscription.wait_for_row("newer", |row| row["status"] == "permission");
    write_status("idle");
    subscription.wait_for_row("newer", |row| row["status"] == "idle");
    let explained = world.run(["explain", "newer"]).stdout;
    let expected = format!(
        "\nIt runs claude 2.1.9999 (newer than {}, the newest tried).\n",
        AGENTS[0].newest_tested
    );
    assert!(explained.contains(&expected), "{explained}");
    assert!(world.run(["list", "--json"]).stdout.contains(r#""agent_version": "2.1.9999""#));
}

#[test]
fn removed_session_file_is_an_exit_and_a_kept_one_a_kill() {
    let world = world();
    let mut subscription = Subscription::new(world.start_daemon());
    let mut leaves = AgentWithFile::new(&world, "leaves");
    leaves.send_prompt(&world);
    subscription.wait_for_row("leaves", |row| row["confirmed"] == true);
    fs::remove_file(&leaves.path).unwrap();
    let row = subscription.wait_for_row("leaves", |row| row["status"] == "closed");
    assert_eq!((&row["end"], &row["source"]), (&json!("exit"), &json!("file:removed")));
    leaves.process.kill();

    let mut dies = AgentWithFile::new(&world, "dies");
    dies.send_prompt(&world);
    subscription.wait_for_row("dies", |row| row["confirmed"] == true);
    dies.process.kill();
    let row = subscription.wait_for_row("dies", |row| row["status"] == "closed");
    assert_eq!((&row["end"], &row["source"]), (&json!("killed"), &json!("process:exited")));
}

#[test]
fn agents_started_before_the_daemon_are_found() {
    let world = world();
    let asks = AgentWithFile::new(&world, "asks");
    asks.write_status("waiting", "permission prompt");
    let works = AgentWithFile::new(&world, "works");
    works.write_status("busy", "");
    let mut gone = AgentWithFile::new(&world, "gone");
    gone.write_status("busy", "");
    gone.process.kill();
    let mut subscription = Subscription::new(world.start_daemon());
    subscription.wait_for_row("works", |row| row["status"] == "working");
    let row = subscription.wait_for_row("asks", |row| row["status"] == "permission");
    assert_eq!((&row["pid"], &row["name"]), (&json!(asks.process.pid()), &json!("shop")));
    assert!(subscription.rows.values().all(|row| row["id"] != "gone"), "{:?}", subscription.rows);
}

#[test]
fn unproven_session_file_is_ignored() {
    let world = world();
    let mut subscription = Subscription::new(world.start_daemon());
    // The files are a link, of another pid namespace, of another process with that pid, and missing.
    let linked = AgentWithFile::new(&world, "linked");
    let elsewhere = world.path().join("elsewhere.json");
    fs::write(&elsewhere, linked.text("idle", "").to_string()).unwrap();
    fs::create_dir_all(linked.path.parent().unwrap()).unwrap();
    symlink(&elsewhere, &linked.path).unwrap();
    let foreign = AgentWithFile::new(&world, "foreign");
    let mut text = foreign.text("idle", "");
    text["pidDomain"] = json!("linux:0000:pid:[1]");
    foreign.write_file(&text);
    let reused = AgentWithFile::new(&world, "reused");
    let mut text = reused.text("idle", "");
    text["procStart"] = json!("1");
    reused.write_file(&text);
    let none = AgentWithFile::new(&world, "none");
    for agent in [&linked, &foreign, &reused, &none] {
        world.run_hook(&agent.process, &prompt_payload(agent.session, "go"));
        let row = subscription.wait_for_row(agent.session, |row| row["status"] == "working");
        assert_eq!(row["confirmed"], false, "{row}");
    }
    // The daemon has read the other files when it has read this valid file.
    let good = AgentWithFile::new(&world, "good");
    good.send_prompt(&world);
    good.write_status("idle", "");
    subscription.wait_for_row("good", |row| row["status"] == "idle");
    for agent in [&linked, &foreign, &reused, &none] {
        assert_eq!(subscription.wait_for_row(agent.session, |_| true)["status"], "working");
    }
}

#[test]
fn ten_idle_agents_never_wake_the_daemon() {
    let world = world();
    let mut subscription = Subscription::new(world.start_daemon());
    let sessions = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
    let agents = sessions.map(|session| AgentWithFile::new(&world, session));
    for agent in &agents {
        agent.write_status("idle", "");
        subscription
            .wait_for_row(agent.session, |row| row["status"] == "idle" && row["confirmed"] == true);
    }
    subscription.client.hello();
    assert_never_wakes(world.daemon());
    agents[3].write_status("busy", "");
    subscription.wait_for_row("d", |row| row["status"] == "working");
}

/// No hook reports Ctrl-Z, so the daemon looks at each list request.
#[test]
fn list_shows_a_suspended_agent() {
    let world = world();
    let agent = FakeAgent::new();
    world.run_hook(&agent, &prompt_payload("s", "go"));
    let mut client = world.connect();
    client.wait_for_events(1);
    for (sent, stopped) in [(Signal::STOP, true), (Signal::CONT, false)] {
        signal(agent.pid(), sent);
        wait_until("the list shows the state of the process", || {
            client.list().values().all(|row| row["stopped"] == stopped)
        });
    }
}

/// A user has only 128 instances. The kernel has one watch for the home directory, which the configuration and the
/// session files both wait in until their own directories exist.
#[test]
fn daemon_has_one_inotify_instance_for_all_watches() {
    let world = world();
    let mut subscription = Subscription::new(world.start_daemon());
    let daemon = world.daemon();
    let instances = || {
        let links = fs::read_dir(format!("/proc/{daemon}/fd")).unwrap().flatten();
        let names = links.filter_map(|link| fs::read_link(link.path()).ok());
        names.filter(|name| name == Path::new("anon_inode:inotify")).count()
    };
    assert!(is_watched(daemon, &world.home()));
    assert_eq!(instances(), 1);

    let config = world.home().join(".config/crewboard");
    fs::create_dir_all(&config).unwrap();
    wait_until("the configuration is watched", || is_watched(daemon, &config));
    let agent = AgentWithFile::new(&world, "a");
    agent.send_prompt(&world);
    subscription.wait_for_row("a", |row| row["status"] == "working" && row["confirmed"] == true);
    let other = AgentWithTranscript::new(&world, "b");
    other.write_user_line("go");
    other.send_prompt(&world, "go");
    wait_until("the transcript is watched", || is_watched(daemon, &other.path));
    for path in [&world.socket_directory(), agent.path.parent().unwrap(), &config] {
        assert!(is_watched(daemon, path), "{}", path.display());
    }
    assert_eq!(instances(), 1);

    // Each kind of watch still reports its own changes.
    agent.write_status("idle", "");
    subscription.wait_for_row("a", |row| row["status"] == "idle");
    other.write_interrupt();
    subscription.wait_for_row("b", |row| row["status"] == "idle");
    fs::write(config.join("config.toml"), "nonsense = 1\n").unwrap();
    wait_until("the configuration is read", || world.log().contains("configuration: "));
    fs::remove_file(world.socket()).unwrap();
    wait_until("the socket is back", || world.try_connect().is_some());
    assert_eq!((world.daemon(), instances()), (daemon, 1));
}

//! What the agent's own files tell and no hook does, through the real daemon and the kernel's own word.

mod broken;
mod elsewhere;
mod filing;
mod led;
mod starting;
mod transcripts;

use crate::{assert_rests, note, payload, prompt_payload, world};
use crewboard_integrations::agents::claude::NEWEST_TRIED;
use crewboard_testkit::{FakeAgent, View, eventually};
pub(crate) use filing::Filing;
use rustix::process::Signal;
use serde_json::json;
use std::fs;
use std::os::unix::fs::symlink;
use std::time::Instant;

fn ask_payload(id: &str) -> String {
    let input = json!({ "command": "make" });
    payload("PermissionRequest", id, &json!({ "tool_name": "Bash", "tool_input": input }))
}

#[test]
fn an_interrupt_a_grant_and_a_refusal_are_seen() {
    let world = world();
    let mut view = View::new(world.start());
    let filing = Filing::new(&world, "s");
    filing.prompts(&world);
    view.until_row("s", |row| row["status"] == "working" && row["confirmed"] == true);

    world.hook(&filing.agent, &ask_payload("s"));
    filing.says("waiting", "permission prompt");
    view.until_row("s", |row| row["status"] == "permission");
    let granted = Instant::now();
    filing.says("busy", "");
    let row = view.until_row("s", |row| row["status"] == "working");
    note(&format!("a grant was shown {:?} after it was written", granted.elapsed()));
    assert_eq!(row["source"], "file:busy");

    let interrupted = Instant::now();
    filing.says("idle", "");
    let row = view.until_row("s", |row| row["status"] == "idle");
    note(&format!("an interrupt was shown {:?} after it was written", interrupted.elapsed()));
    assert_eq!((&row["source"], &row["needs_you"]), (&json!("file:idle"), &json!(false)));

    filing.prompts(&world);
    world.hook(&filing.agent, &ask_payload("s"));
    filing.says("waiting", "permission prompt");
    view.until_row("s", |row| row["status"] == "permission");
    filing.says("idle", "");
    view.until_row("s", |row| row["status"] == "idle" && row["request"].is_null());
}

/// An unknown status, fields of other types and an event that is not known take nothing from the row.
#[test]
fn client_newer_than_the_newest_tried_is_served_and_named() {
    let world = world();
    let mut view = View::new(world.start());
    let filing = Filing::new(&world, "newer");
    filing.prompts(&world);
    view.until_row("newer", |row| row["status"] == "working" && row["agent_version"].is_null());
    let says = |status: &str| {
        let mut text = filing.text(status, "");
        text["version"] = json!("2.1.9999");
        text["dreams"] = json!([{ "of": "sheep" }]);
        text["nameSource"] = json!({ "kind": "model" });
        filing.writes(&text);
    };
    says("dreaming");
    let row = view.until_row("newer", |row| row["agent_version"] == "2.1.9999");
    assert_eq!(row["status"], "working");
    let input = json!({ "command": "make" });
    let news = json!({ "tool_name": "Bash", "tool_input": input, "command_source": "skill" });
    // It fails unless the hook succeeds in silence.
    world.hook(&filing.agent, &payload("PreSkillShellCommand", "newer", &news));
    world.hook(&filing.agent, &ask_payload("newer"));
    view.until_row("newer", |row| row["status"] == "permission");
    says("idle");
    view.until_row("newer", |row| row["status"] == "idle");
    let explained = world.say(["explain", "newer"]).stdout;
    let expected =
        format!("\nIt runs claude 2.1.9999 (newer than {NEWEST_TRIED}, the newest tried).\n");
    assert!(explained.contains(&expected), "{explained}");
    assert!(world.say(["list", "--json"]).stdout.contains(r#""agent_version": "2.1.9999""#));
}

#[test]
fn the_users_own_sessions_are_none_of_the_demos() {
    let world = world();
    let own = Filing::new(&world, "own");
    own.says("busy", "");
    let list = |words: &[&str]| world.say(words).stdout;
    assert!(list(&["list", "--json"]).contains(r#""id": "own""#));
    let demo = list(&["demo", "--json", "--at", "0"]);
    assert!(demo.contains(r#""name": "webshop""#) && !demo.contains(r#""id": "own""#), "{demo}");
}

#[test]
fn one_that_takes_its_file_away_left_and_one_that_leaves_it_was_killed() {
    let world = world();
    let mut view = View::new(world.start());
    let mut leaves = Filing::new(&world, "leaves");
    leaves.prompts(&world);
    view.until_row("leaves", |row| row["confirmed"] == true);
    fs::remove_file(&leaves.path).unwrap();
    let row = view.until_row("leaves", |row| row["status"] == "closed");
    assert_eq!((&row["end"], &row["source"]), (&json!("exit"), &json!("file:removed")));
    leaves.agent.kill();

    let mut dies = Filing::new(&world, "dies");
    dies.prompts(&world);
    view.until_row("dies", |row| row["confirmed"] == true);
    dies.agent.kill();
    let row = view.until_row("dies", |row| row["status"] == "closed");
    assert_eq!((&row["end"], &row["source"]), (&json!("killed"), &json!("process:exited")));
}

#[test]
fn agents_that_ran_before_the_daemon_are_there_at_once() {
    let world = world();
    let asks = Filing::new(&world, "asks");
    asks.says("waiting", "permission prompt");
    let works = Filing::new(&world, "works");
    works.says("busy", "");
    let mut gone = Filing::new(&world, "gone");
    gone.says("busy", "");
    gone.agent.kill();
    let mut view = View::new(world.start());
    view.until_row("works", |row| row["status"] == "working");
    let row = view.until_row("asks", |row| row["status"] == "permission");
    assert_eq!((&row["pid"], &row["name"]), (&json!(asks.agent.pid()), &json!("shop")));
    assert!(view.rows.values().all(|row| row["id"] != "gone"), "{:?}", view.rows);
}

#[test]
fn files_that_prove_nothing_are_not_believed() {
    let world = world();
    let mut view = View::new(world.start());
    // A link, another pid namespace, another process of that number, and no file at all.
    let linked = Filing::new(&world, "linked");
    let elsewhere = world.path().join("elsewhere.json");
    fs::write(&elsewhere, linked.text("idle", "").to_string()).unwrap();
    fs::create_dir_all(linked.path.parent().unwrap()).unwrap();
    symlink(&elsewhere, &linked.path).unwrap();
    let foreign = Filing::new(&world, "foreign");
    let mut text = foreign.text("idle", "");
    text["pidDomain"] = json!("linux:0000:pid:[1]");
    foreign.writes(&text);
    let reused = Filing::new(&world, "reused");
    let mut text = reused.text("idle", "");
    text["procStart"] = json!("1");
    reused.writes(&text);
    let none = Filing::new(&world, "none");
    for filing in [&linked, &foreign, &reused, &none] {
        world.hook(&filing.agent, &prompt_payload(filing.session, "go"));
        let row = view.until_row(filing.session, |row| row["status"] == "working");
        assert_eq!(row["confirmed"], false, "{row}");
    }
    // One that is believed comes last, so that all before it were looked at.
    let good = Filing::new(&world, "good");
    good.prompts(&world);
    good.says("idle", "");
    view.until_row("good", |row| row["status"] == "idle");
    for filing in [&linked, &foreign, &reused, &none] {
        assert_eq!(view.until_row(filing.session, |_| true)["status"], "working");
    }
}

#[test]
fn ten_idle_agents_with_files_wake_nobody() {
    let world = world();
    let mut view = View::new(world.start());
    let sessions = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
    let filings = sessions.map(|session| Filing::new(&world, session));
    for filing in &filings {
        filing.says("idle", "");
        view.until_row(filing.session, |row| row["status"] == "idle" && row["confirmed"] == true);
    }
    view.client.hello();
    assert_rests(world.daemon());
    filings[3].says("busy", "");
    view.until_row("d", |row| row["status"] == "working");
}

/// Nothing is told of Ctrl-Z; whoever asks sees it.
#[test]
fn a_suspended_agent_is_seen_by_whoever_asks() {
    let world = world();
    let agent = FakeAgent::new();
    world.hook(&agent, &prompt_payload("s", "go"));
    let mut client = world.connect();
    client.await_events(1);
    for (signal, stopped) in [(Signal::STOP, true), (Signal::CONT, false)] {
        crewboard_testkit::signal(agent.pid(), signal);
        eventually("the list tells", || {
            client.list().values().all(|row| row["stopped"] == stopped)
        });
    }
}

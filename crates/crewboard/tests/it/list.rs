//! `crewboard list` and `crewboard explain`.

use crate::{json_of, payload, prompt_payload, world};
use crewboard_testkit::{FakeAgent, eventually, outcome, signal};
use rustix::process::Signal;
use serde_json::json;
use std::fs;
use std::time::Instant;

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

//! `crewboard report`.

use crate::support::{prompt_payload, world};
use crewboard_testkit::FakeAgent;
use serde_json::json;

#[test]
fn report_adds_a_row_and_refuses_wrong_arguments() {
    let world = world();
    let words = ["report", "--agent", "mine", "--session", "two", "--status", "question"];
    let output = world.run(words.iter().chain(&["--text", "which?"]));
    output.assert_silent();
    assert_eq!(world.list()[0]["request"]["text"], "which?");

    assert_eq!(world.run(["report", "--agent", "mine"]).code(), Some(2));
    let words = ["report", "--agent", "a", "--session", "s", "--status", "idle"];
    let output = world.run(words.iter().chain(&["--pid", "4194999"]));
    assert_eq!((output.code(), output.stderr.contains("no process 4194999")), (Some(1), true));
}

#[test]
fn report_refuses_the_name_of_a_supported_agent() {
    let world = world();
    let agent = FakeAgent::new();
    world.run_hook(&agent, &prompt_payload("s", "go"));
    let pid = agent.pid().to_string();
    for name in ["claude", "Claude", " claude", "cla\u{200b}ude"] {
        let output = world.run([
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
        assert_eq!(output.code(), Some(2), "{output:?}");
        assert!(output.stderr.contains("claude is reserved for the hooks of claude"), "{output:?}");
    }
    let rows = world.run(["list", "--json"]).json();
    assert_eq!((rows.as_array().unwrap().len(), &rows[0]["status"]), (1, &json!("working")));
}

#[test]
fn report_keeps_both_texts_or_refuses_them() {
    let world = world();
    for (status, shows_both) in [("question", true), ("working", false), ("done", false)] {
        let words = ["report", "--agent", "mine", "--session", "s", "--status", status];
        let output =
            world.run(words.iter().chain(&["--activity", "a database", "--text", "Which?"]));
        if shows_both {
            let row = world.list()[0].clone();
            assert_eq!(row["activity"], "a database");
            assert_eq!(row["request"]["text"], "Which?");
        } else {
            assert_eq!(output.code(), Some(2), "{output:?}");
            assert!(output.stderr.contains(&format!("status {status} takes either")), "{output:?}");
        }
    }
}

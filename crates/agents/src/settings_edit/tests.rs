use proptest::prelude::*;

use super::*;

fn is_ours(handler: &Handler) -> bool {
    handler.command.ends_with("crewboard")
}

fn entries_of(program: &str, events: &[&str]) -> Vec<Entry> {
    let handler = Handler {
        command: program.to_owned(),
        args: Some(vec!["hook".to_owned()]),
        timeout: Some(5),
    };
    events
        .iter()
        .map(|&event| Entry { event: event.to_owned(), handler: handler.clone() })
        .collect()
}

fn entries() -> Vec<Entry> {
    entries_of("/bin/crewboard", &["Stop", "Start"])
}

fn added(text: &str) -> String {
    let after = add(text, &entries(), is_ours).unwrap();
    assert_eq!(add(&after, &entries(), is_ours).unwrap(), after, "a second add changes nothing");
    assert_eq!(find(&after, is_ours).unwrap().len(), 2, "{after}");
    after
}

/// Adds the entries, compares, and removes them again.
fn check(before: &str, after: &str) {
    assert_eq!(added(before), after);
    assert_eq!(remove(after, is_ours, "").unwrap(), before, "remove reverts add");
}

const STOP: &str =
    r#"{"hooks":[{"type":"command","command":"/bin/crewboard","args":["hook"],"timeout":5}]}"#;

#[test]
fn add_writes_a_whole_object_into_an_empty_file() {
    let whole = r#"{
  "hooks": {
    "Stop": [{"hooks": [{"type": "command", "command": "/bin/crewboard", "args": ["hook"], "timeout": 5}]}],
    "Start": [{"hooks": [{"type": "command", "command": "/bin/crewboard", "args": ["hook"], "timeout": 5}]}]
  }
}
"#;
    for before in ["", " \n\t\n", "{}\n", "{ }\n", "{\n}\n"] {
        assert_eq!(added(before), whole, "{before:?}");
    }
    assert_eq!(added("{}"), whole.trim_end());
    assert_eq!(added("\u{feff}"), format!("\u{feff}{whole}"));
    assert_eq!(added("// mine\n"), format!("// mine\n{whole}"));
    assert_eq!(remove(whole, is_ours, "").unwrap(), "{}\n");
}

#[test]
fn minified_file_stays_minified() {
    check(r#"{"a":1}"#, &format!(r#"{{"a":1,"hooks":{{"Stop":[{STOP}],"Start":[{STOP}]}}}}"#));
    let theirs = r#"{"hooks":{"Stop":[{"hooks":[{"type":"command","command":"x"}]}]}}"#;
    let after = format!(
        r#"{{"hooks":{{"Stop":[{{"hooks":[{{"type":"command","command":"x"}}]}},{STOP}],"Start":[{STOP}]}}}}"#
    );
    check(theirs, &after);
    let spaced = added(r#"{"a": 1, "b": 2}"#);
    assert!(spaced.starts_with(r#"{"a": 1, "b": 2, "hooks": {"Stop": [{"hooks": "#), "{spaced}");
}

#[test]
fn remove_keeps_containers_of_the_original() {
    for original in [
        r#"{"hooks":{}}"#,
        r#"{"a":1,"hooks":{"Stop":[]}}"#,
        "{\n  \"a\": 1,\n  \"hooks\": {}\n}\n",
        "{\n  \"hooks\": {\"Stop\": [], \"Other\": []},\n  \"a\": 1\n}\n",
    ] {
        let edit = |text: &str| text.replace(['1', '2'], "3");
        let after = remove(&edit(&added(original)), is_ours, original).unwrap();
        assert_eq!(after, edit(original));
    }
}

#[test]
fn add_and_remove_keep_every_other_byte() {
    for before in [
        "{\n  \"a\": 1\n}",
        "{\n    \"a\": 1,\n    \"b\": [1,2 , 3]\n}\n",
        "{\r\n\t\"a\": 1\r\n}\r\n",
        "\u{feff}{\r\n  \"a\": 1, // why\r\n}\r\n",
        "// head\n{ // open\n  \"a\": 1, // why\n  // tail\n}\n// foot",
        "{\n  \"a\": 1 /* why\n over two lines */\n}\n",
        "{\n  \"a\": 1 // no comma\n\n\n}\n",
        "{\"a\": 1 // same line\n}",
        "{ \"a\": 1,\n  \"b\": 2 }",
        "{\n  \"a\": {\"b\":[]}, \"c\": \"\\u00e9 é 日本 ]}\"}",
        "{\n  \"hooks\": {\n    \"Stop\": [\n      { \"matcher\": \"x\", \"hooks\": [] }\n    ]\n  },\n  \"z\": 0\n}\n",
        "{\n\t\"hooks\": {\n\t\t\"Other\": [ {\"hooks\": [{\"type\": \"command\", \"command\": \"y\"},]}, ],\n\t},\n}\n",
        "{\n  \"hooks\": { \"Stop\": [{\"hooks\": []}] }\n}",
        "{\"hooks\":{\"Stop\":[\"odd\", 7, {\"hooks\":3}]}}",
    ] {
        let after = added(before);
        assert_eq!(remove(&after, is_ours, "").unwrap(), before, "after {after}");
        let line_ends = after.matches("\r\n").count();
        assert!([0, after.matches('\n').count()].contains(&line_ends), "{after}");
    }
}

#[test]
fn add_uses_the_files_own_indentation() {
    assert!(added("{\n\t\"a\": 1\n}").contains("\n\t\"hooks\": {\n\t\t\"Stop\": [{"));
    assert!(added("{\n    \"a\": 1\n}").contains("\n    \"hooks\": {\n        \"Stop\": [{"));
    assert!(added("{\n    \"hooks\": {}\n}").contains("\n        \"Stop\": [{"));
    // A trailing comma is the style of the file.
    assert!(added("{\n  \"a\": 1,\n}").ends_with("  },\n}"));
}

#[test]
fn moved_program_is_replaced_in_place() {
    let before = added("{\n  \"a\": 1\n}\n");
    let moved = add(&before, &entries_of("/opt/crewboard", &["Stop", "Start"]), is_ours).unwrap();
    assert_eq!(moved, before.replace("/bin/crewboard", "/opt/crewboard"));
    let minified = added(r#"{"a":1}"#);
    let moved = add(&minified, &entries_of("/opt/crewboard", &["Stop", "Start"]), is_ours).unwrap();
    assert_eq!(moved, minified.replace("/bin/crewboard", "/opt/crewboard"));
}

#[test]
fn add_replaces_events_that_are_not_in_the_list() {
    let before = added("{\n  \"a\": 1\n}\n");
    let after = add(&before, &entries_of("/bin/crewboard", &["Start", "New"]), is_ours).unwrap();
    let events: Vec<_> = find(&after, is_ours).unwrap().into_iter().map(|e| e.event).collect();
    assert_eq!(events, ["Start", "New"]);
    assert_eq!(remove(&after, is_ours, "").unwrap(), "{\n  \"a\": 1\n}\n");
}

#[test]
fn add_removes_duplicates_and_matchers() {
    let ours = r#"{"type":"command","command":"/bin/crewboard","args":["hook"],"timeout":5}"#;
    for group in [
        format!(r#"{{"hooks":[{ours},{ours}]}},{{"hooks":[{ours}]}}"#),
        format!(r#"{{"matcher":"Bash","hooks":[{ours}]}}"#),
    ] {
        let before = format!(r#"{{"a":1,"hooks":{{"Stop":[{group}]}}}}"#);
        assert_eq!(
            added(&before),
            format!(r#"{{"a":1,"hooks":{{"Stop":[{STOP}],"Start":[{STOP}]}}}}"#)
        );
    }
}

#[test]
fn remove_keeps_other_handlers_of_a_group() {
    let ours = r#"{"type":"command","command":"/bin/crewboard"}"#;
    let theirs = r#"{"type":"command","command":"x"}"#;
    for (before, after) in [
        (format!("[{ours}, {theirs}]"), format!("[{theirs}]")),
        (format!("[{theirs}, {ours}]"), format!("[{theirs}]")),
        (format!("[{theirs}, {ours}, {ours}]"), format!("[{theirs}]")),
        (format!("[{theirs}, {ours}, {theirs}]"), format!("[{theirs}, {theirs}]")),
        (format!("[{ours}, {ours}, {theirs}]"), format!("[{theirs}]")),
        (format!("[\n {ours},\n {theirs},\n]"), format!("[\n {theirs},\n]")),
        (format!("[\n {theirs},\n {ours},\n]"), format!("[\n {theirs},\n]")),
        (format!("[\n {theirs}, // t\n {ours} // o\n]"), format!("[\n {theirs} // t\n // o\n]")),
        (format!("[\n // o\n {ours} ]"), "[\n // o\n ]".to_owned()),
        (format!("[{theirs}, // t\n {ours} ]"), format!("[{theirs} // t\n ]")),
        (format!("[{ours} /* o */, {theirs}]"), format!("[ /* o */ {theirs}]")),
    ] {
        let wrap = |handlers: &str| {
            format!(
                "{{\"hooks\": {{\"Stop\": [{{\"matcher\": \"Bash\", \"hooks\": {handlers}}}]}}}}"
            )
        };
        assert_eq!(remove(&wrap(&before), is_ours, "").unwrap(), wrap(&after), "{before}");
    }
}

#[test]
fn remove_keeps_empty_lists_of_other_events() {
    let before =
        r#"{"hooks":{"Other":[],"Stop":[{"hooks":[{"type":"command","command":"crewboard"}]}]}}"#;
    assert_eq!(remove(before, is_ours, "").unwrap(), r#"{"hooks":{"Other":[]}}"#);
}

#[test]
fn remove_changes_nothing_without_our_entries() {
    for text in ["", "{}", "{ }", "{\"hooks\": {}}", "// c\n", "{\"hooks\":{\"Stop\":[]}}"] {
        assert_eq!(remove(text, is_ours, "").unwrap(), text);
    }
}

#[test]
fn invalid_text_is_an_error_with_its_position() {
    for (text, message) in [
        (
            "{\n  \"a\": 1\n  \"b\": 2\n}",
            "line 2, column 9: this is not valid JSON: expected comma",
        ),
        (
            "{\n  'a': 1\n}",
            "line 2, column 3: this is not valid JSON: single-quoted strings are not allowed",
        ),
        ("{\"a\": 1", "line 1, column 1: this is not valid JSON: unterminated object"),
        ("[]", "line 1, column 1: the settings should be an object, but is an array"),
        (
            "{\"é\": 1, \"hooks\": []}",
            "line 1, column 19: \"hooks\" should be an object, but is an array",
        ),
        ("{\"hooks\": null}", "line 1, column 11: \"hooks\" should be an object, but is null"),
        (
            "{\"hooks\": {\n\"Stop\": {}}}",
            "line 2, column 9: the list of hooks of \"Stop\" should be an array, but is an object",
        ),
        (
            "{\"hooks\": {},\n \"hooks\": {}}",
            "line 2, column 2: \"hooks\" appears twice; keep one of the two",
        ),
        (
            "{\"hooks\": {\"Stop\": [], \"\\u0053top\": []}}",
            "line 1, column 24: \"Stop\" appears twice; keep one of the two",
        ),
        (
            "{\"hooks\":{\"A\":[{\"hooks\":[],\"hooks\":[]}]}}",
            "line 1, column 28: \"hooks\" appears twice; keep one of the two",
        ),
    ] {
        assert_eq!(add(text, &entries(), is_ours).unwrap_err().to_string(), message);
        assert!(remove(text, is_ours, "").is_err());
    }
    // A duplicate key elsewhere does not make the edit ambiguous.
    assert!(add("{\"a\": 1, \"a\": 2}", &entries(), is_ours).is_ok());
}

#[test]
fn set_status_line_changes_only_the_command() {
    let text = "{\n  // mine\n  \"statusLine\": { \"type\": \"command\", \"command\": \"a\\tb\", \"padding\": 0 },\n  \"model\": \"opus\"\n}\n";
    assert_eq!(status_line(text).unwrap().as_deref(), Some("a\tb"));
    let changed = set_status_line(text, Some("x \"y\"")).unwrap();
    assert_eq!(changed, text.replace("\"a\\tb\"", "\"x \\\"y\\\"\""));
    assert_eq!(status_line(&changed).unwrap().as_deref(), Some("x \"y\""));
    let none = set_status_line(text, None).unwrap();
    assert_eq!(none, "{\n  // mine\n  \"model\": \"opus\"\n}\n");
    for without in [
        "",
        "{}",
        "{\"statusLine\":null}",
        "{\"statusLine\":{\"type\":\"command\",\"command\":7}}",
        "{\"statusLine\":{\"type\":\"command\",\"command\":\" \\t\"}}",
        "{\"statusLine\":{\"type\":\"static\",\"command\":\"x\"}}",
        "{\"statusLine\":{\"command\":\"x\"}}",
        "{\"statusLine\":\"x\"}",
    ] {
        assert_eq!(status_line(without), Ok(None), "{without}");
        assert_eq!(set_status_line(without, Some("x")).as_deref(), Ok(without));
    }
}

#[test]
fn paths_are_escaped_as_json() {
    let path = "/a \"b\"\\c\n/crewboard";
    let text = add("", &entries_of(path, &["Stop"]), is_ours).unwrap();
    assert_eq!(find(&text, is_ours).unwrap(), entries_of(path, &["Stop"]));
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["hooks"]["Stop"][0]["hooks"][0]["command"], path);
}

/// The style in which a generated value is written.
#[derive(Debug, Clone)]
struct Style {
    newline: &'static str,
    unit: &'static str,
    comment: &'static str,
    trailing_comma: bool,
}

fn style() -> impl Strategy<Value = Style> {
    let newline = prop::sample::select(vec!["", "\n", "\r\n"]);
    let unit = prop::sample::select(vec!["", "  ", "    ", "\t"]);
    let comment = prop::sample::select(vec!["", " // why", "/* why */", " /* a, ] } */ // b"]);
    (newline, unit, comment, any::<bool>()).prop_map(|(newline, unit, comment, trailing_comma)| {
        // On one line a line comment would swallow the rest.
        let comment =
            if newline.is_empty() { comment.split(" //").next().unwrap() } else { comment };
        Style { newline, unit, comment, trailing_comma }
    })
}

fn write_children(
    style: &Style,
    depth: usize,
    open: char,
    children: &[String],
    close: char,
) -> String {
    let line = |depth: usize| format!("{}{}", style.newline, style.unit.repeat(depth));
    let mut text = String::from(open);
    for (index, child) in children.iter().enumerate() {
        text.push_str(&line(depth + 1));
        text.push_str(child);
        if index + 1 < children.len() || style.trailing_comma {
            text.push(',');
        }
        text.push_str(style.comment);
    }
    if !children.is_empty() {
        text.push_str(&line(depth));
    }
    text.push(close);
    text
}

/// Generates settings that have only handlers of other programs.
fn settings() -> impl Strategy<Value = String> {
    settings_with(vec!["x", "say \\\"hi\\\"", "crewboard list", "é"])
}

fn settings_with(commands: Vec<&'static str>) -> impl Strategy<Value = String> {
    let command = prop::sample::select(commands);
    let group = (any::<bool>(), prop::collection::vec(command, 1..4));
    let names = prop::sample::subsequence(vec!["Stop", "Start", "Notification"], 0..=3);
    let events = names.prop_flat_map(move |names| {
        let groups = prop::collection::vec(prop::collection::vec(group.clone(), 1..3), names.len());
        (Just(names), groups)
    });
    (style(), style(), 0..4_usize, 0..4_usize, events, any::<bool>(), any::<bool>()).prop_map(
        |(style, inner, before, after, (names, groups), mark, final_newline)| {
            let event = |(name, groups): (&&str, &Vec<(bool, Vec<&str>)>)| {
                let groups: Vec<String> = groups
                    .iter()
                    .map(|(matcher, commands)| {
                        let handlers: Vec<String> = commands
                            .iter()
                            .map(|c| format!("{{\"type\":\"command\",\"command\":\"{c}\"}}"))
                            .collect();
                        let handlers = write_children(&inner, 4, '[', &handlers, ']');
                        let mut members = vec![format!("\"hooks\": {handlers}")];
                        if *matcher {
                            members.insert(0, "\"matcher\": \"Bash\"".to_owned());
                        }
                        write_children(&inner, 3, '{', &members, '}')
                    })
                    .collect();
                format!("\"{name}\": {}", write_children(&inner, 2, '[', &groups, ']'))
            };
            let mut members: Vec<String> = (0..before).map(|n| format!("\"b{n}\": {n}")).collect();
            if !names.is_empty() {
                let events: Vec<String> = names.iter().zip(&groups).map(event).collect();
                members
                    .push(format!("\"hooks\": {}", write_children(&style, 1, '{', &events, '}')));
            }
            members.extend((0..after).map(|n| format!("\"a{n}\": [{n}, {{}}]")));
            let body = write_children(&style, 0, '{', &members, '}');
            let end = if final_newline { "\n" } else { "" };
            format!("{}{body}{end}", if mark { "\u{feff}" } else { "" })
        },
    )
}

/// Returns the JSON value in a text, without comments and trailing commas.
fn value(text: &str) -> String {
    let text = text.trim_start_matches('\u{feff}');
    let parsed = jsonc_parser::parse_to_value(text, &jsonc_parser::ParseOptions::default());
    format!("{:?}", parsed.unwrap())
}

proptest! {
    #[test]
    fn remove_reverts_add(text in settings()) {
        let after = added(&text);
        value(&after);
        prop_assert_eq!(remove(&after, is_ours, "").unwrap(), text);
    }

    #[test]
    fn add_only_inserts_text(text in settings()) {
        // Each character of the original text is still there, in the same order.
        let after = added(&text);
        let mut rest = after.chars();
        for character in text.chars() {
            prop_assert!(rest.any(|other| other == character), "{:?} is gone: {}", character, after);
        }
    }

    #[test]
    fn remove_keeps_all_other_handlers(text in settings_with(vec!["x", "y", "/a/crewboard"])) {
        let others = |text: &str| find(text, |handler| !is_ours(handler)).unwrap();
        let comments = |text: &str| text.matches("why").count();
        let after = remove(&text, is_ours, "").unwrap();
        value(&after);
        prop_assert_eq!(find(&after, is_ours).unwrap(), []);
        prop_assert_eq!(others(&after), others(&text));
        if find(&text, is_ours).unwrap().is_empty() {
            prop_assert_eq!(&after, &text);
        }
        // A comment next to one of our handlers may be removed with its group.
        prop_assert!(comments(&after) <= comments(&text));
        let with_ours = added(&text);
        value(&with_ours);
        prop_assert_eq!(others(&remove(&with_ours, is_ours, "").unwrap()), others(&text));
    }

    #[test]
    fn no_text_makes_add_panic(text in "[\\{\\}\\[\\]\",:/* \\n\\rahooks\u{feff}é]{0,40}") {
        if let Ok(after) = add(&text, &entries(), is_ours) {
            prop_assert_eq!(find(&after, is_ours).unwrap().len(), 2);
        }
    }
}

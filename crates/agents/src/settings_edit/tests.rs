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
    assert_eq!(add(&after, &entries(), is_ours).unwrap(), after, "twice changes nothing");
    assert_eq!(find(&after, is_ours).unwrap().len(), 2, "{after}");
    after
}

/// Adds, compares, and takes out again.
fn check(before: &str, after: &str) {
    assert_eq!(added(before), after);
    assert_eq!(remove(after, is_ours, "").unwrap(), before, "taking out gives back the text");
}

const STOP: &str =
    r#"{"hooks":[{"type":"command","command":"/bin/crewboard","args":["hook"],"timeout":5}]}"#;

#[test]
fn a_missing_empty_or_blank_file_gets_a_whole_new_one() {
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
fn a_minified_file_stays_minified() {
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
fn what_the_user_had_empty_stays() {
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
fn what_is_there_stays_byte_for_byte() {
    for before in [
        "{\n  \"a\": 1\n}",
        "{\n    \"a\": 1,\n    \"b\": [1,2 , 3]\n}\n",
        "{\r\n\t\"a\": 1\r\n}\r\n",
        "\u{feff}{\r\n  \"a\": 1, // why\r\n}\r\n",
        "// head\n{ // open\n  \"a\": 1, // why\n  // tail\n}\n// foot",
        "{\n  \"a\": 1 /* why\n over two lines */\n}\n",
        "{\n  \"a\": 1 // no comma\n\n\n}\n",
        "{\"a\": 1 // beside\n}",
        "{ \"a\": 1,\n  \"b\": 2 }",
        "{\n  \"a\": {\"b\":[]}, \"c\": \"\\u00e9 é 日本 ]}\"}",
        "{\n  \"hooks\": {\n    \"Stop\": [\n      { \"matcher\": \"x\", \"hooks\": [] }\n    ]\n  },\n  \"z\": 0\n}\n",
        "{\n\t\"hooks\": {\n\t\t\"Other\": [ {\"hooks\": [{\"type\": \"command\", \"command\": \"y\"},]}, ],\n\t},\n}\n",
        "{\n  \"hooks\": { \"Stop\": [{\"hooks\": []}] }\n}",
        "{\"hooks\":{\"Stop\":[\"odd\", 7, {\"hooks\":3}]}}",
    ] {
        let after = added(before);
        assert_eq!(remove(&after, is_ours, "").unwrap(), before, "by way of {after}");
        let line_ends = after.matches("\r\n").count();
        assert!([0, after.matches('\n').count()].contains(&line_ends), "{after}");
    }
}

#[test]
fn the_files_own_indentation_is_used() {
    assert!(added("{\n\t\"a\": 1\n}").contains("\n\t\"hooks\": {\n\t\t\"Stop\": [{"));
    assert!(added("{\n    \"a\": 1\n}").contains("\n    \"hooks\": {\n        \"Stop\": [{"));
    assert!(added("{\n    \"hooks\": {}\n}").contains("\n        \"Stop\": [{"));
    // A trailing comma is the style of whoever wrote it.
    assert!(added("{\n  \"a\": 1,\n}").ends_with("  },\n}"));
}

#[test]
fn a_moved_program_is_changed_in_place() {
    let before = added("{\n  \"a\": 1\n}\n");
    let moved = add(&before, &entries_of("/opt/crewboard", &["Stop", "Start"]), is_ours).unwrap();
    assert_eq!(moved, before.replace("/bin/crewboard", "/opt/crewboard"));
    let minified = added(r#"{"a":1}"#);
    let moved = add(&minified, &entries_of("/opt/crewboard", &["Stop", "Start"]), is_ours).unwrap();
    assert_eq!(moved, minified.replace("/bin/crewboard", "/opt/crewboard"));
}

#[test]
fn an_event_no_longer_wanted_goes_and_a_new_one_comes() {
    let before = added("{\n  \"a\": 1\n}\n");
    let after = add(&before, &entries_of("/bin/crewboard", &["Start", "New"]), is_ours).unwrap();
    let events: Vec<_> = find(&after, is_ours).unwrap().into_iter().map(|e| e.event).collect();
    assert_eq!(events, ["Start", "New"]);
    assert_eq!(remove(&after, is_ours, "").unwrap(), "{\n  \"a\": 1\n}\n");
}

#[test]
fn doubles_and_those_behind_a_matcher_are_put_right() {
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
fn only_ours_goes_out_of_a_shared_group() {
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
fn empty_containers_of_others_stay() {
    let before =
        r#"{"hooks":{"Other":[],"Stop":[{"hooks":[{"type":"command","command":"crewboard"}]}]}}"#;
    assert_eq!(remove(before, is_ours, "").unwrap(), r#"{"hooks":{"Other":[]}}"#);
}

#[test]
fn a_file_without_ours_is_not_touched_by_taking_out() {
    for text in ["", "{}", "{ }", "{\"hooks\": {}}", "// c\n", "{\"hooks\":{\"Stop\":[]}}"] {
        assert_eq!(remove(text, is_ours, "").unwrap(), text);
    }
}

#[test]
fn what_is_wrong_is_refused_with_its_place() {
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
            "line 2, column 2: \"hooks\" is there twice; keep one of the two",
        ),
        (
            "{\"hooks\": {\"Stop\": [], \"\\u0053top\": []}}",
            "line 1, column 24: \"Stop\" is there twice; keep one of the two",
        ),
        (
            "{\"hooks\":{\"A\":[{\"hooks\":[],\"hooks\":[]}]}}",
            "line 1, column 28: \"hooks\" is there twice; keep one of the two",
        ),
    ] {
        assert_eq!(add(text, &entries(), is_ours).unwrap_err().to_string(), message);
        assert!(remove(text, is_ours, "").is_err());
    }
    // A double elsewhere does not make our edit ambiguous.
    assert!(add("{\"a\": 1, \"a\": 2}", &entries(), is_ours).is_ok());
}

#[test]
fn a_status_lines_command_is_changed_and_nothing_else() {
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

/// How a generated value is written down.
#[derive(Debug, Clone)]
struct Hand {
    newline: &'static str,
    unit: &'static str,
    comment: &'static str,
    trailing_comma: bool,
}

fn hand() -> impl Strategy<Value = Hand> {
    let newline = prop::sample::select(vec!["", "\n", "\r\n"]);
    let unit = prop::sample::select(vec!["", "  ", "    ", "\t"]);
    let comment = prop::sample::select(vec!["", " // why", "/* why */", " /* a, ] } */ // b"]);
    (newline, unit, comment, any::<bool>()).prop_map(|(newline, unit, comment, trailing_comma)| {
        // On one line a line comment would swallow the rest.
        let comment =
            if newline.is_empty() { comment.split(" //").next().unwrap() } else { comment };
        Hand { newline, unit, comment, trailing_comma }
    })
}

fn write_children(
    hand: &Hand,
    depth: usize,
    open: char,
    children: &[String],
    close: char,
) -> String {
    let line = |depth: usize| format!("{}{}", hand.newline, hand.unit.repeat(depth));
    let mut text = String::from(open);
    for (index, child) in children.iter().enumerate() {
        text.push_str(&line(depth + 1));
        text.push_str(child);
        if index + 1 < children.len() || hand.trailing_comma {
            text.push(',');
        }
        text.push_str(hand.comment);
    }
    if !children.is_empty() {
        text.push_str(&line(depth));
    }
    text.push(close);
    text
}

/// Settings with handlers of others only.
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
    (hand(), hand(), 0..4_usize, 0..4_usize, events, any::<bool>(), any::<bool>()).prop_map(
        |(hand, inner, before, after, (names, groups), mark, final_newline)| {
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
                members.push(format!("\"hooks\": {}", write_children(&hand, 1, '{', &events, '}')));
            }
            members.extend((0..after).map(|n| format!("\"a{n}\": [{n}, {{}}]")));
            let body = write_children(&hand, 0, '{', &members, '}');
            let end = if final_newline { "\n" } else { "" };
            format!("{}{body}{end}", if mark { "\u{feff}" } else { "" })
        },
    )
}

/// The JSON in a text, comments and trailing commas aside.
fn value(text: &str) -> String {
    let text = text.trim_start_matches('\u{feff}');
    let parsed = jsonc_parser::parse_to_value(text, &jsonc_parser::ParseOptions::default());
    format!("{:?}", parsed.unwrap())
}

proptest! {
    #[test]
    fn in_and_out_gives_back_the_text(text in settings()) {
        let after = added(&text);
        value(&after);
        prop_assert_eq!(remove(&after, is_ours, "").unwrap(), text);
    }

    #[test]
    fn nothing_is_lost_or_reordered(text in settings()) {
        // Whatever was there is still there, in its order; we only inserted.
        let after = added(&text);
        let mut rest = after.chars();
        for character in text.chars() {
            prop_assert!(rest.any(|other| other == character), "{:?} is gone: {}", character, after);
        }
    }

    #[test]
    fn ours_among_others_go_and_the_others_stay(text in settings_with(vec!["x", "y", "/a/crewboard"])) {
        let others = |text: &str| find(text, |handler| !is_ours(handler)).unwrap();
        let comments = |text: &str| text.matches("why").count();
        let after = remove(&text, is_ours, "").unwrap();
        value(&after);
        prop_assert_eq!(find(&after, is_ours).unwrap(), []);
        prop_assert_eq!(others(&after), others(&text));
        if find(&text, is_ours).unwrap().is_empty() {
            prop_assert_eq!(&after, &text);
        }
        // What stands beside a handler of ours may go with its group, but nothing else.
        prop_assert!(comments(&after) <= comments(&text));
        let put_in = added(&text);
        value(&put_in);
        prop_assert_eq!(others(&remove(&put_in, is_ours, "").unwrap()), others(&text));
    }

    #[test]
    fn any_text_is_edited_or_refused_but_never_a_panic(text in "[\\{\\}\\[\\]\",:/* \\n\\rahooks\u{feff}é]{0,40}") {
        if let Ok(after) = add(&text, &entries(), is_ours) {
            prop_assert_eq!(find(&after, is_ours).unwrap().len(), 2);
        }
    }
}

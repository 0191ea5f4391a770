//! Finds the errors for which Claude Code skips a whole settings file.
//!
//! Claude Code checks a settings file when it reads it. If a known key has a value of the wrong type, the client usually
//! skips the whole file, including its hooks ("Files with errors are skipped entirely"). Every rule here was tested with
//! the real client 2.1.332. A key that is not in the table is not checked, because a newer client may know it.

mod keys;

use std::fmt;

use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use keys::{KEYS, Kind};

/// The size of the largest settings file that Claude Code reads (tested with 2.1.332).
pub const MAX_BYTES: usize = 2 * 1024 * 1024;

/// The events whose hooks decide about a tool call. If an entry of such an event is invalid, the client skips the file;
/// for any other event it skips only the entry.
const GUARDS: [&str; 3] = ["PreToolUse", "PermissionRequest", "PreSkillShellCommand"];

/// The types of hooks that the client knows.
const HOOK_TYPES: [&str; 5] = ["command", "prompt", "agent", "http", "mcp_tool"];

/// The depth to which objects are searched for hooks.
const MAX_DEPTH: usize = 8;

/// An error for which Claude Code skips a settings file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The place of the error: a path of keys such as `statusLine.type`, or a line and a column.
    pub place: String,
    /// The description, such as `it should be text, but it is the number 7`.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.place, self.what)
    }
}

/// Returns the known errors in a settings text for which Claude Code skips the whole file.
pub fn problems(text: &str) -> Vec<Problem> {
    let mut found = Vec::new();
    if text.len() > MAX_BYTES {
        let what = "it is larger than 2 MiB".to_owned();
        found.push(Problem { place: "the file".to_owned(), what });
    }
    // The client accepts one byte-order mark, and an empty file.
    let json = text.strip_prefix('\u{feff}').unwrap_or(text);
    if json.trim().is_empty() {
        return found;
    }
    if let Err(error) = serde_json::from_str::<IgnoredAny>(json) {
        found.push(syntax_problem(&error));
        return found;
    }
    // The last of two equal keys counts, in the client and in this parser.
    match serde_json::from_str(json) {
        Ok(Value::Object(settings)) => settings_problems(&settings, &mut found),
        Ok(other) => found.push(Problem {
            place: "the file".to_owned(),
            what: format!("it should be an object, but it is {}", name(Some(&other))),
        }),
        // The client accepts deeper nesting and larger numbers than this parser does.
        Err(_) => {}
    }
    found
}

/// Returns the value of a top-level boolean setting. `None` if it is missing, or if Claude Code skips the file.
pub fn switch(text: &str, key: &str) -> Option<bool> {
    if problems(text).is_empty() { managed_switch(text, key) } else { None }
}

/// Returns the value of a top-level boolean setting in managed settings. Claude Code never skips such a file: it ignores
/// only the keys with errors.
pub fn managed_switch(text: &str, key: &str) -> Option<bool> {
    top_level(text)?.get(key)?.as_bool()
}

/// Returns true if managed settings allow no hooks except their own and those of plugins.
pub fn locks_hooks(text: &str) -> bool {
    let locks = || match top_level(text)?.get("strictPluginOnlyCustomization")? {
        Value::Bool(all) => Some(*all),
        Value::Array(surfaces) => Some(surfaces.iter().any(|surface| surface == "hooks")),
        _ => None,
    };
    locks().unwrap_or_default()
}

fn top_level(text: &str) -> Option<Map<String, Value>> {
    serde_json::from_str(text.strip_prefix('\u{feff}').unwrap_or(text)).ok()
}

fn syntax_problem(error: &serde_json::Error) -> Problem {
    let (line, column) = (error.line(), error.column());
    let what = error.to_string();
    let what = what.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&what);
    Problem {
        place: format!("line {line}, column {column}"),
        what: format!("it is not plain JSON: {what}"),
    }
}

fn settings_problems(settings: &Map<String, Value>, found: &mut Vec<Problem>) {
    for (key, kind) in KEYS {
        if let Some(value) = settings.get(*key) {
            check(kind, value, key, found);
        }
    }
    if let Some(hooks) = settings.get("hooks") {
        hook_problems(hooks, found);
    }
    for (key, value) in settings {
        if key != "hooks" && contains_guard(key, value, 0) {
            let what = "it contains hooks for tool calls outside \"hooks\"".to_owned();
            found.push(Problem { place: key.clone(), what });
        }
    }
}

/// Adds the problems of a value of a known key.
fn check(kind: &Kind, value: &Value, place: &str, found: &mut Vec<Problem>) {
    let mut wrong = |expected: &str| {
        let what = format!("it should be {expected}, but it is {}", name(Some(value)));
        found.push(Problem { place: place.to_owned(), what });
    };
    match (kind, value) {
        (Kind::Any, _)
        | (Kind::Text, Value::String(_))
        | (Kind::Flag | Kind::FlagOrNull, Value::Bool(_))
        | (Kind::FlagOrNull | Kind::OrNull, Value::Null) => {}
        (Kind::OrNull, _) => wrong("null"),
        (Kind::Text, _) => wrong("text"),
        (Kind::Flag | Kind::FlagOrNull, _) => wrong("true or false"),
        (Kind::Number { least, most, whole, name }, Value::Number(number)) => {
            let number = number.as_f64().unwrap_or_default();
            if number < *least || number > *most || *whole && number.fract() != 0.0 {
                wrong(name);
            }
        }
        (Kind::Number { name, .. }, _) => wrong(name),
        (Kind::OneOf(words), Value::String(word)) if words.contains(&word.as_str()) => {}
        (Kind::OneOf(words), _) => {
            let words: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
            wrong(&words.join(" or "));
        }
        (Kind::NotList, Value::Array(_)) => wrong("an object"),
        (Kind::NotList, _) => {}
        (Kind::List(kind), Value::Array(elements)) => {
            for (index, element) in elements.iter().enumerate() {
                check(kind, element, &format!("{place}.{index}"), found);
            }
        }
        (Kind::List(_), _) => wrong("a list"),
        (Kind::Map(kind), Value::Object(members)) => {
            for (key, member) in members {
                check(kind, member, &format!("{place}.{key}"), found);
            }
        }
        (Kind::Object { required, members }, Value::Object(object)) => {
            for key in *required {
                if !object.contains_key(*key) {
                    let what = format!("it is missing, and {place} needs it");
                    found.push(Problem { place: format!("{place}.{key}"), what });
                }
            }
            for (key, kind) in *members {
                if let Some(member) = object.get(*key) {
                    check(kind, member, &format!("{place}.{key}"), found);
                }
            }
        }
        (Kind::Map(_) | Kind::Object { .. }, _) => wrong("an object"),
        (Kind::Either(kinds), _) => {
            let fits = |kind: &Kind| {
                let mut wrong = Vec::new();
                check(kind, value, place, &mut wrong);
                wrong.is_empty()
            };
            if !kinds.iter().any(fits) {
                wrong("of another type");
            }
        }
    }
}

fn hook_problems(hooks: &Value, found: &mut Vec<Problem>) {
    // If `hooks` is not an object, the client ignores only this key, and install reports an error.
    let Value::Object(events) = hooks else { return };
    for (event, groups) in events {
        if GUARDS.contains(&event.as_str()) {
            guard_problems(event, groups, found);
        } else if groups.is_object() && contains_guard("", groups, 0) {
            let what = "it is not an event, but it contains hooks for tool calls".to_owned();
            found.push(Problem { place: format!("hooks.{event}"), what });
        }
    }
}

/// Adds the problems of the hooks of an event that decides about a tool call.
fn guard_problems(event: &str, groups: &Value, found: &mut Vec<Problem>) {
    let mut wrong = |place: String, expected: &str, value: Option<&Value>| {
        let what = format!("it should be {expected}, but it is {}", name(value));
        found.push(Problem { place, what });
    };
    let groups = match groups {
        Value::Null => return,
        Value::Array(groups) => groups,
        other => return wrong(format!("hooks.{event}"), "a list", Some(other)),
    };
    for (index, group) in groups.iter().enumerate() {
        let place = format!("hooks.{event}.{index}");
        let Value::Object(group) = group else {
            wrong(place, "an object", Some(group));
            continue;
        };
        if let Some(matcher) = group.get("matcher").filter(|matcher| !matcher.is_string()) {
            wrong(format!("{place}.matcher"), "text", Some(matcher));
        }
        let Some(Value::Array(hooks)) = group.get("hooks") else {
            wrong(format!("{place}.hooks"), "a list", group.get("hooks"));
            continue;
        };
        for (index, hook) in hooks.iter().enumerate() {
            let place = format!("{place}.hooks.{index}");
            let Value::Object(hook) = hook else {
                wrong(place, "an object", Some(hook));
                continue;
            };
            let kind = hook.get("type").and_then(Value::as_str);
            if !kind.is_some_and(|kind| HOOK_TYPES.contains(&kind)) {
                let expected = "one of command, prompt, agent, http and mcp_tool";
                wrong(format!("{place}.type"), expected, hook.get("type"));
            }
            let is_command = kind == Some("command");
            if is_command && !hook.get("command").is_some_and(Value::is_string) {
                wrong(format!("{place}.command"), "text", hook.get("command"));
            }
            let timeout = hook.get("timeout");
            if timeout.is_some_and(|timeout| !timeout.as_f64().is_some_and(|time| time > 0.0)) {
                wrong(format!("{place}.timeout"), "a number above 0", timeout);
            }
            let args = hook.get("args").filter(|_| is_command);
            let is_words = |args: &Value| {
                args.as_array().is_some_and(|args| args.iter().all(Value::is_string))
            };
            if args.is_some_and(|args| !is_words(args)) {
                wrong(format!("{place}.args"), "a list of texts", args);
            }
            let is_async = hook.get("async").filter(|_| is_command);
            if is_async.is_some_and(|value| !value.is_boolean()) {
                wrong(format!("{place}.async"), "true or false", is_async);
            }
        }
    }
}

/// Returns true if this key, or a key below it, is an event of `GUARDS` with hooks.
fn contains_guard(key: &str, value: &Value, depth: usize) -> bool {
    let is_group = |group: &Value| group.get("hooks").is_some_and(Value::is_array);
    match value {
        Value::Array(groups) => GUARDS.contains(&key) && groups.iter().any(is_group),
        Value::Object(members) if depth < MAX_DEPTH && !keys::FREE.contains(&key) => {
            members.iter().any(|(key, value)| contains_guard(key, value, depth + 1))
        }
        _ => false,
    }
}

/// Returns the words for a value in an error.
fn name(value: Option<&Value>) -> String {
    match value {
        None => "missing".to_owned(),
        Some(Value::Null) => "null".to_owned(),
        Some(Value::Bool(value)) => value.to_string(),
        Some(Value::Number(number)) => format!("the number {number}"),
        Some(Value::String(_)) => "text".to_owned(),
        Some(Value::Array(_)) => "a list".to_owned(),
        Some(Value::Object(_)) => "an object".to_owned(),
    }
}

#[cfg(test)]
mod tests;

//! What a tool is asked to do, in words for people.

use super::payload::Text;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::fmt::Write;

/// The fields of tools' inputs that say what is asked.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Input<'a> {
    #[serde(borrow)]
    command: Option<Text<'a>>,
    #[serde(borrow)]
    file_path: Option<Text<'a>>,
    #[serde(borrow)]
    notebook_path: Option<Text<'a>>,
    #[serde(borrow)]
    path: Option<Text<'a>>,
    #[serde(borrow)]
    pattern: Option<Text<'a>>,
    #[serde(borrow)]
    url: Option<Text<'a>>,
    #[serde(borrow)]
    query: Option<Text<'a>>,
    #[serde(borrow)]
    skill: Option<Text<'a>>,
    #[serde(borrow)]
    description: Option<Text<'a>>,
    #[serde(borrow)]
    plan: Option<Text<'a>>,
    #[serde(borrow)]
    questions: Vec<Question<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Question<'a> {
    #[serde(borrow)]
    question: Option<Text<'a>>,
    #[serde(borrow)]
    options: Vec<Choice<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Choice<'a> {
    #[serde(borrow)]
    label: Option<Text<'a>>,
}

/// The tool that asks the user something.
pub(super) const ASK: &str = "AskUserQuestion";
/// The tool that offers a plan.
pub(super) const EXIT_PLAN: &str = "ExitPlanMode";

/// What `tool` is asked to do: the command, the file, the question with its choices, the plan; of a
/// tool we do not know its input as it is. Paths under `cwd` are shortened.
pub(super) fn describe(tool: &str, input: Option<&RawValue>, cwd: Option<&str>) -> String {
    let Some(raw) = input else { return String::new() };
    let Ok(input) = serde_json::from_str::<Input<'_>>(raw.get()) else {
        return raw.get().to_owned();
    };
    match tool {
        ASK => questions(&input.questions),
        EXIT_PLAN => owned(input.plan),
        _ => {
            let path = input.file_path.or(input.notebook_path);
            let first = input
                .command
                .or(path.map(|path| shorten(path, cwd)))
                .or(input.pattern)
                .or(input.url)
                .or(input.query)
                .or(input.skill)
                .or(input.description)
                .or(input.path.map(|path| shorten(path, cwd)));
            match first {
                Some(text) => text.0.into_owned(),
                None if raw.get() == "{}" => String::new(),
                None => raw.get().to_owned(),
            }
        }
    }
}

/// A hash of a tool's whole input, to know it again by.
pub(super) fn hash(bytes: &[u8]) -> u32 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for chunk in bytes.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        hash = (hash ^ u64::from_le_bytes(word)).wrapping_mul(0x0000_0100_0000_01b3);
        hash ^= hash >> 29;
    }
    #[expect(clippy::cast_possible_truncation, reason = "folded to 32 bits on purpose")]
    let folded = (hash ^ (hash >> 32)) as u32;
    folded
}

fn questions(questions: &[Question<'_>]) -> String {
    let mut text = String::new();
    for question in questions {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(question.question.as_ref().map_or("", |text| &text.0));
        for (index, choice) in question.options.iter().enumerate() {
            let label = choice.label.as_ref().map_or("", |text| &text.0);
            // Writing to a String cannot fail.
            let _ = write!(text, "\n{} {label}", index + 1);
        }
    }
    text
}

fn shorten<'a>(path: Text<'a>, cwd: Option<&str>) -> Text<'a> {
    let relative = cwd.and_then(|cwd| path.0.strip_prefix(cwd)?.strip_prefix('/'));
    match relative {
        Some(relative) if !relative.is_empty() => Text(relative.to_owned().into()),
        _ => path,
    }
}

fn owned(text: Option<Text<'_>>) -> String {
    text.map(|text| text.0.into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tool_says_what_it_is_asked() {
        for (tool, input, expected) in [
            ("Bash", r#"{"command":"cargo test\n--all","description":"Run"}"#, "cargo test\n--all"),
            ("Read", r#"{"file_path":"/home/dev/shop/src/a.rs"}"#, "src/a.rs"),
            ("Write", r#"{"file_path":"/etc/x","content":"y"}"#, "/etc/x"),
            ("Grep", r#"{"pattern":"TODO","path":"/home/dev/shop"}"#, "TODO"),
            ("WebFetch", r#"{"url":"https://example.org","prompt":"p"}"#, "https://example.org"),
            ("Agent", r#"{"description":"Look at a file","prompt":"long"}"#, "Look at a file"),
            ("mcp__db__query", r#"{"sql":"select 1"}"#, r#"{"sql":"select 1"}"#),
            ("EnterPlanMode", "{}", ""),
            ("ExitPlanMode", r##"{"plan":"# Plan\n1. Print"}"##, "# Plan\n1. Print"),
            (
                "AskUserQuestion",
                r#"{"questions":[{"question":"Which colour?","options":[{"label":"Red"},{"label":"Blue"}]}]}"#,
                "Which colour?\n1 Red\n2 Blue",
            ),
            ("Bash", r#"{"command":["not","a","string"]}"#, r#"{"command":["not","a","string"]}"#),
        ] {
            let raw: &RawValue = serde_json::from_str(input).unwrap();
            assert_eq!(describe(tool, Some(raw), Some("/home/dev/shop")), expected, "{tool}");
        }
    }

    #[test]
    fn different_inputs_have_different_hashes() {
        assert_ne!(hash(b"touch a"), hash(b"touch b"));
        assert_eq!(hash(b"touch a"), hash(b"touch a"));
    }
}

//! Renders the whole input of a tool, so that the user reads what the tool will run.
//!
//! The main field of a known tool, such as its command or path, comes first, without its name. Each other field follows
//! with its name: `+name: text` or `+name = JSON`. Characters that could hide a text are shown as escapes
//! ([`crewboard_core::reveal`]). Each field that is too long is truncated with a mark, so that it hides no other field.

use crate::fields::Text;
use crate::scan::{Member, compact, members, split_near};
use crewboard_core::{
    Exact, InputDigest, MAX_LINE, PromptKind, reveal, reveal_beginning, with_commas,
};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::fmt::Write;

/// The tools that ask the user questions. Their inputs have the same form.
const ASK: [&str; 2] = ["AskUserQuestion", "request_user_input"];

/// The main field of each tool, which is shown first and without its name.
const MAIN_FIELD: [(&[&str], &str); 12] = [
    (&["Bash", "PowerShell", "Monitor", "SlashCommand", "apply_patch"], "command"),
    (&["Read", "Write", "Edit", "MultiEdit"], "file_path"),
    (&["NotebookEdit", "NotebookRead"], "notebook_path"),
    (&["Grep", "Glob"], "pattern"),
    (&["WebFetch"], "url"),
    (&["WebSearch", "ToolSearch"], "query"),
    (&["Skill"], "skill"),
    (&["LS"], "path"),
    (&["Agent", "Task"], "description"),
    (&["BashOutput"], "bash_id"),
    (&["KillShell"], "shell_id"),
    (&["ExitPlanMode"], "plan"),
];

/// The fields that are shown in an order that helps the reader: the old text before the new one. Other fields follow by
/// name.
const ORDER: [&str; 6] = ["prompt", "old_string", "new_string", "edits", "content", "new_source"];

/// Short texts for the flags of a command that matter most, for a line.
const SHORT: [(&str, &str); 2] =
    [("dangerouslyDisableSandbox", "sandbox off"), ("run_in_background", "background")];

/// The field with the agent's own description of a command. It changes nothing, so it comes last.
const DESCRIPTION: &str = "description";

/// The number of fields that are read. Of further fields only the number is shown.
const MAX_FIELDS: usize = 1024;
/// The bytes of a field that are read: far more than can be shown.
const MAX_VALUE: usize = 64 * 1024;
/// The number of fields that are shown in full text, and in a line.
const MAX_SHOWN: usize = 32;
const MAX_SHOWN_IN_LINE: usize = 5;
/// The bytes of a field's name in full text, and in a line.
const MAX_NAME: usize = 48;
const MAX_NAME_IN_LINE: usize = 28;
/// The smallest limit for a line in bytes, even if the name of the tool is long.
const MIN_LINE: usize = 192;

/// The input of a tool.
#[derive(Debug, Default)]
pub(crate) struct Input<'a> {
    pub(crate) json: &'a str,
    pub(crate) digest: InputDigest,
}

impl<'a> Input<'a> {
    pub(crate) fn new(json: &'a str) -> Self {
        Self { json, digest: digest(json.as_bytes()) }
    }
}

/// A field of an input, as it is shown.
#[derive(Debug)]
struct ShownField<'a> {
    /// The name; empty for the main field.
    name: Cow<'a, str>,
    /// The text that replaces name and value.
    short: Option<&'static str>,
    value: Cow<'a, str>,
    /// True if the value is JSON instead of text.
    is_json: bool,
    /// The number of further characters that are not in `value`.
    more: usize,
    /// True if the input ends inside this field.
    is_truncated: bool,
    /// The position among the fields.
    rank: (usize, usize),
}

/// Returns the digest of a tool's whole input, which identifies the call.
pub(crate) fn digest(input: &[u8]) -> InputDigest {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&Sha256::digest(input)[..16]);
    InputDigest::new(bytes)
}

/// Renders the whole input of `tool`, in as many lines as necessary.
pub(crate) fn render_text(tool: &str, kind: PromptKind, input: &Input<'_>) -> String {
    let exact = kind.exact();
    if ASK.contains(&tool)
        && let Some(text) = read_questions(input.json, true)
    {
        return reveal(&text, exact);
    }
    // A little less than the limit: runs of blanks may become longer where fields meet.
    join_fields(read_fields(tool, input.json), Exact { max: exact.max - 64, ..exact })
}

/// Renders the input in one line, for display after the tool's name. The main field comes first, and paths below `cwd`
/// are relative to it.
pub(crate) fn render_line(tool: &str, input: &Input<'_>, cwd: Option<&str>) -> String {
    if ASK.contains(&tool)
        && let Some(text) = read_questions(input.json, false)
    {
        return text.replace('\n', " ");
    }
    let max = MAX_LINE.saturating_sub(tool.len() + 1).max(MIN_LINE);
    let (mut fields, more) = read_fields(tool, input.json);
    let has_first = fields.first().is_some_and(|first| first.name.is_empty());
    if has_first {
        fields.retain(|field| field.name != DESCRIPTION);
        if let Some(first) = fields.first_mut() {
            make_relative(&mut first.value, cwd);
        }
    }
    for field in fields.iter_mut().filter(|field| field.is_json && field.value == "true") {
        let short = SHORT.iter().find(|(name, _)| *name == field.name);
        if let Some((_, short)) = short {
            field.short = Some(short);
            field.value = "".into();
        }
    }
    join_fields((fields, more), Exact { max, multiline: false, prose: false })
}

/// Returns the fields of an input in display order, and the number of further fields. The main field comes first, then
/// numbers and flags, then texts, lists and objects, and the description last.
fn read_fields<'a>(tool: &str, json: &'a str) -> (Vec<ShownField<'a>>, usize) {
    let Some(all) = members(json) else {
        let whole = Member { name: "input", value: json, is_whole: true };
        let is_none = json.trim().is_empty();
        return (if is_none { Vec::new() } else { vec![read_field(whole, None)] }, 0);
    };
    let first = MAIN_FIELD.iter().find(|(tools, _)| tools.contains(&tool)).map(|(_, first)| *first);
    let mut fields: Vec<ShownField<'a>> =
        all.clone().take(MAX_FIELDS).map(|member| read_field(member, first)).collect();
    // A field that appears twice is shown twice.
    fields.sort_by(|one, other| (one.rank, &one.name).cmp(&(other.rank, &other.name)));
    let mut firsts = 0;
    for field in &mut fields {
        let is_first = field.rank.0 == 0;
        firsts += usize::from(is_first);
        if is_first && firsts == 1 {
            field.name = Cow::Borrowed("");
        }
    }
    (fields, all.skip(MAX_FIELDS).count())
}

fn read_field<'a>(member: Member<'a>, first: Option<&str>) -> ShownField<'a> {
    let plain = member.name.trim_matches('"');
    let is_word = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c))
    };
    // A name that is not a plain word is shown in its quotes, with its escapes.
    let name = if is_word(plain) { plain } else { member.name };
    let (value, rest) = split_near(member.value, MAX_VALUE);
    let more = rest.len();
    // A text with invalid Unicode is shown with its escapes too: two different ones could otherwise look the same.
    let text = match (member.is_whole, more) {
        (true, 0) => serde_json::from_str::<String>(value).ok(),
        (true, _) => parse_truncated_text(value),
        (false, _) => None,
    };
    let rank = match &text {
        Some(text) if Some(name) == first && !text.is_empty() => (0, 0),
        Some(_) if name == DESCRIPTION => (3, 0),
        None if !member.value.starts_with(['"', '{', '[']) => (1, 0),
        _ => (2, ORDER.iter().position(|known| *known == name).unwrap_or(ORDER.len())),
    };
    ShownField {
        name: Cow::Borrowed(name),
        short: None,
        is_json: text.is_none(),
        is_truncated: !member.is_whole,
        more,
        value: text.map_or_else(|| Cow::Owned(compact(value)), Cow::Owned),
        rank,
    }
}

/// Returns the text of a JSON string that is truncated.
fn parse_truncated_text(json: &str) -> Option<String> {
    // The truncation may split an escape, or a pair of escapes.
    let ends = (0..=json.len()).rev().take(12).filter(|end| json.is_char_boundary(*end));
    let mut whole = ends.map(|end| format!("{}\"", json.split_at(end).0));
    whole.find_map(|whole| serde_json::from_str(&whole).ok())
}

/// Joins fields to a text of at most `how.max` bytes: short fields are whole, long fields are truncated to the remaining
/// space.
fn join_fields((mut fields, more): (Vec<ShownField<'_>>, usize), how: Exact) -> String {
    let most = if how.multiline { MAX_SHOWN } else { MAX_SHOWN_IN_LINE };
    let more = more + fields.len().saturating_sub(most);
    fields.truncate(most);
    let prefixes: Vec<String> =
        fields.iter().enumerate().map(|(at, field)| prefix(at, field, how)).collect();
    let tail = match (more, how.multiline) {
        (0, _) => String::new(),
        (more, true) => format!("\n… {} more fields", with_commas(more)),
        (more, false) => format!("  … {} more fields", with_commas(more)),
    };
    let unread = "… the rest was not read";
    let is_truncated = fields.iter().any(|field| field.is_truncated);
    let marks = tail.len() + if is_truncated { unread.len() } else { 0 };
    let room = how.max.saturating_sub(prefixes.iter().map(String::len).sum::<usize>() + marks);
    let reveal = |field: &ShownField<'_>, max| {
        reveal_beginning(&field.value, field.more, Exact { max, ..how })
    };
    let values: Vec<String> = fields.iter().map(|field| reveal(field, room)).collect();
    let shares = distribute(&values.iter().map(String::len).collect::<Vec<_>>(), room);
    let mut text = String::with_capacity(how.max);
    for ((field, prefix), (value, share)) in
        fields.iter().zip(&prefixes).zip(values.iter().zip(shares))
    {
        text.push_str(prefix);
        if value.len() <= share {
            text.push_str(value);
        } else {
            text.push_str(&reveal(field, share));
        }
        if field.is_truncated {
            text.push_str(unread);
        }
    }
    text + &tail
}

/// Returns the text before a field's value: the separator from the field before it, and the name.
fn prefix(at: usize, field: &ShownField<'_>, how: Exact) -> String {
    if field.name.is_empty() {
        return String::new();
    }
    let separator = match (at, how.multiline) {
        (0, _) => "",
        (_, true) => "\n",
        (_, false) => "  ",
    };
    if let Some(short) = field.short {
        return format!("{separator}+{short}");
    }
    let max = if how.multiline { MAX_NAME } else { MAX_NAME_IN_LINE };
    let name = reveal(&field.name, Exact { max, multiline: false, ..how });
    if field.is_json {
        format!("{separator}+{name} = ")
    } else if how.multiline && field.value.contains('\n') {
        format!("{separator}+{name}:\n")
    } else {
        format!("{separator}+{name}: ")
    }
}

/// Distributes `room` among these lengths: each gets all it needs, or an equal share of what the shorter ones leave.
fn distribute(lengths: &[usize], mut room: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|index| lengths[*index]);
    let mut shares = vec![0; lengths.len()];
    for (done, index) in order.iter().enumerate() {
        shares[*index] = lengths[*index].min(room / (lengths.len() - done));
        room -= shares[*index];
    }
    shares
}

fn make_relative(path: &mut Cow<'_, str>, cwd: Option<&str>) {
    let relative = cwd.and_then(|cwd| path.strip_prefix(cwd)?.strip_prefix('/'));
    if let Some(relative) = relative.filter(|relative| !relative.is_empty()) {
        *path = Cow::Owned(relative.to_owned());
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Questions<'a> {
    #[serde(borrow)]
    questions: Vec<Question<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Question<'a> {
    #[serde(borrow, rename = "question")]
    text: Option<Text<'a>>,
    #[serde(borrow)]
    header: Option<Text<'a>>,
    #[serde(rename = "multiSelect")]
    multi_select: Option<bool>,
    #[serde(borrow)]
    options: Vec<Choice<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Choice<'a> {
    #[serde(borrow)]
    label: Option<Text<'a>>,
    #[serde(borrow)]
    description: Option<Text<'a>>,
}

/// Returns the questions with their choices, and with headers and descriptions if `is_full`; `None` if the input is not a list of questions.
///
/// The types must be exact here: a tolerant reader could hide a part of the input from the user.
fn read_questions(json: &str, is_full: bool) -> Option<String> {
    if json.len() > MAX_VALUE {
        return None;
    }
    let Questions { questions } = serde_json::from_str(json).ok()?;
    let mut text = String::new();
    for question in &questions {
        if !text.is_empty() {
            text.push('\n');
        }
        let header = question.header.as_ref().filter(|header| is_full && !header.0.is_empty());
        if let Some(header) = header {
            let _ = write!(text, "[{}] ", header.0);
        }
        text.push_str(question.text.as_ref().map_or("", |text| &text.0));
        if is_full && question.multi_select == Some(true) {
            text.push_str(" (several answers are possible)");
        }
        for (index, choice) in question.options.iter().enumerate() {
            let label = choice.label.as_ref().map_or("", |text| &text.0);
            // A write to a `String` cannot fail.
            let _ = write!(text, "\n{} {label}", index + 1);
            let description = choice.description.as_ref();
            if let Some(description) = description.filter(|text| is_full && !text.0.is_empty()) {
                let _ = write!(text, ": {}", description.0);
            }
        }
    }
    (!questions.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests;

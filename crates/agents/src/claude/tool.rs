//! What a tool is asked to do: the whole of its input, so that what the user reads is what will run.
//!
//! The command, path or the like of a tool that we know comes first, without its name. Each other field
//! follows with its name: `+name: text` or `+name = JSON`. Characters that could hide something are shown as
//! escapes ([`crewboard_core::reveal`]), and what does not fit is cut with a mark, each field by itself, so that a
//! long one hides no other.

use super::scan::{Member, compact, members, split_near};
use crate::fields::Text;
use crewboard_core::{
    Exact, InputDigest, MAX_LINE, PromptKind, reveal, reveal_beginning, with_commas,
};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::fmt::Write;

/// The tool that asks the user something.
pub(super) const ASK: &str = "AskUserQuestion";
/// The tool that offers a plan.
pub(super) const EXIT_PLAN: &str = "ExitPlanMode";

/// The field of each tool that says most: shown first and without its name.
const FIRST: [(&[&str], &str); 12] = [
    (&["Bash", "PowerShell", "Monitor", "SlashCommand"], "command"),
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
    (&[EXIT_PLAN], "plan"),
];

/// Fields whose order says something to people, where there are several: the old before the new. Others come
/// after these by name.
const ORDER: [&str; 6] = ["prompt", "old_string", "new_string", "edits", "content", "new_source"];

/// What matters most about a command besides itself, in few letters for a line.
const SHORT: [(&str, &str); 2] =
    [("dangerouslyDisableSandbox", "sandbox off"), ("run_in_background", "background")];

/// The agent's own words for what a command does. They change nothing, so they come last.
const DESCRIPTION: &str = "description";

/// Fields that are told apart; of more than this only the number is shown.
const MAX_FIELDS: usize = 1024;
/// Bytes of a field that are looked at. Far more than can be shown.
const MAX_VALUE: usize = 64 * 1024;
/// Fields shown in full form, and in a line.
const MAX_SHOWN: usize = 32;
const MAX_SHOWN_IN_LINE: usize = 5;
/// Bytes of a field's name, and in a line.
const MAX_NAME: usize = 48;
const MAX_NAME_IN_LINE: usize = 28;
/// Bytes of a line at least, however long the name of the tool is.
const MIN_LINE: usize = 192;

/// The input of a tool, as it was read.
#[derive(Debug, Default)]
pub(super) struct Input<'a> {
    /// Its JSON.
    pub(super) json: &'a str,
    pub(super) digest: InputDigest,
}

impl<'a> Input<'a> {
    pub(super) fn new(json: &'a str) -> Self {
        Self { json, digest: digest(json.as_bytes()) }
    }
}

/// A field of an input, as it is shown.
#[derive(Debug)]
struct Field<'a> {
    /// Empty for the first.
    name: Cow<'a, str>,
    /// What stands for name and value.
    short: Option<&'static str>,
    value: Cow<'a, str>,
    /// It is no text but JSON.
    is_json: bool,
    /// How many more characters it has.
    more: usize,
    /// Its end was not read.
    is_cut: bool,
    /// Where it stands among the others.
    rank: (usize, usize),
}

/// The digest of a tool's whole input, to know it again by.
pub(super) fn digest(input: &[u8]) -> InputDigest {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&Sha256::digest(input)[..16]);
    InputDigest::new(bytes)
}

/// All that `tool` is asked to do, in as many lines as it takes.
pub(super) fn whole(tool: &str, kind: PromptKind, input: &Input<'_>) -> String {
    let exact = kind.exact();
    if tool == ASK
        && let Some(text) = questions(input.json)
    {
        return reveal(&text, exact);
    }
    // A little less than what is kept: runs of blanks may become longer where fields meet.
    compose(fields(tool, input.json), Exact { max: exact.max - 64, ..exact })
}

/// The same in a line behind the name of the tool, with what matters most in front. Paths under `cwd` are shortened.
pub(super) fn line(tool: &str, input: &Input<'_>, cwd: Option<&str>) -> String {
    if tool == ASK
        && let Some(text) = questions(input.json)
    {
        return text.replace('\n', " ");
    }
    let max = MAX_LINE.saturating_sub(tool.len() + 1).max(MIN_LINE);
    let (mut fields, more) = fields(tool, input.json);
    let has_first = fields.first().is_some_and(|first| first.name.is_empty());
    if has_first {
        fields.retain(|field| field.name != DESCRIPTION);
        if let Some(first) = fields.first_mut() {
            shorten(&mut first.value, cwd);
        }
    }
    for field in fields.iter_mut().filter(|field| field.is_json && field.value == "true") {
        let short = SHORT.iter().find(|(name, _)| *name == field.name);
        if let Some((_, short)) = short {
            field.short = Some(short);
            field.value = "".into();
        }
    }
    compose((fields, more), Exact { max, multiline: false, prose: false })
}

/// The fields of an input in the order in which they are shown: the first of the tool, then numbers and yes or no,
/// then texts and lists, then what only describes it. And how many more there are.
fn fields<'a>(tool: &str, json: &'a str) -> (Vec<Field<'a>>, usize) {
    let Some(all) = members(json) else {
        let whole = Member { name: "input", value: json, is_whole: true };
        let is_none = json.trim().is_empty();
        return (if is_none { Vec::new() } else { vec![field(whole, None)] }, 0);
    };
    let first = FIRST.iter().find(|(tools, _)| tools.contains(&tool)).map(|(_, first)| *first);
    let mut fields: Vec<Field<'a>> =
        all.clone().take(MAX_FIELDS).map(|member| field(member, first)).collect();
    // A field that is there twice is shown twice.
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

fn field<'a>(member: Member<'a>, first: Option<&str>) -> Field<'a> {
    let plain = member.name.trim_matches('"');
    let is_word = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c))
    };
    // A name that is no plain word is shown as it is written, in its quotes.
    let name = if is_word(plain) { plain } else { member.name };
    let (value, rest) = split_near(member.value, MAX_VALUE);
    let more = rest.len();
    // A text that is no Unicode is shown as it is written too: two such ones may read the same.
    let text = match (member.is_whole, more) {
        (true, 0) => serde_json::from_str::<String>(value).ok(),
        (true, _) => beginning_of_text(value),
        (false, _) => None,
    };
    let rank = match &text {
        Some(text) if Some(name) == first && !text.is_empty() => (0, 0),
        Some(_) if name == DESCRIPTION => (3, 0),
        None if !member.value.starts_with(['"', '{', '[']) => (1, 0),
        _ => (2, ORDER.iter().position(|known| *known == name).unwrap_or(ORDER.len())),
    };
    Field {
        name: Cow::Borrowed(name),
        short: None,
        is_json: text.is_none(),
        is_cut: !member.is_whole,
        more,
        value: text.map_or_else(|| Cow::Owned(compact(value)), Cow::Owned),
        rank,
    }
}

/// The text of which `json` is the beginning.
fn beginning_of_text(json: &str) -> Option<String> {
    // Where it is cut there may be an escape, or half of a pair of them.
    let ends = (0..=json.len()).rev().take(12).filter(|end| json.is_char_boundary(*end));
    let mut whole = ends.map(|end| format!("{}\"", json.split_at(end).0));
    whole.find_map(|whole| serde_json::from_str(&whole).ok())
}

/// Puts fields together in at most `how.max` bytes: short ones whole, long ones cut to what is left.
fn compose((mut fields, more): (Vec<Field<'_>>, usize), how: Exact) -> String {
    let most = if how.multiline { MAX_SHOWN } else { MAX_SHOWN_IN_LINE };
    let more = more + fields.len().saturating_sub(most);
    fields.truncate(most);
    let heads: Vec<String> =
        fields.iter().enumerate().map(|(at, field)| head(at, field, how)).collect();
    let tail = match (more, how.multiline) {
        (0, _) => String::new(),
        (more, true) => format!("\n… {} more fields", with_commas(more)),
        (more, false) => format!("  … {} more fields", with_commas(more)),
    };
    let unread = "… the rest was not read";
    let is_cut = fields.iter().any(|field| field.is_cut);
    let marks = tail.len() + if is_cut { unread.len() } else { 0 };
    let room = how.max.saturating_sub(heads.iter().map(String::len).sum::<usize>() + marks);
    let reveal =
        |field: &Field<'_>, max| reveal_beginning(&field.value, field.more, Exact { max, ..how });
    let values: Vec<String> = fields.iter().map(|field| reveal(field, room)).collect();
    let shares = shares(&values.iter().map(String::len).collect::<Vec<_>>(), room);
    let mut text = String::with_capacity(how.max);
    for ((field, head), (value, share)) in fields.iter().zip(&heads).zip(values.iter().zip(shares))
    {
        text.push_str(head);
        if value.len() <= share {
            text.push_str(value);
        } else {
            text.push_str(&reveal(field, share));
        }
        if field.is_cut {
            text.push_str(unread);
        }
    }
    text + &tail
}

/// What stands before a field's value: what parts it from the one before, and its name.
fn head(at: usize, field: &Field<'_>, how: Exact) -> String {
    if field.name.is_empty() {
        return String::new();
    }
    let parting = match (at, how.multiline) {
        (0, _) => "",
        (_, true) => "\n",
        (_, false) => "  ",
    };
    if let Some(short) = field.short {
        return format!("{parting}+{short}");
    }
    let max = if how.multiline { MAX_NAME } else { MAX_NAME_IN_LINE };
    let name = reveal(&field.name, Exact { max, multiline: false, ..how });
    if field.is_json {
        format!("{parting}+{name} = ")
    } else if how.multiline && field.value.contains('\n') {
        format!("{parting}+{name}:\n")
    } else {
        format!("{parting}+{name}: ")
    }
}

/// How much of `room` each of these lengths gets: all it needs, or what the shorter ones leave to the longer.
fn shares(lengths: &[usize], mut room: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|index| lengths[*index]);
    let mut shares = vec![0; lengths.len()];
    for (done, index) in order.iter().enumerate() {
        shares[*index] = lengths[*index].min(room / (lengths.len() - done));
        room -= shares[*index];
    }
    shares
}

fn shorten(path: &mut Cow<'_, str>, cwd: Option<&str>) {
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

/// The questions with their choices; `None` where there are none.
fn questions(json: &str) -> Option<String> {
    if json.len() > MAX_VALUE {
        return None;
    }
    let Questions { questions } = serde_json::from_str(json).ok()?;
    let mut text = String::new();
    for question in &questions {
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
    (!questions.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests;

//! Puts hook entries into a settings file's text and takes them out again.
//!
//! Text in, text out. The file belongs to the user: nothing is parsed and printed again. An edit is
//! a list of spans to insert or delete, so that every other byte (comments, order, indentation,
//! line ends, a byte-order mark) stays by construction. Where the text is not what it should be, the
//! answer is an [`EditError`] with a line and a column, and no text.
//!
//! [`remove`] undoes [`add`] exactly, except that it cannot know an empty container the user had
//! (`"hooks": {}`, `{ }`, an empty file) from one we made. Who kept the original shows it the first;
//! the others it has only as text.

mod document;
mod render;
mod splice;

use std::collections::HashSet;

use document::{Document, EventHooks, Found, Group};
use render::{Json, Layout};
use splice::{Edit, apply, insertion, removals};

/// A command that an agent runs at an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handler {
    /// The program (with `args`), or a shell command (without).
    pub command: String,
    /// The arguments, where the program is to be run without a shell.
    pub args: Option<Vec<String>>,
    /// Seconds until the agent gives it up.
    pub timeout: Option<u32>,
}

/// One handler of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The agent's name of the event.
    pub event: String,
    /// What it is to run.
    pub handler: Handler,
}

/// Why a settings file was left alone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// Not JSON, even with comments and trailing commas.
    #[error("line {line}, column {column}: this is not valid JSON: {reason}")]
    Broken { line: usize, column: usize, reason: String },
    /// Something has another type than the agent's settings have there.
    #[error("line {line}, column {column}: {what} should be {expected}, but is {found}")]
    WrongType {
        line: usize,
        column: usize,
        what: String,
        expected: &'static str,
        found: &'static str,
    },
    /// Readers differ in which of the two they believe.
    #[error("line {line}, column {column}: {key:?} is there twice; keep one of the two")]
    DuplicateKey { line: usize, column: usize, key: String },
}

/// Returns the text with exactly these entries of ours in it; the same text if they are there.
///
/// A handler of ours that runs something else (a moved program) is changed in place; one for an
/// event that is not wanted, a second one, and one behind a matcher go.
pub fn add(
    text: &str,
    entries: &[Entry],
    is_ours: fn(&Handler) -> bool,
) -> Result<String, EditError> {
    let cleaned = remove_where(text, &misplaced(text, entries, is_ours)?, &Containers::default())?;
    let text = cleaned.as_str();
    if entries.is_empty() {
        return Ok(cleaned);
    }
    let document = Document::parse(text)?;
    let mut edits = Vec::new();
    let Some(hooks) = &document.hooks else {
        let member = Json::member("hooks", hooks_object(entries.iter()));
        return Ok(match &document.root {
            Some(root) => apply(text, insertion(&document, root, &[member])),
            None => document.with_new_root(&Json::Object(vec![member])),
        });
    };
    let mut missing = Vec::new();
    for entry in entries {
        let Some(event) = hooks.events.iter().find(|event| event.name == entry.event) else {
            missing.push(entry);
            continue;
        };
        match event.handlers().find(|found| is_ours(&found.handler)) {
            Some(found) if found.is_exactly(&entry.handler) => {}
            Some(found) => {
                let layout = Layout::of_value(&document, &found.span);
                let text = Json::handler(&entry.handler).render(&layout);
                edits.push(Edit { span: found.span.clone(), text });
            }
            None => {
                let group = Json::group(&entry.handler);
                edits.extend(insertion(&document, &event.groups_container, &[group]));
            }
        }
    }
    if !missing.is_empty() {
        let Json::Object(members) = hooks_object(missing.into_iter()) else { return Ok(cleaned) };
        edits.extend(insertion(&document, &hooks.container, &members));
    }
    Ok(apply(text, edits))
}

/// Returns the text without any entry of ours, and without what has become empty by that, unless
/// `original`, the text before we were in it, had it already.
pub fn remove(
    text: &str,
    is_ours: fn(&Handler) -> bool,
    original: &str,
) -> Result<String, EditError> {
    let kept = Containers::of(&Document::parse(original)?);
    let spans = Document::parse(text)?
        .handlers()
        .filter(|(_, _, found)| is_ours(&found.handler))
        .map(|(_, _, found)| found.span.start)
        .collect();
    remove_where(text, &spans, &kept)
}

/// Returns the entries of ours in the order of the file.
pub fn find(text: &str, is_ours: fn(&Handler) -> bool) -> Result<Vec<Entry>, EditError> {
    Ok(Document::parse(text)?
        .handlers()
        .filter(|(_, _, found)| is_ours(&found.handler))
        .map(|(event, _, found)| Entry {
            event: event.name.clone(),
            handler: found.handler.clone(),
        })
        .collect())
}

/// Returns the command of the agent's status line, where there is one.
pub fn status_line(text: &str) -> Result<Option<String>, EditError> {
    Ok(Document::parse(text)?.status_line.map(|line| line.command))
}

/// Returns the text with another command as the status line that is there; without the whole of it where
/// there is to be none. All else of it (padding, an interval) stays.
pub fn set_status_line(text: &str, command: Option<&str>) -> Result<String, EditError> {
    let document = Document::parse(text)?;
    let (Some(root), Some(line)) = (&document.root, &document.status_line) else {
        return Ok(text.to_owned());
    };
    let edits = if let Some(command) = command {
        vec![Edit { span: line.span.clone(), text: render::quoted(command) }]
    } else {
        let flags: Vec<bool> = (0..root.children.len()).map(|index| index == line.index).collect();
        removals(&document, root, &flags)
    };
    Ok(apply(text, edits))
}

fn hooks_object<'a>(entries: impl Iterator<Item = &'a Entry>) -> Json {
    let events = entries.map(|entry| Json::member(&entry.event, Json::event(&entry.handler)));
    Json::Object(events.collect())
}

/// Finds the handlers of ours that cannot become right where they are, by their start.
fn misplaced(
    text: &str,
    entries: &[Entry],
    is_ours: fn(&Handler) -> bool,
) -> Result<HashSet<usize>, EditError> {
    let mut served = HashSet::new();
    let document = Document::parse(text)?;
    Ok(document
        .handlers()
        .filter(|(_, _, found)| is_ours(&found.handler))
        .filter(|(event, group, _)| {
            let wanted = entries.iter().any(|entry| entry.event == event.name);
            !(wanted && group.matches_everything && served.insert(event.name.clone()))
        })
        .map(|(_, _, found)| found.span.start)
        .collect())
}

/// Containers that are the user's own, empty or not.
#[derive(Debug, Default)]
struct Containers {
    hooks: bool,
    events: HashSet<String>,
}

impl Containers {
    fn of(document: &Document<'_>) -> Self {
        let events = document.hooks.iter().flat_map(|hooks| &hooks.events);
        Self {
            hooks: document.hooks.is_some(),
            events: events.map(|event| event.name.clone()).collect(),
        }
    }
}

/// Takes out the handlers that start here, and every container this leaves empty and that is not kept.
///
/// A container with a comment in it is not empty: the comment is the user's.
fn remove_where(
    text: &str,
    starts: &HashSet<usize>,
    kept: &Containers,
) -> Result<String, EditError> {
    if starts.is_empty() {
        return Ok(text.to_owned());
    }
    let document = Document::parse(text)?;
    let (Some(root), Some(hooks)) = (&document.root, &document.hooks) else {
        return Ok(text.to_owned());
    };
    let handler_goes = |found: &Found| starts.contains(&found.span.start);
    let group_goes = |group: &Group| {
        goes(group.handlers.iter().map(handler_goes)) && !group.container.has_comment(&document)
    };
    let event_goes = |event: &EventHooks| {
        goes(event.groups.iter().map(|group| group.as_ref().is_some_and(group_goes)))
            && !event.groups_container.has_comment(&document)
            && !kept.events.contains(&event.name)
    };
    let all_go = goes(hooks.events.iter().map(event_goes));
    if all_go && !kept.hooks && !hooks.container.has_comment(&document) {
        let flags: Vec<bool> = (0..root.children.len()).map(|index| index == hooks.index).collect();
        return Ok(apply(text, removals(&document, root, &flags)));
    }
    let mut edits = Vec::new();
    let event_flags: Vec<bool> = hooks.events.iter().map(event_goes).collect();
    edits.extend(removals(&document, &hooks.container, &event_flags));
    for event in hooks.events.iter().filter(|event| !event_goes(event)) {
        let group_flags: Vec<bool> =
            event.groups.iter().map(|group| group.as_ref().is_some_and(group_goes)).collect();
        edits.extend(removals(&document, &event.groups_container, &group_flags));
        for group in event.groups.iter().flatten().filter(|group| !group_goes(group)) {
            let flags: Vec<bool> =
                group.elements().map(|found| found.is_some_and(handler_goes)).collect();
            edits.extend(removals(&document, &group.container, &flags));
        }
    }
    Ok(apply(text, edits))
}

/// Returns whether everything goes, and there is something to go.
fn goes(mut flags: impl ExactSizeIterator<Item = bool>) -> bool {
    flags.len() > 0 && flags.all(|flag| flag)
}

#[cfg(test)]
mod tests;

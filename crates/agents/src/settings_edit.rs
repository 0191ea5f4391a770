//! Inserts hook entries into the text of a settings file, and removes them again.
//!
//! Text in, text out. The file belongs to the user, so the text is not parsed and printed again. An edit is a list of
//! spans to insert or delete, so every other byte (comments, order, indentation, line ends, a byte-order mark) stays.
//! If the text is invalid, the result is an [`EditError`] with a line and a column, and no text.
//!
//! [`remove`] reverts [`add`] exactly, with one exception: an empty `hooks` object or event list of the user looks like
//! one that [`add`] made. A caller that kept the original text passes it to [`remove`], which keeps the containers that
//! were in it.

mod document;
mod render;
mod splice;
mod trivia;

use std::collections::HashSet;

use document::{Document, EventHooks, FoundHandler, Group};
use render::Json;
use splice::{Edit, apply, edits_to_insert, edits_to_remove};

/// A command that an agent runs at an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handler {
    /// The program (with `args`), or a shell command (without).
    pub command: String,
    /// The arguments, if the program runs without a shell.
    pub args: Option<Vec<String>>,
    /// Seconds after which the agent kills the command.
    pub timeout: Option<u32>,
}

/// One handler of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The agent's name of the event.
    pub event: String,
    /// The command that runs at the event.
    pub handler: Handler,
}

/// The reason why a settings file is not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The text is not JSON, not even JSON with comments and trailing commas.
    #[error("line {line}, column {column}: this is not valid JSON: {reason}")]
    Broken { line: usize, column: usize, reason: String },
    /// A value has another type than the agent expects.
    #[error("line {line}, column {column}: {what} should be {expected}, but is {found}")]
    WrongType {
        line: usize,
        column: usize,
        what: String,
        expected: &'static str,
        found: &'static str,
    },
    /// A key appears twice. JSON readers do not agree on which of the two counts.
    #[error("line {line}, column {column}: {key:?} appears twice; keep one of the two")]
    DuplicateKey { line: usize, column: usize, key: String },
}

/// Returns the text with exactly these entries of ours; the same text if it already has them.
///
/// A handler of ours that runs another command (the program was moved) is replaced in place. A handler of ours is
/// removed if its event is not in `entries`, if it is a second one, or if its group has a matcher.
pub fn add(
    text: &str,
    entries: &[Entry],
    is_ours: fn(&Handler) -> bool,
) -> Result<String, EditError> {
    let misplaced = find_misplaced(text, entries, is_ours)?;
    let cleaned = remove_at(text, &misplaced, &KeptContainers::default())?;
    let text = cleaned.as_str();
    if entries.is_empty() {
        return Ok(cleaned);
    }
    let document = Document::parse(text)?;
    let mut edits = Vec::new();
    let Some(hooks) = &document.hooks else {
        let member = Json::member("hooks", hooks_object(entries.iter()));
        return Ok(match &document.root {
            Some(root) => apply(text, edits_to_insert(&document, root, &[member])),
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
                let layout = document.layout_of_value(&found.span);
                let text = Json::handler(&entry.handler).render(&layout);
                edits.push(Edit { span: found.span.clone(), text });
            }
            None => {
                let group = Json::group(&entry.handler);
                edits.extend(edits_to_insert(&document, &event.groups_container, &[group]));
            }
        }
    }
    if !missing.is_empty() {
        let Json::Object(members) = hooks_object(missing.into_iter()) else { return Ok(cleaned) };
        edits.extend(edits_to_insert(&document, &hooks.container, &members));
    }
    Ok(apply(text, edits))
}

/// Returns the text without our entries, and without the containers that this leaves empty. A container that is in
/// `original`, the text before [`add`], is kept.
pub fn remove(
    text: &str,
    is_ours: fn(&Handler) -> bool,
    original: &str,
) -> Result<String, EditError> {
    let kept = KeptContainers::of(&Document::parse(original)?);
    let starts = Document::parse(text)?
        .handlers()
        .filter(|(_, _, found)| is_ours(&found.handler))
        .map(|(_, _, found)| found.span.start)
        .collect();
    remove_at(text, &starts, &kept)
}

/// Returns our entries in the order of the file.
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

/// Returns the command of the agent's status line, if it has one.
pub fn status_line(text: &str) -> Result<Option<String>, EditError> {
    Ok(Document::parse(text)?.status_line.map(|line| line.command))
}

/// Returns the text with another command in its status line, or without the status line if `command` is `None`. The
/// other keys of the status line (padding, an interval) stay. A text without a status line does not change.
pub fn set_status_line(text: &str, command: Option<&str>) -> Result<String, EditError> {
    let document = Document::parse(text)?;
    let (Some(root), Some(line)) = (&document.root, &document.status_line) else {
        return Ok(text.to_owned());
    };
    let edits = if let Some(command) = command {
        vec![Edit { span: line.span.clone(), text: render::quoted(command) }]
    } else {
        let flags: Vec<bool> = (0..root.children.len()).map(|index| index == line.index).collect();
        edits_to_remove(&document, root, &flags)
    };
    Ok(apply(text, edits))
}

fn hooks_object<'a>(entries: impl Iterator<Item = &'a Entry>) -> Json {
    let events = entries.map(|entry| Json::member(&entry.event, Json::event(&entry.handler)));
    Json::Object(events.collect())
}

/// Returns the starts of our handlers that [`add`] cannot keep in their place.
fn find_misplaced(
    text: &str,
    entries: &[Entry],
    is_ours: fn(&Handler) -> bool,
) -> Result<HashSet<usize>, EditError> {
    let mut events_with_handler = HashSet::new();
    let document = Document::parse(text)?;
    Ok(document
        .handlers()
        .filter(|(_, _, found)| is_ours(&found.handler))
        .filter(|(event, group, _)| {
            let wanted = entries.iter().any(|entry| entry.event == event.name);
            !(wanted && group.matches_everything && events_with_handler.insert(event.name.clone()))
        })
        .map(|(_, _, found)| found.span.start)
        .collect())
}

/// The containers that are kept even if they become empty, because the user's own text had them.
#[derive(Debug, Default)]
struct KeptContainers {
    hooks: bool,
    events: HashSet<String>,
}

impl KeptContainers {
    fn of(document: &Document<'_>) -> Self {
        let events = document.hooks.iter().flat_map(|hooks| &hooks.events);
        Self {
            hooks: document.hooks.is_some(),
            events: events.map(|event| event.name.clone()).collect(),
        }
    }
}

/// Removes the handlers that start at these positions, and each container that this leaves empty unless it is kept.
///
/// A container with a comment is not empty, because the comment is the user's.
fn remove_at(
    text: &str,
    starts: &HashSet<usize>,
    kept: &KeptContainers,
) -> Result<String, EditError> {
    if starts.is_empty() {
        return Ok(text.to_owned());
    }
    let document = Document::parse(text)?;
    let (Some(root), Some(hooks)) = (&document.root, &document.hooks) else {
        return Ok(text.to_owned());
    };
    let is_handler_removed = |found: &FoundHandler| starts.contains(&found.span.start);
    let is_group_removed = |group: &Group| {
        all_set(group.handlers.iter().map(is_handler_removed))
            && !group.container.has_comment(&document)
    };
    let is_event_removed = |event: &EventHooks| {
        all_set(event.groups.iter().map(|group| group.as_ref().is_some_and(is_group_removed)))
            && !event.groups_container.has_comment(&document)
            && !kept.events.contains(&event.name)
    };
    let are_all_removed = all_set(hooks.events.iter().map(is_event_removed));
    if are_all_removed && !kept.hooks && !hooks.container.has_comment(&document) {
        let flags: Vec<bool> = (0..root.children.len()).map(|index| index == hooks.index).collect();
        return Ok(apply(text, edits_to_remove(&document, root, &flags)));
    }
    let mut edits = Vec::new();
    let event_flags: Vec<bool> = hooks.events.iter().map(is_event_removed).collect();
    edits.extend(edits_to_remove(&document, &hooks.container, &event_flags));
    for event in hooks.events.iter().filter(|event| !is_event_removed(event)) {
        let group_flags: Vec<bool> =
            event.groups.iter().map(|group| group.as_ref().is_some_and(is_group_removed)).collect();
        edits.extend(edits_to_remove(&document, &event.groups_container, &group_flags));
        for group in event.groups.iter().flatten().filter(|group| !is_group_removed(group)) {
            let flags: Vec<bool> =
                group.elements().map(|found| found.is_some_and(is_handler_removed)).collect();
            edits.extend(edits_to_remove(&document, &group.container, &flags));
        }
    }
    Ok(apply(text, edits))
}

/// Returns true if there are flags, and all of them are set.
fn all_set(mut flags: impl ExactSizeIterator<Item = bool>) -> bool {
    flags.len() > 0 && flags.all(|flag| flag)
}

#[cfg(test)]
mod tests;

//! Parses the text of a configuration file. Reports all problems at once, each with its position.

use crate::closest::closest;
use crate::duration::duration;
use crate::problem::{Problem, Severity};
use crate::reader::{MAX_PROBLEMS, Reader, allowed_word, in_order, kind};
use crate::rules::{ON, Rule, read_rules};
use crate::schema::{Entry, KEYS, Schema, Value};
use std::ops::Range;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value that the file sets.
#[derive(Debug)]
pub(crate) struct FileValue {
    /// The index of the option in the schema.
    pub(crate) entry: usize,
    pub(crate) value: Value,
    /// The byte at which its name begins.
    pub(crate) at: usize,
    pub(crate) line: usize,
}

/// A parsed file. If the problems contain an error, the rest is not used.
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    pub(crate) values: Vec<FileValue>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) problems: Vec<Problem>,
}

/// Parses `text` by the schema.
pub(crate) fn parse(schema: &Schema, path: &Path, text: &str) -> Parsed {
    let mut parser = Parser {
        reader: Reader::new(schema, path, text),
        values: Vec::new(),
        rules: Vec::new(),
        keys: Vec::new(),
    };
    let (root, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        parser.root(root.get_ref());
        parser.check_required_keys();
    }
    for error in errors.into_iter().take(MAX_PROBLEMS + 1) {
        let at = error.span().unwrap_or_default();
        parser.reader.error(&at, error.message().to_owned());
    }
    let Parser { reader, values, rules, .. } = parser;
    Parsed { values, rules, problems: reader.into_problems() }
}

/// A key that the file binds to an action.
struct BoundKey {
    /// The canonical spelling of the key.
    key: String,
    /// The index of the action in the schema.
    entry: usize,
    at: Range<usize>,
}

struct Parser<'a> {
    reader: Reader<'a>,
    values: Vec<FileValue>,
    rules: Vec<Rule>,
    keys: Vec<BoundKey>,
}

impl Parser<'_> {
    fn root(&mut self, root: &DeTable<'_>) {
        let sections: Vec<&str> =
            self.reader.schema.sections().iter().map(|(section, _)| *section).collect();
        for (name, value) in in_order(root) {
            if self.reader.is_full() {
                return;
            }
            if name.get_ref() == ON {
                self.rules.extend(read_rules(&mut self.reader, value));
                continue;
            }
            let Some(section) = sections.iter().find(|section| *section == name.get_ref()) else {
                let known: Vec<&str> = sections.iter().copied().chain([ON]).collect();
                let suggestion = self.suggest(None, name.get_ref(), &known);
                let what = if value.get_ref().is_table() { "section" } else { "option" };
                let text = format!("unknown {what} {}{suggestion}", name.get_ref().escape_debug());
                self.reader.report(Severity::Warning, &name.span(), text);
                continue;
            };
            match value.get_ref() {
                DeValue::Table(table) => self.section(section, table),
                other => {
                    let text = format!("{section} must be a section, not {}", kind(other));
                    self.reader.error(&value.span(), text);
                }
            }
        }
    }

    fn section(&mut self, section: &'static str, table: &DeTable<'_>) {
        for (name, value) in in_order(table) {
            if self.reader.is_full() {
                return;
            }
            let schema = self.reader.schema;
            let entries = || schema.entries().iter().enumerate();
            let found = entries()
                .find(|(_, entry)| entry.section == section && entry.name == name.get_ref());
            let Some((index, entry)) = found else {
                let names: Vec<&str> = entries()
                    .filter(|(_, entry)| entry.section == section)
                    .map(|(_, entry)| entry.name)
                    .collect();
                let suggestion = self.suggest(Some(section), name.get_ref(), &names);
                let option = name.get_ref().escape_debug();
                let text = format!("unknown option {section}.{option}{suggestion}");
                self.reader.report(Severity::Warning, &name.span(), text);
                continue;
            };
            if let Some(value) = self.value(index, entry, value) {
                let at = name.span().start;
                let line = self.reader.lines.line(at);
                self.values.push(FileValue { entry: index, value, at, line });
            }
        }
    }

    /// Suggests a name instead of an unknown name in a section, or outside all sections.
    fn suggest(&self, section: Option<&str>, name: &str, names: &[&str]) -> String {
        let in_other_section = self
            .reader
            .schema
            .entries()
            .iter()
            .find(|entry| entry.name == name && Some(entry.section) != section);
        if let Some(similar) = closest(name, names) {
            format!("; did you mean {similar}?")
        } else if let Some(entry) = in_other_section {
            format!("; it belongs in [{}]", entry.section)
        } else if section == Some(KEYS) {
            // There are too many names for one line.
            "; `crewboard config show` lists all actions".to_owned()
        } else {
            format!("; use one of {}", names.join(", "))
        }
    }

    fn value(
        &mut self,
        index: usize,
        entry: &Entry,
        value: &Spanned<DeValue<'_>>,
    ) -> Option<Value> {
        let name = entry.full_name();
        let result = match (&entry.default, value.get_ref()) {
            (Value::Word(_), DeValue::String(word)) => {
                allowed_word(&name, word, &entry.allowed).map(Value::Word)
            }
            (Value::Word(_), other) => {
                let allowed = entry.allowed.join(", ");
                Err(format!("{name} must be one of {allowed}, not {}", kind(other)))
            }
            (Value::Words(_), _) => {
                return self.reader.words(&name, value, &entry.allowed).map(Value::Words);
            }
            (Value::Text(_), DeValue::String(text)) => Ok(Value::Text(text.to_string())),
            (Value::Text(_), other) => Err(format!("{name} must be a text, not {}", kind(other))),
            (Value::Switch(_), DeValue::Boolean(on)) => Ok(Value::Switch(*on)),
            (Value::Switch(_), other) => {
                Err(format!("{name} must be true or false, not {}", kind(other)))
            }
            (Value::Time(_), DeValue::String(word)) => match duration(word) {
                Ok(duration) => Ok(Value::Time(duration)),
                Err(error) => Err(format!("{name} is {word:?}; {error}")),
            },
            (Value::Time(_), other) => {
                Err(format!("{name} must be a time such as \"90s\" or \"2h\", not {}", kind(other)))
            }
            (Value::Hours(_), DeValue::String(word)) if word.is_empty() => Ok(Value::Hours(None)),
            (Value::Hours(_), DeValue::String(word)) => match word.parse() {
                Ok(hours) => Ok(Value::Hours(Some(hours))),
                Err(error) => Err(format!("{name} is {word:?}; {error}")),
            },
            (Value::Hours(_), other) => {
                Err(format!("{name} must be hours such as \"22:00-07:00\", not {}", kind(other)))
            }
            (Value::Path(_), DeValue::String(path))
                if path.is_empty() || path.starts_with('/') || path.starts_with("~/") =>
            {
                Ok(Value::Path(path.to_string()))
            }
            (Value::Path(_), DeValue::String(path)) => {
                Err(format!("{name} is {path:?}; use an absolute path, or one that begins with ~/"))
            }
            (Value::Path(_), other) => {
                Err(format!("{name} must be the path of a file, not {}", kind(other)))
            }
            (Value::Keys(_), DeValue::String(_)) => {
                return self.keys(index, entry, std::slice::from_ref(value));
            }
            (Value::Keys(_), DeValue::Array(keys)) => return self.keys(index, entry, keys),
            (Value::Keys(_), other) => {
                Err(format!("{name} must be a key or a list of keys, not {}", kind(other)))
            }
        };
        result.map_err(|text| self.reader.error(&value.span(), text)).ok()
    }

    fn keys(
        &mut self,
        index: usize,
        entry: &Entry,
        keys: &[Spanned<DeValue<'_>>],
    ) -> Option<Value> {
        let name = entry.full_name();
        let mut words = Vec::new();
        for value in keys {
            if self.reader.is_full() {
                return None;
            }
            let at = value.span();
            let DeValue::String(word) = value.get_ref() else {
                let text =
                    format!("{name} must be a list of keys, not of {}", kind(value.get_ref()));
                self.reader.error(&at, text);
                continue;
            };
            let key = match (self.reader.schema.known.parse_key)(word) {
                Ok(key) => key,
                Err(error) => {
                    self.reader.error(&at, format!("{name}: {error}"));
                    continue;
                }
            };
            if let Some(bound) = self.keys.iter().find(|bound| bound.key == key) {
                let line = self.reader.lines.line(bound.at.start);
                let owner = self.reader.schema.entries().get(bound.entry).map(Entry::full_name);
                let owner = owner.unwrap_or_default();
                let text = format!("{name}: {owner} already has the key {word:?} (line {line})");
                self.reader.error(&at, text);
                continue;
            }
            self.keys.push(BoundKey { key, entry: index, at });
            words.push(word.to_string());
        }
        (words.len() == keys.len()).then_some(Value::Keys(words))
    }

    /// Reports required actions that have lost their last key.
    fn check_required_keys(&mut self) {
        let schema = self.reader.schema;
        let required = schema.entries().iter().enumerate().filter(|(_, entry)| entry.required);
        for (index, entry) in required {
            let own = self.values.iter().find(|value| value.entry == index);
            let left = match own.map_or(&entry.default, |own| &own.value) {
                Value::Keys(keys) if own.is_none() => unbound(schema, keys, &self.values).len(),
                Value::Keys(keys) => keys.len(),
                _ => 1,
            };
            if left > 0 {
                continue;
            }
            // The position is the action's own line, or else the line that binds its last key to another action.
            let is_own_key = |bound: &&BoundKey| match &entry.default {
                Value::Keys(keys) => canonical_keys(schema, keys).contains(&bound.key),
                _ => false,
            };
            let taken = self.keys.iter().filter(is_own_key).map(|key| key.at.clone()).next_back();
            let at = own.map_or(taken.unwrap_or_default(), |own| own.at..own.at);
            let text = format!("{} must keep at least one key", entry.full_name());
            self.reader.error(&at, text);
        }
    }
}

/// Returns the canonical spelling of each key.
fn canonical_keys(schema: &Schema, keys: &[String]) -> Vec<String> {
    keys.iter().filter_map(|key| (schema.known.parse_key)(key).ok()).collect()
}

/// Returns the default keys of an action that the file does not bind to another action.
pub(crate) fn unbound(schema: &Schema, keys: &[String], values: &[FileValue]) -> Vec<String> {
    let bound: Vec<String> = values
        .iter()
        .filter_map(|value| match &value.value {
            Value::Keys(keys) => Some(canonical_keys(schema, keys)),
            _ => None,
        })
        .flatten()
        .collect();
    let is_unbound =
        |key: &&String| (schema.known.parse_key)(key).is_ok_and(|key| !bound.contains(&key));
    keys.iter().filter(is_unbound).cloned().collect()
}

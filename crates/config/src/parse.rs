//! From the file's text to values, by the schema. Everything that is wrong is told at once, each
//! with its place.

use crate::duration::duration;
use crate::lines::Lines;
use crate::problem::{Problem, Severity};
use crate::rules::{ON, Rule};
use crate::schema::{Entry, KEYS, Schema, Value};
use std::ops::Range;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Problems told of a file at most: who has so many begins with these.
const MAX_PROBLEMS: usize = 50;

/// Letters of a word at most that may have been meant to be another. No name of ours is half as long.
const MAX_MEANT: usize = 64;

/// A value of the file.
#[derive(Debug)]
pub(crate) struct Given {
    /// The option's place in the schema.
    pub(crate) entry: usize,
    pub(crate) value: Value,
    /// Where its name is: the byte, and the line.
    pub(crate) at: usize,
    pub(crate) line: usize,
}

/// What a file says. With an error among the problems the rest is of no use.
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    pub(crate) given: Vec<Given>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) problems: Vec<Problem>,
}

/// Reads `text`.
pub(crate) fn parse(schema: &Schema, path: &Path, text: &str) -> Parsed {
    let mut reader = Reader {
        schema,
        path,
        lines: Lines::of(text),
        given: Vec::new(),
        rules: Vec::new(),
        keys: Vec::new(),
        found: Vec::new(),
    };
    let (root, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        reader.root(root.get_ref());
        reader.without_key();
    }
    for error in errors.into_iter().take(MAX_PROBLEMS + 1) {
        let at = error.span().unwrap_or_default();
        reader.say(Severity::Error, &at, error.message().to_owned());
    }
    let Reader { given, rules, mut found, .. } = reader;
    found.sort_by_key(|(at, _)| *at);
    let is_more = found.len() > MAX_PROBLEMS;
    found.truncate(MAX_PROBLEMS);
    let mut problems: Vec<Problem> = found.into_iter().map(|(_, problem)| problem).collect();
    if is_more {
        // What was not looked at may be anything: such a file is of no use.
        let text = "and more, not looked at; correct these first".to_owned();
        let path = Some(path.to_owned());
        problems.push(Problem { severity: Severity::Error, path, position: None, text });
    }
    Parsed { given, rules, problems }
}

/// A key of the user's own: its one spelling, the word, the option, and where.
struct OwnKey {
    key: String,
    entry: usize,
    at: Range<usize>,
}

pub(crate) struct Reader<'a> {
    pub(crate) schema: &'a Schema,
    path: &'a Path,
    pub(crate) lines: Lines<'a>,
    given: Vec<Given>,
    pub(crate) rules: Vec<Rule>,
    keys: Vec<OwnKey>,
    /// With the byte that each is at.
    found: Vec<(usize, Problem)>,
}

impl Reader<'_> {
    pub(crate) fn say(&mut self, severity: Severity, at: &Range<usize>, text: String) {
        let position = Some(self.lines.position(at.start));
        let path = Some(self.path.to_owned());
        self.found.push((at.start, Problem { severity, path, position, text }));
    }

    pub(crate) fn error(&mut self, at: &Range<usize>, text: String) {
        self.say(Severity::Error, at, text);
    }

    /// Whether so much is wrong that there is no point in looking for more.
    pub(crate) fn is_full(&self) -> bool {
        self.found.len() > MAX_PROBLEMS
    }

    fn root(&mut self, root: &DeTable<'_>) {
        let sections: Vec<&str> =
            self.schema.sections().iter().map(|(section, _)| *section).collect();
        for (name, value) in in_order(root) {
            if self.is_full() {
                return;
            }
            if name.get_ref() == ON {
                self.rules(value);
                continue;
            }
            let Some(section) = sections.iter().find(|section| *section == name.get_ref()) else {
                let known: Vec<&str> = sections.iter().copied().chain([ON]).collect();
                let advice = self.advice(None, name.get_ref(), &known);
                let what = if value.get_ref().is_table() { "section" } else { "option" };
                let text = format!("unknown {what} {}{advice}", name.get_ref().escape_debug());
                self.say(Severity::Warning, &name.span(), text);
                continue;
            };
            match value.get_ref() {
                DeValue::Table(table) => self.section(section, table),
                other => {
                    let text = format!("{section} must be a section, not {}", kind(other));
                    self.error(&value.span(), text);
                }
            }
        }
    }

    fn section(&mut self, section: &'static str, table: &DeTable<'_>) {
        for (name, value) in in_order(table) {
            if self.is_full() {
                return;
            }
            let schema = self.schema;
            let entries = || schema.entries().iter().enumerate();
            let found = entries()
                .find(|(_, entry)| entry.section == section && entry.name == name.get_ref());
            let Some((index, entry)) = found else {
                let names: Vec<&str> = entries()
                    .filter(|(_, entry)| entry.section == section)
                    .map(|(_, entry)| entry.name)
                    .collect();
                let advice = self.advice(Some(section), name.get_ref(), &names);
                let text =
                    format!("unknown option {section}.{}{advice}", name.get_ref().escape_debug());
                self.say(Severity::Warning, &name.span(), text);
                continue;
            };
            if let Some(value_read) = self.value(index, entry, value) {
                let at = name.span().start;
                let line = self.lines.line(at);
                self.given.push(Given { entry: index, value: value_read, at, line });
            }
        }
    }

    /// What may have been meant by an unknown name in a section, or outside any.
    fn advice(&self, section: Option<&str>, name: &str, names: &[&str]) -> String {
        let elsewhere = self
            .schema
            .entries()
            .iter()
            .find(|entry| entry.name == name && Some(entry.section) != section);
        if let Some(meant) = closest(name, names) {
            format!("; did you mean {meant}?")
        } else if let Some(entry) = elsewhere {
            format!("; it belongs into [{}]", entry.section)
        } else if section == Some(KEYS) {
            // There are too many for a line.
            "; `crewboard config show` lists them all".to_owned()
        } else {
            format!("; known are {}", names.join(", "))
        }
    }

    fn value(
        &mut self,
        index: usize,
        entry: &Entry,
        value: &Spanned<DeValue<'_>>,
    ) -> Option<Value> {
        let name = entry.full_name();
        let read = match (&entry.default, value.get_ref()) {
            (Value::Word(_), DeValue::String(word)) => {
                allowed_word(&name, word, &entry.allowed).map(Value::Word)
            }
            (Value::Word(_), other) => {
                let allowed = entry.allowed.join(", ");
                Err(format!("{name} must be one of {allowed}, not {}", kind(other)))
            }
            (Value::Words(_), _) => {
                return self.words(&name, value, &entry.allowed).map(Value::Words);
            }
            (Value::Switch(_), DeValue::Boolean(on)) => Ok(Value::Switch(*on)),
            (Value::Switch(_), other) => {
                Err(format!("{name} must be true or false, not {}", kind(other)))
            }
            (Value::Time(_), DeValue::String(word)) => match duration(word) {
                Ok(duration) => Ok(Value::Time(duration)),
                Err(why) => Err(format!("{name} is {word:?}; {why}")),
            },
            (Value::Time(_), other) => {
                Err(format!("{name} must be a time such as \"90s\" or \"2h\", not {}", kind(other)))
            }
            (Value::Keys(_), DeValue::String(_)) => {
                return self.keys(index, entry, std::slice::from_ref(value));
            }
            (Value::Keys(_), DeValue::Array(keys)) => return self.keys(index, entry, keys),
            (Value::Keys(_), other) => {
                Err(format!("{name} must be a key or a list of keys, not {}", kind(other)))
            }
        };
        read.map_err(|text| self.error(&value.span(), text)).ok()
    }

    /// A word of those allowed, or a list of such.
    pub(crate) fn words(
        &mut self,
        name: &str,
        value: &Spanned<DeValue<'_>>,
        allowed: &[&str],
    ) -> Option<Vec<String>> {
        let values = match value.get_ref() {
            DeValue::Array(values) => &values[..],
            _ => std::slice::from_ref(value),
        };
        let mut words = Vec::new();
        for one in values {
            if self.is_full() {
                return None;
            }
            let read = match one.get_ref() {
                DeValue::String(word) => allowed_word(name, word, allowed),
                other => Err(format!(
                    "{name} must be a list of {}, not {}",
                    allowed.join(", "),
                    kind(other)
                )),
            };
            match read {
                Ok(word) => words.push(word),
                Err(text) => self.error(&one.span(), text),
            }
        }
        (words.len() == values.len()).then_some(words)
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
            if self.is_full() {
                return None;
            }
            let at = value.span();
            let DeValue::String(word) = value.get_ref() else {
                let text =
                    format!("{name} must be a list of keys, not of {}", kind(value.get_ref()));
                self.error(&at, text);
                continue;
            };
            let key = match (self.schema.known.key)(word) {
                Ok(key) => key,
                Err(why) => {
                    self.error(&at, format!("{name}: {why}"));
                    continue;
                }
            };
            if let Some(other) = self.keys.iter().find(|other| other.key == key) {
                let line = self.lines.line(other.at.start);
                let whose = self.schema.entries().get(other.entry).map(Entry::full_name);
                let whose = whose.unwrap_or_default();
                self.error(
                    &at,
                    format!("{name}: {whose} has the key {word:?} already (line {line})"),
                );
                continue;
            }
            self.keys.push(OwnKey { key, entry: index, at });
            words.push(word.to_string());
        }
        (words.len() == keys.len()).then_some(Value::Keys(words))
    }

    /// Finds actions that the user must be able to reach and now cannot.
    fn without_key(&mut self) {
        let schema = self.schema;
        for (index, entry) in schema.entries().iter().enumerate().filter(|(_, entry)| entry.needed)
        {
            let own = self.given.iter().find(|given| given.entry == index);
            let left = match own.map_or(&entry.default, |given| &given.value) {
                Value::Keys(keys) if own.is_none() => left_of(schema, keys, &self.given).len(),
                Value::Keys(keys) => keys.len(),
                _ => 1,
            };
            if left > 0 {
                continue;
            }
            // Who took the last of its keys; or its own line, where it gives it none.
            let is_its = |key: &&OwnKey| match &entry.default {
                Value::Keys(keys) => spelled(schema, keys).contains(&key.key),
                _ => false,
            };
            let taken = self.keys.iter().filter(is_its).map(|key| key.at.clone()).next_back();
            let at = own.map_or(taken.unwrap_or_default(), |given| given.at..given.at);
            self.error(&at, format!("{} must keep a key", entry.full_name()));
        }
    }
}

/// `word`, if it is one of those allowed.
fn allowed_word(name: &str, word: &str, allowed: &[&str]) -> Result<String, String> {
    if allowed.contains(&word) {
        return Ok(word.to_owned());
    }
    let meant =
        closest(word, allowed).map_or_else(String::new, |meant| format!("; did you mean {meant}?"));
    Err(format!("{name} is {word:?}; it must be one of {}{meant}", allowed.join(", ")))
}

/// Each key's one spelling.
fn spelled(schema: &Schema, keys: &[String]) -> Vec<String> {
    keys.iter().filter_map(|key| (schema.known.key)(key).ok()).collect()
}

/// Those of an action's own keys that the file gives to no other.
pub(crate) fn left_of(schema: &Schema, keys: &[String], given: &[Given]) -> Vec<String> {
    let taken: Vec<String> = given
        .iter()
        .filter_map(|given| match &given.value {
            Value::Keys(keys) => Some(spelled(schema, keys)),
            _ => None,
        })
        .flatten()
        .collect();
    let is_left =
        |key: &&String| (schema.known.key)(key).is_ok_and(|spelled| !taken.contains(&spelled));
    keys.iter().filter(is_left).cloned().collect()
}

/// As they stand in the file.
pub(crate) fn in_order<'a, 'i>(
    table: &'a DeTable<'i>,
) -> Vec<(&'a Spanned<std::borrow::Cow<'i, str>>, &'a Spanned<DeValue<'i>>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(name, _)| name.span().start);
    entries
}

/// The name that is most likely meant by `word`, if it is near enough to any.
pub fn closest<'a>(word: &str, names: &[&'a str]) -> Option<&'a str> {
    if word.len() > MAX_MEANT {
        return None;
    }
    let word = word.to_lowercase();
    names
        .iter()
        .map(|name| (strsim::damerau_levenshtein(&word, name), *name))
        .filter(|(distance, name)| *distance <= 1.max(name.chars().count() / 3))
        .min()
        .map(|(_, name)| name)
}

/// A value's kind, in the user's words.
pub(crate) fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

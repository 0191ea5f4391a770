//! Reads values of a configuration file, and collects the problems with their positions.

use crate::closest::closest;
use crate::lines::Lines;
use crate::problem::{Problem, Severity};
use crate::schema::Schema;
use std::borrow::Cow;
use std::ops::Range;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Maximum number of problems that are reported for one file.
pub(crate) const MAX_PROBLEMS: usize = 50;

pub(crate) struct Reader<'a> {
    pub(crate) schema: &'a Schema,
    path: &'a Path,
    pub(crate) lines: Lines<'a>,
    /// The problems, each with its byte in the text.
    problems: Vec<(usize, Problem)>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(schema: &'a Schema, path: &'a Path, text: &'a str) -> Self {
        Self { schema, path, lines: Lines::new(text), problems: Vec::new() }
    }

    pub(crate) fn report(&mut self, severity: Severity, at: &Range<usize>, text: String) {
        let position = Some(self.lines.position(at.start));
        let path = Some(self.path.to_owned());
        self.problems.push((at.start, Problem { severity, path, position, text }));
    }

    pub(crate) fn error(&mut self, at: &Range<usize>, text: String) {
        self.report(Severity::Error, at, text);
    }

    /// Returns true if there are so many problems that the rest of the file is not read.
    pub(crate) fn is_full(&self) -> bool {
        self.problems.len() > MAX_PROBLEMS
    }

    /// Returns the problems in the order of the file.
    pub(crate) fn into_problems(mut self) -> Vec<Problem> {
        let is_full = self.is_full();
        self.problems.sort_by_key(|(at, _)| *at);
        self.problems.truncate(MAX_PROBLEMS);
        let mut problems: Vec<Problem> =
            self.problems.into_iter().map(|(_, problem)| problem).collect();
        if is_full {
            // This is an error, because the unread part of the file may contain errors.
            let text = "there are more problems; correct these first".to_owned();
            let path = Some(self.path.to_owned());
            problems.push(Problem { severity: Severity::Error, path, position: None, text });
        }
        problems
    }

    /// Reads an allowed word, or a list of allowed words.
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
        for value in values {
            if self.is_full() {
                return None;
            }
            let word = match value.get_ref() {
                DeValue::String(word) => allowed_word(name, word, allowed),
                other => Err(format!(
                    "{name} must be a list of {}, not {}",
                    allowed.join(", "),
                    kind(other)
                )),
            };
            match word {
                Ok(word) => words.push(word),
                Err(text) => self.error(&value.span(), text),
            }
        }
        (words.len() == values.len()).then_some(words)
    }
}

/// Returns `word` if it is allowed.
pub(crate) fn allowed_word(name: &str, word: &str, allowed: &[&str]) -> Result<String, String> {
    if allowed.contains(&word) {
        return Ok(word.to_owned());
    }
    let suggestion =
        closest(word, allowed).map_or_else(String::new, |name| format!("; did you mean {name}?"));
    Err(format!("{name} is {word:?}; it must be one of {}{suggestion}", allowed.join(", ")))
}

/// Returns the entries of a table in the order of the file.
pub(crate) fn in_order<'a, 'i>(
    table: &'a DeTable<'i>,
) -> Vec<(&'a Spanned<Cow<'i, str>>, &'a Spanned<DeValue<'i>>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(name, _)| name.span().start);
    entries
}

/// Returns the kind of a value, for an error.
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

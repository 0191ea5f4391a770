//! `[[on]]` rules: the user's own commands, which run when a session reaches a status.

use crate::closest::closest;
use crate::problem::Severity;
use crate::reader::{Reader, in_order, kind};
use serde::{Deserialize, Serialize};
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The name of the list.
pub(crate) const ON: &str = "on";
const STATUS: &str = "status";
const RUN: &str = "run";

/// Maximum number of rules. Each rule may start a program at each change of a status.
const MAX_RULES: usize = 100;

/// A command that runs when a session enters one of these statuses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// The words of statuses, or `needs-you`.
    pub statuses: Vec<String>,
    /// The shell command.
    pub run: String,
    /// The line of the rule in the file.
    pub line: usize,
}

impl Rule {
    /// Returns true if the rule applies to a session in this status.
    pub fn is_for(&self, status: &str, needs_you: bool) -> bool {
        self.statuses.iter().any(|word| word == status || word == "needs-you" && needs_you)
    }
}

/// Reads the list of rules.
pub(crate) fn read_rules(reader: &mut Reader<'_>, value: &Spanned<DeValue<'_>>) -> Vec<Rule> {
    let mut rules = Vec::new();
    let DeValue::Array(values) = value.get_ref() else {
        let text = format!("each rule must be a section [[{ON}]], not {}", kind(value.get_ref()));
        reader.error(&value.span(), text);
        return rules;
    };
    if let Some(value) = values.get(MAX_RULES) {
        let text = format!("there are more than {MAX_RULES} [[{ON}]] rules");
        reader.error(&value.span(), text);
    }
    for value in values.iter().take(MAX_RULES) {
        if reader.is_full() {
            break;
        }
        match value.get_ref() {
            DeValue::Table(table) => rules.extend(read_rule(reader, table, &value.span())),
            other => {
                let text = format!("an [[{ON}]] rule must be a table, not {}", kind(other));
                reader.error(&value.span(), text);
            }
        }
    }
    rules
}

fn read_rule(reader: &mut Reader<'_>, table: &DeTable<'_>, at: &Range<usize>) -> Option<Rule> {
    let mut statuses = None;
    let mut run = None;
    for (name, value) in in_order(table) {
        if reader.is_full() {
            return None;
        }
        match name.get_ref().as_ref() {
            STATUS => {
                let allowed = reader.schema.known.rule_statuses.clone();
                statuses = Some(reader.words("on.status", value, &allowed));
            }
            RUN => run = Some(read_command(reader, value)),
            other => {
                let suggestion = closest(other, &[STATUS, RUN]).map_or_else(
                    || format!("; use {STATUS} or {RUN}"),
                    |name| format!("; did you mean {name}?"),
                );
                let text = format!("unknown option on.{}{suggestion}", other.escape_debug());
                reader.report(Severity::Warning, &name.span(), text);
            }
        }
    }
    for (name, is_set) in [(STATUS, statuses.is_some()), (RUN, run.is_some())] {
        if !is_set {
            reader.error(at, format!("this [[{ON}]] rule has no {name}"));
        }
    }
    let line = reader.lines.line(at.start);
    Some(Rule { statuses: statuses??, run: run??, line })
}

fn read_command(reader: &mut Reader<'_>, value: &Spanned<DeValue<'_>>) -> Option<String> {
    let text = match value.get_ref() {
        DeValue::String(command) if !command.trim().is_empty() => return Some(command.to_string()),
        DeValue::String(_) => "on.run is empty".to_owned(),
        other => format!("on.run must be a shell command, not {}", kind(other)),
    };
    reader.error(&value.span(), text);
    None
}

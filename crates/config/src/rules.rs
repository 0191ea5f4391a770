//! `[[on]]`: what of the user's own runs at which statuses.

use crate::parse::{Reader, closest, in_order, kind};
use crate::problem::Severity;
use serde::{Deserialize, Serialize};
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The name of the list.
pub(crate) const ON: &str = "on";
const STATUS: &str = "status";
const RUN: &str = "run";

/// Rules at most: each may start a program at each change of a status.
const MAX_RULES: usize = 100;

/// What is to run when a session enters one of these statuses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Words of statuses, or `needs-you`.
    pub statuses: Vec<String>,
    /// A line for the shell.
    pub run: String,
    /// Where it is in the file.
    pub line: usize,
}

impl Rule {
    /// Whether it is for a session in this status, which needs somebody or not.
    pub fn is_for(&self, status: &str, needs_you: bool) -> bool {
        self.statuses.iter().any(|word| word == status || word == "needs-you" && needs_you)
    }
}

impl Reader<'_> {
    /// Reads the list.
    pub(crate) fn rules(&mut self, value: &Spanned<DeValue<'_>>) {
        let DeValue::Array(rules) = value.get_ref() else {
            let text = format!(
                "each rule is a section of its own, [[{ON}]], not {}",
                kind(value.get_ref())
            );
            return self.error(&value.span(), text);
        };
        if let Some(rule) = rules.get(MAX_RULES) {
            let text = format!("there are more than {MAX_RULES} rules of [[{ON}]]");
            self.error(&rule.span(), text);
        }
        for rule in rules.iter().take(MAX_RULES) {
            if self.is_full() {
                return;
            }
            match rule.get_ref() {
                DeValue::Table(table) => self.rule(table, &rule.span()),
                other => {
                    let text = format!("a rule of [[{ON}]] must be a table, not {}", kind(other));
                    self.error(&rule.span(), text);
                }
            }
        }
    }

    fn rule(&mut self, table: &DeTable<'_>, at: &Range<usize>) {
        let mut statuses = None;
        let mut run = None;
        for (name, value) in in_order(table) {
            if self.is_full() {
                return;
            }
            match name.get_ref().as_ref() {
                STATUS => {
                    let occasions = self.schema.known.occasions.clone();
                    statuses = Some(self.words("on.status", value, &occasions));
                }
                RUN => {
                    run = Some(match value.get_ref() {
                        DeValue::String(line) if !line.trim().is_empty() => Some(line.to_string()),
                        DeValue::String(_) => {
                            self.error(&value.span(), "on.run is empty".to_owned());
                            None
                        }
                        other => {
                            let text =
                                format!("on.run must be a line for the shell, not {}", kind(other));
                            self.error(&value.span(), text);
                            None
                        }
                    });
                }
                other => {
                    let advice = closest(other, &[STATUS, RUN]).map_or_else(
                        || format!("; known are {STATUS}, {RUN}"),
                        |meant| format!("; did you mean {meant}?"),
                    );
                    let text = format!("unknown option on.{}{advice}", other.escape_debug());
                    self.say(Severity::Warning, &name.span(), text);
                }
            }
        }
        for (name, is_there) in [(STATUS, statuses.is_some()), (RUN, run.is_some())] {
            if !is_there {
                self.error(at, format!("this rule of [[{ON}]] has no {name}"));
            }
        }
        let line = self.lines.line(at.start);
        if let (Some(Some(statuses)), Some(Some(run))) = (statuses, run) {
            self.rules.push(Rule { statuses, run, line });
        }
    }
}

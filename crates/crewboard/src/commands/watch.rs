//! `crewboard watch`: a line for each change, until the reader goes.

use crate::commands::{rendezvous, warn};
use crate::failure::Failure;
use crate::render::{Style, list_line};
use crewboard_board::text::clock_time;
use crewboard_client::{Follow, News};
use crewboard_core::{RowKey, Session, Transition};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::{self, Write as _};
use std::process::ExitCode;

/// Follows the rows.
pub(crate) fn run(json: bool) -> Result<ExitCode, Failure> {
    let rendezvous = rendezvous()?;
    let mut follow = Follow::new(&rendezvous);
    let mut printer = Printer { json, style: Style::of_stdout(), printed: HashMap::new() };
    loop {
        match follow.next(&io::stdout())? {
            News::Synced => {
                // What changed while nobody told us, or all there is at first.
                let gone: Vec<RowKey> = printer
                    .printed
                    .keys()
                    .filter(|key| !follow.rows().contains_key(*key))
                    .cloned()
                    .collect();
                for key in gone {
                    printer.removed(&key)?;
                }
                let mut rows: Vec<&Session> = follow.rows().values().collect();
                rows.sort_by(|one, other| one.compare_for_list(other));
                for row in rows {
                    printer.row(row, &[], 0)?;
                }
            }
            News::Changed { row, transitions, skipped } => {
                printer.row(&row, &transitions, skipped)?;
            }
            News::Removed(key) => printer.removed(&key)?,
            News::Limits | News::Losses(_) | News::Announcement { .. } => {}
            News::Lost => warn("the daemon went away; starting another"),
            News::Unreachable(why) => warn(&format!("{why}; trying again")),
            News::Version(problem) => {
                if let Some(problem) = problem {
                    warn(&problem);
                }
            }
        }
    }
}

/// Prints rows, and knows what it printed of each.
struct Printer {
    json: bool,
    style: Style,
    printed: HashMap<RowKey, String>,
}

impl Printer {
    fn row(&mut self, row: &Session, transitions: &[Transition], skipped: u64) -> io::Result<()> {
        let (line, digest) = if self.json {
            (json_line(row, transitions, skipped)?, digest(row)?)
        } else {
            let line = list_line(row, "", self.style);
            (format!("{} {line}", clock_time(row.since)), line)
        };
        if transitions.is_empty() && self.printed.get(&row.key) == Some(&digest) {
            return Ok(());
        }
        self.printed.insert(row.key.clone(), digest);
        print(&line)
    }

    fn removed(&mut self, key: &RowKey) -> io::Result<()> {
        self.printed.remove(key);
        if self.json {
            print(&json!({ "removed": key.as_str() }).to_string())
        } else {
            print(&format!("         forgotten {key}"))
        }
    }
}

fn print(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// What of a row makes a change worth a line: all but how the daemon counts, for a row that a new
/// daemon was given back is no news.
fn digest(row: &Session) -> io::Result<String> {
    let mut value = serde_json::to_value(row)?;
    if let Value::Object(fields) = &mut value {
        for counted in ["epoch", "revision", "updated", "history"] {
            fields.remove(counted);
        }
    }
    Ok(value.to_string())
}

/// The row as JSON, with the statuses it entered since the last line for it.
fn json_line(row: &Session, transitions: &[Transition], skipped: u64) -> io::Result<String> {
    let mut value = serde_json::to_value(row)?;
    if let Value::Object(fields) = &mut value {
        fields.remove("history");
        fields.insert("transitions".to_owned(), serde_json::to_value(transitions)?);
        if skipped > 0 {
            fields.insert("skipped".to_owned(), skipped.into());
        }
    }
    Ok(value.to_string())
}

//! `crewboard watch`: prints a line for each change until its output is closed.

use crate::daemon_client::{daemon_locator, warn};
use crate::failure::Failure;
use crate::render::{Names, Style, list_line};
use crewboard_board::format::text::clock_time;
use crewboard_client::{Subscription, SubscriptionEvent};
use crewboard_core::{RowKey, Session, Timestamp, Transition};
use crewboard_platform::Clock;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

/// Prints each change.
pub(crate) fn run(json: bool) -> Result<ExitCode, Failure> {
    let daemon_locator = daemon_locator()?;
    let mut subscription = Subscription::new(&daemon_locator);
    let mut printer = Printer { json, clock: Clock::new(), printed: HashMap::new() };
    loop {
        let timeout = time_until_quiet(subscription.rows().values(), printer.clock.now().wall);
        let Some(event) = subscription.next_within(&io::stdout(), timeout)? else {
            printer.print_quiet(&subscription)?;
            continue;
        };
        match event {
            SubscriptionEvent::Synced => {
                // Print the first snapshot, or what changed while the connection was lost.
                let removed: Vec<RowKey> = printer
                    .printed
                    .keys()
                    .filter(|key| !subscription.rows().contains_key(*key))
                    .cloned()
                    .collect();
                for key in removed {
                    printer.print_removal(&key)?;
                }
                let mut rows: Vec<&Session> = subscription.rows().values().collect();
                rows.sort_by(|one, other| one.compare_for_list(other));
                let names = names(&subscription);
                for row in rows {
                    printer.print_row(row, &names, &[], 0)?;
                }
            }
            SubscriptionEvent::Changed { row, transitions, skipped } => {
                printer.print_row(&row, &names(&subscription), &transitions, skipped)?;
            }
            SubscriptionEvent::Removed(key) => printer.print_removal(&key)?,
            SubscriptionEvent::RateLimits
            | SubscriptionEvent::DroppedEvents(_)
            | SubscriptionEvent::Notification { .. } => {}
            SubscriptionEvent::Disconnected => warn("the daemon exited; starting a new one"),
            SubscriptionEvent::Unreachable(why) => warn(&format!("{why}; retrying")),
            SubscriptionEvent::Version(problem) => {
                if let Some(problem) = problem {
                    warn(&problem);
                }
            }
        }
    }
}

/// Returns the time until the next working session becomes quiet, which no event reports.
fn time_until_quiet<'a>(
    rows: impl Iterator<Item = &'a Session>,
    now: Timestamp,
) -> Option<Duration> {
    let times = rows.filter_map(Session::quiet_at).filter(|at| *at > now);
    times.min().map(|at| Duration::from_millis(at.since(now)))
}

/// Returns the names that tell all present sessions apart.
fn names(subscription: &Subscription<'_>) -> Names {
    Names::of(subscription.rows().values(), Style::of_stdout())
}

/// Prints sessions, and skips a session that would print the same line again.
struct Printer {
    json: bool,
    clock: Clock,
    printed: HashMap<RowKey, String>,
}

impl Printer {
    fn print_row(
        &mut self,
        row: &Session,
        names: &Names,
        transitions: &[Transition],
        skipped: u64,
    ) -> io::Result<()> {
        let quiet = row.quiet_since(self.clock.now().wall);
        let (line, digest) = if self.json {
            let line = json_line(row, names.name(row), quiet, transitions, skipped)?;
            (line, digest(row, quiet)?)
        } else {
            // The width of a terminal may have changed since the last line.
            let style = Style::of_stdout();
            let quiet = quiet.map(|since| format!("quiet since {}", clock_time(since)));
            let quiet = quiet.unwrap_or_default();
            let whole = list_line(row, names, "", &quiet, Style { width: 0, ..style });
            (line_with_time(row, names, &quiet, style), whole)
        };
        if transitions.is_empty() && self.printed.get(&row.key) == Some(&digest) {
            return Ok(());
        }
        self.printed.insert(row.key.clone(), digest);
        print(&line)
    }

    /// Prints the sessions that have become quiet.
    fn print_quiet(&mut self, subscription: &Subscription<'_>) -> io::Result<()> {
        let now = self.clock.now().wall;
        let quiet = subscription.rows().values().filter(|row| row.quiet_since(now).is_some());
        let mut quiet: Vec<&Session> = quiet.collect();
        quiet.sort_by(|one, other| one.compare_for_list(other));
        let names = names(subscription);
        quiet.into_iter().try_for_each(|row| self.print_row(row, &names, &[], 0))
    }

    fn print_removal(&mut self, key: &RowKey) -> io::Result<()> {
        self.printed.remove(key);
        if self.json {
            print(&json!({ "removed": key.as_str() }).to_string())
        } else {
            print(&format!("         removed {key}"))
        }
    }
}

fn print(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// Returns the session's line with the time at which its status began. Both fit into one line of the terminal.
fn line_with_time(row: &Session, names: &Names, quiet: &str, style: Style) -> String {
    let time = clock_time(row.since);
    let width = match style.width {
        0 => 0,
        width => width.saturating_sub(time.len() + 1).max(1),
    };
    format!("{time} {}", list_line(row, names, "", quiet, Style { width, ..style }))
}

/// Returns the part of a session whose change is printed: everything but the daemon's counters, which also change
/// when a new daemon restores the session.
fn digest(row: &Session, quiet_since: Option<Timestamp>) -> io::Result<String> {
    let mut value = serde_json::to_value(row)?;
    if let Value::Object(fields) = &mut value {
        for counter in ["epoch", "revision", "updated", "evidence_at", "history", "past"] {
            fields.remove(counter);
        }
        insert_quiet(fields, quiet_since);
    }
    Ok(value.to_string())
}

fn insert_quiet(fields: &mut Map<String, Value>, quiet_since: Option<Timestamp>) {
    if let Some(since) = quiet_since {
        fields.insert("quiet_since".to_owned(), since.0.into());
    }
}

/// Returns the session as JSON, with its status changes since its last line.
fn json_line(
    row: &Session,
    label: &str,
    quiet_since: Option<Timestamp>,
    transitions: &[Transition],
    skipped: u64,
) -> io::Result<String> {
    let mut value = serde_json::to_value(row)?;
    if let Value::Object(fields) = &mut value {
        fields.remove("history");
        fields.remove("past");
        fields.insert("label".to_owned(), label.into());
        insert_quiet(fields, quiet_since);
        fields.insert("transitions".to_owned(), serde_json::to_value(transitions)?);
        if skipped > 0 {
            fields.insert("skipped".to_owned(), skipped.into());
        }
    }
    Ok(value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crewboard_core::Status;
    use unicode_width::UnicodeWidthStr as _;

    #[test]
    fn line_fits_the_terminal_and_keeps_the_key() {
        let row = Session {
            key: RowKey::new("kaaaa"),
            status: Status::Permission,
            name: "a-project-with-a-long-name".into(),
            activity: Some("Bash cargo test --workspace --all-features --locked".into()),
            ..Session::default()
        };
        for width in [40, 60, 80, 100, 160] {
            let style = Style { colour: false, unicode: true, width };
            let line = line_with_time(&row, &Names::of([&row], style), "", style);
            assert!(line.width() <= width && line.ends_with(" kaaaa"), "{width}: {line}");
        }
    }

    #[test]
    fn next_quiet_session_decides_how_long_to_wait() {
        const NOW: Timestamp = Timestamp(100_000_000);
        let minutes = |count: u64| Duration::from_secs(count * 60);
        let row = |status, minutes: u64| Session {
            status,
            evidence_at: Some(Timestamp(NOW.0 - minutes * 60_000)),
            ..Session::default()
        };
        let wait = |rows: &[Session]| time_until_quiet(rows.iter(), NOW);
        let working = |minutes| row(Status::Working, minutes);
        assert_eq!(wait(&[working(3), working(8)]), Some(minutes(2)));
        // No further change follows for a session that is quiet already, or does not work.
        assert_eq!(wait(&[working(10), working(30), row(Status::Idle, 9)]), None);
        assert_eq!(wait(&[Session { status: Status::Working, ..Session::default() }]), None);
    }
}

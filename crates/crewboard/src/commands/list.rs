//! `crewboard list`: prints all sessions once.

use crate::daemon_client::{
    REPLY_TIMEOUT, Snapshot, connect, daemon_locator, fetch_snapshot, find_version_problem,
    retry_once, warn, warn_of_dropped_events,
};
use crate::failure::Failure;
use crate::render::{Names, Style, list_line_at, write_json};
use crewboard_client::DaemonLocator;
use crewboard_core::{Session, Timestamp, labels};
use crewboard_platform::Clock;
use serde::Serialize;
use std::io::{self, Write as _};
use std::process::ExitCode;

/// Bytes that are written at once.
const WRITE_BYTES: usize = 64 * 1024;

/// A session with the name that tells it apart from the others.
#[derive(Serialize)]
struct Labelled<'a> {
    #[serde(flatten)]
    row: &'a Session,
    label: &'a str,
    /// The time since which a working session has been quiet, if that is unusually long.
    #[serde(skip_serializing_if = "Option::is_none")]
    quiet_since: Option<Timestamp>,
}

/// Prints the sessions of the user's daemon.
pub(crate) fn run(json: bool) -> Result<ExitCode, Failure> {
    print(&daemon_locator()?, json)
}

/// Prints the sessions of a daemon.
pub(crate) fn print(daemon_locator: &DaemonLocator, json: bool) -> Result<ExitCode, Failure> {
    let (connection, version_problem, snapshot) = retry_once(|| {
        let mut connection = connect(daemon_locator)?;
        let problem = find_version_problem(&mut connection)?;
        let found = fetch_snapshot(&mut connection, REPLY_TIMEOUT)?;
        Ok((connection, problem, found))
    })?;
    let Snapshot { rows, dropped_events, .. } = snapshot;
    if let Some(problem) = version_problem {
        warn(&problem);
    }
    // Status bars read the JSON and would not show a warning.
    if !json {
        warn_of_dropped_events(&connection, dropped_events);
    }
    let now = Clock::new().now().wall;
    // Standard output itself writes each line on its own.
    let mut out = io::BufWriter::with_capacity(WRITE_BYTES, io::stdout().lock());
    if json {
        let labels = labels(&rows);
        let labelled: Vec<Labelled<'_>> = rows
            .iter()
            .map(|row| Labelled {
                row,
                label: labels.get(&row.key).unwrap_or(&row.name),
                quiet_since: row.quiet_since(now),
            })
            .collect();
        write_json(&mut out, &labelled)?;
        out.flush()?;
        return Ok(ExitCode::SUCCESS);
    }
    let style = Style::of_stdout();
    let names = Names::of(&rows, style);
    for row in &rows {
        writeln!(out, "{}", list_line_at(row, &names, now, style))?;
    }
    out.flush()?;
    if rows.is_empty() {
        // Standard output has one line for each session. A closed standard error is no reason to fail.
        let _ = writeln!(
            io::stderr(),
            "No sessions. Start Claude Code in any pane. If its hooks are missing, run `crewboard install`."
        );
    }
    Ok(ExitCode::SUCCESS)
}

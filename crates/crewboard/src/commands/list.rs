//! `crewboard list`: all rows, once.

use crate::commands::{connect, rendezvous, rows, rows_and_warn_of_losses, warn_of_version};
use crate::failure::Failure;
use crate::render::{Style, list_line};
use crewboard_board::text::{Grain, age};
use crewboard_client::Rendezvous;
use crewboard_platform::Clock;
use std::io::{self, Write as _};
use std::process::ExitCode;

/// Prints the rows.
pub(crate) fn run(json: bool) -> Result<ExitCode, Failure> {
    print(&rendezvous()?, json)
}

/// Prints the rows of that daemon.
pub(crate) fn print(rendezvous: &Rendezvous, json: bool) -> Result<ExitCode, Failure> {
    let mut conversation = connect(rendezvous)?;
    warn_of_version(&mut conversation)?;
    // Status bars ask for JSON and show no error output.
    let rows =
        if json { rows(&mut conversation)? } else { rows_and_warn_of_losses(&mut conversation)? };
    let mut out = io::stdout().lock();
    if json {
        let text = serde_json::to_string_pretty(&rows).map_err(io::Error::from)?;
        writeln!(out, "{text}")?;
        return Ok(ExitCode::SUCCESS);
    }
    let style = Style::of_stdout();
    let now = Clock::new().now().wall;
    for row in &rows {
        writeln!(out, "{}", list_line(row, &age(row.since, now, Grain::Seconds), style))?;
    }
    if rows.is_empty() {
        writeln!(
            out,
            "No sessions. Start Claude Code in any pane; `crewboard install` installs its hooks."
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

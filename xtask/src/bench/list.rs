//! Measures `crewboard list` with many rows, next to `/bin/true`.

use super::daemon::Daemon;
use super::event::Sessions;
use super::goals::Part;
use super::hook::{candidate, run_rounds};
use super::rest::wait_for_rows;
use anyhow::Result;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

const ROWS: usize = 1000;

/// Measures the list in a pipe, with a living process for each row.
pub(super) fn measure(program: &Path, rounds: usize) -> Result<Part> {
    let daemon = Daemon::start(program)?;
    let mut sessions = Sessions::start(ROWS)?;
    let mut writer = daemon.connect()?;
    for number in 0..ROWS {
        writer.send(&sessions.line(number, true, "fix the failing checkout test"))?;
    }
    wait_for_rows(&daemon, ROWS)?;
    let mut plain = daemon.crewboard();
    plain.arg("list");
    let mut json = daemon.crewboard();
    json.args(["list", "--json"]);
    let mut candidates = [
        candidate("/bin/true", Command::new("/bin/true")),
        candidate("**crewboard list**", plain),
        candidate("crewboard list --json", json),
    ];
    run_rounds(&mut candidates, b"", rounds)?;
    let mut part = Part::new(format!(
        "## The list\n\n{ROWS} rows, each with a living process.\n\n\
         | command | p50 µs | p90 µs | p99 µs | × /bin/true |\n|---|---|---|---|---|\n"
    ));
    for candidate in &candidates {
        let _ = writeln!(part.text, "{}", candidate.table_row(&candidates[0]));
    }
    let ratio = candidates[1].sample.ratio_to(&candidates[0].sample);
    part.add("`list` with 1,000 rows ÷ `/bin/true`", ratio, 8.0, "×");
    Ok(part)
}

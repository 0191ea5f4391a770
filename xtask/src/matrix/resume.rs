//! Resumes the real agent with `crewboard open`, and checks where it runs and that its row is the same.

use super::report::{CheckResult, Grade};
use super::watch;
use super::world::{Driven, Subject, World};
use anyhow::{Result, ensure};
use serde_json::Value;
use std::fmt::Write as _;
use std::path::Path;

/// A client of another profile that changes its directory, and the user's commands after it has ended.
const SCENARIO: &str = "open-again";

/// The expected result: one line for each process of the row, with its statuses, end, place and terminal.
const EXPECTED: &str = "\
idle, working, done, closed: exit, project, .claude at work, tmux
idle, working, done, closed: killed, project, .claude at work, tmux
idle, working, done, closed: exit, project, .claude at work, tmux
idle, working, done, closed: exit, project, .claude at work, no multiplexer
";

/// Runs the check.
pub(crate) fn run(subject: &Subject) -> Result<CheckResult> {
    let run = World::new(subject)?.drive(SCENARIO)?;
    if let Driven::Failed(reason) = run.driven {
        return Ok((Grade::HarnessFailed, reason));
    }
    let processes = watch::processes(run.lines.iter().map(String::as_str))?;
    ensure!(
        processes.iter().all(|process| process.key == processes[0].key),
        "the processes have several rows"
    );
    let mut summary = String::new();
    for process in processes {
        let statuses: Vec<_> =
            process.changes.iter().map(|change| change.status.as_str()).collect();
        let end = process.end.as_deref().unwrap_or("no end");
        let place = place(&run.lines, process.pid)?;
        writeln!(summary, "{}: {end}, {place}", statuses.join(", "))?;
    }
    Ok(if summary == EXPECTED {
        (Grade::Right, "three times, in the same row".to_owned())
    } else {
        (Grade::Wrong, format!("\n{summary}"))
    })
}

/// Returns the place of a process at its first prompt. Later, the first process changes its directory.
fn place(lines: &[String], pid: Option<u32>) -> Result<String> {
    for line in lines {
        let row: Value = serde_json::from_str(line)?;
        if row["pid"] == Value::from(pid) && row["status"] == "idle" {
            let folder = |field: &str| {
                let path = Path::new(row[field].as_str().unwrap_or_default());
                path.file_name().unwrap_or_default().to_string_lossy().into_owned()
            };
            let terminal = row["place"]["terminal"].as_str().unwrap_or("no multiplexer");
            return Ok(format!("{}, {}, {terminal}", folder("cwd"), folder("profile")));
        }
    }
    Ok("never idle".to_owned())
}

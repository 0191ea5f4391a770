//! The real agent taken up again by `crewboard open`: where it runs then, and that its row is the same.

use super::board::Sight;
use super::report::Grade;
use super::watch;
use super::world::{Driven, Subject, World};
use anyhow::{Result, ensure};
use serde_json::Value;
use std::fmt::Write as _;
use std::path::Path;

/// A client of another profile that changes its directory, and what a person does when it has ended.
const SCENARIO: &str = "open-again";

/// One row, a line a process: what it was, how it ended, where it ran and where its terminal was.
const RIGHT: &str = "\
idle, working, done, closed: exit, project, .claude at work, tmux
idle, working, done, closed: killed, project, .claude at work, tmux
idle, working, done, closed: exit, project, .claude at work, tmux
idle, working, done, closed: exit, project, .claude at work, no multiplexer
";

/// Runs it.
pub(crate) fn watch(subject: &Subject) -> Sight {
    const TITLE: &str = "opened again";
    match try_watch(subject) {
        Ok((Driven::Failed(why), _)) => Sight::new(TITLE, Grade::HarnessFailed, why),
        Ok((Driven::Done, seen)) if seen == RIGHT => {
            Sight::new(TITLE, Grade::Right, "three times, in the same row".to_owned())
        }
        Ok((Driven::Done, seen)) => Sight::new(TITLE, Grade::Wrong, format!("\n{seen}")),
        Err(error) => Sight::new(TITLE, Grade::Wrong, format!("{error:#}")),
    }
}

fn try_watch(subject: &Subject) -> Result<(Driven, String)> {
    let world = World::new(subject)?;
    let run = world.drive(SCENARIO)?;
    let mut seen = String::new();
    if let Driven::Done = run.driven {
        let processes = watch::processes(run.lines.iter().map(String::as_str))?;
        ensure!(processes.iter().all(|process| process.key == processes[0].key), "several rows");
        for process in processes {
            let statuses: Vec<_> = process.changes.iter().map(|it| it.status.as_str()).collect();
            let end = process.end.as_deref().unwrap_or("no end");
            let place = place(&run.lines, process.pid)?;
            writeln!(seen, "{}: {end}, {place}", statuses.join(", "))?;
        }
    }
    Ok((run.driven, seen))
}

/// Where a process was at its first prompt; later the first one changes its directory.
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

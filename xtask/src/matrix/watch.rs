//! Sorts the output of `crewboard watch --json` into one list of changes for each client process.

use anyhow::{Context, Result};
use crewboard_testkit::verdict::Observed;
use serde::Deserialize;

/// The reason why the status of a program in `crewboard run` is not confirmed.
const SILENT_PROGRAM: &str = "its program has not reported a status";

/// One client process as Crewboard showed it.
#[derive(Debug, Default)]
pub(crate) struct Process {
    pub(crate) key: String,
    pub(crate) pid: Option<u32>,
    pub(crate) start: Option<u64>,
    pub(crate) changes: Vec<Change>,
    /// The kind of end of a closed session.
    pub(crate) end: Option<String>,
    /// The number of changes that the stream skipped.
    pub(crate) skipped: u64,
    /// The process ran in `crewboard run` and reported nothing.
    pub(crate) is_silent: bool,
}

/// A new status.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) status: String,
    /// Unix milliseconds.
    pub(crate) at: i64,
    /// The source, if the line with the change names it.
    pub(crate) source: Option<String>,
}

impl Process {
    /// Returns the changes on the clock of the truth, which starts at `start_ns`.
    pub(crate) fn observed(&self, start_ns: i64) -> Vec<Observed> {
        let start = start_ns.div_euclid(1_000_000);
        self.changes.iter().map(|change| Observed::new(&change.status, change.at - start)).collect()
    }

    fn is_closed(&self) -> bool {
        self.changes.last().is_some_and(|change| change.status == "closed")
    }

    fn push(&mut self, status: &str, at: i64, source: Option<&str>) {
        if self.changes.last().is_none_or(|last| last.status != status) {
            let source = source.map(str::to_owned);
            self.changes.push(Change { status: status.to_owned(), at, source });
        }
    }
}

/// A line of the stream. The line of a removed row has only `removed`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Line {
    removed: Option<String>,
    key: String,
    pid: Option<u32>,
    pid_start: Option<u64>,
    status: String,
    since: i64,
    source: Option<String>,
    end: Option<String>,
    unconfirmed: Option<String>,
    transitions: Vec<Transition>,
    skipped: u64,
}

#[derive(Debug, Deserialize)]
struct Transition {
    status: String,
    at: i64,
}

/// Returns the processes of one stream, in order of appearance.
pub(crate) fn processes<'a>(lines: impl IntoIterator<Item = &'a str>) -> Result<Vec<Process>> {
    let mut processes = Vec::new();
    for text in lines.into_iter().filter(|line| !line.trim().is_empty()) {
        let line: Line =
            serde_json::from_str(text).with_context(|| format!("`watch --json` printed {text}"))?;
        if line.removed.is_none() {
            apply(&mut processes, line);
        }
    }
    Ok(processes)
}

fn apply(processes: &mut Vec<Process>, line: Line) {
    let before = processes.iter_mut().rev().find(|process| process.key == line.key);
    let mut transitions = line.transitions;
    let same = match before {
        None => false,
        Some(process) if is_same(process, line.pid, line.pid_start) => {
            process.pid = process.pid.or(line.pid);
            process.start = process.start.or(line.pid_start);
            true
        }
        // Another process has the row now. The end of the former process may be in the same line.
        Some(former) => {
            if let Some(index) = transitions.iter().position(|t| t.status == "closed")
                && !former.is_closed()
            {
                for transition in transitions.drain(..=index) {
                    former.push(&transition.status, transition.at, None);
                }
            }
            false
        }
    };
    if !same {
        processes.push(Process {
            key: line.key.clone(),
            pid: line.pid,
            start: line.pid_start,
            ..Process::default()
        });
    }
    let process = processes.iter_mut().rev().find(|process| process.key == line.key);
    let Some(process) = process else { return };
    process.skipped += line.skipped;
    // A program that starts is shown as running, not confirmed. That is no status of the client yet.
    let is_silent = line.unconfirmed.as_deref() == Some(SILENT_PROGRAM);
    if is_silent && line.status == "working" {
        process.is_silent = process.changes.is_empty();
        return;
    }
    process.is_silent &= line.status == "closed";
    let newest = transitions.len().wrapping_sub(1);
    for (index, transition) in transitions.iter().enumerate() {
        let source = line.source.as_deref().filter(|_| index == newest);
        process.push(&transition.status, transition.at, source);
    }
    process.push(&line.status, line.since, line.source.as_deref());
    process.end = line.end.filter(|_| line.status == "closed");
}

/// Returns true if a line can be about that process; an unknown pid may be added later.
fn is_same(process: &Process, pid: Option<u32>, start: Option<u64>) -> bool {
    let differs = |known: Option<u64>, new: Option<u64>| matches!((known, new), (Some(known), Some(new)) if known != new);
    !differs(process.pid.map(u64::from), pid.map(u64::from)) && !differs(process.start, start)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(process: &Process) -> Vec<&str> {
        process.changes.iter().map(|change| change.status.as_str()).collect()
    }

    #[test]
    fn transitions_are_collected_for_each_row() {
        let lines = [
            r#"{"key":"a","pid":1,"pid_start":10,"status":"idle","since":5,"source":"hook:SessionStart","transitions":[{"status":"idle","at":5}]}"#,
            r#"{"key":"b","pid":2,"pid_start":11,"status":"idle","since":6,"transitions":[{"status":"idle","at":6}]}"#,
            r#"{"key":"a","pid":1,"pid_start":10,"status":"done","since":9,"source":"hook:Stop","transitions":[{"status":"working","at":7},{"status":"done","at":9}],"skipped":0}"#,
            r#"{"key":"a","pid":1,"pid_start":10,"status":"done","since":9,"seen":true,"transitions":[]}"#,
            r#"{"key":"a","pid":1,"pid_start":10,"status":"closed","since":12,"end":"exit","transitions":[{"status":"closed","at":12}]}"#,
            r#"{"removed":"a"}"#,
        ];
        let found = processes(lines).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(words(&found[0]), ["idle", "working", "done", "closed"]);
        assert_eq!(found[0].end.as_deref(), Some("exit"));
        assert_eq!(found[0].changes[2].source.as_deref(), Some("hook:Stop"));
        assert_eq!(
            found[0].changes[1].source, None,
            "the line names only the source of the newest change"
        );
        assert_eq!(found[0].observed(4_999_999)[0], Observed::new("idle", 1));
        assert_eq!(words(&found[1]), ["idle"]);
    }

    #[test]
    fn reused_row_is_split_at_the_former_end() {
        let lines = [
            r#"{"key":"a","pid":1,"pid_start":10,"status":"done","since":5,"transitions":[{"status":"done","at":5}]}"#,
            r#"{"key":"a","pid":2,"pid_start":20,"status":"working","since":9,"transitions":[{"status":"closed","at":6},{"status":"idle","at":8},{"status":"working","at":9}]}"#,
        ];
        let found = processes(lines).unwrap();
        assert_eq!(words(&found[0]), ["done", "closed"]);
        assert_eq!(words(&found[1]), ["idle", "working"]);
        assert_eq!(found[1].pid, Some(2));
    }

    #[test]
    fn later_pid_makes_no_new_process_and_gaps_are_counted() {
        let lines = [
            r#"{"key":"a","status":"idle","since":5}"#,
            r#"{"key":"a","pid":2,"pid_start":20,"status":"done","since":9,"skipped":3}"#,
        ];
        let found = processes(lines).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].pid, found[0].skipped), (Some(2), 3));
        assert_eq!(words(&found[0]), ["idle", "done"]);
    }

    #[test]
    fn program_without_a_report_has_no_status() {
        let lines = [
            r#"{"key":"a","pid":1,"status":"working","since":1,"unconfirmed":"its program has not reported a status"}"#,
            r#"{"key":"a","pid":1,"status":"idle","since":5,"unconfirmed":null}"#,
        ];
        assert_eq!(words(&processes(lines).unwrap()[0]), ["idle"]);
        let ended = r#"{"key":"a","pid":1,"status":"closed","since":5,"unconfirmed":null}"#;
        assert!(processes([lines[0], ended]).unwrap()[0].is_silent);
        assert!(!processes(lines).unwrap()[0].is_silent);
    }

    #[test]
    fn line_without_a_row_is_an_error() {
        assert!(processes(["hello"]).is_err());
    }
}

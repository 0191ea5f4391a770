//! Runs one scenario, sorts the changes by client process, and compares each process with the truth.

use super::report::{Outcome, Row};
use super::watch::{self, Process};
use super::world::{Driven, Subject, World};
use anyhow::{Context, Result};
use crewboard_testkit::rebase::{Clocks, Origin, rebase};
use crewboard_testkit::recording::{FileLine, Mark, first_act_ns, read_lines};
use crewboard_testkit::truth::{RowTruth, Scenario};
use crewboard_testkit::verdict::compare;

/// Runs a scenario and compares its processes with the truth.
pub(crate) fn run(subject: &Subject, name: &str, truth: &Scenario, keep: bool) -> Outcome {
    let mut outcome = Outcome::new(name);
    let world = match World::new(subject) {
        Ok(world) => world,
        Err(error) => {
            outcome.failure = Some(format!("{error:#}"));
            return outcome;
        }
    };
    if let Err(error) = fill(&mut outcome, &world, truth) {
        outcome.failure = Some(format!("{error:#}"));
    }
    if keep {
        outcome.kept_folder = Some(world.keep());
    }
    outcome
}

/// Runs the scenario of an outcome and adds its rows.
fn fill(outcome: &mut Outcome, world: &World, truth: &Scenario) -> Result<()> {
    let result = world.drive(&outcome.scenario)?;
    std::fs::write(world.run_dir().join("watch.jsonl"), result.lines.join("\n") + "\n")?;
    if let Driven::Failed(reason) = result.driven {
        outcome.harness = Some(reason);
        return Ok(());
    }
    let mut processes = watch::processes(result.lines.iter().map(String::as_str))?;
    // `crewboard run` shows each command, also one that only starts a client elsewhere.
    processes.retain(|process| !process.is_silent);
    let marks: Vec<Mark> = read_lines(&world.run_dir().join("marks.jsonl"))?;
    let files: Vec<FileLine> = read_lines(&world.run_dir().join("files.jsonl"))?;
    let start_ns = first_act_ns(&marks).context("the driver wrote no mark")?;
    let clocks = Clocks { marks: &marks, files: &files, start_ns };
    outcome.rows = rows(truth, &processes, clocks);
    if result.dropped > 0 {
        outcome.failure = Some(format!("hooks could not deliver {} events", result.dropped));
    }
    Ok(())
}

/// Compares the processes in order of appearance, which is also the order of the truth.
fn rows(truth: &Scenario, processes: &[Process], clocks: Clocks<'_>) -> Vec<Row> {
    let mut rows: Vec<_> = (truth.rows.iter().enumerate())
        .map(|(index, row)| compare_row(row, processes.get(index), clocks))
        .collect();
    let extra = processes.iter().skip(truth.rows.len());
    rows.extend(extra.map(|process| Row {
        name: "none".to_owned(),
        failure: Some("no such client process ran".to_owned()),
        ..Row::new(process, clocks.start_ns)
    }));
    rows
}

/// Compares one process with its truth.
fn compare_row(truth: &RowTruth, process: Option<&Process>, clocks: Clocks<'_>) -> Row {
    let Some(process) = process else {
        return Row {
            name: truth.row.clone(),
            failure: Some("never shown".to_owned()),
            ..Row::default()
        };
    };
    let truth = rebase(truth, process.pid, clocks);
    let verdict = compare(&truth, &process.observed(clocks.start_ns), process.end.as_deref());
    let lags = |origin: Origin| {
        let of_origin =
            verdict.lags().filter(|(step, _)| Origin::of(&truth.statuses[*step]) == origin);
        of_origin.map(|(_, lag)| lag).collect()
    };
    let skipped = process.skipped;
    Row {
        name: truth.row.clone(),
        failure: (skipped > 0).then(|| format!("the stream skipped {skipped} changes")),
        after_acts: lags(Origin::Act),
        after_screens: lags(Origin::Screen),
        verdict: Some(verdict),
        ..Row::new(process, clocks.start_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::report::Grade;
    use crewboard_testkit::recording::Recording;
    use crewboard_testkit::truth::Truth;

    /// Returns the outcome of a stream with exactly the truth of a recording, modified by `change`.
    fn outcome_of(name: &str, change: impl Fn(&mut Vec<String>)) -> Outcome {
        let truth = Truth::load().unwrap();
        let scenario = truth.get(name).unwrap();
        let recording = Recording::load(scenario.client(), name).unwrap();
        let start_ns = recording.start_ns().unwrap();
        let clocks = Clocks { marks: &recording.marks, files: &recording.files, start_ns };
        let mut lines = Vec::new();
        for row in &scenario.rows {
            let end = if row.ended == "killed" { "killed" } else { "exit" };
            for step in &row.statuses {
                let (status, at) = (&step.status, step.at_ms.unwrap() + start_ns / 1_000_000);
                let end = if status == "closed" { format!("\"{end}\"") } else { "null".to_owned() };
                lines.push(format!(
                    r#"{{"key":"{}","pid":{},"pid_start":1,"status":"{status}","since":{at},"end":{end},
                        "transitions":[{{"status":"{status}","at":{at}}}]}}"#,
                    row.row, row.pid
                ));
            }
        }
        change(&mut lines);
        let processes = watch::processes(lines.iter().map(String::as_str)).unwrap();
        let mut outcome = Outcome::new(name);
        outcome.rows = rows(scenario, &processes, clocks);
        outcome
    }

    #[test]
    fn truth_is_right_in_every_scenario() {
        let truth = Truth::load().unwrap();
        for name in truth.scenarios() {
            let outcome = outcome_of(name, |_| ());
            assert_eq!(outcome.grade(), Grade::Right, "{}", outcome.summary());
        }
    }

    #[test]
    fn missing_change_is_wrong() {
        let without = |index: usize| move |lines: &mut Vec<String>| drop(lines.remove(index));
        assert_eq!(outcome_of("plain", without(2)).grade(), Grade::Wrong);
        assert_eq!(
            outcome_of("interrupt-stream", without(5)).grade(),
            Grade::Wrong,
            "never closed"
        );
    }

    #[test]
    fn extra_or_missing_row_is_wrong() {
        let extra = r#"{"key":"ghost","pid":99,"pid_start":9,"status":"idle","since":1}"#;
        assert_eq!(outcome_of("plain", |lines| lines.push(extra.to_owned())).grade(), Grade::Wrong);
        let first_only = |lines: &mut Vec<String>| lines.truncate(4);
        assert_eq!(outcome_of("continue", first_only).grade(), Grade::Wrong);
    }
}

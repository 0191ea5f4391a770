//! Reports the results: a Markdown table, and a line for each scenario while it runs.

use super::watch::Process;
use crate::workspace;
use anyhow::Result;
use crewboard_testkit::verdict::Verdict;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The grade of a scenario or a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grade {
    Right,
    Wrong,
    /// The client did not complete the scenario, so there is no result for Crewboard.
    HarnessFailed,
}

/// The result of a check that is not a scenario, with a text that explains it.
pub(crate) type CheckResult = (Grade, String);

/// The result of one scenario.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) scenario: String,
    pub(crate) rows: Vec<Row>,
    /// The reason of the harness's failure.
    pub(crate) harness: Option<String>,
    /// A failure of Crewboard before the comparison.
    pub(crate) failure: Option<String>,
    pub(crate) kept_folder: Option<PathBuf>,
}

/// The result of one client process.
#[derive(Debug, Default)]
pub(crate) struct Row {
    /// The name of the row in the truth.
    pub(crate) name: String,
    /// The changes that were shown: status, milliseconds from the first act, and source.
    pub(crate) changes: Vec<(String, i64, Option<String>)>,
    pub(crate) verdict: Option<Verdict>,
    /// A problem apart from the verdict.
    pub(crate) failure: Option<String>,
    /// Milliseconds from each act to Crewboard's change.
    pub(crate) after_acts: Vec<i64>,
    /// Milliseconds from the screen's change to Crewboard's; negative if Crewboard was first.
    pub(crate) after_screens: Vec<i64>,
}

impl Row {
    /// Returns a row with the changes of a process, without a verdict.
    pub(crate) fn new(process: &Process, start_ns: i64) -> Self {
        let start = start_ns.div_euclid(1_000_000);
        let changes = process.changes.iter();
        let changes =
            changes.map(|change| (change.status.clone(), change.at - start, change.source.clone()));
        Self { changes: changes.collect(), ..Self::default() }
    }

    fn grade(&self) -> Grade {
        let is_right = self.verdict.as_ref().is_some_and(Verdict::is_right);
        if is_right && self.failure.is_none() { Grade::Right } else { Grade::Wrong }
    }

    fn statuses(&self) -> String {
        let statuses: Vec<_> = self.changes.iter().map(|(status, ..)| status.as_str()).collect();
        if statuses.is_empty() { "nothing".to_owned() } else { statuses.join(" → ") }
    }

    fn problem(&self) -> Option<String> {
        let verdict = self.verdict.as_ref().filter(|verdict| !verdict.is_right());
        self.failure.clone().or_else(|| verdict.map(ToString::to_string))
    }
}

impl Outcome {
    pub(crate) fn new(scenario: &str) -> Self {
        Self { scenario: scenario.to_owned(), ..Self::default() }
    }

    pub(crate) fn grade(&self) -> Grade {
        if self.harness.is_some() {
            return Grade::HarnessFailed;
        }
        let any_wrong = self.rows.iter().any(|row| row.grade() == Grade::Wrong);
        if self.failure.is_some() || self.rows.is_empty() || any_wrong {
            Grade::Wrong
        } else {
            Grade::Right
        }
    }

    /// Returns a line for the terminal, and one more for each problem.
    pub(crate) fn summary(&self) -> String {
        let mut text = format!("{:28} {}", self.scenario, self.grade().word());
        let failures = self.harness.iter().chain(&self.failure);
        for failure in failures {
            let _ = write!(text, "\n    {failure}");
        }
        for row in &self.rows {
            if let Some(problem) = row.problem() {
                let _ = write!(text, "\n    {}: {problem}", row.name);
                let _ = write!(text, "\n        {}", changes_with_sources(row));
            }
        }
        if let Some(folder) = &self.kept_folder {
            let _ = write!(text, "\n    kept {}", folder.display());
        }
        text
    }
}

impl Grade {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::Wrong => "**wrong**",
            Self::HarnessFailed => "**harness failed**",
        }
    }
}

/// Returns each change with its time and source.
fn changes_with_sources(row: &Row) -> String {
    let each = row.changes.iter().map(|(status, at, source)| {
        format!("{status} {at} ({})", source.as_deref().unwrap_or("?"))
    });
    each.collect::<Vec<_>>().join(", ")
}

/// Returns the page `docs/matrix.md`: one section for each version of the client.
pub(crate) fn markdown(runs: &[(String, Vec<Outcome>)], program: &Path) -> Result<String> {
    let version = workspace::output(Command::new(program).arg("--version"))?;
    let date = workspace::output(Command::new("date").args(["-u", "+%Y-%m-%d"]))?;
    Ok(page(runs, version.trim(), date.trim()))
}

fn page(runs: &[(String, Vec<Outcome>)], version: &str, date: &str) -> String {
    let mut text = format!(
        "# Test matrix: the real Claude Code\n\n\
         Written by `cargo xtask matrix`: {version} and the real Claude Code, with a scripted \
         model in place of the API, on {date}. The client has Crewboard's hooks, except where a heading says \
         otherwise, and its session files are read in each table. In `crewboard run`, the scenarios are those whose client \
         has a terminal, and a client counts as shown from its first status on: before, its row is `running`, \
         not confirmed. The truth is the status that a user who watches the screens \
         would name (`harness/truth.json`). Each line is a client process.\n\n\
         *After acts*: the time from the key, prompt or signal to the change of the status, which includes the client's own \
         time. *After the screen*: the time from the change on the screen to the change of the status; it is negative where \
         the status changed first (the screen is read every 40 ms). Both are the median and the worst, in ms, \
         bold over a second; n/a where neither an act nor the screen shows when the change was due.\n"
    );
    for (title, outcomes) in runs {
        section(&mut text, title, outcomes);
    }
    text
}

fn section(text: &mut String, title: &str, outcomes: &[Outcome]) {
    let _ = write!(
        text,
        "\n## {title}\n\n{}\n\n\
         | scenario | process | shown | verdict | at the end | after acts | after the screen |\n\
         |---|---|---|---|---|---|---|\n",
        count_grades(outcomes)
    );
    for outcome in outcomes {
        if outcome.rows.is_empty() {
            let _ =
                writeln!(text, "| {} | | | {} | | | |", outcome.scenario, outcome.grade().word());
        }
        for row in &outcome.rows {
            let _ = writeln!(text, "{}", table_row(outcome, row));
        }
    }
    let notes: Vec<_> = outcomes.iter().filter_map(note).collect();
    if !notes.is_empty() {
        let _ = write!(text, "\n### Wrong\n\n{}\n", notes.join("\n"));
    }
}

fn table_row(outcome: &Outcome, row: &Row) -> String {
    let last = row.changes.last().map_or("nothing", |(status, ..)| status.as_str());
    let last_is_right = row.verdict.as_ref().is_some_and(Verdict::last_is_right);
    format!(
        "| {} | {} | {} | {} | {last}{} | {} | {} |",
        outcome.scenario,
        row.name,
        row.statuses(),
        row.grade().word(),
        if last_is_right { "" } else { " **wrong**" },
        spread(&row.after_acts),
        spread(&row.after_screens),
    )
}

fn note(outcome: &Outcome) -> Option<String> {
    let mut lines = Vec::new();
    lines.extend(outcome.harness.iter().map(|why| format!("the harness failed: `{why}`.")));
    lines.extend(outcome.failure.iter().map(|why| format!("{why}.")));
    for row in &outcome.rows {
        lines.extend(row.problem().map(|problem| format!("{}: {problem}.", row.name)));
    }
    (!lines.is_empty()).then(|| format!("* {}: {}", outcome.scenario, lines.join(" ")))
}

fn count_grades(outcomes: &[Outcome]) -> String {
    let grades = [
        (Grade::Right, "right"),
        (Grade::Wrong, "wrong"),
        (Grade::HarnessFailed, "where the harness failed"),
    ];
    let parts = grades.iter().filter_map(|(grade, word)| {
        let count = outcomes.iter().filter(|outcome| outcome.grade() == *grade).count();
        (count > 0).then(|| format!("{count} {word}"))
    });
    format!("**{} scenarios: {}.**", outcomes.len(), parts.collect::<Vec<_>>().join(", "))
}

/// A change after more than this is late, and printed in bold.
const LATE_MS: i64 = 1000;

/// Returns the median and the worst value.
fn spread(lags: &[i64]) -> String {
    let mut sorted = lags.to_vec();
    sorted.sort_unstable();
    match (sorted.get(sorted.len().saturating_sub(1) / 2), sorted.last()) {
        (Some(median), Some(&worst)) if worst > LATE_MS => format!("{median}, **{worst}**"),
        (Some(median), Some(worst)) => format!("{median}, {worst}"),
        _ => "n/a".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(name: &str, rows: Vec<Row>) -> Outcome {
        Outcome { rows, ..Outcome::new(name) }
    }

    fn row(problem: Option<&str>) -> Row {
        Row {
            name: "S0".to_owned(),
            changes: vec![
                ("idle".to_owned(), 1, Some("hook:SessionStart".to_owned())),
                ("closed".to_owned(), 9, None),
            ],
            verdict: Some(Verdict { problems: Vec::new(), changes: Vec::new() }),
            failure: problem.map(str::to_owned),
            after_acts: vec![7, -1, 90],
            after_screens: vec![1200],
        }
    }

    #[test]
    fn page_lists_right_and_wrong_scenarios() {
        let mut failed = outcome("gone", Vec::new());
        failed.harness = Some("FAILED gone: screen never showed 'x'".to_owned());
        let outcomes = [
            outcome("plain", vec![row(None)]),
            outcome("bad", vec![row(Some("never shown"))]),
            failed,
        ];
        let runs = [("Claude Code 2.1.330".to_owned(), outcomes.into())];
        let page = page(&runs, "crewboard 0.1.0", "2030-01-01");
        for line in [
            "## Claude Code 2.1.330",
            "**3 scenarios: 1 right, 1 wrong, 1 where the harness failed.**",
            "| plain | S0 | idle → closed | right | closed | 7, 90 | 1200, **1200** |",
            "| bad | S0 | idle → closed | **wrong** | closed | 7, 90 | 1200, **1200** |",
            "| gone | | | **harness failed** | | | |",
            "* bad: S0: never shown.",
            "* gone: the harness failed: `FAILED gone: screen never showed 'x'`.",
        ] {
            assert!(page.lines().any(|other| other == line), "{line}\nis not in\n{page}");
        }
    }

    #[test]
    fn scenario_without_rows_is_wrong() {
        assert_eq!(outcome("empty", Vec::new()).grade(), Grade::Wrong);
        let summary = outcome("bad", vec![row(Some("never shown"))]).summary();
        assert!(summary.contains("idle 1 (hook:SessionStart), closed 9 (?)"), "{summary}");
    }
}

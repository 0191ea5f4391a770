//! `cargo xtask matrix`: runs the real agent through the harness's scenarios, with Crewboard as its hooks.
//!
//! Runs each scenario once and reports each failure. A failure of the harness is no failure of Crewboard.

mod board;
mod pipeline;
mod report;
mod resume;
mod scenario;
mod watch;
mod world;

use crate::{dist, workspace};
use anyhow::{Result, bail};
use crewboard_testkit::recording::CLIENTS;
use crewboard_testkit::truth::Truth;
use report::{CheckResult, Grade, Outcome};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use world::{Setup, Subject};

/// The scenarios that cover the most in the least time: every status, every kind of end, `/clear`, and a headless run.
const SMOKE: [&str; 10] = [
    "headless-plain",
    "plain",
    "permission-two",
    "ask-question",
    "plan-approve",
    "error-400",
    "clear",
    "interrupt-stream",
    "permission-deny",
    "kill-9",
];

/// The exit code if the harness or the client failed, so that there is no result for Crewboard.
const HARNESS_FAILED: u8 = 3;

/// Exit codes: 0 all right; 1 a status was wrong; 3 only the harness failed.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a separate flag")]
pub(crate) struct Arguments {
    /// Scenarios to run [default: all]
    scenarios: Vec<String>,
    /// Run the scenarios that cover the most in the least time, check one on a board, run two agents from a
    /// script, and resume one
    #[arg(long, conflicts_with = "scenarios")]
    smoke: bool,
    /// Only compare one scenario on a board with the client's own screen
    #[arg(long, conflicts_with_all = ["scenarios", "smoke"])]
    board: bool,
    /// Only run two agents from a shell script
    #[arg(long, conflicts_with_all = ["scenarios", "smoke", "board"])]
    pipeline: bool,
    /// Only end an agent and resume it three times
    #[arg(long, conflicts_with_all = ["scenarios", "smoke", "board", "pipeline"])]
    open: bool,
    /// Print the table and do not write docs/matrix.md
    #[arg(long)]
    print: bool,
    /// Keep each run's folder and print its path
    #[arg(long)]
    keep: bool,
    /// Number of scenarios to run at once; they mostly wait
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=4))]
    jobs: u8,
    /// Version of Claude Code to run; may be repeated [default: each recorded version; the newest one for
    /// `--smoke` and its parts]
    #[arg(long = "client", value_name = "VERSION")]
    clients: Vec<String>,
    /// Run the client by `crewboard run`, with or without hooks
    #[arg(long, value_name = "HOOKS", conflicts_with_all = ["smoke", "board", "pipeline", "open"])]
    run: Option<Hooks>,
    /// Use this program instead of building one
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

/// The hooks of a client that `crewboard run` runs.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Hooks {
    With,
    Without,
}

impl Arguments {
    /// Returns the setups of each version, oldest version first. The whole matrix ends with the newest version in
    /// `crewboard run`, without hooks.
    fn subjects(&self, program: &Path) -> Vec<Subject> {
        let setup = match self.run {
            None => Setup::Hooks,
            Some(Hooks::With) => Setup::RunWithHooks,
            Some(Hooks::Without) => Setup::RunWithoutHooks,
        };
        let is_part = self.smoke || self.has_only_checks() || self.run.is_some();
        let of = |setup| move |client| Subject { program: program.to_owned(), client, setup };
        let mut subjects: Vec<_> =
            versions(&self.clients, is_part).into_iter().map(of(setup)).collect();
        if self.is_whole() {
            subjects.extend(versions(&[], true).into_iter().map(of(Setup::RunWithoutHooks)));
        }
        subjects
    }

    /// Returns true if nothing is selected, so that everything runs.
    fn is_whole(&self) -> bool {
        let has_selection = self.smoke || self.has_only_checks() || self.run.is_some();
        self.scenarios.is_empty() && self.clients.is_empty() && !has_selection
    }

    fn has_only_checks(&self) -> bool {
        self.board || self.pipeline || self.open
    }
}

/// Runs the scenarios and checks that the arguments select, and reports the results.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let truth = Truth::load()?;
    let names: Vec<&str> = match arguments.scenarios.as_slice() {
        _ if arguments.smoke => SMOKE.to_vec(),
        [] => truth.scenarios().collect(),
        named => named.iter().map(String::as_str).collect(),
    };
    if let Some(unknown) = names.iter().find(|name| truth.get(name).is_none()) {
        let known: Vec<_> = truth.scenarios().collect();
        bail!("no scenario is called {unknown}; the scenarios are: {}", known.join(", "));
    }
    let program = match &arguments.program {
        Some(program) => std::fs::canonicalize(program)?,
        None => dist::run()?.program,
    };
    let mut runs = Vec::new();
    let mut results = Vec::new();
    for subject in arguments.subjects(&program) {
        if !arguments.has_only_checks() {
            println!("{}", subject.title());
            runs.push((subject.title(), run_all(&truth, &names, &subject, arguments)));
        }
        results.extend(run_checks(&subject, arguments));
    }
    if !arguments.has_only_checks() {
        let table = report::markdown(&runs, &program)?;
        if arguments.is_whole() && !arguments.print {
            let path = workspace::root().join("docs").join("matrix.md");
            std::fs::write(&path, table)?;
            println!("wrote {}", path.display());
        } else {
            println!("\n{table}");
        }
    }
    for (title, (grade, text)) in &results {
        println!("{title:28} {}\n    {text}", grade.word());
    }
    let outcomes = runs.iter().flat_map(|(_, outcomes)| outcomes);
    let grades = outcomes.map(Outcome::grade).chain(results.iter().map(|(_, (grade, _))| *grade));
    Ok(exit_code(&grades.collect::<Vec<_>>()))
}

/// A check that is not a scenario.
type Check = fn(&Subject) -> Result<CheckResult>;

/// Runs the checks that the arguments select. Returns the title and the result of each.
fn run_checks(subject: &Subject, arguments: &Arguments) -> Vec<(&'static str, CheckResult)> {
    let checks: [(_, _, Check); 3] = [
        ("board", arguments.board, board::run),
        ("pipeline", arguments.pipeline, pipeline::run),
        ("resume", arguments.open, resume::run),
    ];
    let selected = checks.into_iter().filter(|(_, is_chosen, _)| *is_chosen || arguments.smoke);
    let failed = |error| (Grade::Wrong, format!("{error:#}"));
    selected.map(|(title, _, check)| (title, check(subject).unwrap_or_else(failed))).collect()
}

/// Returns the versions of the client to run, oldest first: the named ones, each recorded one, or the newest
/// recorded one for a part of the matrix.
fn versions(named: &[String], is_part: bool) -> Vec<String> {
    if !named.is_empty() {
        return named.to_vec();
    }
    let recorded =
        CLIENTS.iter().map(|client| client.trim_start_matches("claude-code-").to_owned());
    let skipped = if is_part { CLIENTS.len() - 1 } else { 0 };
    recorded.skip(skipped).collect()
}

/// Runs the scenarios that the client supports, `--jobs` at once. Returns the outcomes in the order of the
/// scenarios.
fn run_all(
    truth: &Truth,
    names: &[&str],
    subject: &Subject,
    arguments: &Arguments,
) -> Vec<Outcome> {
    let runs = |name: &&str| {
        truth.get(name).is_some_and(|scenario| {
            scenario.runs_on(&subject.client)
                && (subject.setup == Setup::Hooks || scenario.has_terminal())
        })
    };
    let names: Vec<_> = names.iter().copied().filter(runs).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(name) = names.get(index) else { return done };
            let Some(scenario) = truth.get(name) else { continue };
            let outcome = scenario::run(subject, name, scenario, arguments.keep);
            println!("{}", outcome.summary());
            done.push((index, outcome));
        }
    };
    let mut outcomes: Vec<(usize, Outcome)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..arguments.jobs).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect()
    });
    outcomes.sort_by_key(|(index, _)| *index);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

fn exit_code(grades: &[Grade]) -> ExitCode {
    if grades.contains(&Grade::Wrong) {
        ExitCode::FAILURE
    } else if grades.contains(&Grade::HarnessFailed) {
        ExitCode::from(HARNESS_FAILED)
    } else {
        ExitCode::SUCCESS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn part_of_the_matrix_runs_the_newest_client() {
        assert_eq!(versions(&[], true), ["2.1.332"]);
        assert_eq!(versions(&[], false), ["2.1.330", "2.1.332"]);
        assert_eq!(versions(&["2.1.300".to_owned()], true), ["2.1.300"]);
    }

    #[test]
    fn smoke_scenarios_exist() {
        let truth = Truth::load().unwrap();
        for name in SMOKE {
            assert!(truth.get(name).is_some(), "{name}");
        }
    }
}

//! `cargo xtask matrix`: the real agent over the harness's scenarios, with Crewboard as its hooks.
//!
//! Nothing is run twice in silence: what failed is told, and a failure of the harness itself is told
//! apart from one of ours.

mod open;
mod reference;
mod report;
mod scenario;
mod watch;
mod world;

use crate::{dist, workspace};
use anyhow::{Result, bail};
use crewboard_testkit::truth::Truth;
use report::{Grade, Outcome};
use std::path::PathBuf;
use std::process::ExitCode;

/// What shows the most in the least time: every status, every kind of end, `/clear`, and a headless run.
const SMOKE: [&str; 8] = [
    "headless-plain",
    "plain",
    "permission-two",
    "ask-question",
    "plan-approve",
    "error-400",
    "clear",
    "kill-9",
];

/// The harness or the client could not do its part; nothing is known about Crewboard.
const HARNESS_FAILED: u8 = 3;

/// Exit status: 0 all right, or open and known; 1 a status was wrong; 3 only the harness failed.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Scenarios to run [default: all]
    scenarios: Vec<String>,
    /// Run the eight scenarios that show the most in the least time
    #[arg(long, conflicts_with = "scenarios")]
    smoke: bool,
    /// Print the table even after all scenarios, instead of writing docs/matrix.md
    #[arg(long)]
    print: bool,
    /// Keep each run's folder and name it
    #[arg(long)]
    keep: bool,
    /// Use this program instead of building one
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let truth = Truth::load()?;
    let names: Vec<&str> = match arguments.scenarios.as_slice() {
        _ if arguments.smoke => SMOKE.to_vec(),
        [] => truth.scenarios().collect(),
        some => some.iter().map(String::as_str).collect(),
    };
    if let Some(unknown) = names.iter().find(|name| truth.get(name).is_none()) {
        let known: Vec<_> = truth.scenarios().collect();
        bail!("no scenario is called {unknown}; there are: {}", known.join(", "));
    }
    let program = match &arguments.program {
        Some(program) => std::fs::canonicalize(program)?,
        None => dist::run()?.program,
    };
    let mut outcomes = Vec::new();
    for name in names {
        let Some(scenario) = truth.get(name) else { continue };
        let outcome = scenario::run(&program, name, scenario, arguments.keep);
        println!("{}", outcome.summary());
        outcomes.push(outcome);
    }
    let table = report::markdown(&outcomes, &program)?;
    if arguments.scenarios.is_empty() && !arguments.smoke && !arguments.print {
        let path = workspace::root().join("docs").join("matrix.md");
        std::fs::create_dir_all(workspace::root().join("docs"))?;
        std::fs::write(&path, table)?;
        println!("wrote {}", path.display());
    } else {
        println!("\n{table}");
    }
    Ok(exit_code(&outcomes))
}

fn exit_code(outcomes: &[Outcome]) -> ExitCode {
    let any = |grade: Grade| outcomes.iter().any(|outcome| outcome.grade() == grade);
    if any(Grade::Wrong) {
        ExitCode::FAILURE
    } else if any(Grade::HarnessFailed) {
        ExitCode::from(HARNESS_FAILED)
    } else {
        ExitCode::SUCCESS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smoke_scenarios_exist_and_none_is_open() {
        let truth = Truth::load().unwrap();
        for name in SMOKE {
            assert!(truth.get(name).is_some(), "{name}");
            assert!(open::find(name).is_none(), "{name} cannot fail while it is open");
        }
    }
}

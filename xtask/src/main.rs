//! Tasks of the repository: build and install the program, and test it with the real agent.
//!
//! Never: shipped to users. Start at [`Task`].
#![expect(clippy::print_stdout, reason = "a task prints for the user who runs it")]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail by panicking"))]

mod bench;
mod demo;
mod dist;
mod install;
mod matrix;
mod pictures;
mod transitions;
mod wire;
mod workspace;

use clap::Parser;
use std::process::ExitCode;

/// Tasks for the development of Crewboard.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Task {
    /// Builds the release into target/dist: the program, its man page and its completions.
    Dist,
    /// Builds the release and installs it for you.
    Install(install::Arguments),
    /// Runs the real agent through the harness's scenarios and compares the result with harness/truth.json.
    Matrix(matrix::Arguments),
    /// Generates the recording of `crewboard demo` from recordings of the real agent.
    Demo,
    /// Writes the transition table to docs/statuses.md.
    Transitions,
    /// Writes the pictures of the board and the list into docs.
    Pictures,
    /// Measures the shipped program and compares it with a minimal program.
    Bench(bench::Arguments),
    /// Runs 1,000 sessions with 100 subscribers, and checks that nothing is lost.
    Scale(bench::scale::Arguments),
}

fn main() -> ExitCode {
    let result = match Task::parse() {
        Task::Dist => dist::run().map(|_| ExitCode::SUCCESS),
        Task::Install(arguments) => install::run(&arguments).map(|()| ExitCode::SUCCESS),
        Task::Matrix(arguments) => matrix::run(&arguments),
        Task::Demo => demo::run().map(|()| ExitCode::SUCCESS),
        Task::Transitions => transitions::run().map(|()| ExitCode::SUCCESS),
        Task::Pictures => pictures::run().map(|()| ExitCode::SUCCESS),
        Task::Bench(arguments) => bench::run(&arguments).map(|()| ExitCode::SUCCESS),
        Task::Scale(arguments) => bench::scale::run(&arguments).map(|()| ExitCode::SUCCESS),
    };
    result.unwrap_or_else(|error| {
        println!("error: {error:#}");
        ExitCode::FAILURE
    })
}

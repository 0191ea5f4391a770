//! What is done with the repository: build what users get, put it in place, prove it on the real agent.
//!
//! Never: part of what users get. Start at [`Task`].
#![expect(clippy::print_stdout, reason = "a task's output is for the person who ran it")]
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

/// Tasks for those who work on Crewboard.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Task {
    /// Builds what users get into target/dist: the program, its man page and its completions.
    Dist,
    /// Builds what users get and puts it in place for you.
    Install(install::Arguments),
    /// Runs the real agent over the harness's scenarios and compares with harness/truth.json.
    Matrix(matrix::Arguments),
    /// Makes the recording that `crewboard demo` plays, from recordings of the real agent.
    Demo,
    /// Prints the table of what makes a status into docs/statuses.md.
    Transitions,
    /// Puts pictures of the board and the list, as text, into README.md. Wants tmux.
    Pictures,
    /// Measures the shipped program beside what cannot be done without.
    Bench(bench::Arguments),
}

fn main() -> ExitCode {
    let done = match Task::parse() {
        Task::Dist => dist::run().map(|_| ExitCode::SUCCESS),
        Task::Install(arguments) => install::run(&arguments).map(|()| ExitCode::SUCCESS),
        Task::Matrix(arguments) => matrix::run(&arguments),
        Task::Demo => demo::run().map(|()| ExitCode::SUCCESS),
        Task::Transitions => transitions::run().map(|()| ExitCode::SUCCESS),
        Task::Pictures => pictures::run().map(|()| ExitCode::SUCCESS),
        Task::Bench(arguments) => bench::run(&arguments).map(|()| ExitCode::SUCCESS),
    };
    done.unwrap_or_else(|error| {
        println!("error: {error:#}");
        ExitCode::FAILURE
    })
}

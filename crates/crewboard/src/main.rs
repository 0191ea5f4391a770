//! `crewboard`: words in, exit code out.
//!
//! What agents run comes first and alone: [`hook::run`] knows no parser, no runtime and no output.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that cannot go on should panic"))]

mod arguments;
mod commands;
mod configuration;
mod environment;
mod failure;
mod going;
mod hook;
mod machine;
mod recording;
mod render;
mod select;

use std::env;
use std::io::Write as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut words = env::args_os().skip(1);
    if words.next().is_some_and(|word| word == "hook") {
        return hook::run(words.next().as_deref());
    }
    match arguments::parse() {
        Ok(arguments) => match commands::run(arguments) {
            Ok(code) => code,
            Err(failure) => failure.report(),
        },
        Err(error) => {
            // Help and usage errors know where to go and what to be; nobody is left to tell a
            // failure to.
            let _ = error.print();
            let _ = std::io::stdout().flush();
            ExitCode::from(if error.use_stderr() { 2 } else { 0 })
        }
    }
}

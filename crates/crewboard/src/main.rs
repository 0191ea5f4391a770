//! `crewboard`: words in, exit code out.
//!
//! What agents run comes first and alone: [`hook::run`] and [`statusline::run`] know no parser and no
//! runtime.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that cannot go on should panic"))]

mod arguments;
mod commands;
mod completing;
mod configuration;
mod environment;
mod failure;
mod going;
mod hook;
mod machine;
mod recording;
mod render;
mod select;
mod statusline;
mod watchdog;

use clap_complete::CompleteEnv;
use std::env;
use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

/// Answers a shell that asks what may come next; false where none does.
fn completes() -> bool {
    if env::var_os(completing::VARIABLE).is_none() {
        return false;
    }
    let directory = env::current_dir().ok();
    CompleteEnv::with_factory(arguments::command)
        .var(completing::VARIABLE)
        .try_complete(env::args_os(), directory.as_deref())
        .unwrap_or(true)
}

fn main() -> ExitCode {
    let words: Vec<OsString> = env::args_os().skip(1).collect();
    match words.iter().map(|word| word.to_str()).collect::<Vec<_>>().as_slice() {
        [Some("hook"), ..] => return hook::run(words.get(1).map(OsString::as_os_str)),
        [Some("statusline")] => return statusline::run(&[]),
        [Some("statusline"), Some("--"), ..] => return statusline::run(&words[2..]),
        _ => {}
    }
    if completes() {
        return ExitCode::SUCCESS;
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

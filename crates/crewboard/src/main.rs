//! The `crewboard` program.
//!
//! Agents run [`hook::run`] and [`status_line::run`] very often, so both start before the argument parser. The daemon
//! does too: it would keep the parser's memory for its whole life.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a failed unwrap should fail the test"))]

mod arguments;
mod child_exits;
mod command_runner;
mod commands;
mod completions;
mod configuration;
mod confirmation;
mod daemon_client;
mod daemon_stop;
mod dispatch;
mod environment;
mod failure;
mod help;
mod hook;
mod navigate;
#[cfg(test)]
mod picture_tests;
mod recording;
mod render;
mod select;
mod session_command;
mod status_line;
mod usage_error;
mod watchdog;

use clap_complete::CompleteEnv;
use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

/// Prints completions if a shell asks for them. Returns true if it did.
fn answer_completion_request() -> bool {
    if env::var_os(completions::VARIABLE).is_none() {
        return false;
    }
    let directory = env::current_dir().ok();
    CompleteEnv::with_factory(arguments::command)
        .var(completions::VARIABLE)
        .try_complete(env::args_os(), directory.as_deref())
        .unwrap_or(true)
}

fn main() -> ExitCode {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    match arguments.iter().map(|argument| argument.to_str()).collect::<Vec<_>>().as_slice() {
        [Some("hook"), Some("--help" | "-h")] => {}
        [Some("hook"), ..] => return hook::run(arguments.get(1).map(OsString::as_os_str)),
        [Some(crewboard_run::MONITOR_COMMAND), ..] => {
            return crewboard_run::run_monitor(&arguments[1..]);
        }
        // A client starts the daemon like this.
        [Some("daemon"), Some("run"), Some("--adopt"), _] => {
            return match commands::daemon::run_adopted(PathBuf::from(&arguments[3])) {
                Ok(code) => code,
                Err(failure) => failure.report(),
            };
        }
        [Some("statusline")] => return status_line::run(&[]),
        [Some("statusline"), Some("--"), ..] => return status_line::run(&arguments[2..]),
        _ => {}
    }
    if answer_completion_request() {
        return ExitCode::SUCCESS;
    }
    child_exits::keep_exit_statuses();
    match arguments::parse() {
        Ok(arguments) => match dispatch::run(arguments) {
            Ok(code) => code,
            Err(failure) => failure.report(),
        },
        Err(error) => usage_error::report(&error),
    }
}

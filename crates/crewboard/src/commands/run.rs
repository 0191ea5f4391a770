//! `crewboard run`: runs a program on a pseudo-terminal.

use crate::arguments::RunArguments;
use crate::daemon_client::{daemon_locator, warn};
use crate::failure::Failure;
use crate::hook::ProcessVariables;
use crewboard_core::{AgentName, Event, Place, Report, Stamp};
use crewboard_platform::{host_name, process_info};
use crewboard_run::{Outcome, Run, RunError, has_terminal};
use crewboard_terminals as terminals;
use rustix::process::{Resource, Rlimit, setrlimit};
use std::env;
use std::ffi::OsString;
use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, ExitCode};

/// The exit codes of shells for a program that is not there, and for one that cannot be started.
const NOT_FOUND: u8 = 127;
const NOT_STARTED: u8 = 126;

/// Runs the program, and ends as it ends.
pub(crate) fn run(arguments: &RunArguments) -> Result<ExitCode, Failure> {
    if let Some(program) = &arguments.print_alias {
        return print_alias(program);
    }
    let words = &arguments.words;
    if !has_terminal() {
        return Err(exec(words));
    }
    let name = arguments.name.clone().or_else(|| program_name(words)).unwrap_or_default();
    if AgentName::new(&name).is_empty() {
        return Err(Failure::usage("--name must not be empty"));
    }
    let tty = process_info(std::process::id()).and_then(|process| process.tty);
    let template = Report {
        cwd: env::current_dir().ok().map(|directory| directory.display().to_string()),
        place: Place { host: host_name(), tty, ..terminals::locate(&ProcessVariables) },
        ..Report::new(&name, "", "run", Stamp::default(), Event::Unknown)
    };
    // No problem of Crewboard keeps the program from running, because the user may run it by an alias.
    let locator = match daemon_locator() {
        Ok(locator) => Some(locator),
        Err(failure) => {
            warn(&failure.in_one_line());
            None
        }
    };
    match crewboard_run::run(Run { words, locator, template }) {
        Ok(outcome) => Ok(end_as(outcome)),
        Err(RunError::Program(error)) => Err(start_failure(words, &error)),
        Err(error @ RunError::Terminal(_)) => {
            warn(&error.to_string());
            Err(exec(words))
        }
        Err(error @ RunError::Wait(_)) => Err(Failure::new(error.to_string())),
    }
}

/// Returns the name of the program's file.
fn program_name(words: &[OsString]) -> Option<String> {
    Some(Path::new(words.first()?).file_name()?.to_string_lossy().into_owned())
}

/// Replaces this process by the program. Returns why that failed.
fn exec(words: &[OsString]) -> Failure {
    let program = words.first().cloned().unwrap_or_default();
    let error = Command::new(program).args(words.get(1..).unwrap_or_default()).exec();
    start_failure(words, &error)
}

fn start_failure(words: &[OsString], error: &io::Error) -> Failure {
    let program = words.first().map(|word| word.display().to_string()).unwrap_or_default();
    match error.kind() {
        io::ErrorKind::NotFound => Failure::new(format!("cannot find the program {program}"))
            .code(NOT_FOUND)
            .hint("check its name, and that its directory is on the PATH"),
        _ => Failure::new(format!("cannot start {program}: {error}")).code(NOT_STARTED),
    }
}

/// Ends this process as the program ended: with its exit code, or by its signal.
fn end_as(outcome: Outcome) -> ExitCode {
    match outcome {
        Outcome::Exited(code) => ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX)),
        Outcome::Killed(signal) => {
            // The program has left its own memory dump.
            let none = Rlimit { current: Some(0), maximum: Some(0) };
            let _ = setrlimit(Resource::Core, none);
            let _ = signal_hook::low_level::emulate_default_handler(signal);
            // Only a signal that the default handler does not know comes here.
            ExitCode::from(u8::try_from(128 + signal).unwrap_or(u8::MAX))
        }
    }
}

fn print_alias(program: &str) -> Result<ExitCode, Failure> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.+-".contains(&byte);
    if program.starts_with('-') || program.is_empty() || !program.bytes().all(is_plain) {
        let problem = format!("{program:?} cannot be the name of an alias");
        return Err(
            Failure::usage(problem).hint("pass the plain name of a program, such as claude")
        );
    }
    writeln!(io::stdout(), "alias {program}='crewboard run -- {program}'")?;
    Ok(ExitCode::SUCCESS)
}

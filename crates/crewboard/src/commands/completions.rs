//! `crewboard completions`: prints the completion script of a shell.

use crate::completions::{VARIABLE, script_suffix};
use crate::failure::Failure;
use clap_complete::Shell;
use clap_complete::env::Shells;
use std::io::{self, Write as _};
use std::process::ExitCode;

const NAME: &str = "crewboard";

/// Prints the script for `shell`.
pub(crate) fn run(shell: Shell) -> Result<ExitCode, Failure> {
    let shells = Shells::builtins();
    let completer = shells
        .completer(&shell.to_string())
        .ok_or_else(|| Failure::new(format!("there is no completion script for {shell}")))?;
    let mut script = Vec::new();
    completer.write_registration(VARIABLE, NAME, NAME, NAME, &mut script)?;
    script.extend(script_suffix(completer.name()));
    io::stdout().write_all(&script)?;
    Ok(ExitCode::SUCCESS)
}

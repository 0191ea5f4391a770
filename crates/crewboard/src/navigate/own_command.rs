//! The user's own commands that show or open a session, from `[jump]` and `[open]` in the configuration.

use super::Destination;
use crate::configuration::schema;
use crate::failure::{Failure, without_error_number};
use crate::session_command::{session_command, spawn_with_session};
use crewboard_config::{Environment, OwnCommand};
use crewboard_core::Session;
use crewboard_platform::{Deadline, wait_within};
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

/// A command that still runs after this time has opened a window, which stays open.
const END_TIMEOUT: Duration = Duration::from_secs(2);

/// Returns the `[jump]` and `[open]` commands of the configuration.
pub(super) fn own_commands() -> (OwnCommand, OwnCommand) {
    let config = schema().load(&Environment::of_process()).config();
    (config.jump, config.open)
}

/// A command that opens the session, and the directory to run it in.
pub(super) struct Opening<'a> {
    /// The command, quoted for a shell.
    pub(super) line: String,
    pub(super) directory: &'a Path,
}

/// Runs the user's command of `section`, and waits until it ends or shows that it stays.
pub(super) fn run_own_command(
    section: &str,
    line: &str,
    row: &Session,
    opening: Option<&Opening<'_>>,
) -> Result<Destination, Failure> {
    let mut command = session_command(line, row);
    command.env("CREWBOARD_COMMAND", opening.map(|opening| &*opening.line).unwrap_or_default());
    if let Some(opening) = opening {
        command.current_dir(opening.directory);
    }
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let failure = |why: String| {
        Failure::new(format!("{section}.command failed for {}: {why}", row.name))
            .hint("`crewboard config show` prints the command")
    };
    let mut child =
        spawn_with_session(command, row).map_err(|error| failure(without_error_number(&error)))?;
    match wait_within(&mut child, Deadline::after(END_TIMEOUT)) {
        Ok(Some(status)) if !status.success() => return Err(failure(status.to_string())),
        Ok(Some(_)) => {}
        Ok(None) => {
            // Its exit is collected, so that a board that stays open keeps no zombie.
            thread::spawn(move || child.wait());
        }
        Err(error) => return Err(failure(without_error_number(&error))),
    }
    Ok(Destination::Pane(String::new()))
}

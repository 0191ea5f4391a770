//! Reads the screen of a session's pane.

use super::jump::check_has_pane;
use super::{target_of, this_caller};
use crate::command_runner::CommandRunner;
use crate::failure::Failure;
use crewboard_core::Session;
use crewboard_terminals::peek;

/// Returns the lines on the screen of a session's pane, cleaned.
pub(crate) fn read_screen(row: &Session) -> Result<Vec<String>, Failure> {
    check_has_pane(row)?;
    let mut runner = CommandRunner::for_background();
    peek(target_of(row), this_caller(), &mut runner).map_err(|error| {
        Failure::of_terminal(&format!("cannot read the pane of {}", row.name), error)
    })
}

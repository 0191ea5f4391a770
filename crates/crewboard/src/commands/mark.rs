//! `crewboard seen`, `pin`, `snooze`, `dismiss`: what the board's keys do.

use crate::commands::{ANSWER_WITHIN, connect, rendezvous, rows, unexpected};
use crate::failure::Failure;
use crate::select;
use crewboard_core::{Mark, Session};
use crewboard_protocol::{Reply, Request};
use std::process::ExitCode;

/// Marks the row that `word` names.
pub(crate) fn run(word: &str, mark: impl Fn(&Session) -> Mark) -> Result<ExitCode, Failure> {
    let mut conversation = connect(&rendezvous()?)?;
    let all = rows(&mut conversation)?;
    let row = select::row(&all, word)?;
    let request = Request::Mark { row: row.key.clone(), mark: mark(row) };
    match conversation.ask(&request, ANSWER_WITHIN)? {
        Reply::Marked { .. } => Ok(ExitCode::SUCCESS),
        _ => Err(unexpected()),
    }
}

//! `crewboard seen`, `pin`, `snooze`, `dismiss`: what the board's keys do.

use crate::commands::{ANSWER_WITHIN, rendezvous, rows, unexpected};
use crate::failure::Failure;
use crate::select;
use crewboard_client::{ConnectError, Conversation};
use crewboard_core::{Mark, Session};
use crewboard_protocol::{Reply, Request};
use std::process::ExitCode;

/// Marks the row that `word` names.
pub(crate) fn run(word: &str, mark: impl Fn(&Session) -> Mark) -> Result<ExitCode, Failure> {
    // A hook of tmux's may do this at each focus of a pane, which is no reason to start a daemon.
    let mut conversation = match rendezvous()?.connect() {
        Ok(stream) => Conversation::new(stream)?,
        Err(ConnectError::NoDaemon) => return Err(select::none(word)),
        Err(error) => return Err(error.into()),
    };
    let all = rows(&mut conversation)?;
    let row = select::row(&all, word)?;
    let request = Request::Mark { row: row.key.clone(), mark: mark(row) };
    match conversation.ask(&request, ANSWER_WITHIN)? {
        Reply::Marked { .. } => Ok(ExitCode::SUCCESS),
        _ => Err(unexpected()),
    }
}

//! `crewboard seen`, `pin`, `snooze` and `dismiss`: set a mark, as the board's keys do.

use crate::daemon_client::{REPLY_TIMEOUT, daemon_locator, fetch_rows, unexpected_reply};
use crate::failure::Failure;
use crate::select;
use crewboard_client::{ConnectError, Connection};
use crewboard_core::{Mark, Session};
use crewboard_protocol::{MarkRequest, Reply, Request};
use std::process::ExitCode;

/// Sets a mark on the session that `word` names.
pub(crate) fn run(word: &str, mark: impl Fn(&Session) -> Mark) -> Result<ExitCode, Failure> {
    // A tmux hook may run this at each change of focus, so it must not start a daemon.
    let mut connection = match daemon_locator()?.connect() {
        Ok(stream) => Connection::new(stream)?,
        Err(ConnectError::NoDaemon) => return Err(select::no_such_session(word)),
        Err(error) => return Err(error.into()),
    };
    let all = fetch_rows(&mut connection)?;
    let row = select::row(&all, word)?;
    let request = Request::Mark(MarkRequest { row: row.key.clone(), mark: mark(row) });
    match connection.ask(&request, REPLY_TIMEOUT)? {
        Reply::Marked { .. } => Ok(ExitCode::SUCCESS),
        _ => Err(unexpected_reply()),
    }
}

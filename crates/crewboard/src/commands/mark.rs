//! `crewboard seen`, `pin`, `snooze` and `dismiss`: set a mark, as the board's keys do. `crewboard forget` removes a
//! closed session.

use crate::daemon_client::{REPLY_TIMEOUT, daemon_locator, fetch_rows, unexpected_reply};
use crate::failure::Failure;
use crate::select;
use crewboard_client::{ConnectError, Connection};
use crewboard_core::{Mark, Session, Status};
use crewboard_protocol::{ForgetRequest, MarkRequest, Reply, Request};
use std::process::ExitCode;

/// Sets a mark on the session that `word` names.
pub(crate) fn run(word: &str, mark: impl Fn(&Session) -> Mark) -> Result<ExitCode, Failure> {
    let (mut connection, row) = find(word)?;
    let request = Request::Mark(MarkRequest { mark: mark(&row), row: row.key });
    match connection.ask(&request, REPLY_TIMEOUT)? {
        Reply::Marked { .. } => Ok(ExitCode::SUCCESS),
        _ => Err(unexpected_reply()),
    }
}

/// Removes the closed session that `word` names.
pub(crate) fn forget(word: &str) -> Result<ExitCode, Failure> {
    let (mut connection, row) = find(word)?;
    if row.status != Status::Closed {
        let message =
            format!("{} is {}; only a closed session can be forgotten", row.name, row.status);
        return Err(Failure::new(message)
            .hint(format!("`crewboard dismiss {}` hides it until it needs you", row.key)));
    }
    match connection.ask(&Request::Forget(ForgetRequest { row: row.key }), REPLY_TIMEOUT)? {
        Reply::Forgotten { .. } => Ok(ExitCode::SUCCESS),
        _ => Err(unexpected_reply()),
    }
}

/// Connects to the daemon, and returns the session that `word` names.
fn find(word: &str) -> Result<(Connection, Session), Failure> {
    // A tmux hook may run this at each change of focus, so it must not start a daemon.
    let mut connection = match daemon_locator()?.connect() {
        Ok(stream) => Connection::new(stream)?,
        Err(ConnectError::NoDaemon) => return Err(select::no_such_session(word)),
        Err(error) => return Err(error.into()),
    };
    let all = fetch_rows(&mut connection)?;
    let row = select::row(&all, word)?.clone();
    Ok((connection, row))
}

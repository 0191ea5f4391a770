//! `crewboard seen`, `pin`, `snooze` and `dismiss`: set a mark, as the board's keys do. `crewboard forget` removes a
//! closed session.

use crate::daemon_client::{
    REPLY_TIMEOUT, connect_if_running, daemon_locator, fetch_rows, set_mark, unexpected_reply,
};
use crate::failure::Failure;
use crate::select;
use crewboard_client::Connection;
use crewboard_core::{Mark, Session, Status};
use crewboard_protocol::{ForgetRequest, Reply, Request};
use std::process::ExitCode;

/// Sets a mark on the session that `word` names.
pub(crate) fn run(word: &str, mark: impl Fn(&Session) -> Mark) -> Result<ExitCode, Failure> {
    let (mut connection, row) = find(word)?;
    set_mark(&mut connection, &row, mark(&row))?;
    Ok(ExitCode::SUCCESS)
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
    let connection = connect_if_running(&daemon_locator()?)?;
    let mut connection = connection.ok_or_else(|| select::no_such_session(word))?;
    let all = fetch_rows(&mut connection)?;
    let row = select::row(&all, word)?.clone();
    Ok((connection, row))
}

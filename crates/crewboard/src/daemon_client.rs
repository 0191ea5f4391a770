//! Connects to the daemon and fetches what commands and completions need from it.

use crate::failure::{Failure, without_error_numbers};
use crewboard_client::{ConnectError, Connection, DaemonLocator, version_problem};
use crewboard_config::Environment;
use crewboard_core::{Mark, RateLimits, Session};
use crewboard_platform::Deadline;
use crewboard_protocol::{DroppedEvents, DroppedEventsSeenRequest, MarkRequest, Reply, Request};
use std::env;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::Duration;

/// Time limit for reaching the daemon, including its start.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Time limit for one reply of the daemon.
pub(crate) const REPLY_TIMEOUT: Duration = Duration::from_secs(5);

/// Returns the locator of the user's daemon. Fails if `CREWBOARD_SOCKET` cannot be used.
pub(crate) fn daemon_locator() -> Result<DaemonLocator, Failure> {
    let program = env::current_exe().unwrap_or_else(|_| PathBuf::from("crewboard"));
    let environment = Environment::of_process();
    check_named_socket(&environment)?;
    Ok(DaemonLocator::new(&environment, program))
}

/// Fails if `CREWBOARD_SOCKET` cannot be used. Another socket would show other sessions.
pub(crate) fn check_named_socket(environment: &Environment) -> Result<(), Failure> {
    crewboard_config::check_named(environment).map_err(|problem| {
        Failure::usage(format!("cannot use CREWBOARD_SOCKET: {problem}"))
            .hint("name a socket in a directory that only you can write to, or unset the variable")
    })
}

/// Connects to the daemon, and starts it if it does not run.
pub(crate) fn connect(daemon_locator: &DaemonLocator) -> Result<Connection, Failure> {
    let stream = daemon_locator.connect_or_start(Deadline::after(CONNECT_TIMEOUT))?;
    Ok(Connection::new(stream)?)
}

/// Connects to the daemon if it runs. Does not start it.
pub(crate) fn connect_if_running(
    daemon_locator: &DaemonLocator,
) -> Result<Option<Connection>, Failure> {
    match daemon_locator.connect() {
        Ok(stream) => Ok(Some(Connection::new(stream)?)),
        Err(ConnectError::NoDaemon) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Sets a mark on a session.
pub(crate) fn set_mark(
    connection: &mut Connection,
    row: &Session,
    mark: Mark,
) -> Result<(), Failure> {
    let request = Request::Mark(MarkRequest { row: row.key.clone(), mark });
    match connection.ask(&request, REPLY_TIMEOUT)? {
        Reply::Marked { .. } => Ok(()),
        _ => Err(unexpected_reply()),
    }
}

/// Calls `read` once more if the daemon closes the connection before it has replied, for example because it was killed.
/// `read` connects by itself, and sends only requests that change nothing.
pub(crate) fn retry_once<T>(read: impl Fn() -> Result<T, Failure>) -> Result<T, Failure> {
    match read() {
        Err(failure) if failure.is_disconnect() => read(),
        result => result,
    }
}

/// The daemon's reply to a `list` request.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    /// All sessions, in the order of `crewboard list`.
    pub(crate) rows: Vec<Session>,
    /// The rate limits of the accounts.
    pub(crate) limits: Vec<RateLimits>,
    /// The dropped events that the user has not seen yet.
    pub(crate) dropped_events: DroppedEvents,
}

/// Returns all sessions in the order of `crewboard list`.
pub(crate) fn fetch_rows(connection: &mut Connection) -> Result<Vec<Session>, Failure> {
    fetch_snapshot(connection, REPLY_TIMEOUT).map(|snapshot| snapshot.rows)
}

/// Warns the user of dropped events, and reports to the daemon that the user has seen them.
pub(crate) fn warn_of_dropped_events(connection: &Connection, dropped_events: DroppedEvents) {
    if !dropped_events.is_empty() {
        warn(&format!("{dropped_events} (see `crewboard daemon status`)"));
        let count = dropped_events.total();
        // If the daemon does not get this, the next command warns again.
        let _ = connection.send(&Request::DroppedEventsSeen(DroppedEventsSeenRequest { count }));
    }
}

/// Asks for a snapshot. `timeout` applies to each message.
pub(crate) fn fetch_snapshot(
    connection: &mut Connection,
    timeout: Duration,
) -> Result<Snapshot, Failure> {
    connection.send(&Request::List)?;
    let mut snapshot = Snapshot::default();
    loop {
        match connection.receive(Some(timeout))? {
            Reply::Row { row } => snapshot.rows.push(*row),
            Reply::RateLimits { limits } => snapshot.limits = limits,
            Reply::DroppedEvents { unseen } => snapshot.dropped_events = unseen,
            Reply::Synced { .. } => break,
            _ => {}
        }
    }
    snapshot.rows.sort_by(Session::compare_for_list);
    Ok(snapshot)
}

/// Prints a warning. Ignores a closed standard error.
pub(crate) fn warn(text: &str) {
    let _ = writeln!(io::stderr(), "crewboard: {}", without_error_numbers(text));
}

/// Returns a warning if the daemon is of another version than this program.
pub(crate) fn find_version_problem(connection: &mut Connection) -> Result<Option<String>, Failure> {
    match connection.ask(&Request::HELLO, REPLY_TIMEOUT)? {
        Reply::Hello(daemon) => Ok(version_problem(&daemon)),
        _ => Ok(None),
    }
}

/// Returns the failure for a reply of another kind than the request expects.
pub(crate) fn unexpected_reply() -> Failure {
    Failure::new("the daemon sent an unexpected reply")
        .hint("run `crewboard daemon restart` to start the daemon of this version")
}

//! Stops the daemon: asks it to exit, or kills it if it does not respond.

use crate::failure::Failure;
use crewboard_client::{ConnectError, Connection, ConnectionError, DaemonLocator};
use crewboard_platform::{Deadline, LockOwner};
use crewboard_protocol::Request;
use std::time::Duration;

/// Time limit for the exit of a daemon that was asked to stop.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// Time limit for the exit after each signal to a daemon that does not respond.
const SIGNAL_TIMEOUT: Duration = Duration::from_secs(2);

/// The result of asking a daemon to stop.
#[derive(Debug)]
pub(crate) enum StopResult {
    /// No daemon ran.
    NoDaemon,
    /// The daemon has exited.
    Exited,
    /// The daemon runs but does not respond.
    Hung,
}

/// Asks the daemon to stop, and waits for its exit.
pub(crate) fn ask_to_stop(daemon_locator: &DaemonLocator) -> Result<StopResult, Failure> {
    let deadline = Deadline::after(STOP_TIMEOUT);
    let stream = match daemon_locator.connect() {
        Ok(stream) => stream,
        Err(ConnectError::NoDaemon) => return Ok(StopResult::NoDaemon),
        Err(ConnectError::Unresponsive) => return Ok(StopResult::Hung),
        Err(error) => return Err(error.into()),
    };
    // Look up the process now: after its exit, another daemon may hold the lock.
    let owner = daemon_locator.lock_owner();
    let mut connection = Connection::new(stream)?;
    match send_stop(&mut connection, deadline) {
        ConnectionError::Closed => {}
        ConnectionError::TimedOut(_) => return Ok(StopResult::Hung),
        error => return Err(error.into()),
    }
    // The daemon closes the connection before it has released its lock.
    let has_exited = match owner {
        Some(owner) => owner.has_ended_by(deadline),
        None => daemon_locator.wait_until_free(deadline),
    };
    if has_exited {
        return Ok(StopResult::Exited);
    }
    Err(Failure::new("the daemon stopped, but another one is running")
        .hint("an open board may have started it; run `crewboard daemon status`"))
}

/// Sends the stop request, and reads until the connection closes or the deadline passes. Returns the error that ended
/// it.
fn send_stop(connection: &mut Connection, deadline: Deadline) -> ConnectionError {
    if let Err(error) = connection.send(&Request::Stop) {
        return error;
    }
    loop {
        if let Err(error) = connection.receive(Some(deadline.remaining())) {
            return error;
        }
    }
}

/// Kills a daemon that does not respond. Returns a description of it.
pub(crate) fn kill_hung_daemon(daemon_locator: &DaemonLocator) -> Result<String, Failure> {
    let Some(owner) = daemon_locator.lock_owner() else {
        return Err(hung_failure(daemon_locator));
    };
    let daemon = describe(&owner);
    owner.terminate();
    if !owner.has_ended_by(Deadline::after(SIGNAL_TIMEOUT)) {
        owner.kill();
        if !owner.has_ended_by(Deadline::after(SIGNAL_TIMEOUT)) {
            return Err(Failure::new(format!("{daemon} does not exit after SIGKILL"))
                .hint("the kernel blocks it, perhaps because a file system hangs"));
        }
    }
    Ok(format!("{daemon} did not answer and was killed"))
}

/// Returns the failure for a daemon that does not respond.
pub(crate) fn hung_failure(daemon_locator: &DaemonLocator) -> Failure {
    match daemon_locator.lock_owner() {
        Some(owner) => Failure::new(format!("{} does not answer", describe(&owner)))
            .hint("run `crewboard daemon restart` to replace it"),
        None => Failure::new(
            "the daemon does not answer, and its process is unknown",
        )
        .hint(
            "its log, next to its socket, names the process: kill it, and the next hook starts a new daemon",
        ),
    }
}

fn describe(owner: &LockOwner) -> String {
    let program = owner.program().map(|program| program.display().to_string());
    let program = program.unwrap_or_else(|| "unknown program".to_owned());
    let suspended = if owner.is_suspended() { ", suspended" } else { "" };
    format!("the daemon (process {}, {program}{suspended})", owner.pid())
}

//! `crewboard wait`: waits until sessions reach a status.

use crate::arguments::{Until, WaitArguments};
use crate::daemon_client::{connect, daemon_locator, fetch_rows, warn};
use crate::failure::{Failure, exit_code};
use crate::select;
use crewboard_client::{Connection, ConnectionError, DaemonLocator};
use crewboard_core::{
    RowKey, Session, Status, Transition, WaitGoal, WaitOutcome, WaitProgress, WaitScope,
};
use crewboard_platform::find_process;
use crewboard_protocol::{Reply, Request, RestoreRequest, SubscribeRequest, WaitRequest};
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

/// First and longest pause between two attempts to reach or start a daemon after one has exited.
const FIRST_RETRY_PAUSE: Duration = Duration::from_millis(100);
const MAX_RETRY_PAUSE: Duration = Duration::from_secs(2);

/// Waits for a reply of the daemon, which watches every change. Asks the next daemon if this one exits.
pub(crate) fn run(arguments: &WaitArguments) -> Result<ExitCode, Failure> {
    let deadline = arguments.timeout.map(|timeout| Instant::now() + timeout);
    let goal = WaitGoal {
        statuses: arguments
            .until
            .iter()
            .filter_map(|until| match until {
                Until::Status(status) => Some(*status),
                Until::NeedsYou => None,
            })
            .collect(),
        needs_you: arguments.until.contains(&Until::NeedsYou),
    };
    let daemon_locator = daemon_locator()?;
    let mut connection = connect(&daemon_locator)?;
    let all = fetch_rows(&mut connection)?;
    let keys = chosen_keys(arguments, &all)?;
    if keys.is_empty() && !arguments.new {
        return Err(Failure::new("no session to wait for")
            .hint("--new waits for sessions that start later"));
    }
    let scope = if arguments.rows.any { WaitScope::Any } else { WaitScope::All };
    let (new, waits_for_all) = (arguments.new, arguments.rows.all);
    let (missing_may_return, reached) = (false, Vec::new());
    let mut request =
        WaitRequest { goal, scope, rows: Some(keys), new, missing_may_return, reached };
    for row in &all {
        note_progress(&mut request, row, &[]);
    }
    loop {
        match wait_for_reply(&mut connection, &mut request, waits_for_all, deadline) {
            Ok((outcome, row)) => return Ok(exit_code_of(outcome, &row)),
            Err(ConnectionError::TimedOut(_)) => return Ok(ExitCode::from(exit_code::TIMED_OUT)),
            Err(ConnectionError::Closed) => {
                if waits_for_all && all_reached(&request) {
                    return Ok(ExitCode::SUCCESS);
                }
                if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                    return Ok(ExitCode::from(exit_code::TIMED_OUT));
                }
                let Some(next) = reconnect(&daemon_locator, deadline) else {
                    return Ok(ExitCode::from(exit_code::TIMED_OUT));
                };
                connection = next;
                request.missing_may_return = true;
                // Restore the sessions whose agents have exited since: they send no further event to the new
                // daemon. Live agents report their current state themselves.
                let is_dead = |row: &&Session| {
                    row.process().is_some_and(|process| find_process(process.pid) != Some(process))
                };
                for row in all.iter().filter(is_dead) {
                    // If this daemon has exited too, the next iteration connects to another.
                    let _ = connection
                        .send(&Request::Restore(RestoreRequest { row: Box::new(row.clone()) }));
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Reaches or starts another daemon after one has exited. Returns `None` at the deadline. Keeps trying, because the
/// program file is missing for a moment while an upgrade replaces it.
fn reconnect(daemon_locator: &DaemonLocator, deadline: Option<Instant>) -> Option<Connection> {
    let mut pause = FIRST_RETRY_PAUSE;
    loop {
        let failure = match connect(daemon_locator) {
            Ok(connection) => return Some(connection),
            Err(failure) => failure,
        };
        if pause == FIRST_RETRY_PAUSE {
            warn(&format!("{}; retrying", failure.in_one_line()));
        }
        let remaining = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if remaining.is_some_and(|remaining| remaining.is_zero()) {
            return None;
        }
        // No event reports that the program file is back.
        thread::sleep(remaining.map_or(pause, |remaining| remaining.min(pause)));
        pause = (pause * 2).min(MAX_RETRY_PAUSE);
    }
}

/// Sends the wait request and returns the reply. If `listens`, also notes which sessions have reached the goal,
/// because the next daemon would not know.
fn wait_for_reply(
    connection: &mut Connection,
    request: &mut WaitRequest,
    listens: bool,
    deadline: Option<Instant>,
) -> Result<(WaitOutcome, Box<Session>), ConnectionError> {
    if listens {
        connection.send(&Request::Subscribe(SubscribeRequest { after: None }))?;
    }
    connection.send(&Request::Wait(request.clone()))?;
    loop {
        let remaining = deadline.map(|deadline| {
            // A timeout of zero would mean no timeout.
            deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1))
        });
        match connection.receive(remaining)? {
            Reply::Waited { outcome, row } => return Ok((outcome, row)),
            Reply::Row { row } => note_progress(request, &row, &[]),
            Reply::Change { row, transitions, .. } => {
                let rows = request.rows.get_or_insert_default();
                if request.new && !rows.contains(&row.key) {
                    rows.push(row.key.clone());
                }
                note_progress(request, &row, &transitions);
            }
            _ => {}
        }
    }
}

/// Notes a session that has reached the goal, even if it has left it since.
fn note_progress(request: &mut WaitRequest, row: &Session, transitions: &[Transition]) {
    let is_waited_for = request.rows.iter().flatten().any(|key| *key == row.key);
    let goal = &request.goal;
    let has_reached = goal.reach(row) == WaitProgress::Reached
        || transitions.iter().any(|transition| goal.statuses.contains(&transition.status));
    if is_waited_for && has_reached && !request.reached.contains(&row.key) {
        request.reached.push(row.key.clone());
    }
}

/// Returns true if every session has reached the goal, even if the daemon exited before it replied.
fn all_reached(request: &WaitRequest) -> bool {
    let mut rows = request.rows.iter().flatten().peekable();
    rows.peek().is_some() && rows.all(|key| request.reached.contains(key))
}

/// Returns the keys of the sessions to wait for.
fn chosen_keys(arguments: &WaitArguments, all: &[Session]) -> Result<Vec<RowKey>, Failure> {
    if let Some(word) = &arguments.rows.row {
        return Ok(vec![select::row(all, word)?.key.clone()]);
    }
    let open = all.iter().filter(|row| row.status != Status::Closed);
    Ok(open.map(|row| row.key.clone()).collect())
}

fn exit_code_of(outcome: WaitOutcome, row: &Session) -> ExitCode {
    let code = match outcome {
        WaitOutcome::Reached => 0,
        WaitOutcome::Blocked => exit_code::BLOCKED,
        WaitOutcome::Closed => exit_code::CLOSED,
    };
    if code != 0 {
        // Scripts read the exit code; this line is for the user.
        let _ = writeln!(io::stderr(), "crewboard: {} ({}) is {}", row.name, row.key, row.status);
    }
    ExitCode::from(code)
}

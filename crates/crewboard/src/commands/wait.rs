//! `crewboard wait`: blocks until rows reach a status.

use crate::arguments::{Until, WaitArguments};
use crate::commands::{connect, is_gone, rendezvous, rows, warn};
use crate::failure::{Failure, exit_code};
use crate::select;
use crewboard_client::{Conversation, Rendezvous, TalkError};
use crewboard_core::{Goal, Reach, RowKey, Session, Status, Transition, WaitOutcome, WaitScope};
use crewboard_platform::process_of;
use crewboard_protocol::{Reply, Request, WaitRequest};
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

/// Pauses between two attempts to reach or start a daemon after one is gone.
const RETRY: Duration = Duration::from_millis(100);
const RETRY_AT_MOST: Duration = Duration::from_secs(2);

/// Waits. The daemon watches every transition; we only hold the line, and hold it again to the next
/// daemon if this one dies.
pub(crate) fn run(arguments: &WaitArguments) -> Result<ExitCode, Failure> {
    let deadline = arguments.timeout.map(|timeout| Instant::now() + timeout);
    let goal = Goal {
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
    let rendezvous = rendezvous()?;
    let mut conversation = connect(&rendezvous)?;
    let all = rows(&mut conversation)?;
    let keys = chosen(arguments, &all)?;
    if keys.is_empty() && !arguments.new {
        return Err(Failure::new("there is no session to wait for")
            .hint("--new waits for those that come later"));
    }
    let scope = if arguments.rows.any { WaitScope::Any } else { WaitScope::All };
    let (new, all_of_them) = (arguments.new, arguments.rows.all);
    let (missing_may_come, reached) = (false, Vec::new());
    let mut request = WaitRequest { goal, scope, rows: Some(keys), new, missing_may_come, reached };
    for row in &all {
        remember(&mut request, row, &[]);
    }
    loop {
        match answer(&mut conversation, &mut request, all_of_them, deadline) {
            Ok((outcome, row)) => return Ok(conclude(outcome, &row)),
            Err(TalkError::Silent(_)) => return Ok(ExitCode::from(exit_code::TIMED_OUT)),
            Err(error) if is_gone(&error) => {
                if all_of_them && has_ended(&request) {
                    return Ok(ExitCode::SUCCESS);
                }
                if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                    return Ok(ExitCode::from(exit_code::TIMED_OUT));
                }
                let Some(next) = reconnect(&rendezvous, deadline) else {
                    return Ok(ExitCode::from(exit_code::TIMED_OUT));
                };
                conversation = next;
                request.missing_may_come = true;
                // The next daemon learns from us of agents that died meanwhile and will never speak again.
                // Of those that live we know only what was before we began to wait, and they will.
                let is_dead = |row: &&Session| {
                    row.process().is_some_and(|process| process_of(process.pid) != Some(process))
                };
                for row in all.iter().filter(is_dead) {
                    // Where this daemon is gone too, the next turn finds the one after it.
                    let _ = conversation.send(&Request::Restore { row: Box::new(row.clone()) });
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Reaches or starts another daemon after one is gone, however long that takes; `None` at the deadline. The program
/// file is missing for a moment while it is replaced.
fn reconnect(rendezvous: &Rendezvous, deadline: Option<Instant>) -> Option<Conversation> {
    let mut pause = RETRY;
    loop {
        let failure = match connect(rendezvous) {
            Ok(conversation) => return Some(conversation),
            Err(failure) => failure,
        };
        if pause == RETRY {
            warn(&format!("{}; trying again", failure.in_a_line()));
        }
        let rest = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if rest.is_some_and(|rest| rest.is_zero()) {
            return None;
        }
        // No event says when the program file is back.
        thread::sleep(rest.map_or(pause, |rest| rest.min(pause)));
        pause = (pause * 2).min(RETRY_AT_MOST);
    }
}

/// Asks to wait, and waits for the answer. Where each row has to reach the goal once, it listens
/// meanwhile which have: the next daemon would not know.
fn answer(
    conversation: &mut Conversation,
    request: &mut WaitRequest,
    listens: bool,
    deadline: Option<Instant>,
) -> Result<(WaitOutcome, Box<Session>), TalkError> {
    if listens {
        conversation.send(&Request::Subscribe { after: None })?;
    }
    conversation.send(&Request::Wait(request.clone()))?;
    loop {
        let remaining = deadline.map(|deadline| {
            // A timeout of zero would mean for ever.
            deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1))
        });
        match conversation.receive(remaining)? {
            Reply::Waited { outcome, row } => return Ok((outcome, row)),
            Reply::Row { row } => remember(request, &row, &[]),
            Reply::Change { row, transitions, .. } => {
                let rows = request.rows.get_or_insert_default();
                if request.new && !rows.contains(&row.key) {
                    rows.push(row.key.clone());
                }
                remember(request, &row, &transitions);
            }
            _ => {}
        }
    }
}

/// Notes whether a row that is meant has reached the goal, now or in passing.
fn remember(request: &mut WaitRequest, row: &Session, transitions: &[Transition]) {
    let is_meant = request.rows.iter().flatten().any(|key| *key == row.key);
    let goal = &request.goal;
    let has_reached = goal.reach(row) == Reach::Reached
        || transitions.iter().any(|passed| goal.statuses.contains(&passed.status));
    if is_meant && has_reached && !request.reached.contains(&row.key) {
        request.reached.push(row.key.clone());
    }
}

/// Whether every row has reached the goal, though the daemon died before it could say so.
fn has_ended(request: &WaitRequest) -> bool {
    let mut rows = request.rows.iter().flatten().peekable();
    rows.peek().is_some() && rows.all(|key| request.reached.contains(key))
}

/// The rows that are meant, as they are now.
fn chosen(arguments: &WaitArguments, all: &[Session]) -> Result<Vec<RowKey>, Failure> {
    if let Some(word) = &arguments.rows.row {
        return Ok(vec![select::row(all, word)?.key.clone()]);
    }
    let living = all.iter().filter(|row| row.status != Status::Closed);
    Ok(living.map(|row| row.key.clone()).collect())
}

fn conclude(outcome: WaitOutcome, row: &Session) -> ExitCode {
    let code = match outcome {
        WaitOutcome::Reached => 0,
        WaitOutcome::Blocked => exit_code::BLOCKED,
        WaitOutcome::Closed => exit_code::CLOSED,
    };
    if code != 0 {
        // The exit code is the answer; this only helps whoever reads along.
        let _ = writeln!(io::stderr(), "crewboard: {} ({}) is {}", row.name, row.key, row.status);
    }
    ExitCode::from(code)
}

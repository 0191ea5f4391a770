//! `crewboard jump`, `next` and `open`: show, resume or attach to a session.

use crate::daemon_client::{connect, daemon_locator, fetch_rows, set_mark};
use crate::environment::Environment;
use crate::failure::{Failure, exit_code};
use crate::navigate::{Destination, is_in_front_of_user, jump_to_pane, open_session};
use crate::select;
use crewboard_client::Connection;
use crewboard_core::{CountCategory, Mark, Session};
use crewboard_platform::Deadline;
use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;

/// Time limit for asking terminals which of the sessions the user looks at.
const LOOK_TIMEOUT: Duration = Duration::from_secs(2);

/// Shows the pane of the session that `word` names.
pub(crate) fn jump(word: &str) -> Result<ExitCode, Failure> {
    let mut connection = connect(&daemon_locator()?)?;
    let all = fetch_rows(&mut connection)?;
    let row = select::row(&all, word)?;
    let destination = jump_to_pane(row)?;
    mark_seen(&mut connection, row)?;
    finish(destination)
}

/// Shows the pane of the session that has needed the user longest, or the next one after the pane in front of the user.
/// Skips sessions that it cannot show.
pub(crate) fn next(previous: bool) -> Result<ExitCode, Failure> {
    let mut connection = connect(&daemon_locator()?)?;
    let sessions = needing_user(fetch_rows(&mut connection)?);
    let deadline = Deadline::after(LOOK_TIMEOUT);
    let in_front =
        sessions.iter().position(|row| !deadline.has_passed() && is_in_front_of_user(row));
    let sessions = from_next(sessions, in_front, previous);
    let mut first_failure = None;
    for row in &sessions {
        match jump_to_pane(row) {
            Ok(destination) => {
                // Run by a tmux key binding, any output would cover the pane that is shown now.
                if let Some(failure) = first_failure.filter(|_| io::stderr().is_terminal()) {
                    let failure: Failure = failure;
                    let _ = writeln!(io::stderr(), "crewboard: {}", failure.in_one_line());
                }
                mark_seen(&mut connection, row)?;
                return finish(destination);
            }
            Err(failure) => first_failure = first_failure.or(Some(failure)),
        }
    }
    match first_failure {
        Some(failure) => Err(failure),
        None => Err(Failure::new("no session needs you").code(exit_code::NO_SESSION)),
    }
}

/// Returns the sessions that need the user, prompts before results, the longest wait first.
fn needing_user(mut rows: Vec<Session>) -> Vec<Session> {
    rows.retain(|row| matches!(row.counted(), CountCategory::Needs(_)));
    rows.sort_by_key(|row| (!row.status.is_prompt(), row.since));
    rows
}

/// Returns the sessions in the order in which to try them. The session at `in_front` comes last.
fn from_next(mut rows: Vec<Session>, in_front: Option<usize>, previous: bool) -> Vec<Session> {
    if previous {
        rows.reverse();
    }
    if let Some(index) = in_front {
        let index = if previous { rows.len() - 1 - index } else { index };
        rows.rotate_left(index + 1);
    }
    rows
}

/// Resumes the session that `word` names, or attaches to it.
pub(crate) fn open(word: &str) -> Result<ExitCode, Failure> {
    let all = fetch_rows(&mut connect(&daemon_locator()?)?)?;
    let row = select::row(&all, word)?;
    finish(open_session(row, &Environment::of_process())?)
}

/// Marks a session as seen once its pane is shown.
fn mark_seen(connection: &mut Connection, row: &Session) -> Result<(), Failure> {
    set_mark(connection, row, Mark::Seen { revision: row.revision })
}

/// Prints the note, or replaces this process with the command for this terminal.
fn finish(destination: Destination) -> Result<ExitCode, Failure> {
    match destination {
        Destination::Pane(note) => {
            if !note.is_empty() {
                let _ = writeln!(io::stderr(), "crewboard: {note}");
            }
            Ok(ExitCode::SUCCESS)
        }
        Destination::ThisTerminal(terminal_command) => {
            // `exec` returns only if it fails.
            let error = terminal_command.exec();
            Err(Failure::new(format!("cannot run {}: {error}", terminal_command.command)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crewboard_core::{Status, Timestamp};

    #[test]
    fn next_picks_the_longest_wait_that_is_not_hidden() {
        let row = |name: &str, since, needs_you, dismissed| Session {
            name: name.to_owned(),
            status: Status::Permission,
            since: Timestamp(since),
            needs_you,
            dismissed,
            ..Session::default()
        };
        let rows = vec![
            row("late", 4, true, false),
            row("hidden", 1, true, true),
            row("snoozed", 2, false, false),
            row("early", 3, true, false),
        ];
        let names: Vec<String> = needing_user(rows).into_iter().map(|row| row.name).collect();
        assert_eq!(names, ["early", "late"]);
    }

    #[test]
    fn next_moves_on_from_the_session_in_front() {
        let rows =
            || ["a", "b", "c"].map(|name| Session { name: name.into(), ..Session::default() });
        for (in_front, previous, expected) in [
            (None, false, "abc"),
            (Some(0), false, "bca"),
            (Some(2), false, "abc"),
            (None, true, "cba"),
            (Some(2), true, "bac"),
            (Some(0), true, "cba"),
        ] {
            let found = from_next(rows().to_vec(), in_front, previous);
            let found: String = found.into_iter().map(|row| row.name).collect();
            assert_eq!(found, expected, "{in_front:?} {previous}");
        }
        assert!(from_next(Vec::new(), None, true).is_empty());
    }
}

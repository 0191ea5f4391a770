//! `crewboard jump`, `next` and `open`: from a row to its pane.

use crate::commands::{ANSWER_WITHIN, connect, rendezvous, rows, unexpected};
use crate::environment::Environment;
use crate::failure::{Failure, exit_code};
use crate::going::{Gone, open_again, to_pane};
use crate::select;
use crewboard_client::Conversation;
use crewboard_core::{Counted, Mark, Session};
use crewboard_protocol::{Reply, Request};
use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

/// Shows the pane of the row that `word` names.
pub(crate) fn jump(word: &str) -> Result<ExitCode, Failure> {
    let mut conversation = connect(&rendezvous()?)?;
    let all = rows(&mut conversation)?;
    let row = select::row(&all, word)?;
    let gone = to_pane(row)?;
    mark_seen(&mut conversation, row)?;
    conclude(gone)
}

/// Shows the pane of the row that has needed somebody longest. One that cannot be shown must not keep
/// those behind it from being shown.
pub(crate) fn next() -> Result<ExitCode, Failure> {
    let mut conversation = connect(&rendezvous()?)?;
    let waiting = waiting(rows(&mut conversation)?);
    let mut passed_over = None;
    for row in &waiting {
        match to_pane(row) {
            Ok(gone) => {
                // Bound to a key of tmux, a word of it would be shown over the pane just come to.
                if let Some(failure) = passed_over.filter(|_| io::stderr().is_terminal()) {
                    let failure: Failure = failure;
                    let _ = writeln!(io::stderr(), "crewboard: {}", failure.in_a_line());
                }
                mark_seen(&mut conversation, row)?;
                return conclude(gone);
            }
            Err(failure) => passed_over = passed_over.or(Some(failure)),
        }
    }
    match passed_over {
        Some(failure) => Err(failure),
        None => Err(Failure::new("nobody needs you").code(exit_code::NOBODY)),
    }
}

/// Who needs somebody and is not hidden, in the order in which they came to.
fn waiting(mut rows: Vec<Session>) -> Vec<Session> {
    rows.retain(|row| matches!(row.counted(), Counted::Needs(_)));
    rows.sort_by_key(|row| row.since);
    rows
}

/// Takes up again the row that `word` names.
pub(crate) fn open(word: &str) -> Result<ExitCode, Failure> {
    let all = rows(&mut connect(&rendezvous()?)?)?;
    let row = select::row(&all, word)?;
    conclude(open_again(row, &Environment::of_process())?)
}

/// Whoever is shown a row has seen what it said.
fn mark_seen(conversation: &mut Conversation, row: &Session) -> Result<(), Failure> {
    let mark = Mark::Seen { revision: row.revision };
    match conversation.ask(&Request::Mark { row: row.key.clone(), mark }, ANSWER_WITHIN)? {
        Reply::Marked { .. } => Ok(()),
        _ => Err(unexpected()),
    }
}

/// Says what is to be said, or becomes the command that this terminal is for.
fn conclude(gone: Gone) -> Result<ExitCode, Failure> {
    match gone {
        Gone::There(said) => {
            if !said.is_empty() {
                let _ = writeln!(io::stderr(), "crewboard: {said}");
            }
            Ok(ExitCode::SUCCESS)
        }
        Gone::Here(here) => {
            // Only a failure comes back.
            let error = here.become_it();
            Err(Failure::new(format!("{}: {error}", here.command)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crewboard_core::{Status, Timestamp};

    #[test]
    fn the_next_is_the_one_that_waited_longest_and_is_not_hidden() {
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
        let names: Vec<String> = waiting(rows).into_iter().map(|row| row.name).collect();
        assert_eq!(names, ["early", "late"]);
    }
}

//! `crewboard jump`, `next` and `open`: from a row to its pane.

use crate::commands::{ANSWER_WITHIN, connect, rendezvous, rows, unexpected};
use crate::environment::Environment;
use crate::failure::{Failure, exit_code};
use crate::going::{Gone, open_again, to_pane};
use crate::select;
use crewboard_client::Conversation;
use crewboard_core::{Mark, Session};
use crewboard_protocol::{Reply, Request};
use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
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
    let mut all = rows(&mut conversation)?;
    all.retain(|row| row.needs_you);
    all.sort_by_key(|row| row.since);
    let mut passed_over = None;
    for row in &all {
        match to_pane(row) {
            Ok(gone) => {
                if let Some(failure) = passed_over {
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
            let error = here.process().exec();
            Err(Failure::new(format!("{}: {error}", here.command)))
        }
    }
}

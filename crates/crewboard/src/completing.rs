//! Completions of the shell, with the sessions that there are.

use crate::commands::{rendezvous, rows_and_limits};
use crate::failure::Failure;
use crate::select;
use clap_complete::CompletionCandidate;
use crewboard_client::Conversation;
use crewboard_core::{Session, Status};
use std::collections::HashSet;
use std::time::Duration;

/// The variable by which a shell asks.
pub(crate) const VARIABLE: &str = "CREWBOARD_COMPLETE";

/// How long a key press may wait.
const ANSWER_WITHIN: Duration = Duration::from_millis(300);

/// What a shell's script is to end with.
///
/// zsh runs the file `_crewboard` of its `fpath` as the function of that name at the first Tab, and clap's script only
/// defines another for the next one (seen with zsh 5.9). Where the script is sourced, no such function runs.
pub(crate) fn ending(shell: &str) -> &'static [u8] {
    match shell {
        "zsh" => {
            b"\nif [[ $funcstack[1] == _crewboard ]]; then\n    _clap_dynamic_completer_crewboard \"$@\"\nfi\n"
        }
        _ => b"",
    }
}

/// What can stand for a session, if a daemon runs: none is started for a key press.
pub(crate) fn rows() -> Vec<CompletionCandidate> {
    candidates(&list().unwrap_or_default(), |_| true)
}

/// The same of those that `crewboard open` is for.
pub(crate) fn rows_to_open() -> Vec<CompletionCandidate> {
    candidates(&list().unwrap_or_default(), |row| row.status == Status::Closed || row.job.is_some())
}

/// What can be waited for.
pub(crate) fn goals() -> Vec<CompletionCandidate> {
    let needs_you = CompletionCandidate::new("needs-you").help(Some("any that needs you".into()));
    let statuses = Status::ALL.iter().map(|status| CompletionCandidate::new(status.word()));
    let goals = std::iter::once(needs_you).chain(statuses);
    goals.enumerate().map(|(order, goal)| goal.display_order(Some(order))).collect()
}

fn list() -> Result<Vec<Session>, Failure> {
    let mut conversation = Conversation::new(rendezvous()?.connect()?)?;
    rows_and_limits(&mut conversation, ANSWER_WITHIN).map(|(rows, _)| rows)
}

/// The names and keys of the rows that are wanted. A name is put into a line of the shell's: one that means
/// something there is not offered. One that several share is, since nobody begins a word with a key that they
/// do not know: it says that it means several, and the command names their keys.
fn candidates(rows: &[Session], is_wanted: impl Fn(&Session) -> bool) -> Vec<CompletionCandidate> {
    let is_plain = |name: &str| {
        let plain =
            |character: char| character.is_ascii_alphanumeric() || "._-".contains(character);
        !name.is_empty() && !name.starts_with('-') && name.chars().all(plain)
    };
    let mut candidates = Vec::new();
    let mut offered = HashSet::new();
    for (order, row) in rows.iter().enumerate().filter(|(_, row)| is_wanted(row)) {
        let safe = if is_plain(&row.name) { row.name.as_str() } else { "" };
        let mut offer = |word: &str, help: String, order| {
            let candidate = CompletionCandidate::new(word).help(Some(help.into()));
            candidates.push(candidate.display_order(Some(order)));
        };
        match select::row(rows, safe) {
            _ if safe.is_empty() => {}
            Ok(meant) if meant.key == row.key => offer(safe, row.status.to_string(), order),
            Err(_) if offered.insert(safe) => {
                offer(safe, "several: their keys tell them apart".to_owned(), order);
            }
            _ => {}
        }
        offer(row.key.as_str(), format!("{} {safe}", row.status), rows.len() + order);
    }
    candidates
}

#[cfg(test)]
mod tests {
    use super::*;
    use crewboard_core::RowKey;

    fn row(key: &str, name: &str, status: Status) -> Session {
        Session { key: RowKey::new(key), name: name.to_owned(), status, ..Session::default() }
    }

    fn said(candidates: &[CompletionCandidate]) -> Vec<String> {
        let help = |one: &CompletionCandidate| {
            one.get_help().map_or_else(String::new, |help| format!(": {help}"))
        };
        candidates.iter().map(|one| format!("{}{}", one.get_value().display(), help(one))).collect()
    }

    #[test]
    fn names_and_keys_are_offered_with_what_they_mean() {
        let rows = [
            row("aaaaa", "shop", Status::Done),
            row("bbbbb", "web", Status::Working),
            row("ccccc", "web", Status::Idle),
            row("ddddd", "shop", Status::Closed),
        ];
        let several = "web: several: their keys tell them apart";
        assert_eq!(
            said(&candidates(&rows, |_| true)),
            [
                "shop: done",
                "aaaaa: done shop",
                several,
                "bbbbb: working web",
                "ccccc: idle web",
                "ddddd: closed shop",
            ]
        );
        // A name that means another is none of those that are wanted.
        let closed = candidates(&rows, |row| row.status == Status::Closed);
        assert_eq!(said(&closed), ["ddddd: closed shop"]);
    }

    #[test]
    fn no_name_that_a_shell_would_run_is_offered() {
        let rows = ["$(touch x)", "-n", ""].map(|name| row("aaaaa", name, Status::Done));
        for hostile in rows {
            assert_eq!(said(&candidates(&[hostile], |_| true)), ["aaaaa: done "]);
        }
    }
}

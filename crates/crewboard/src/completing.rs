//! Completions of the shell, with the sessions that there are.

use crate::commands::{rendezvous, rows_and_limits};
use crate::failure::Failure;
use crate::select;
use clap_complete::CompletionCandidate;
use clap_complete::engine::{PathCompleter, ValueCompleter};
use crewboard_client::Conversation;
use crewboard_core::{Session, Status};
use std::collections::HashSet;
use std::ffi::OsStr;
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

/// Completes paths, without those that a shell would take for more than a word.
pub(crate) struct PlainPaths;

impl ValueCompleter for PlainPaths {
    fn complete(&self, current: &OsStr) -> Vec<CompletionCandidate> {
        let mut candidates = PathCompleter::any().complete(current);
        candidates.retain(|candidate| candidate.get_value().to_str().is_some_and(is_plain_path));
        candidates
    }
}

/// Returns whether a path means nothing to a shell but itself. Its letters may be of any script.
fn is_plain_path(path: &str) -> bool {
    let plain = |character: char| character.is_alphanumeric() || "._-/+@,".contains(character);
    let rest = path.strip_prefix("~/").unwrap_or(path);
    !path.starts_with('-') && rest.chars().all(plain)
}

/// Returns whether a word means nothing to a shell but itself. A completion is put into the user's command line,
/// and bash puts it there unquoted.
fn is_plain(word: &str) -> bool {
    let plain = |character: char| character.is_ascii_alphanumeric() || "._-".contains(character);
    !word.is_empty() && !word.starts_with('-') && word.chars().all(plain)
}

/// The names and keys of the rows that are wanted. No word is offered that a shell would take for more than a
/// word: names are what agents' directories are called, and a key may be forged. A name that several share is, since nobody begins a word with a key that they
/// do not know: it says that it means several, and the command names their keys.
fn candidates(rows: &[Session], is_wanted: impl Fn(&Session) -> bool) -> Vec<CompletionCandidate> {
    let mut candidates = Vec::new();
    let mut offered = HashSet::new();
    for (order, row) in rows.iter().enumerate().filter(|(_, row)| is_wanted(row)) {
        let safe = if is_plain(&row.name) { row.name.as_str() } else { "" };
        let mut offer = |word: &str, help: String, order| {
            if !is_plain(word) {
                return;
            }
            let candidate = CompletionCandidate::new(word).help(Some(help.into()));
            candidates.push(candidate.display_order(Some(order)));
        };
        match select::row(rows, safe) {
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

    #[test]
    fn no_key_that_a_shell_would_run_is_offered() {
        for key in
            ["x$(touch${IFS}/tmp/x)", "--help", "a;b", "a b", "a'b", "a`b`", "~", "a\\b", "*"]
        {
            let forged = row(key, "shop", Status::Closed);
            assert_eq!(said(&candidates(&[forged], |_| true)), ["shop: closed"], "{key}");
        }
    }

    #[test]
    fn no_path_that_a_shell_would_run_is_offered() {
        let world = tempfile::tempdir().unwrap();
        for name in ["a$(touch x)", "b;c", "d e", "-rf", "f`g`", "h'", "plain.jsonl", "日本"] {
            std::fs::write(world.path().join(name), "").unwrap();
        }
        std::fs::create_dir(world.path().join("$(dir)")).unwrap();
        let prefix = format!("{}/", world.path().display());
        let offered = PlainPaths.complete(OsStr::new(&prefix));
        let names: Vec<String> = said(&offered)
            .iter()
            .map(|path| path.strip_prefix(&prefix).unwrap().to_owned())
            .collect();
        assert_eq!(names, ["-rf", "plain.jsonl", "日本"]);
        assert!(["-rf", "a b", "$x", "a:b", "~x"].iter().all(|path| !is_plain_path(path)));
    }
}

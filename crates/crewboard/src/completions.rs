//! Shell completions, with the current sessions.

use crate::daemon_client::{daemon_locator, fetch_snapshot};
use crate::failure::Failure;
use crate::select;
use clap_complete::CompletionCandidate;
use clap_complete::engine::{PathCompleter, ValueCompleter};
use crewboard_client::Connection;
use crewboard_core::{Session, Status};
use std::collections::HashSet;
use std::ffi::OsStr;
use std::time::Duration;

/// The variable by which a shell asks for completions.
pub(crate) const VARIABLE: &str = "CREWBOARD_COMPLETE";

/// Time limit for the daemon, because the user waits for the key press.
const REPLY_TIMEOUT: Duration = Duration::from_millis(300);

/// Returns the text to append to a shell's completion script.
///
/// zsh runs the file `_crewboard` of its `fpath` as the function of that name at the first Tab, but clap's script only
/// defines another function, for the next Tab (seen with zsh 5.9). A sourced script does not run as a function.
pub(crate) fn script_suffix(shell: &str) -> &'static [u8] {
    match shell {
        "zsh" => {
            b"\nif [[ $funcstack[1] == _crewboard ]]; then\n    _clap_dynamic_completer_crewboard \"$@\"\nfi\n"
        }
        _ => b"",
    }
}

/// Returns the words that name sessions. Does not start a daemon.
pub(crate) fn rows() -> Vec<CompletionCandidate> {
    candidates(&fetch().unwrap_or_default(), |_| true)
}

/// Returns the words that name closed sessions.
pub(crate) fn closed_rows() -> Vec<CompletionCandidate> {
    candidates(&fetch().unwrap_or_default(), |row| row.status == Status::Closed)
}

/// Returns the words that name sessions which `crewboard open` can open.
pub(crate) fn rows_to_open() -> Vec<CompletionCandidate> {
    candidates(&fetch().unwrap_or_default(), |row| {
        row.status == Status::Closed || row.job.is_some()
    })
}

/// Returns the goals of `crewboard wait --until`.
pub(crate) fn goals() -> Vec<CompletionCandidate> {
    let needs_you =
        CompletionCandidate::new("needs-you").help(Some("any prompt, failed or done".into()));
    let statuses = Status::ALL.iter().map(|status| CompletionCandidate::new(status.word()));
    let goals = std::iter::once(needs_you).chain(statuses);
    goals.enumerate().map(|(order, goal)| goal.display_order(Some(order))).collect()
}

fn fetch() -> Result<Vec<Session>, Failure> {
    let mut connection = Connection::new(daemon_locator()?.connect()?)?;
    fetch_snapshot(&mut connection, REPLY_TIMEOUT).map(|snapshot| snapshot.rows)
}

/// Completes paths, except paths with characters that are special to a shell.
pub(crate) struct PlainPaths;

impl ValueCompleter for PlainPaths {
    fn complete(&self, current: &OsStr) -> Vec<CompletionCandidate> {
        let mut candidates = PathCompleter::any().complete(current);
        candidates.retain(|candidate| candidate.get_value().to_str().is_some_and(is_plain_path));
        candidates
    }
}

/// Returns true if a path has no character that is special to a shell. Letters of any script are allowed.
fn is_plain_path(path: &str) -> bool {
    let plain = |character: char| character.is_alphanumeric() || "._-/+@,".contains(character);
    let rest = path.strip_prefix("~/").unwrap_or(path);
    !path.starts_with('-') && rest.chars().all(plain)
}

/// Returns true if a word has no character that is special to a shell. bash inserts completions unquoted into the
/// command line.
fn is_plain(word: &str) -> bool {
    let plain = |character: char| character.is_ascii_alphanumeric() || "._-".contains(character);
    !word.is_empty() && !word.starts_with('-') && word.chars().all(plain)
}

/// Returns the names and keys of the wanted sessions. Leaves out words that are special to a shell: names come from
/// directories, and a key may be forged. Includes a name that several sessions share, because users start with a name;
/// its help says that it is ambiguous, and the command then lists the keys.
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
            Ok(named) if named.key == row.key => offer(safe, row.status.to_string(), order),
            Err(_) if offered.insert(safe) => {
                offer(safe, "ambiguous: use a key".to_owned(), order);
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

    fn texts(candidates: &[CompletionCandidate]) -> Vec<String> {
        let help = |candidate: &CompletionCandidate| {
            candidate.get_help().map_or_else(String::new, |help| format!(": {help}"))
        };
        candidates
            .iter()
            .map(|candidate| format!("{}{}", candidate.get_value().display(), help(candidate)))
            .collect()
    }

    #[test]
    fn candidates_are_names_and_keys_with_help() {
        let rows = [
            row("aaaaa", "shop", Status::Done),
            row("bbbbb", "web", Status::Working),
            row("ccccc", "web", Status::Idle),
            row("ddddd", "shop", Status::Closed),
        ];
        let several = "web: ambiguous: use a key";
        assert_eq!(
            texts(&candidates(&rows, |_| true)),
            [
                "shop: done",
                "aaaaa: done shop",
                several,
                "bbbbb: working web",
                "ccccc: idle web",
                "ddddd: closed shop",
            ]
        );
        // The name "shop" means the open session, which is not wanted here.
        let closed = candidates(&rows, |row| row.status == Status::Closed);
        assert_eq!(texts(&closed), ["ddddd: closed shop"]);
    }

    #[test]
    fn names_special_to_a_shell_are_left_out() {
        let rows = ["$(touch x)", "-n", ""].map(|name| row("aaaaa", name, Status::Done));
        for hostile in rows {
            assert_eq!(texts(&candidates(&[hostile], |_| true)), ["aaaaa: done "]);
        }
    }

    #[test]
    fn keys_special_to_a_shell_are_left_out() {
        for key in
            ["x$(touch${IFS}/tmp/x)", "--help", "a;b", "a b", "a'b", "a`b`", "~", "a\\b", "*"]
        {
            let forged = row(key, "shop", Status::Closed);
            assert_eq!(texts(&candidates(&[forged], |_| true)), ["shop: closed"], "{key}");
        }
    }

    #[test]
    fn paths_special_to_a_shell_are_left_out() {
        let world = tempfile::tempdir().unwrap();
        for name in ["a$(touch x)", "b;c", "d e", "-rf", "f`g`", "h'", "plain.jsonl", "日本"] {
            std::fs::write(world.path().join(name), "").unwrap();
        }
        std::fs::create_dir(world.path().join("$(dir)")).unwrap();
        let prefix = format!("{}/", world.path().display());
        let offered = PlainPaths.complete(OsStr::new(&prefix));
        let names: Vec<String> = texts(&offered)
            .iter()
            .map(|path| path.strip_prefix(&prefix).unwrap().to_owned())
            .collect();
        assert_eq!(names, ["-rf", "plain.jsonl", "日本"]);
        assert!(["-rf", "a b", "$x", "a:b", "~x"].iter().all(|path| !is_plain_path(path)));
    }
}

//! Completions of the shell, with the sessions that there are.

use crate::commands::{rendezvous, rows_and_limits};
use crate::failure::Failure;
use clap_complete::CompletionCandidate;
use crewboard_client::Conversation;
use crewboard_core::Session;
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
    candidates(&list().unwrap_or_default())
}

fn list() -> Result<Vec<Session>, Failure> {
    let mut conversation = Conversation::new(rendezvous()?.connect()?)?;
    rows_and_limits(&mut conversation, ANSWER_WITHIN).map(|(rows, _)| rows)
}

/// Names that only one has, and keys. A name is put into a line of the shell's: one that means something there
/// is not offered.
fn candidates(rows: &[Session]) -> Vec<CompletionCandidate> {
    let is_plain = |name: &str| {
        let plain =
            |character: char| character.is_ascii_alphanumeric() || "._-".contains(character);
        !name.is_empty() && !name.starts_with('-') && name.chars().all(plain)
    };
    let is_alone = |name: &str| rows.iter().filter(|row| row.name == name).count() == 1;
    let mut candidates = Vec::new();
    for (order, row) in rows.iter().enumerate() {
        let safe = if is_plain(&row.name) { row.name.as_str() } else { "" };
        let help = |text: String| Some(text.into());
        if !safe.is_empty() && is_alone(safe) {
            let candidate = CompletionCandidate::new(safe).help(help(row.status.to_string()));
            candidates.push(candidate.display_order(Some(order)));
        }
        let key = CompletionCandidate::new(row.key.as_str());
        candidates.push(
            key.help(help(format!("{} {safe}", row.status)))
                .display_order(Some(rows.len() + order)),
        );
    }
    candidates
}

#[cfg(test)]
mod tests {
    use super::*;
    use crewboard_core::{RowKey, Status};

    #[test]
    fn no_name_that_a_shell_would_run_is_offered() {
        let row = |key: &str, name: &str| Session {
            key: RowKey::new(key),
            name: name.to_owned(),
            status: Status::Done,
            ..Session::default()
        };
        let rows = [
            row("aaaaa", "shop"),
            row("bbbbb", "web"),
            row("ccccc", "web"),
            row("ddddd", "$(touch x)"),
            row("eeeee", "-n"),
            row("fffff", ""),
        ];
        let offered: Vec<String> = candidates(&rows)
            .iter()
            .map(|one| one.get_value().to_string_lossy().into_owned())
            .collect();
        assert_eq!(offered, ["shop", "aaaaa", "bbbbb", "ccccc", "ddddd", "eeeee", "fffff"]);
        let helps: Vec<String> =
            candidates(&rows).iter().filter_map(|one| Some(one.get_help()?.to_string())).collect();
        assert!(helps.iter().all(|help| !help.contains('$')), "{helps:?}");
    }
}

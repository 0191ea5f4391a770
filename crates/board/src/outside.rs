//! The counts for the terminal: its title, and the Program Status Protocol (OSC 7501).

use crate::format::base64::encode;
use crewboard_core::{Counts, Status};

/// Returns the title of the terminal: how many sessions need the user.
pub fn title(counts: &Counts) -> String {
    match counts.needs_you {
        0 => "crewboard".to_owned(),
        1 => "1 needs you - crewboard".to_owned(),
        count => format!("{count} need you - crewboard"),
    }
}

/// Returns the status for a terminal that knows the Program Status Protocol. Sessions that need the user block.
pub fn program_status(counts: &Counts) -> String {
    let kind = match counts.by_status().first() {
        Some((Status::Permission | Status::Plan, _)) => ":kind=permission",
        Some((Status::Question, _)) => ":kind=question",
        _ => "",
    };
    let (state, kind) = match counts {
        counts if counts.needs_you > 0 => ("blocked", kind),
        counts if counts.working > 0 => ("working", ""),
        _ => ("idle", ""),
    };
    let parts: Vec<String> =
        counts.by_status().iter().map(|(status, count)| format!("{count} {status}")).collect();
    let message = encode(parts.join(", ").as_bytes());
    let message = if message.is_empty() { message } else { format!(":msg={message}") };
    format!("\x1b]7501;state={state}:app=crewboard{kind}{message}\x1b\\")
}

/// Asks the terminal whether it knows the Program Status Protocol. Such a terminal answers with the same sequence.
pub(crate) const STATUS_QUERY: &str = "\x1b]7501;?\x1b\\";

/// Clears the status.
pub const CLEAR_STATUS: &str = "\x1b]7501;state=clear:app=crewboard\x1b\\";

/// Saves the title of the terminal, and restores it. A terminal without such a stack ignores both.
pub(crate) const SAVE_TITLE: &str = "\x1b[22;2t";
pub(crate) const RESTORE_TITLE: &str = "\x1b[23;2t";

/// Returns the sequence that sets the title. The title has no control characters.
pub(crate) fn set_title(title: &str) -> String {
    format!("\x1b]2;{title}\x1b\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_blocks_while_a_session_needs_the_user() {
        let some = |needs_you, question, done, working| Counts {
            needs_you,
            question,
            done,
            working,
            ..Counts::default()
        };
        for (counts, status, expected) in [
            (some(2, 1, 1, 1), "blocked:app=crewboard:kind=question", "2 need you - crewboard"),
            (some(1, 0, 1, 0), "blocked:app=crewboard:msg=MSBkb25l", "1 needs you - crewboard"),
            (some(0, 0, 0, 3), "working:app=crewboard:msg=MyB3b3JraW5n", "crewboard"),
            (some(0, 0, 0, 0), "idle:app=crewboard\x1b\\", "crewboard"),
        ] {
            let text = program_status(&counts);
            assert!(text.starts_with(&format!("\x1b]7501;state={status}")), "{text:?}");
            assert!(text.ends_with("\x1b\\"));
            assert_eq!(title(&counts), expected);
        }
    }
}

//! Errors of the command line, in the form of all other errors, with the command that the user may have meant.

use crate::failure::{Failure, exit_code};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::io::Write as _;
use std::process::ExitCode;

/// Words that other programs have for a command, and what does the same here.
const OTHER_WORDS: &[(&[&str], &str)] = &[
    (
        &["status", "stat"],
        "`crewboard list` lists the sessions, and `crewboard daemon status` describes the daemon",
    ),
    (&["ls", "ps", "sessions", "show"], "`crewboard list` lists the sessions"),
    (
        &["top", "board", "ui", "tui", "dashboard", "monitor"],
        "`crewboard` without a command opens the board",
    ),
    (
        &["attach", "a", "go", "goto", "focus", "switch", "select"],
        "`crewboard jump ROW` shows the pane of a session, and `crewboard open ROW` resumes one or attaches to it",
    ),
    (&["resume", "restore", "continue"], "`crewboard open ROW` resumes a closed session"),
    (
        &["send", "answer", "approve", "deny", "say", "prompt"],
        "`crewboard jump ROW` shows the pane of a session, in which you can answer",
    ),
    (
        &["new", "create", "start", "spawn", "add"],
        "start Claude Code in any pane; `crewboard list` then has it, without a further command",
    ),
    (
        &["kill", "close"],
        "`crewboard jump ROW` shows the pane of a session, in which you can end it",
    ),
    (&["stop", "quit", "exit", "shutdown"], "`crewboard daemon stop` stops the daemon"),
    (&["restart", "reload"], "`crewboard daemon restart` restarts the daemon"),
    (
        &["logs", "log", "why", "history", "events"],
        "`crewboard explain ROW` lists the events of a session",
    ),
    (
        &["rename", "name", "title"],
        "rename the session in Claude Code with `/rename`; `crewboard list` then has the name",
    ),
    (
        &["peek", "view", "preview", "capture", "screen"],
        "`P` on the board shows the screen of a session, and `crewboard jump ROW` shows its pane",
    ),
    (
        &["hide", "mute", "archive"],
        "`crewboard dismiss ROW` hides a session until it next needs you",
    ),
    (
        &["undo"],
        "`crewboard pin`, `snooze` and `dismiss` take `--off`, and `u` on the board undoes the last mark",
    ),
    (&["cost", "usage", "limits"], "`crewboard counts --json` has the cost and the rate limits"),
    (&["tail", "follow", "subscribe"], "`crewboard watch` prints each change"),
    (
        &["setup", "hooks", "doctor", "init"],
        "`crewboard install` installs the hooks and says what keeps them from running",
    ),
    (&["settings", "configure", "edit"], "`crewboard config edit` opens the configuration"),
    (
        &["remove", "rm", "delete", "del"],
        "`crewboard forget ROW` removes a closed session, `crewboard dismiss ROW` hides one, and `crewboard uninstall` removes the hooks",
    ),
    (&["version"], "`crewboard --version` prints the version"),
    (&["test", "bell"], "`crewboard notify --test` tests the notifications"),
];

/// Returns what does the same as a command of this name in other programs.
fn hint_for(word: &str) -> Option<&'static str> {
    let word = word.to_lowercase();
    OTHER_WORDS.iter().find(|(words, _)| words.contains(&word.as_str())).map(|(_, hint)| *hint)
}

/// Returns a hint if an unknown option is the name of a command, or `-v`.
fn hint_for_option(option: &str) -> Option<String> {
    if option == "-v" {
        return Some("`crewboard --version` prints the version".to_owned());
    }
    let word = option.strip_prefix("--")?;
    let exists = crate::arguments::command().find_subcommand(word).is_some();
    exists.then(|| format!("did you mean `crewboard {word}`?"))
}

/// Removes clap's tip to pass an unknown option as a value, because no command takes such a value.
fn without_tip(text: &str) -> String {
    let is_tip = |part: &&str| part.starts_with("  tip: to pass ");
    text.split("\n\n").filter(|part| !is_tip(part)).collect::<Vec<_>>().join("\n\n")
}

/// Prints help to standard output, or the error to standard error. Returns the exit code.
pub(crate) fn report(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        // If printing fails, there is no other place to report it.
        let _ = error.print();
        let _ = std::io::stdout().flush();
        return ExitCode::SUCCESS;
    }
    let word = match error.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(word)) if error.kind() == ErrorKind::InvalidSubcommand => word,
        _ => {
            if error.kind() == ErrorKind::UnknownArgument
                && let Some(ContextValue::String(option)) = error.get(ContextKind::InvalidArg)
                && let Some(hint) = hint_for_option(option)
            {
                return Failure::usage(format!("there is no option `{option}` here"))
                    .hint(hint)
                    .report();
            }
            let text = without_tip(&error.render().to_string());
            // For a missing command, the text is the help.
            let text = match text.strip_prefix("error: ") {
                Some(error) => format!("crewboard: {error}"),
                None => text,
            };
            let _ = write!(std::io::stderr(), "{text}");
            return ExitCode::from(exit_code::USAGE);
        }
    };
    let failure = Failure::usage(format!("there is no command `{word}`"));
    let hint = match (hint_for(word), error.get(ContextKind::SuggestedSubcommand)) {
        (Some(hint), _) => hint.to_owned(),
        (None, Some(ContextValue::Strings(near))) if !near.is_empty() => {
            let near: Vec<String> = near.iter().map(|name| format!("`crewboard {name}`")).collect();
            format!("did you mean {}?", near.join(" or "))
        }
        _ => "run `crewboard --help` to list the commands".to_owned(),
    };
    failure.hint(hint).report()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments;

    #[test]
    fn hints_name_existing_commands_only() {
        let command = arguments::command();
        for (words, hint) in OTHER_WORDS {
            for named in hint.split("`crewboard ").skip(1) {
                let name = named.split([' ', '`']).next().unwrap();
                let exists = command.find_subcommand(name).is_some() || name == "--version";
                assert!(exists, "{words:?}: {hint}");
            }
        }
        for word in ["status", "ls", "top", "attach", "send", "new", "LS"] {
            assert!(hint_for(word).is_some(), "{word}");
        }
        assert_eq!(hint_for("dance"), None);
        let error =
            arguments::command().try_get_matches_from(["crewboard", "seen", "--all"]).unwrap_err();
        let text = without_tip(&error.render().to_string());
        assert!(
            text.contains("--all") && text.contains("Usage") && !text.contains("tip"),
            "{text}"
        );
        let hint = hint_for_option("--demo");
        assert_eq!(hint.as_deref(), Some("did you mean `crewboard demo`?"));
        assert!(hint_for_option("-v").is_some());
        assert_eq!([hint_for_option("--dance"), hint_for_option("-d")], [None, None]);
    }
}

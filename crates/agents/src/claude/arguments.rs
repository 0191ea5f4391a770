//! Reads the arguments of a Claude Code process. They show two facts that no payload has: the session is a teammate of
//! another session, or a program sends the session its prompts.
//!
//! Seen in 2.1.332 (`harness/findings-teams.md`): a teammate in a pane of its own is a separate client with the arguments
//! `--agent-name tester --team-name session-6caf6195 --parent-session-id 6caf6195-…`.

use crewboard_core::{ConversationId, Teammate};

/// Returns true if a program sends the client its prompts while it runs.
pub(super) fn is_resident(arguments: &[String]) -> bool {
    value_of(arguments, "--input-format") == Some("stream-json")
}

/// Returns the teammate's name and lead if the client was started as a teammate.
pub(super) fn teammate(arguments: &[String]) -> Option<Teammate> {
    let name = value_of(arguments, "--agent-name").filter(|name| !name.is_empty())?;
    let lead = value_of(arguments, "--parent-session-id").filter(|lead| !lead.is_empty())?;
    Some(Teammate { name: name.to_owned(), lead: ConversationId::new(lead) })
}

/// Returns true if the client never has a session file: a teammate, whose lead shows its dialogs, or the spare client that
/// the list of sessions (`claude agents`) keeps for the next session.
pub(crate) fn never_has_session_file(arguments: &[String]) -> bool {
    let is_spare = value_of(arguments, "--agent") == Some("claude")
        && value_of(arguments, "--session-id").is_some();
    is_spare || teammate(arguments).is_some()
}

/// Returns the value of an option: `--option VALUE` or `--option=VALUE`.
fn value_of<'a>(arguments: &'a [String], option: &str) -> Option<&'a str> {
    // The arguments after `--` are prompts.
    let mut words = arguments.iter().skip(1).map(String::as_str).take_while(|word| *word != "--");
    while let Some(word) = words.next() {
        match word.strip_prefix(option) {
            Some("") => return words.next(),
            Some(rest) if rest.starts_with('=') => return rest.get(1..),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn teammate_needs_a_name_and_a_lead() {
        for (line, expected) in [
            (
                "claude --agent-id t@s --agent-name t --team-name s --parent-session-id 6c",
                Some("t 6c"),
            ),
            ("claude --agent-name=t --parent-session-id=6c", Some("t 6c")),
            ("claude --parent-session-id 6c --agent-name t", Some("t 6c")),
            ("claude --agent-name t", None),
            ("claude --parent-session-id 6c", None),
            ("claude --agent-name  --parent-session-id 6c", None),
            ("claude --agent-names t --parent-session-id 6c", None),
            ("claude -- --agent-name t --parent-session-id 6c", None),
            ("claude --parent-session-id 6c --agent-name", None),
            ("--agent-name t --parent-session-id 6c", None),
            ("", None),
        ] {
            let found = teammate(&words(line)).map(|mate| format!("{} {}", mate.name, mate.lead));
            assert_eq!(found.as_deref(), expected, "{line}");
        }
    }

    #[test]
    fn teammates_and_spare_clients_have_no_session_file() {
        for (line, expected) in [
            ("claude", false),
            ("/opt/claude --session-id c8960c90 --agent claude", true),
            ("claude --agent claude", false),
            ("claude --agent-name t --parent-session-id 6c", true),
            ("claude -p agents", false),
            ("claude --resume 6c", false),
        ] {
            assert_eq!(never_has_session_file(&words(line)), expected, "{line}");
        }
    }

    #[test]
    fn client_with_stream_json_input_is_resident() {
        for (line, expected) in [
            ("claude -p --input-format stream-json --output-format stream-json", true),
            ("node /opt/cli.js --input-format=stream-json", true),
            ("claude -p go --output-format stream-json", false),
            ("claude -p --input-format text", false),
            ("claude -p -- --input-format stream-json", false),
        ] {
            assert_eq!(is_resident(&words(line)), expected, "{line}");
        }
    }
}

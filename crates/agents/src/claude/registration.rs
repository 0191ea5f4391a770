//! The hooks that Crewboard registers with Claude Code: the events, the first version of each, and the reason.
//!
//! [`EVENTS`] is the only list of registered events. Each event starts a process of each of the user's agents whenever it
//! fires, so each has a reason, and a test counts the processes of one tool call.

use super::handlers::handler;
use crate::Version;
use crate::descriptor::ToolCall::{Always, Failed, No, Succeeded};
use crate::descriptor::{Registration, ToolCall};
use crate::settings_edit::Entry;

const fn row(
    event: &'static str,
    since: Version,
    tool_call: ToolCall,
    reason: &'static str,
) -> Registration {
    Registration { event, since, tool_call, reason }
}

/// The events that Crewboard registers, in the order of the settings file.
///
/// The versions come from Claude Code's changelog, unless a comment names another source. Before 2.1.101 a client rejected
/// the whole settings file if it did not know an event's name.
pub const EVENTS: [Registration; 16] = [
    row("SessionStart", Version(1, 0, 62), No, "a session starts, or gets a new conversation id"),
    // Absent from the changelog; seen from 1.0.85 on.
    row("SessionEnd", Version(1, 0, 85), No, "distinguishes an exit from a crash"),
    row("UserPromptSubmit", Version(1, 0, 54), No, "a turn starts, with its user prompt"),
    row("PreToolUse", Version(1, 0, 38), Always, "which tool runs; questions and plans"),
    row(
        "PermissionRequest",
        Version(2, 0, 45),
        No,
        "a permission prompt, six seconds before its notification",
    ),
    row("PermissionDenied", Version(2, 1, 89), No, "auto mode denied a call without a prompt"),
    row("PostToolUse", Version(1, 0, 38), Succeeded, "an approved or answered call ended"),
    // Absent from the changelog; described for 2.1.1 in January 2026.
    row("PostToolUseFailure", Version(2, 1, 1), Failed, "a failed call ended"),
    // Absent from the changelog; named as 2.1.118, in the documentation from 27 April 2026 on.
    row("PostToolBatch", Version(2, 1, 118), Always, "the only event after a denied call"),
    // The changelog names it at 2.0.37, but it was among the first events.
    row("Notification", Version(1, 0, 38), No, "dialogs that no other event reports"),
    row("Stop", Version(1, 0, 38), No, "the turn ended, with its background work"),
    row("StopFailure", Version(2, 1, 78), No, "the turn ended in an API error"),
    row("SubagentStart", Version(2, 0, 43), No, "a subagent started"),
    row("SubagentStop", Version(1, 0, 41), No, "a subagent ended"),
    row("Elicitation", Version(2, 1, 76), No, "an MCP server asks the user a question"),
    row("ElicitationResult", Version(2, 1, 76), No, "the question of the MCP server was answered"),
];

/// The events that must never be registered, with the reason.
pub const NEVER: [(&str, &str); 5] = [
    ("WorktreeCreate", "a hook there replaces `git worktree add`"),
    ("MessageDisplay", "it starts a process for every piece of text on the screen"),
    // Since 2.1.332, before each command in the text of a skill. A hook that asks for approval denies the command too:
    // "the hook asked for approval, which a skill can't wait for".
    ("PreSkillShellCommand", "it opens no prompt, and a hook that cannot run denies the command"),
    ("PreCompact", "the client prints a line for it even when the hook is silent"),
    ("PostCompact", "the client prints a line for it even when the hook is silent"),
];

/// Returns the entries for the settings of a client of this version; `None` means the newest version.
pub fn entries(program: &str, version: Option<Version>) -> Vec<Entry> {
    EVENTS
        .iter()
        .filter(|row| version.is_none_or(|version| row.since <= version))
        .map(|row| Entry { event: row.event.to_owned(), handler: handler(program, version) })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claude::AGENT;
    use crate::claude::handlers::EXEC_FORM_SINCE;

    #[test]
    fn forbidden_events_are_not_registered() {
        for (event, reason) in NEVER {
            assert!(EVENTS.iter().all(|row| row.event != event), "{event}: {reason}");
        }
    }

    #[test]
    fn tool_call_starts_at_most_three_hooks() {
        for outcome in [ToolCall::Succeeded, ToolCall::Failed] {
            let processes = EVENTS
                .iter()
                .filter(|row| [ToolCall::Always, outcome].contains(&row.tool_call))
                .count();
            assert!(processes <= 3, "{outcome:?}: {processes}");
        }
        // Each tool event must count as a part of a tool call.
        for row in EVENTS.iter().filter(|row| row.event.contains("Tool")) {
            assert_ne!(row.tool_call, ToolCall::No, "{}", row.event);
        }
    }

    #[test]
    fn every_event_is_registered_once_with_a_reason() {
        for (index, row) in EVENTS.iter().enumerate() {
            assert!(!row.reason.trim().is_empty(), "{}", row.event);
            assert!(EVENTS[..index].iter().all(|other| other.event != row.event), "{}", row.event);
        }
    }

    #[test]
    fn old_client_gets_only_events_it_knows() {
        let events = |version| {
            entries("/opt/crewboard", version)
                .into_iter()
                .map(|entry| entry.event)
                .collect::<Vec<_>>()
        };
        assert_eq!(events(None).len(), EVENTS.len());
        assert_eq!(events(Some(Version(2, 1, 330))).len(), EVENTS.len());
        for newer in [Version(2, 1, 400), Version(2, 2, 0), Version(3, 0, 0)] {
            assert_eq!(
                entries("/x", Some(newer)),
                entries("/x", Some(AGENT.newest_tested)),
                "{newer}"
            );
        }
        assert!(!events(Some(Version(2, 1, 77))).contains(&"StopFailure".to_owned()));
        assert!(events(Some(Version(2, 1, 78))).contains(&"StopFailure".to_owned()));
        assert!(events(Some(Version(1, 0, 37))).is_empty());
    }

    #[test]
    fn handler_form_depends_on_the_version() {
        let first = |version| entries("/it's/crewboard", version).remove(0).handler;
        assert_eq!(first(Some(EXEC_FORM_SINCE)).command, "/it's/crewboard");
        assert_eq!(first(Some(EXEC_FORM_SINCE)).args, Some(vec!["hook".into(), "claude".into()]));
        let old = first(Some(Version(2, 1, 138)));
        assert_eq!(old.command, r"exec '/it'\''s/crewboard' hook claude");
        assert_eq!(old.args, None);
    }
}

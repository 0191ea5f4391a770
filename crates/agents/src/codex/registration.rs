//! The hooks that Crewboard registers with Codex: the events, and the reason for each.
//!
//! Codex runs hooks one after the other and waits for each, so each costs the user time. 0.171.0 has 14 events.

use crate::Version;
use crate::descriptor::ToolCall::{Always, No};
use crate::descriptor::{Registration, ToolCall};
use crate::hook_command::program_of;
use crate::settings_edit::{Entry, Handler};
use crate::shell_words::shell_quoted;
use std::path::Path;

const ARGUMENTS: [&str; 2] = ["hook", super::NAME];

/// The seconds after which Codex kills a hook. It warns of more than 3 at `SessionEnd` and `Interrupt`. Trusted hooks and
/// installed entries are recognised by this number.
const TIMEOUT_SECONDS: u32 = 3;

/// The only version whose hooks were recorded. Older clients ignore an event that they do not know.
const SEEN: Version = Version(0, 171, 0);

const fn row(event: &'static str, tool_call: ToolCall, reason: &'static str) -> Registration {
    Registration { event, since: SEEN, tool_call, reason }
}

/// The events that Crewboard registers, in the order of the file.
pub(crate) const EVENTS: [Registration; 10] = [
    row(
        "SessionStart",
        No,
        "a session starts, with its first prompt, or gets a new conversation id",
    ),
    row("SessionEnd", No, "a session without a window ended"),
    row("UserPromptSubmit", No, "a turn starts, with its user prompt"),
    row("PreToolUse", Always, "which tool runs; questions"),
    row(
        "PermissionRequest",
        No,
        "a permission prompt, 0.2 to 0.7 seconds before it is on the screen",
    ),
    row("PostToolUse", Always, "an approved or answered call ended"),
    row("Stop", No, "the turn ended"),
    row("Interrupt", No, "the user interrupted the turn or refused a call"),
    row("SubagentStart", No, "a subagent started"),
    row("SubagentStop", No, "a subagent ended"),
];

/// Returns the entries for the hooks file. The events do not depend on the version, because Codex ignores unknown ones.
pub(crate) fn entries(program: &str, _version: Option<Version>) -> Vec<Entry> {
    EVENTS
        .iter()
        .map(|row| Entry { event: row.event.to_owned(), handler: handler(program) })
        .collect()
}

fn handler(program: &str) -> Handler {
    // Without `exec` a shell would wait for the hook, and would be its parent.
    let command = format!("exec {} {}", shell_quoted(program), ARGUMENTS.join(" "));
    Handler { command, args: None, timeout: Some(TIMEOUT_SECONDS) }
}

/// Returns the program that a handler runs if the handler is Crewboard's.
pub(crate) fn our_program(found: &Handler) -> Option<String> {
    program_of(found, ARGUMENTS, |program, found| {
        Path::new(program).is_absolute() && *found == handler(program)
    })
}

/// Returns true if a handler is Crewboard's.
pub(crate) fn is_ours(handler: &Handler) -> bool {
    our_program(handler).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tool_call_starts_two_hooks() {
        let processes = EVENTS.iter().filter(|row| row.tool_call != No).count();
        assert_eq!(processes, 2);
        for (index, row) in EVENTS.iter().enumerate() {
            assert!(!row.reason.trim().is_empty(), "{}", row.event);
            assert!(EVENTS[..index].iter().all(|other| other.event != row.event), "{}", row.event);
        }
    }

    #[test]
    fn own_handlers_are_recognised_and_others_are_not() {
        for program in ["/usr/bin/crewboard", "/it's a b/cb"] {
            assert_eq!(our_program(&handler(program)).as_deref(), Some(program));
        }
        let shell =
            |command: &str| Handler { command: command.to_owned(), args: None, timeout: None };
        assert!(is_ours(&shell("crewboard hook codex")));
        for theirs in ["crewboard hook claude", "other hook codex", "crewboard hook codex | tee x"]
        {
            assert!(!is_ours(&shell(theirs)), "{theirs}");
        }
    }
}

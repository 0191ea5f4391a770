//! Everything that knows an agent by name: payloads, session files, transcripts and settings.
//!
//! Never: sockets, processes, the environment. Their values are arguments.
//! Start at [`read_event`] for payloads, at [`claude::registration`] for the registered hooks, and at [`settings_edit`] for
//! the edits of a settings file.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail by panicking"))]

pub mod claude;
pub mod files;
pub mod settings_edit;

mod evidence;
mod fields;
mod surroundings;

pub use crewboard_terminals::Variables;
pub use surroundings::{ProcessArguments, Surroundings};

use crewboard_core::{Report, Session};

/// The agents whose hooks Crewboard reads. Their names are reserved: only a hook may send reports under them.
pub const SUPPORTED: [&str; 1] = [claude::NAME];

/// Returns the supported agent whose name looks like `name` on the screen. Case, spaces and invisible characters do not
/// count.
pub fn supported(name: &str) -> Option<&'static str> {
    let folded: String = name.chars().filter(|character| character.is_alphanumeric()).collect();
    let folded = folded.to_lowercase();
    SUPPORTED.into_iter().find(|supported| *supported == folded)
}

/// Returns the pid of the agent that runs this hook, if a variable of the agent names it.
pub fn agent_pid(agent: &str, environment: &dyn Variables) -> Option<u32> {
    match agent {
        claude::NAME => environment.get("CLAUDE_PID")?.parse().ok(),
        _ => None,
    }
}

/// Translates an agent's payload into a report; `None` if the payload is invalid or of no use.
pub fn read_event(agent: &str, payload: &[u8], surroundings: &Surroundings<'_>) -> Option<Report> {
    match agent {
        claude::NAME => claude::read_event(payload, surroundings),
        _ => None,
    }
}

/// Returns an agent's name and version as a text for the user, with a note if the version is newer than every version
/// that Crewboard was tested with.
pub fn describe_version(agent: &str, version: &str) -> String {
    let is_untried = agent == claude::NAME && version.parse().is_ok_and(claude::is_untried);
    if is_untried {
        format!(
            "{agent} {version} (newer than {}, the newest tried)",
            claude::NEWEST_TESTED_VERSION
        )
    } else {
        format!("{agent} {version}")
    }
}

/// Returns a model's name without the prefix that all models of the agent share.
pub fn short_model<'a>(agent: &str, model: &'a str) -> &'a str {
    let prefix = if agent == claude::NAME { "claude-" } else { "" };
    model.strip_prefix(prefix).unwrap_or(model)
}

/// Returns the shell command that resumes a session, or `None` if there is none.
pub fn resume_command(session: &Session, default_profile: Option<&str>) -> Option<String> {
    match session.agent.as_str() {
        claude::NAME => claude::resume_command(session, default_profile),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_newer_than_the_newest_tried_has_a_note() {
        let newest = claude::NEWEST_TESTED_VERSION.to_string();
        for (agent, version, expected) in [
            ("claude", newest.as_str(), format!("claude {newest}")),
            ("claude", "2.1.7", "claude 2.1.7".to_owned()),
            ("claude", "next", "claude next".to_owned()),
            ("codex", "99.0.0", "codex 99.0.0".to_owned()),
            ("claude", "99.0.0", format!("claude 99.0.0 (newer than {newest}, the newest tried)")),
        ] {
            assert_eq!(describe_version(agent, version), expected);
        }
    }

    #[test]
    fn name_that_looks_like_a_supported_agent_is_reserved() {
        for name in
            ["claude", "Claude", " claude ", "CLAUDE", "cla\u{200b}ude", "claude.", "cl aude"]
        {
            assert_eq!(supported(name), Some("claude"), "{name:?}");
        }
        for name in ["mybot", "claude2", "my-claude", "codex", "", "клод"] {
            assert_eq!(supported(name), None, "{name:?}");
        }
    }
}

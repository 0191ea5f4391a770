//! Everything that knows an agent by name: payloads, session files, transcripts and settings.
//!
//! Never: sockets, processes, the environment. Their values are arguments.
//! Start at [`AGENTS`], which describes each agent, at [`read_event`] for payloads, and at [`settings_edit`] for the edits
//! of a settings file.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail by panicking"))]

pub mod claude;
pub mod files;
pub mod settings_edit;

mod codex;
mod descriptor;
mod evidence;
mod fields;
mod hook_command;
mod id;
mod profile;
mod registry;
mod resume;
mod scan;
mod shell_words;
mod surroundings;
mod timestamp;
mod tool;
mod version;

pub use crewboard_terminals::Variables;
pub use descriptor::{Agent, Hooks, ProfileLocation, Registration, Resume, ToolCall};
pub use registry::{AGENTS, agent};
pub use resume::{command_with_profile, profile_variables, resume_command};
pub use surroundings::{ProcessArguments, ProgramProcess, Surroundings};
pub use version::Version;

use crewboard_core::Report;

/// Returns the agent whose name looks like `name` on the screen. Case, spaces and invisible characters do not count.
pub fn supported(name: &str) -> Option<&'static str> {
    let folded: String = name.chars().filter(|character| character.is_alphanumeric()).collect();
    let folded = folded.to_lowercase();
    AGENTS.into_iter().map(|agent| agent.name).find(|supported| *supported == folded)
}

/// Returns the pid of the agent that runs this hook, if a variable of the agent names it.
pub fn agent_pid(name: &str, environment: &dyn Variables) -> Option<u32> {
    environment.get(agent(name)?.pid_variable?)?.parse().ok()
}

/// Translates an agent's payload into a report; `None` if the payload is invalid or of no use.
pub fn read_event(name: &str, payload: &[u8], surroundings: &Surroundings<'_>) -> Option<Report> {
    (agent(name)?.read_event)(payload, surroundings)
}

/// Returns an agent's name and version as a text for the user, with a note if the version is newer than every version
/// that Crewboard was tested with.
pub fn describe_version(name: &str, version: &str) -> String {
    let newer_than = agent(name)
        .map(|agent| agent.newest_tested)
        .filter(|newest| version.parse().is_ok_and(|version: Version| version > *newest));
    match newer_than {
        Some(newest) => format!("{name} {version} (newer than {newest}, the newest tried)"),
        None => format!("{name} {version}"),
    }
}

/// Returns a model's name without the prefix that all models of the agent share.
pub fn short_model<'a>(name: &str, model: &'a str) -> &'a str {
    let prefix = agent(name).map_or("", |agent| agent.model_prefix);
    model.strip_prefix(prefix).unwrap_or(model)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_newer_than_the_newest_tried_has_a_note() {
        let newest = claude::AGENT.newest_tested.to_string();
        for (agent, version, expected) in [
            ("claude", newest.as_str(), format!("claude {newest}")),
            ("claude", "2.1.7", "claude 2.1.7".to_owned()),
            ("claude", "next", "claude next".to_owned()),
            ("mybot", "99.0.0", "mybot 99.0.0".to_owned()),
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
        for name in ["mybot", "claude2", "my-claude", "codex2", "", "клод"] {
            assert_eq!(supported(name), None, "{name:?}");
        }
    }
}

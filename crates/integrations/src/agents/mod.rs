//! The agents, one module each.

pub mod claude;
pub mod files;

use crewboard_core::{Process, Report, Stamp};

/// The agents whose own hooks are read. Their names are reserved: only a hook reports under them.
pub const SUPPORTED: [&str; 1] = [claude::NAME];

/// Returns the supported agent that a name is, or could be taken for where it is shown: case, spaces and what
/// cannot be seen make no other name.
pub fn supported(name: &str) -> Option<&'static str> {
    let folded: String = name.chars().filter(|character| character.is_alphanumeric()).collect();
    let folded = folded.to_lowercase();
    SUPPORTED.into_iter().find(|supported| *supported == folded)
}

/// What a hook process knows besides its payload.
#[derive(Debug)]
pub struct Surroundings<'a> {
    pub stamp: Stamp,
    pub host: String,
    /// The agent's own process.
    pub process: Option<Process>,
    /// The agent's controlling terminal.
    pub tty: Option<String>,
    pub environment: &'a dyn Lookup,
    /// The words that the agent's process was started with, where the kernel tells them.
    pub arguments: Vec<String>,
}

/// Where variables are looked up.
pub trait Lookup: std::fmt::Debug {
    /// The value of a variable that is set and not empty.
    fn get(&self, name: &str) -> Option<String>;
}

/// The pid of the agent that runs this hook, where the agent tells it.
pub fn agent_pid(agent: &str, environment: &dyn Lookup) -> Option<u32> {
    match agent {
        claude::NAME => environment.get("CLAUDE_PID")?.parse().ok(),
        _ => None,
    }
}

/// Turns an agent's payload into an event; `None` where it says nothing of use, or is none.
pub fn read_event(agent: &str, payload: &[u8], surroundings: &Surroundings<'_>) -> Option<Report> {
    match agent {
        claude::NAME => claude::read_event(payload, surroundings),
        _ => None,
    }
}

/// Returns an agent's name and version for people, with a note where the version is newer than every version that
/// Crewboard was tried with.
pub fn describe_version(agent: &str, version: &str) -> String {
    let is_untried = agent == claude::NAME && version.parse().is_ok_and(claude::is_untried);
    if is_untried {
        format!("{agent} {version} (newer than {}, the newest tried)", claude::NEWEST_TRIED)
    } else {
        format!("{agent} {version}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_newer_than_the_newest_tried_has_a_note() {
        let newest = claude::NEWEST_TRIED.to_string();
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
    fn a_name_that_looks_like_a_supported_agents_is_reserved() {
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

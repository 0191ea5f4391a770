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

#[cfg(test)]
mod tests {
    use super::*;

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

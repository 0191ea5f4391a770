//! The registry of all agents.

use crate::descriptor::Agent;
use crate::{claude, codex};

/// The agents that Crewboard knows by name. Their names are reserved: only a hook may send reports under them.
pub static AGENTS: [&Agent; 2] = [&claude::AGENT, &codex::AGENT];

/// Returns the agent with this name.
pub fn agent(name: &str) -> Option<&'static Agent> {
    AGENTS.into_iter().find(|agent| agent.name == name)
}

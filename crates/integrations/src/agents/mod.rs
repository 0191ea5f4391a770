//! The agents, one module each.

pub mod claude;
pub mod files;

use crewboard_core::{Process, Report, Stamp};

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

use crewboard_core::{Process, Stamp};
use crewboard_terminals::Variables;

/// The facts that a hook process knows in addition to its payload.
#[derive(Debug)]
pub struct Surroundings<'a> {
    pub stamp: Stamp,
    pub host: String,
    /// The agent's own process.
    pub process: Option<Process>,
    /// The agent's controlling terminal.
    pub tty: Option<String>,
    pub environment: &'a dyn Variables,
    /// The arguments that the agent's process was started with, if the kernel shows them.
    pub arguments: Vec<String>,
}

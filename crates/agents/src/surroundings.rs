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
    pub arguments: ProcessArguments,
}

/// The arguments that the agent's process was started with, if the kernel shows them. Most events do not need them.
#[derive(Debug)]
pub enum ProcessArguments {
    Known(Vec<String>),
    /// The function reads the arguments of the process with this pid.
    Unread(u32, fn(u32) -> Vec<String>),
}

impl ProcessArguments {
    /// Returns the arguments, which may have to be read.
    pub(crate) fn read(&self) -> Vec<String> {
        match self {
            Self::Known(arguments) => arguments.clone(),
            Self::Unread(pid, read) => read(*pid),
        }
    }
}

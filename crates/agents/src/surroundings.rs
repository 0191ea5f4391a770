use crewboard_core::{Process, Stamp};
use crewboard_terminals::Variables;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// The facts that a hook process knows in addition to its payload.
pub struct Surroundings<'a> {
    pub stamp: Stamp,
    pub host: String,
    /// The agent's own process.
    pub process: Option<Process>,
    /// The agent's controlling terminal.
    pub tty: Option<String>,
    pub environment: &'a dyn Variables,
    pub arguments: ProcessArguments,
    /// Finds the processes of this user, in this process namespace, that run the named program on a terminal, or none if
    /// there are too many processes. Needed only for an agent whose hooks are not the children of the session's process.
    pub find_programs: &'a dyn Fn(&str) -> Vec<ProgramProcess>,
}

impl fmt::Debug for Surroundings<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Surroundings")
            .field("process", &self.process)
            .finish_non_exhaustive()
    }
}

/// A process that runs a program on a terminal, as the kernel shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramProcess {
    pub process: Process,
    /// The time at which it started, in Unix milliseconds.
    pub started: u64,
    pub tty: Option<String>,
    pub cwd: Option<PathBuf>,
    pub arguments: Vec<String>,
    pub environment: BTreeMap<String, String>,
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

//! Options that the daemon is started with.

use crewboard_config::Schema;
use std::path::PathBuf;
use std::time::Duration;

/// The options of the daemon's command line.
#[derive(Debug, Clone)]
pub struct Options {
    /// Overrides the configured time after which an unused daemon exits.
    pub idle_exit: Option<Duration>,
    /// The path of the socket whose listener is standard input.
    pub adopt: Option<PathBuf>,
    /// Lines for the log about how the daemon was started.
    pub notes: Vec<String>,
    /// The schema that the configuration is read with.
    pub schema: Schema,
}

/// Process settings that the daemon changes for itself and restores for the user's commands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Inherited {
    /// The soft limit of open files.
    pub(crate) descriptors: Option<u64>,
    /// The file mode creation mask.
    pub(crate) umask: u32,
}

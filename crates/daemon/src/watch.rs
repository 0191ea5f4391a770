//! What the daemon watches: processes, session files, directories and the configuration.

pub(crate) mod configuration;
pub(crate) mod directory;
pub(crate) mod processes;
pub(crate) mod session_files;

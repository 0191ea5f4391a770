//! The watches of processes, session files, sockets and the configuration.

pub(crate) mod configuration;
pub(crate) mod file_watches;
pub(crate) mod processes;
pub(crate) mod session_files;
pub(crate) mod sockets;

//! Identifiers that the modules of the daemon share.

/// Identifies a connection for the lifetime of the daemon.
pub(crate) type ConnectionId = u64;

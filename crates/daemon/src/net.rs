//! The sockets and their connections.

pub(crate) mod connection;
pub(crate) mod connections;
pub(crate) mod listeners;
pub(crate) mod peer;

//! The process at the other end of a connection.

use crewboard_platform::shares_pid_namespace_with;

/// A client as the kernel describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) pid: Option<u32>,
    pub(crate) namespace: Namespace,
}

/// The pid namespace of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Namespace {
    Ours,
    /// Another pid namespace, such as a container's.
    Other,
    /// The client ended before the daemon could read its namespace, as hooks do.
    Unknown,
}

impl Peer {
    pub(crate) fn of(pid: Option<u32>) -> Self {
        let namespace = match pid.and_then(shares_pid_namespace_with) {
            Some(true) => Namespace::Ours,
            Some(false) => Namespace::Other,
            None => Namespace::Unknown,
        };
        Self { pid, namespace }
    }

    /// Returns true if the pids and paths that the client names may mean other things here. `claimed` is the pid that
    /// the client has in its own namespace.
    pub(crate) fn is_foreign(self, claimed: u32) -> bool {
        self.namespace == Namespace::Other || self.pid.is_some_and(|pid| pid != claimed)
    }
}

//! Who is at the other end of a connection.

use crewboard_platform::shares_pids_with;

/// What the kernel says of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) pid: Option<u32>,
    pub(crate) namespace: Namespace,
}

/// Whose process numbers a client knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Namespace {
    Ours,
    /// A container's.
    Other,
    /// It had gone before it could be looked at, as hooks do.
    Unknown,
}

impl Peer {
    pub(crate) fn of(pid: Option<u32>) -> Self {
        let namespace = match pid.and_then(shares_pids_with) {
            Some(true) => Namespace::Ours,
            Some(false) => Namespace::Other,
            None => Namespace::Unknown,
        };
        Self { pid, namespace }
    }

    /// Whether the numbers and places it names may be other processes' and files of ours. `claimed` is its own
    /// number as it sees it.
    pub(crate) fn is_foreign(self, claimed: u32) -> bool {
        self.namespace == Namespace::Other || self.pid.is_some_and(|pid| pid != claimed)
    }
}

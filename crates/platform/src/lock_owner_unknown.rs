use crate::deadline::Deadline;
use std::path::{Path, PathBuf};

/// The process that holds a lock. This system does not show it, so the type has no value.
#[derive(Debug)]
pub enum LockOwner {}

impl LockOwner {
    /// Returns `None`: this system does not show the owner of a lock.
    pub fn of(_path: &Path) -> Option<Self> {
        None
    }

    /// Returns the pid of the process.
    pub fn pid(&self) -> u32 {
        match *self {}
    }

    /// Returns the program file that the process runs.
    pub fn program(&self) -> Option<PathBuf> {
        match *self {}
    }

    /// Returns true if the process is suspended.
    pub fn is_suspended(&self) -> bool {
        match *self {}
    }

    /// Sends SIGTERM to the process.
    pub fn terminate(&self) {
        match *self {}
    }

    /// Sends SIGKILL to the process.
    pub fn kill(&self) {
        match *self {}
    }

    /// Waits until the process has ended. Returns false if the deadline passes first.
    pub fn has_ended_by(&self, _deadline: Deadline) -> bool {
        match *self {}
    }
}

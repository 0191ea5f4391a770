use crate::deadline::Deadline;
use std::path::{Path, PathBuf};

/// The process that holds a lock. This system does not tell which it is, so there is none.
#[derive(Debug)]
pub enum LockOwner {}

impl LockOwner {
    /// Nobody tells here.
    pub fn of(_path: &Path) -> Option<Self> {
        None
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        match *self {}
    }

    /// The file it runs.
    pub fn program(&self) -> Option<PathBuf> {
        match *self {}
    }

    /// Whether it is suspended.
    pub fn is_suspended(&self) -> bool {
        match *self {}
    }

    /// Asks it to end.
    pub fn terminate(&self) {
        match *self {}
    }

    /// Ends it.
    pub fn kill(&self) {
        match *self {}
    }

    /// Waits for its end.
    pub fn has_ended_by(&self, _deadline: Deadline) -> bool {
        match *self {}
    }
}

//! Systems without inotify.

use super::{Changes, WatchPurpose, WatchToken};
use std::io;
use std::path::Path;

/// Watches nothing on this system. macOS does not remove the directories of a user.
#[derive(Debug)]
pub(crate) struct FileWatches;

impl FileWatches {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self)
    }

    pub(crate) fn unavailable() -> Self {
        Self
    }

    pub(crate) fn is_available(&self) -> bool {
        true
    }

    pub(crate) fn add(&mut self, purpose: WatchPurpose, _path: &Path) -> io::Result<WatchToken> {
        Ok(WatchToken { owner: purpose.owner(), descriptor: 0 })
    }

    pub(crate) fn remove(&mut self, _token: WatchToken) {}

    pub(crate) async fn changed(&mut self) -> Changes {
        std::future::pending().await
    }
}

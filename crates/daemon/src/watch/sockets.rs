//! The watch of the sockets' directories. A login's runtime directory is removed when the login ends, and other
//! programs remove files, move them and change their modes.

use crate::timer::until;
use crate::watch::file_watches::{FileWatches, WatchPurpose};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::Instant;

/// Time between two checks of the sockets if the kernel provides no watch (`fs.inotify.max_user_instances`,
/// `max_user_watches`).
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// Watches the directories and locks of the sockets.
#[derive(Debug, Default)]
pub(crate) struct SocketWatch {
    /// The time of the next check of a directory that is not watched.
    check_at: Option<Instant>,
}

impl SocketWatch {
    /// Watches a directory. A directory that cannot be watched is checked from time to time.
    pub(crate) fn add_directory(
        &mut self,
        watches: &mut FileWatches,
        directory: &Path,
    ) -> io::Result<()> {
        if !watches.is_available() {
            self.check_later();
            return Ok(());
        }
        let added = watches.add(WatchPurpose::SocketDirectory, directory);
        if added.is_err() {
            self.check_later();
        }
        added.map(drop)
    }

    /// Watches the locks for writes, where the kernel allows it. The others are read with the next change of their
    /// directory.
    pub(crate) fn add_locks(watches: &mut FileWatches, locks: &[PathBuf]) {
        for lock in locks {
            let _ = watches.add(WatchPurpose::LockFile, lock);
        }
    }

    fn check_later(&mut self) {
        self.check_at.get_or_insert(Instant::now() + CHECK_EVERY);
    }

    /// Waits until a directory that is not watched is to be checked.
    pub(crate) async fn check_is_due(&mut self) {
        until(self.check_at).await;
        self.check_at = Some(Instant::now() + CHECK_EVERY);
    }
}

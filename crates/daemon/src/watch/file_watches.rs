//! The watches of files and directories. All parts of the daemon share one inotify instance, because a user has only
//! 128 of them.

use std::ffi::OsString;

/// The part of the daemon that a change is reported to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum WatchOwner {
    Sockets,
    SessionFiles,
    Configuration,
}

/// The reason for a watch. It decides which changes are reported, and to which owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only inotify uses all of them"))]
pub(crate) enum WatchPurpose {
    /// A directory with a socket: other programs remove and move its files, and change modes.
    SocketDirectory,
    /// A lock file, to which hooks add the events that they could not deliver.
    LockFile,
    /// A profile, which may be removed or moved.
    Profile,
    /// The folder of a profile with the session files.
    SessionFiles,
    /// A directory in which the next part of the path to a profile is missing or may not be read.
    MissingProfile,
    /// A transcript that grows.
    Transcript,
    /// A directory with a name that decides which file the configuration is.
    ConfigName,
    /// The directory of the configuration file, which is also written to.
    ConfigFile,
}

impl WatchPurpose {
    fn owner(self) -> WatchOwner {
        match self {
            Self::SocketDirectory | Self::LockFile => WatchOwner::Sockets,
            Self::Profile | Self::SessionFiles | Self::MissingProfile | Self::Transcript => {
                WatchOwner::SessionFiles
            }
            Self::ConfigName | Self::ConfigFile => WatchOwner::Configuration,
        }
    }
}

/// Identifies the watch of one owner. Two owners that watch the same directory have two tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct WatchToken {
    owner: WatchOwner,
    /// The watch descriptor of the kernel.
    descriptor: i32,
}

/// A change that the kernel reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileChange {
    pub(crate) watch: WatchToken,
    /// The changed name in a watched directory. A watched file has none.
    pub(crate) name: Option<OsString>,
    pub(crate) kind: FileChangeKind,
}

/// The kind of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only inotify uses all of them"))]
pub(crate) enum FileChangeKind {
    /// A file was created, and is still empty.
    Created,
    /// A file was written to, moved here, or got another mode. A directory was created.
    Changed,
    /// The name was deleted or moved away.
    Gone,
    /// The watched file or directory itself was deleted, moved or unmounted.
    WatchEnded,
}

/// The changes for one owner.
#[derive(Debug, Default)]
pub(crate) struct OwnerChanges {
    pub(crate) files: Vec<FileChange>,
    /// The kernel has dropped changes, and anything may have changed.
    pub(crate) overflow: bool,
}

impl OwnerChanges {
    pub(crate) fn is_empty(&self) -> bool {
        self.files.is_empty() && !self.overflow
    }
}

/// The changes of one batch, by owner.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(crate) sockets: OwnerChanges,
    pub(crate) session_files: OwnerChanges,
    pub(crate) configuration: OwnerChanges,
}

#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
#[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "the interface is that of Linux")]
mod other;

#[cfg(target_os = "linux")]
pub(crate) use linux::FileWatches;
#[cfg(not(target_os = "linux"))]
pub(crate) use other::FileWatches;

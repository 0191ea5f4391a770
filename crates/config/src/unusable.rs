use std::io;
use std::path::PathBuf;

/// The reason why a socket candidate is not used.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    #[error("{0} is a symbolic link")]
    Symlink(PathBuf),
    #[error("{0} is not a directory")]
    NotADirectory(PathBuf),
    #[error("{0} belongs to user {1}")]
    Foreign(PathBuf, u32),
    #[error("{0} is open to others (mode {1:o}); set its mode to 0700")]
    Open(PathBuf, u32),
    #[error("other users may write to {0} (mode {1:o}), which is above the socket's directory")]
    OpenParent(PathBuf, u32),
    #[error("{0} is not an absolute path of a file")]
    Relative(PathBuf),
    #[error("{0} is too long for a socket (at most 107 bytes, and 90 for its directory)")]
    TooLong(PathBuf),
    #[error("{0} exists and is not a socket")]
    NotASocket(PathBuf),
    #[error("{0}: {1}")]
    Io(PathBuf, io::Error),
}

//! The backup of the settings that install replaces.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::attributes;
use super::error::InstallError;
use super::replace::{
    CHECK_DIRECTORY, Flush, directory_of, is_immutable, new_file, sync_directory,
};
use super::settings_file::{MAX_READ, SettingsFile};

/// A new backup. Dropping it restores the previous backup, unless `keep` was called.
#[derive(Debug)]
pub(super) struct Backup {
    path: PathBuf,
    /// The previous backup.
    previous: Option<Vec<u8>>,
    /// The device and the inode of the copy.
    copy: (u64, u64),
    is_kept: bool,
}

impl Backup {
    /// Writes the text that was read of a file to `path`.
    pub(super) fn create(
        file: &SettingsFile,
        path: &Path,
        flush: Flush,
    ) -> Result<Self, InstallError> {
        let failed = |source| describe_failure(file, path, source);
        let previous = is_regular(path).then(|| read(path)).transpose().map_err(failed)?;
        let copy = write(file, path, flush).map_err(failed)?;
        Ok(Self { path: path.to_owned(), previous, copy, is_kept: false })
    }

    pub(super) fn keep(mut self) {
        self.is_kept = true;
        // Flush it now, in case it was not flushed. The backup exists even if this fails.
        let _ = File::open(&self.path).and_then(|copy| copy.sync_all());
        sync_directory(&self.path);
    }
}

impl Drop for Backup {
    fn drop(&mut self) {
        // Another install may have written its own backup in the meantime.
        let is_ours = fs::symlink_metadata(&self.path)
            .is_ok_and(|metadata| (metadata.dev(), metadata.ino()) == self.copy);
        if self.is_kept || !is_ours {
            return;
        }
        // The change failed, and its own error message is enough.
        let _ = match &self.previous {
            None => fs::remove_file(&self.path),
            Some(bytes) => replace_file(&self.path, bytes, Flush::Before, |_| Ok(())).map(drop),
        };
    }
}

/// Returns an error that names the cause of a failed backup.
fn describe_failure(file: &SettingsFile, backup: &Path, source: io::Error) -> InstallError {
    let why = match Errno::from_io_error(&source) {
        Some(Errno::ROFS) => "is on a read-only file system",
        Some(Errno::PERM) if is_immutable(backup) => {
            "is marked immutable or append-only (`lsattr -d` shows it)"
        }
        _ => {
            let (action, path) = ("keep a backup in", backup.to_owned());
            return InstallError::Io { action, path, source, advice: CHECK_DIRECTORY };
        }
    };
    let directory = directory_of(backup).display();
    let why = format!("a backup cannot be written, because {directory} {why}");
    InstallError::ReadOnly { path: file.target.clone(), why }
}

fn write(file: &SettingsFile, path: &Path, flush: Flush) -> io::Result<(u64, u64)> {
    replace_file(path, file.bytes(), flush, |new| {
        let has_same_access = match File::open(&file.target) {
            Ok(former) => attributes::copy(&former, new)?,
            Err(_) => false,
        };
        attributes::copy_mode(file.metadata.as_ref(), new, has_same_access)
    })
}

/// Writes a new file and renames it to `path`. Calls `prepare` before the rename. Returns the device and the inode.
pub(crate) fn replace_file(
    path: &Path,
    bytes: &[u8],
    flush: Flush,
    prepare: impl FnOnce(&File) -> io::Result<()>,
) -> io::Result<(u64, u64)> {
    let new = new_file(directory_of(path), bytes)?;
    prepare(new.as_file())?;
    let metadata = new.as_file().metadata()?;
    if flush == Flush::Before {
        new.as_file().sync_all()?;
    }
    new.persist(path).map_err(|error| error.error)?;
    if flush == Flush::Before {
        sync_directory(path);
    }
    Ok((metadata.dev(), metadata.ino()))
}

/// Returns true if this is a regular file. A link is not a backup of install, and is never followed.
pub(super) fn is_regular(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file())
}

/// Reads the previous backup. Fails on a file that is too large to be a backup.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_READ + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_READ {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}

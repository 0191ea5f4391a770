//! Keeps what install replaces, beside the settings.

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

/// A copy that goes again, and gives its place back to the one before it, unless it is kept.
#[derive(Debug)]
pub(super) struct Backup {
    path: PathBuf,
    /// What was at its place.
    before: Option<Vec<u8>>,
    /// The device and the inode of the copy.
    copy: (u64, u64),
    is_kept: bool,
}

impl Backup {
    /// Copies what was read of a file to `path`.
    pub(super) fn make(
        file: &SettingsFile,
        path: &Path,
        flush: Flush,
    ) -> Result<Self, InstallError> {
        let failed = |source| cause(file, path, source);
        let before = is_regular(path).then(|| read(path)).transpose().map_err(failed)?;
        let copy = write(file, path, flush).map_err(failed)?;
        Ok(Self { path: path.to_owned(), before, copy, is_kept: false })
    }

    pub(super) fn keep(mut self) {
        self.is_kept = true;
        // Where it was not done before. If it cannot be, the copy is there all the same.
        let _ = File::open(&self.path).and_then(|copy| copy.sync_all());
        sync_directory(&self.path);
    }
}

impl Drop for Backup {
    fn drop(&mut self) {
        // Another install may have put its own there in the meantime.
        let is_ours = fs::symlink_metadata(&self.path)
            .is_ok_and(|metadata| (metadata.dev(), metadata.ino()) == self.copy);
        if self.is_kept || !is_ours {
            return;
        }
        // The change did not happen, and the message that says why is all that the user needs.
        let _ = match &self.before {
            None => fs::remove_file(&self.path),
            Some(bytes) => put(&self.path, bytes, Flush::Before, |_| Ok(())).map(drop),
        };
    }
}

/// Says why there can be no backup, in words that name the true cause.
fn cause(file: &SettingsFile, backup: &Path, source: io::Error) -> InstallError {
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
    let why = format!("there is no room for a backup, because {directory} {why}");
    InstallError::ReadOnly { path: file.target.clone(), why }
}

fn write(file: &SettingsFile, path: &Path, flush: Flush) -> io::Result<(u64, u64)> {
    put(path, file.bytes(), flush, |new| {
        let is_alike = match File::open(&file.target) {
            Ok(former) => attributes::copy(&former, new)?,
            Err(_) => false,
        };
        attributes::copy_mode(file.metadata.as_ref(), new, is_alike)
    })
}

fn put(
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

/// A link in the backup's place is not ours, and is never followed.
pub(super) fn is_regular(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file())
}

/// Reads what a new backup replaces. A file that is too large for one is not ours to replace.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_READ + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_READ {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}

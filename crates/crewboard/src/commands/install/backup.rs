//! Keeps what install replaces, beside the settings.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::attributes;
use super::error::InstallError;
use super::replace::{CHECK_DIRECTORY, directory_of, new_file, sync_directory};
use super::settings_file::{MAX_BYTES, SettingsFile};

/// A copy that goes again, and gives its place back to the one before it, unless it is kept.
#[derive(Debug)]
pub(super) struct Backup {
    path: PathBuf,
    /// What was at its place.
    before: Option<Vec<u8>>,
    is_kept: bool,
}

impl Backup {
    /// Copies what was read of a file to `path`.
    pub(super) fn make(file: &SettingsFile, path: &Path) -> Result<Self, InstallError> {
        let failed = |source| InstallError::Io {
            action: "keep a backup in",
            path: path.to_owned(),
            source,
            advice: CHECK_DIRECTORY,
        };
        let before = is_regular(path).then(|| read(path)).transpose().map_err(failed)?;
        write(file, path).map_err(failed)?;
        Ok(Self { path: path.to_owned(), before, is_kept: false })
    }

    pub(super) fn keep(mut self) {
        self.is_kept = true;
    }
}

impl Drop for Backup {
    fn drop(&mut self) {
        if self.is_kept {
            return;
        }
        // The change did not happen, and the message that says why is all that the user needs.
        let _ = match &self.before {
            None => fs::remove_file(&self.path),
            Some(bytes) => put(&self.path, bytes, |_| Ok(())),
        };
    }
}

fn write(file: &SettingsFile, path: &Path) -> io::Result<()> {
    put(path, file.bytes(), |new| {
        let is_alike = match File::open(&file.target) {
            Ok(former) => attributes::copy(&former, new)?,
            Err(_) => false,
        };
        attributes::copy_mode(file.metadata.as_ref(), new, is_alike)
    })
}

fn put(path: &Path, bytes: &[u8], prepare: impl FnOnce(&File) -> io::Result<()>) -> io::Result<()> {
    let new = new_file(directory_of(path), bytes)?;
    prepare(new.as_file())?;
    new.as_file().sync_all()?;
    new.persist(path).map_err(|error| error.error)?;
    sync_directory(path);
    Ok(())
}

/// A link in the backup's place is not ours, and is never followed.
pub(super) fn is_regular(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file())
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BYTES as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

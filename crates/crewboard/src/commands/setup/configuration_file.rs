//! A configuration file of another program, which is replaced by a rename unless it has hard links.

use crate::commands::install::backup::replace_file;
use crate::commands::install::owners::check_directory;
use crate::commands::install::replace::Flush;
use crate::failure::{Failure, without_error_number};
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Bytes of the largest file that is changed.
const MAX_BYTES: u64 = 1 << 20;

/// A file with the text that was read.
#[derive(Debug)]
pub(super) struct ConfigurationFile {
    path: PathBuf,
    /// The file itself, if `path` is a link.
    target: PathBuf,
    before: Option<Vec<u8>>,
}

impl ConfigurationFile {
    /// Reads a file, which need not exist. Refuses a file that cannot be replaced for the user.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let failed = |error: io::Error| failure("read", path, &error);
        let target = match fs::canonicalize(path) {
            Ok(target) => target,
            // A link to a file that does not exist would be replaced by a file.
            Err(error) if error.kind() == io::ErrorKind::NotFound && path.is_symlink() => {
                return Err(failed(error));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self { path: path.to_owned(), target: path.to_owned(), before: None });
            }
            Err(error) => return Err(failed(error)),
        };
        let metadata = fs::metadata(&target).map_err(failed)?;
        let shown = path.display();
        if !metadata.is_file() || metadata.len() > MAX_BYTES {
            return Err(Failure::new(format!("{shown} is not a regular file of at most 1 MiB")));
        }
        let owner = metadata.uid();
        if owner != rustix::process::geteuid().as_raw() {
            return Err(Failure::new(format!("{shown} belongs to another user (uid {owner})"))
                .hint("run this as that user, or add the output of `crewboard tmux print` there"));
        }
        let before = fs::read(&target).map_err(failed)?;
        Ok(Self { path: path.to_owned(), target, before: Some(before) })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn exists(&self) -> bool {
        self.before.is_some()
    }

    /// Returns the text that was read, or nothing if there is no file.
    pub(super) fn before(&self) -> &[u8] {
        self.before.as_deref().unwrap_or_default()
    }

    /// Refuses to create files for another user, whose home `sudo` may keep.
    pub(super) fn check_owner_of_directories(&self) -> Result<(), Failure> {
        for file in [&self.path, &self.target] {
            check_directory(file.parent().unwrap_or(Path::new("/")))?;
        }
        Ok(())
    }

    /// Writes the text that was read to a backup: a file next to this one with this suffix. Returns its path.
    pub(super) fn back_up(&self, suffix: &str) -> Result<PathBuf, Failure> {
        let mut backup = self.path.as_os_str().to_owned();
        backup.push(suffix);
        let backup = PathBuf::from(backup);
        self.replace(&backup, self.before()).map_err(|error| failure("write", &backup, &error))?;
        Ok(backup)
    }

    /// Writes a new text, unless another program has changed the file.
    pub(super) fn write(&self, after: &[u8]) -> Result<(), Failure> {
        self.check_unchanged()?;
        // A rename would cut the file off from its other names (hard links).
        let has_other_names = fs::metadata(&self.target).is_ok_and(|metadata| metadata.nlink() > 1);
        let written = if has_other_names {
            fs::write(&self.target, after)
        } else {
            self.replace(&self.target, after)
        };
        written.map_err(|error| failure("write", &self.path, &error))
    }

    /// Removes the file, unless another program has changed it.
    pub(super) fn delete(&self) -> Result<(), Failure> {
        self.check_unchanged()?;
        fs::remove_file(&self.target).map_err(|error| failure("remove", &self.path, &error))
    }

    fn check_unchanged(&self) -> Result<(), Failure> {
        let now = match fs::read(&self.target) {
            Ok(now) => Some(now),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failure("read", &self.path, &error)),
        };
        if now == self.before {
            return Ok(());
        }
        let path = self.path.display();
        Err(Failure::new(format!("another program has changed {path} in the meantime"))
            .hint("run this again; its changes were kept"))
    }

    /// Replaces `path` by a rename. The new file has the permissions of the file that was read.
    fn replace(&self, path: &Path, text: &[u8]) -> io::Result<()> {
        let mode = fs::metadata(&self.target).map_or(0o644, |metadata| metadata.mode() & 0o7777);
        let set_mode = |new: &File| new.set_permissions(Permissions::from_mode(mode));
        replace_file(path, text, Flush::Before, set_mode).map(drop)
    }
}

fn failure(verb: &str, path: &Path, error: &io::Error) -> Failure {
    let why = without_error_number(error);
    Failure::new(format!("cannot {verb} {}: {why}", path.display()))
        .hint("if a tool generates the file, add the output of `crewboard tmux print` there")
}

//! Reading and replacing a file of the user's without surprises.

use std::fs::{self, File, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::error::InstallError;

/// More than this is no settings file, and not worth reading into memory.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// For a file we make: settings may come to hold keys.
const NEW_FILE_MODE: u32 = 0o600;

const CHECK_DIRECTORY: &str = "Check that the directory exists and that you may write there.";

/// A file as it was read, present or not.
#[derive(Debug)]
pub(crate) struct SettingsFile {
    /// The file itself: where links led, so that a link stays a link.
    pub(crate) target: PathBuf,
    /// What was in it; `None` where there was no file.
    pub(crate) text: Option<String>,
    mode: u32,
    is_yours: bool,
}

impl SettingsFile {
    /// Reads a file, following links: dotfile managers keep the real one elsewhere.
    pub(crate) fn read(path: &Path) -> Result<Self, InstallError> {
        let target = resolve(path)?;
        let metadata = match fs::metadata(&target) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self { target, text: None, mode: NEW_FILE_MODE, is_yours: true });
            }
            Err(error) => return Err(reading(target, error)),
        };
        // A pipe in its place would block the read.
        if !metadata.is_file() {
            return Err(InstallError::NotAFile(target));
        }
        let is_yours = metadata.uid() == rustix::process::geteuid().as_raw();
        let bytes = match read_bounded(&target) {
            Ok(bytes) => bytes,
            Err(error) => return Err(reading(target, error)),
        };
        if bytes.len() as u64 > MAX_BYTES {
            return Err(InstallError::TooLarge(target));
        }
        match String::from_utf8(bytes) {
            Ok(text) => {
                Ok(Self { target, text: Some(text), mode: metadata.mode() & 0o7777, is_yours })
            }
            Err(_) => Err(InstallError::NotText(target)),
        }
    }

    /// Refuses a file of another user's: a rename would make it ours behind its owner's back.
    /// Reading it is no harm, so that `--dry-run` can show what to add to a generated file.
    pub(crate) fn check_owner(&self) -> Result<(), InstallError> {
        if self.is_yours { Ok(()) } else { Err(InstallError::NotYours(self.target.clone())) }
    }

    /// Replaces the file by rename, keeping its mode, unless somebody changed it since.
    pub(crate) fn write(&self, text: &str) -> Result<(), InstallError> {
        self.write_as(&self.target, text.as_bytes(), || self.refuse_changed())
    }

    /// Removes the file, unless somebody changed it since.
    pub(crate) fn delete(&self) -> Result<(), InstallError> {
        self.refuse_changed()?;
        fs::remove_file(&self.target).map_err(|source| InstallError::Io {
            action: "remove",
            path: self.target.clone(),
            source,
            advice: CHECK_DIRECTORY,
        })
    }

    /// Keeps what was read in another file, with the same mode.
    pub(crate) fn keep_copy(&self, backup: &Path) -> Result<(), InstallError> {
        let text = self.text.as_deref().unwrap_or_default();
        self.write_as(backup, text.as_bytes(), || Ok(()))
    }

    fn write_as(
        &self,
        path: &Path,
        bytes: &[u8],
        check: impl FnOnce() -> Result<(), InstallError>,
    ) -> Result<(), InstallError> {
        let directory = path.parent().unwrap_or(Path::new("/"));
        let failed = |source| InstallError::Io {
            action: "write",
            path: path.to_owned(),
            source,
            advice: CHECK_DIRECTORY,
        };
        // Its own message names a temporary file that nobody knows.
        let without_path = |error: io::Error| failed(error.kind().into());
        let mut file = tempfile::Builder::new()
            .prefix(".crewboard-")
            .tempfile_in(directory)
            .map_err(without_path)?;
        file.write_all(bytes).map_err(failed)?;
        // By name, because the mode asked for at creation is cut by the umask.
        file.as_file().set_permissions(Permissions::from_mode(self.mode)).map_err(failed)?;
        file.as_file().sync_all().map_err(failed)?;
        check()?;
        file.persist(path).map_err(|error| failed(error.error))?;
        // The rename itself must outlive a power cut too; where a file system cannot, it is done.
        let _ = File::open(directory).and_then(|directory| directory.sync_all());
        Ok(())
    }

    fn refuse_changed(&self) -> Result<(), InstallError> {
        let now = match read_bounded(&self.target) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(reading(self.target.clone(), error)),
        };
        if now.as_deref() == self.text.as_ref().map(String::as_bytes) {
            Ok(())
        } else {
            Err(InstallError::Changed(self.target.clone()))
        }
    }
}

fn reading(path: PathBuf, source: io::Error) -> InstallError {
    let advice = "Check that you may read it.";
    InstallError::Io { action: "read", path, source, advice }
}

fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Follows links to the end, also where the last one leads to no file yet.
fn resolve(path: &Path) -> Result<PathBuf, InstallError> {
    match path.canonicalize() {
        Ok(target) => return Ok(target),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(reading(path.to_owned(), error)),
    }
    let mut target = path.to_owned();
    // The kernel gives up at forty too; a circle was told apart above.
    for _ in 0..40 {
        let Ok(link) = fs::read_link(&target) else { break };
        target = target.parent().unwrap_or(Path::new("/")).join(link);
    }
    Ok(target)
}

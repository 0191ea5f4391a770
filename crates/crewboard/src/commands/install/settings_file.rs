//! Reads a settings file, and decides how it can be changed.
//!
//! Another program may write the file at any time: in place (truncate, then write) or by rename. So an empty or broken
//! text is read again before it is trusted, and `replace` checks the file that it takes away.

use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::error::InstallError;
use super::owners::is_foreign;

/// Largest file that install writes. Claude Code skips a larger file with all its hooks.
pub(super) use crewboard_agents::claude::settings::MAX_BYTES as MAX_INSTALLED;

/// Largest settings file that is read.
pub(super) const MAX_BYTES: usize = 4 * 1024 * 1024;

/// Largest file that uninstall reads: what install wrote plus later additions.
pub(super) const MAX_READ: u64 = 16 * 1024 * 1024;

/// Reads of an empty or broken text before it is trusted. This takes a second, because trusting it too early may cost
/// the user the file, and few files are really empty.
const READINGS: u32 = 10;

/// Directories that belong to a package manager, whatever their modes.
const STORES: [(&str, &str); 2] = [("/nix/store", "Nix"), ("/gnu/store", "Guix")];

/// A file as it was read, or its absence.
#[derive(Debug)]
pub(crate) struct SettingsFile {
    /// The target of links, so that a link stays a link.
    pub(crate) target: PathBuf,
    /// The text, or `None` if there was no file.
    pub(crate) text: Option<String>,
    /// The metadata of the file.
    pub(super) metadata: Option<Metadata>,
}

/// The method of changing a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WriteMethod {
    /// A new file takes its name, so that no reader sees a partial text.
    Rename,
    /// The text is written into the file, because a new file would lose hard links or attributes.
    InPlace,
}

impl SettingsFile {
    /// Reads a file and follows links, because dotfile managers keep the real file elsewhere.
    pub(crate) fn read(path: &Path) -> Result<Self, InstallError> {
        let target = resolve(path)?;
        let opened = fs::metadata(&target).and_then(|metadata| {
            // Opening a pipe would block.
            if metadata.is_file() { File::open(&target).map(Some) } else { Ok(None) }
        });
        let file = match opened {
            Ok(Some(file)) => file,
            Ok(None) => return Err(InstallError::NotAFile(target)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self { target, text: None, metadata: None });
            }
            Err(error) => return Err(reading(target, error)),
        };
        let read = || -> io::Result<_> { Ok((file.metadata()?, bounded(&file)?)) };
        let (metadata, bytes) = match read() {
            Ok(read) => read,
            Err(error) => return Err(reading(target, error)),
        };
        if bytes.len() as u64 > MAX_READ {
            return Err(InstallError::TooLarge(target));
        }
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Self { target, text: Some(text), metadata: Some(metadata) }),
            Err(_) => Err(InstallError::NotText(target)),
        }
    }

    /// Reads a file and computes a result from it. If the file is empty or `work` fails, waits and reads it again,
    /// because another program may be writing it.
    pub(crate) fn read_settled<T>(
        path: &Path,
        mut wait: impl FnMut(),
        mut work: impl FnMut(Self) -> Result<T, InstallError>,
    ) -> Result<T, InstallError> {
        for _ in 1..READINGS {
            let file = Self::read(path);
            let is_blank =
                matches!(&file, Ok(Self { text: Some(text), .. }) if text.trim().is_empty());
            if !is_blank {
                match file.and_then(&mut work) {
                    Err(InstallError::Settings { .. } | InstallError::NotText(_)) => {}
                    result => return result,
                }
            }
            wait();
        }
        Self::read(path).and_then(work)
    }

    /// Returns the target of a path, as far as it is known.
    pub(super) fn target_of(path: &Path) -> PathBuf {
        resolve(path).unwrap_or_else(|_| path.to_owned())
    }

    /// Returns how the file can be changed, or an error if it cannot. Respects a read-only mode even for root, who
    /// could ignore it.
    pub(super) fn write_method(&self) -> Result<WriteMethod, InstallError> {
        let refuse = |why: String| Err(InstallError::ReadOnly { path: self.target.clone(), why });
        if let Some((store, name)) = STORES.iter().find(|(store, _)| self.target.starts_with(store))
        {
            return refuse(format!("it is in {store}, which {name} manages"));
        }
        let directory = self.target.parent().unwrap_or(Path::new("/"));
        // A missing directory will be created, or the attempt reports the cause.
        let Ok(directory_metadata) = fs::metadata(directory) else {
            return Ok(WriteMethod::Rename);
        };
        let takes_files = is_writable(&directory_metadata) && !is_foreign(directory_metadata.uid());
        let Some(metadata) = &self.metadata else {
            if is_foreign(directory_metadata.uid()) {
                return Err(InstallError::ForeignDirectory {
                    path: directory.to_owned(),
                    uid: directory_metadata.uid(),
                });
            }
            if takes_files {
                return Ok(WriteMethod::Rename);
            }
            let mode = directory_metadata.mode() & 0o7777;
            return refuse(format!("its directory is read-only (mode {mode:04o})"));
        };
        // This includes root's files: a rename would silently change the owner.
        if metadata.uid() != rustix::process::geteuid().as_raw() {
            return Err(InstallError::NotYours { path: self.target.clone(), uid: metadata.uid() });
        }
        let mode = metadata.mode() & 0o7777;
        if takes_files && metadata.nlink() == 1 {
            Ok(WriteMethod::Rename)
        } else if is_writable(metadata) {
            Ok(WriteMethod::InPlace)
        } else if metadata.nlink() > 1 {
            refuse(format!("it is read-only (mode {mode:04o}) and has other names (hard links)"))
        } else {
            let directory = directory_metadata.mode() & 0o7777;
            refuse(format!(
                "it is read-only (mode {mode:04o}), and so is its directory ({directory:04o})"
            ))
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.text.as_deref().unwrap_or_default().as_bytes()
    }
}

/// Refuses a read-only directory, which cannot take a backup. Root could ignore the mode.
pub(super) fn check_room_for_backup(
    file: &SettingsFile,
    directory: &Path,
) -> Result<(), InstallError> {
    match fs::metadata(directory) {
        Ok(metadata) if !is_writable(&metadata) => {
            let mode = metadata.mode() & 0o7777;
            let why = format!(
                "a backup cannot be written, because {} is read-only (mode {mode:04o})",
                directory.display()
            );
            Err(InstallError::ReadOnly { path: file.target.clone(), why })
        }
        _ => Ok(()),
    }
}

/// The state of a name at one moment. Two are equal only for the same file with the same bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileState {
    device: u64,
    inode: u64,
    bytes: Vec<u8>,
}

impl FileState {
    /// Reads the state of a name without following a link. Reads only a regular file.
    pub(super) fn at(path: &Path) -> io::Result<Self> {
        let metadata = fs::symlink_metadata(path)?;
        let (device, inode) = (metadata.dev(), metadata.ino());
        if !metadata.is_file() {
            return Ok(Self { device, inode, bytes: Vec::new() });
        }
        let no_link = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
        let file = File::options().read(true).custom_flags(no_link).open(path)?;
        Self::of(&file)
    }

    pub(super) fn of(file: &File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        Ok(Self { device: metadata.dev(), inode: metadata.ino(), bytes: bounded(file)? })
    }

    /// Returns the state of a file at the time it was read.
    pub(super) fn as_read(file: &SettingsFile) -> Option<Self> {
        let metadata = file.metadata.as_ref()?;
        let bytes = file.bytes().to_owned();
        Some(Self { device: metadata.dev(), inode: metadata.ino(), bytes })
    }
}

fn is_writable(metadata: &Metadata) -> bool {
    metadata.mode() & 0o200 != 0
}

pub(super) fn reading(path: PathBuf, source: io::Error) -> InstallError {
    let advice = "check that you have permission to read it";
    InstallError::Io { action: "read", path, source, advice }
}

fn bounded(file: &File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(MAX_READ + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Follows all links, even if the last target does not exist yet.
fn resolve(path: &Path) -> Result<PathBuf, InstallError> {
    match path.canonicalize() {
        Ok(target) => return Ok(target),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(reading(path.to_owned(), error)),
    }
    let mut target = path.to_owned();
    // The kernel also stops at forty links; a loop was detected above.
    for _ in 0..40 {
        let Ok(link) = fs::read_link(&target) else { break };
        target = target.parent().unwrap_or(Path::new("/")).join(link);
    }
    Ok(target)
}

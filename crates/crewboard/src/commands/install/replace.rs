//! Replaces a settings file without losing what another program writes at the same time.
//!
//! A new file takes the name by an exchange, which moves the former file to a temporary name. There it is compared with
//! the text that was read: if another program has changed it, it is moved back. If a new file cannot take the name (a
//! mount of a single file, hard links, attributes that cannot be copied), the text is written into the existing file.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use tempfile::{NamedTempFile, TempPath};

use super::attributes;
use super::error::InstallError;
use super::settings_file::{FileState, SettingsFile, WriteMethod};

/// Exchanges before giving up on a name that other programs keep replacing.
const MAX_EXCHANGES: u32 = 64;

pub(super) const CHECK_DIRECTORY: &str =
    "check that the directory exists and that you can write to it";

/// A step of a change, at which a test can act as another program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The next call changes the file.
    Ready,
    /// Two files were exchanged.
    Exchanged,
    /// The change is written.
    Written,
}

/// The moment at which a new file is flushed to disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flush {
    /// Before it takes the name.
    Before,
    /// After it takes the name, because other programs write too often for a flush in between.
    After,
}

/// A callback for each step.
pub(crate) type OnStep<'a> = &'a mut dyn FnMut(Step);

/// A file that was replaced. It has a temporary name, and is removed when this is dropped.
#[derive(Debug)]
pub(super) struct Displaced {
    temporary: TempPath,
    target: PathBuf,
    /// Its state when it was replaced.
    former: FileState,
    /// The state of the file that replaced it.
    new: FileState,
}

impl Displaced {
    /// Restores the file if a program that had it open has written to it since. Returns true if it was written to.
    pub(super) fn restore_if_changed(self, on_step: OnStep<'_>) -> io::Result<bool> {
        if FileState::at(&self.temporary)? == self.former {
            return Ok(false);
        }
        if FileState::at(&self.target)? == self.new {
            exchange(&self.temporary, &self.target, &self.new, on_step)?;
        }
        Ok(true)
    }
}

/// The reason why a new file did not take the name.
enum ReplaceError {
    /// Another program changed the file.
    Changed,
    /// A new file cannot take the name. Writing into the existing file may still work.
    RenameRefused(io::Error),
    Failed(io::Error),
}

impl From<io::Error> for ReplaceError {
    fn from(error: io::Error) -> Self {
        let refused =
            [Errno::BUSY, Errno::XDEV, Errno::PERM, Errno::ACCESS, Errno::ROFS, Errno::NOTSUP];
        match Errno::from_io_error(&error) {
            Some(errno) if refused.contains(&errno) => Self::RenameRefused(error),
            _ => Self::Failed(error),
        }
    }
}

/// Writes a new text, unless another program has changed the file since it was read.
pub(super) fn write(
    file: &SettingsFile,
    text: &str,
    flush: Flush,
    on_step: OnStep<'_>,
) -> Result<Option<Displaced>, InstallError> {
    let failed = |error| failure(file, error);
    let Some(expected) = FileState::as_read(file) else {
        return create(file, text, on_step).map(|()| None).map_err(failed);
    };
    // A removed file counts as changed.
    let removed_is_changed = |error| match error {
        ReplaceError::Failed(error) if error.kind() == io::ErrorKind::NotFound => {
            ReplaceError::Changed
        }
        error => error,
    };
    if file.write_method()? == WriteMethod::Rename {
        match write_by_rename(file, &expected, text, flush, on_step).map_err(removed_is_changed) {
            Err(ReplaceError::RenameRefused(_)) => {}
            result => return result.map_err(failed),
        }
    }
    let written = write_in_place(file, &expected, text, on_step).map_err(removed_is_changed);
    written.map(|()| None).map_err(failed)
}

/// Returns the error for the user.
fn failure(file: &SettingsFile, error: ReplaceError) -> InstallError {
    match error {
        ReplaceError::Changed => InstallError::Changed(file.target.clone()),
        ReplaceError::RenameRefused(error) | ReplaceError::Failed(error) => {
            describe_failure(file, error)
        }
    }
}

/// Creates the file, unless another program has created it in the meantime.
fn create(file: &SettingsFile, text: &str, on_step: OnStep<'_>) -> Result<(), ReplaceError> {
    let new = new_file(directory_of(&file.target), text.as_bytes())?;
    new.as_file().sync_all()?;
    on_step(Step::Ready);
    rename_to_free_name(&new.into_temp_path(), &file.target)?;
    sync_directory(&file.target);
    Ok(())
}

fn write_by_rename(
    file: &SettingsFile,
    expected: &FileState,
    text: &str,
    flush: Flush,
    on_step: OnStep<'_>,
) -> Result<Option<Displaced>, ReplaceError> {
    let target = &file.target;
    let former = File::open(target)?;
    let new = new_file(directory_of(target), text.as_bytes())?;
    if !attributes::copy(&former, new.as_file())? {
        let why = "its attributes cannot be copied to a new file";
        return Err(ReplaceError::RenameRefused(io::Error::other(why)));
    }
    if flush == Flush::Before {
        new.as_file().sync_all()?;
    }
    let (new, temporary) = new.into_parts();
    let installed = FileState::at(&temporary)?;
    if FileState::at(target)? != *expected {
        return Err(ReplaceError::Changed);
    }
    on_step(Step::Ready);
    match exchange(&temporary, target, expected, on_step) {
        Ok(true) => {}
        Ok(false) => return Err(ReplaceError::Changed),
        // The file system has no exchange. A change between this check and the rename would be lost.
        Err(error) if is_unsupported(&error) => {
            if FileState::at(target)? != *expected {
                return Err(ReplaceError::Changed);
            }
            temporary.persist(target).map_err(|error| error.error)?;
            sync_directory(target);
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    }
    new.sync_all()?;
    sync_directory(target);
    let (target, former) = (target.clone(), expected.clone());
    Ok(Some(Displaced { temporary, target, former, new: installed }))
}

/// Exchanges two files. Returns true if `expected` was at `target`.
///
/// Otherwise another program has written a newer file: exchanges again until the file that is taken away is the one
/// that was put there before.
fn exchange(
    temporary: &Path,
    target: &Path,
    expected: &FileState,
    on_step: OnStep<'_>,
) -> io::Result<bool> {
    let mut put = FileState::at(temporary)?;
    let mut expected = expected.clone();
    for round in 0..MAX_EXCHANGES {
        renameat_with(CWD, temporary, CWD, target, RenameFlags::EXCHANGE)?;
        on_step(Step::Exchanged);
        let taken = FileState::at(temporary)?;
        if taken == expected {
            return Ok(round == 0);
        }
        expected = std::mem::replace(&mut put, taken);
    }
    Ok(false)
}

/// Writes into the existing file. Restores the former text if that fails.
fn write_in_place(
    file: &SettingsFile,
    expected: &FileState,
    text: &str,
    on_step: OnStep<'_>,
) -> Result<(), ReplaceError> {
    let no_link = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
    let options = || {
        let mut options = File::options();
        options.read(true).custom_flags(no_link);
        options
    };
    let handle = options().write(true).open(&file.target)?;
    on_step(Step::Ready);
    if FileState::of(&options().open(&file.target)?)? != *expected {
        return Err(ReplaceError::Changed);
    }
    let put = |bytes: &[u8]| {
        // Write before truncating, so that a reader in between finds a whole text at the start.
        handle.write_all_at(bytes, 0)?;
        handle.set_len(bytes.len() as u64)?;
        handle.sync_all()
    };
    if let Err(error) = put(text.as_bytes()) {
        // The blocks of the file are still allocated, so this needs no space.
        put(file.bytes())?;
        return Err(ReplaceError::Failed(error));
    }
    // A program that writes at this moment is noticed when the settings are read again; the backup has the former text.
    Ok(())
}

/// Removes the file, unless another program has changed it since it was read.
pub(super) fn delete(file: &SettingsFile, on_step: OnStep<'_>) -> Result<(), InstallError> {
    let failed = |error| describe_failure(file, error);
    let changed = || InstallError::Changed(file.target.clone());
    let Some(expected) = FileState::as_read(file) else { return Ok(()) };
    file.write_method()?;
    let aside = new_file(directory_of(&file.target), &[]).map_err(failed)?.into_temp_path();
    on_step(Step::Ready);
    match fs::rename(&file.target, &aside) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(changed()),
        Err(error) => return Err(failed(error)),
    }
    on_step(Step::Exchanged);
    if FileState::at(&aside).map_err(failed)? == expected {
        sync_directory(&file.target);
        return Ok(());
    }
    // Restore what another program wrote, unless it has written again.
    let restored = rename_to_free_name(&aside, &file.target);
    Err(restored.map_or_else(|error| failure(file, error), |()| changed()))
}

/// Renames a file to an unused name. Returns `Changed` if the name is taken.
fn rename_to_free_name(temporary: &TempPath, target: &Path) -> Result<(), ReplaceError> {
    let renamed = match renameat_with(CWD, &**temporary, CWD, target, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
            // The temporary name is removed on drop.
            fs::hard_link(temporary, target)
        }
        renamed => renamed.map_err(io::Error::from),
    };
    match renamed {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(ReplaceError::Changed),
        Err(error) => Err(error.into()),
        Ok(()) => Ok(()),
    }
}

/// Writes a new private file under a temporary name.
pub(super) fn new_file(directory: &Path, bytes: &[u8]) -> io::Result<NamedTempFile> {
    // The error of `tempfile` names a file that the user does not know, and has no error number.
    let mut number = None;
    let new = tempfile::Builder::new().prefix(".crewboard-").make_in(directory, |path| {
        let file = File::options().read(true).write(true).create_new(true).mode(0o600).open(path);
        file.inspect_err(|error| number = error.raw_os_error())
    });
    let mut new = new.map_err(|error| match number {
        Some(number) => io::Error::from_raw_os_error(number),
        None => error,
    })?;
    new.as_file_mut().write_all(bytes)?;
    Ok(new)
}

/// Flushes the directory, so that the rename is on disk. Ignores file systems that cannot.
pub(super) fn sync_directory(path: &Path) {
    let _ = File::open(directory_of(path)).and_then(|directory| directory.sync_all());
}

pub(super) fn directory_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}

fn is_unsupported(error: &io::Error) -> bool {
    let unsupported = [Errno::INVAL, Errno::NOSYS, Errno::NOTSUP];
    Errno::from_io_error(error).is_some_and(|errno| unsupported.contains(&errno))
}

/// Returns an error that names the cause of a failed write.
fn describe_failure(file: &SettingsFile, source: io::Error) -> InstallError {
    let path = file.target.clone();
    let why = match Errno::from_io_error(&source) {
        Some(Errno::ROFS) => "it is on a read-only file system".to_owned(),
        Some(Errno::PERM) if is_immutable(&path) => {
            "it, or its directory, is marked immutable or append-only (`lsattr` shows it)"
                .to_owned()
        }
        Some(Errno::ACCESS) if file.metadata.is_some() => {
            let mode = |path: &Path| fs::metadata(path).map_or(0, |file| file.mode() & 0o7777);
            let (own, directory) = (mode(&path), mode(directory_of(&path)));
            format!(
                "you have no permission to write to it (mode {own:04o}, in a directory of mode {directory:04o})"
            )
        }
        _ => {
            return InstallError::Io { action: "write", path, source, advice: CHECK_DIRECTORY };
        }
    };
    InstallError::ReadOnly { path, why }
}

#[cfg(target_os = "linux")]
pub(super) fn is_immutable(path: &Path) -> bool {
    use rustix::fs::{IFlags, ioctl_getflags};
    [path, directory_of(path)].into_iter().any(|path| {
        let flags = File::open(path).ok().and_then(|file| ioctl_getflags(file).ok());
        flags.is_some_and(|flags| flags.intersects(IFlags::IMMUTABLE | IFlags::APPEND))
    })
}

#[cfg(not(target_os = "linux"))]
pub(super) fn is_immutable(_path: &Path) -> bool {
    true
}

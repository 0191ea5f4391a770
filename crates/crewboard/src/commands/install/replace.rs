//! Writes a settings file without losing what another program writes at the same time.
//!
//! A new file takes the name by an exchange, which leaves the former file under a temporary name. So it can be compared
//! with what was read: if another program has changed it in between, it goes back. Where a new file cannot take the
//! name (a mount of a single file, hard links, attributes that cannot be copied) the file itself gets the new text.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use tempfile::{NamedTempFile, TempPath};

use super::attributes;
use super::error::InstallError;
use super::settings_file::{Seen, SettingsFile, Way};

/// How often files change places before a name that other programs keep taking is left to them.
const MAX_EXCHANGES: u32 = 64;

pub(super) const CHECK_DIRECTORY: &str =
    "Check that the directory exists and that you may write there.";

/// A moment at which another program may do something: a test does it there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Everything is ready; the next call changes the file.
    Ready,
    /// Two files have changed places.
    Exchanged,
    /// The change is made.
    Written,
}

/// When a new file is made to outlive a power cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flush {
    /// Before it takes the name.
    Before,
    /// After that, because programs that write all the time leave no gap that is long enough for it.
    After,
}

/// What is called at each step.
pub(crate) type AtStep<'a> = &'a mut dyn FnMut(Step);

/// A file that another one took the place of, under a temporary name that goes with this.
#[derive(Debug)]
pub(super) struct Displaced {
    temporary: TempPath,
    target: PathBuf,
    /// What it was when it was displaced.
    former: Seen,
    /// What took its place.
    new: Seen,
}

impl Displaced {
    /// Puts the file back where a program that had it open has written to it since. Returns whether it did, or whether
    /// another program has taken the name.
    pub(super) fn put_back_if_changed(self, at: AtStep<'_>) -> io::Result<bool> {
        if Seen::at(&self.temporary)? == self.former {
            return Ok(false);
        }
        if Seen::at(&self.target)? == self.new {
            exchange(&self.temporary, &self.target, &self.new, at)?;
        }
        Ok(true)
    }
}

/// Why a new file did not take the name.
enum Trouble {
    /// Another program changed the file.
    Changed,
    /// The system does not let it; the file itself may still be written.
    NotThisWay(io::Error),
    Failed(io::Error),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        let not_this_way =
            [Errno::BUSY, Errno::XDEV, Errno::PERM, Errno::ACCESS, Errno::ROFS, Errno::NOTSUP];
        match Errno::from_io_error(&error) {
            Some(errno) if not_this_way.contains(&errno) => Self::NotThisWay(error),
            _ => Self::Failed(error),
        }
    }
}

/// Gives the file a new text, unless another program changed it since it was read.
pub(super) fn write(
    file: &SettingsFile,
    text: &str,
    flush: Flush,
    at: AtStep<'_>,
) -> Result<Option<Displaced>, InstallError> {
    let changed = || InstallError::Changed(file.target.clone());
    let Some(expected) = Seen::as_read(file) else {
        return match create(file, text, at) {
            Ok(()) => Ok(None),
            Err(Trouble::Changed) => Err(changed()),
            Err(Trouble::NotThisWay(error) | Trouble::Failed(error)) => Err(cause(file, error)),
        };
    };
    // Another program that takes the file away changes it too.
    let gone = |trouble| match trouble {
        Trouble::Failed(error) if error.kind() == io::ErrorKind::NotFound => Trouble::Changed,
        trouble => trouble,
    };
    if file.way()? == Way::Rename {
        match by_rename(file, &expected, text, flush, at).map_err(gone) {
            Ok(displaced) => return Ok(displaced),
            Err(Trouble::NotThisWay(_)) => {}
            Err(Trouble::Changed) => return Err(changed()),
            Err(Trouble::Failed(error)) => return Err(cause(file, error)),
        }
    }
    match in_place(file, &expected, text, at).map_err(gone) {
        Ok(()) => Ok(None),
        Err(Trouble::Changed) => Err(changed()),
        Err(Trouble::NotThisWay(error) | Trouble::Failed(error)) => Err(cause(file, error)),
    }
}

/// Makes the file, unless another program has made it in the meantime.
fn create(file: &SettingsFile, text: &str, at: AtStep<'_>) -> Result<(), Trouble> {
    let new = new_file(directory_of(&file.target), text.as_bytes())?;
    new.as_file().sync_all()?;
    at(Step::Ready);
    rename_to_free_name(&new.into_temp_path(), &file.target)?;
    sync_directory(&file.target);
    Ok(())
}

fn by_rename(
    file: &SettingsFile,
    expected: &Seen,
    text: &str,
    flush: Flush,
    at: AtStep<'_>,
) -> Result<Option<Displaced>, Trouble> {
    let target = &file.target;
    let former = File::open(target)?;
    let new = new_file(directory_of(target), text.as_bytes())?;
    if !attributes::copy(&former, new.as_file())? {
        let why = "its attributes cannot be given to a new file";
        return Err(Trouble::NotThisWay(io::Error::other(why)));
    }
    if flush == Flush::Before {
        new.as_file().sync_all()?;
    }
    let (new, temporary) = new.into_parts();
    let installed = Seen::at(&temporary)?;
    if Seen::at(target)? != *expected {
        return Err(Trouble::Changed);
    }
    at(Step::Ready);
    match exchange(&temporary, target, expected, at) {
        Ok(true) => {}
        Ok(false) => return Err(Trouble::Changed),
        // A file system that cannot exchange. Between this look and the rename a change is lost.
        Err(error) if is_unsupported(&error) => {
            if Seen::at(target)? != *expected {
                return Err(Trouble::Changed);
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

/// Lets two files change places. Returns whether it was `expected` that was at `target`.
///
/// If not, another program has put something newer there: that goes back, and again whatever comes in between, until
/// what is taken away is what was put there before.
fn exchange(temporary: &Path, target: &Path, expected: &Seen, at: AtStep<'_>) -> io::Result<bool> {
    let mut put = Seen::at(temporary)?;
    let mut expected = expected.clone();
    for round in 0..MAX_EXCHANGES {
        renameat_with(CWD, temporary, CWD, target, RenameFlags::EXCHANGE)?;
        at(Step::Exchanged);
        let taken = Seen::at(temporary)?;
        if taken == expected {
            return Ok(round == 0);
        }
        expected = std::mem::replace(&mut put, taken);
    }
    Ok(false)
}

/// Writes into the file itself. If that fails half way, the former text goes back.
fn in_place(
    file: &SettingsFile,
    expected: &Seen,
    text: &str,
    at: AtStep<'_>,
) -> Result<(), Trouble> {
    let no_link = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
    let options = || {
        let mut options = File::options();
        options.read(true).custom_flags(no_link);
        options
    };
    let handle = options().write(true).open(&file.target)?;
    at(Step::Ready);
    if Seen::of(&options().open(&file.target)?)? != *expected {
        return Err(Trouble::Changed);
    }
    let put = |bytes: &[u8]| {
        // The longer text first: a reader in between finds a whole one at the start.
        handle.write_all_at(bytes, 0)?;
        handle.set_len(bytes.len() as u64)?;
        handle.sync_all()
    };
    if let Err(error) = put(text.as_bytes()) {
        // Its blocks are still there, so this needs no room.
        put(file.bytes())?;
        return Err(Trouble::Failed(error));
    }
    // A program that writes at this very moment is met when the settings are read again, with the backup in its place.
    Ok(())
}

/// Removes the file, unless another program changed it since it was read.
pub(super) fn delete(file: &SettingsFile, at: AtStep<'_>) -> Result<(), InstallError> {
    let failed = |error| cause(file, error);
    let changed = || InstallError::Changed(file.target.clone());
    let Some(expected) = Seen::as_read(file) else { return Ok(()) };
    file.way()?;
    let aside = new_file(directory_of(&file.target), &[]).map_err(failed)?.into_temp_path();
    at(Step::Ready);
    match fs::rename(&file.target, &aside) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(changed()),
        Err(error) => return Err(failed(error)),
    }
    at(Step::Exchanged);
    if Seen::at(&aside).map_err(failed)? == expected {
        sync_directory(&file.target);
        return Ok(());
    }
    // What another program wrote goes back, unless it has written again.
    match rename_to_free_name(&aside, &file.target) {
        Ok(()) | Err(Trouble::Changed) => Err(changed()),
        Err(Trouble::NotThisWay(error) | Trouble::Failed(error)) => Err(failed(error)),
    }
}

/// Gives a file a name that no file has; `Changed` where one has it by now.
fn rename_to_free_name(temporary: &TempPath, target: &Path) -> Result<(), Trouble> {
    let renamed = match renameat_with(CWD, &**temporary, CWD, target, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
            // The temporary name goes by itself.
            fs::hard_link(temporary, target)
        }
        renamed => renamed.map_err(io::Error::from),
    };
    match renamed {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(Trouble::Changed),
        Err(error) => Err(error.into()),
        Ok(()) => Ok(()),
    }
}

/// Writes a new private file under a temporary name.
pub(super) fn new_file(directory: &Path, bytes: &[u8]) -> io::Result<NamedTempFile> {
    // The error of the crate names a temporary file that the user does not know, and has no number.
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

/// The rename itself must outlive a power cut too; where a file system cannot, it is done all the same.
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

/// Says why a file cannot be written, in words that name the true cause.
fn cause(file: &SettingsFile, source: io::Error) -> InstallError {
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
                "you may not write to it (mode {own:04o}, in a directory of mode {directory:04o})"
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

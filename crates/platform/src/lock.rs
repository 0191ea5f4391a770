use rustix::process::{Resource, getrlimit};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// A lock held on a file until it is dropped, or its holder dies.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

/// The most losses that a lock file counts; beyond that the number says all.
const MAX_LOSSES: usize = 64 << 10;

/// What became of an attempt to lock.
#[derive(Debug)]
pub enum LockAttempt {
    /// It is ours until it is dropped.
    Acquired(Lock),
    /// Somebody holds it.
    Held,
}

impl Lock {
    /// Takes the lock on `path` if nobody holds it. The file is made if it is not there.
    pub fn try_lock(path: &Path) -> io::Result<LockAttempt> {
        let file = open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(LockAttempt::Acquired(Self { file })),
            Err(TryLockError::WouldBlock) => Ok(LockAttempt::Held),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Whether somebody holds the lock on `path`. The file is not made.
    pub fn is_held(path: &Path) -> bool {
        let Ok(file) = OpenOptions::new().read(true).custom_flags(no_follow()).open(path) else {
            return false;
        };
        matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
    }

    /// Notes in the file at `path`, by the byte `reason`, that an event could not be delivered. The file is made
    /// if it is not there: perhaps no daemon ever came up.
    pub fn count_loss(path: &Path, reason: u8) {
        if let Ok(file) = open(path) {
            append(&file, reason);
        }
    }

    /// Notes in the locked file, by the byte `reason`, that an event was lost.
    pub fn note_loss(&self, reason: u8) {
        append(&self.file, reason);
    }

    /// Appends `marker` behind the losses so far. Empties a file that is full instead: nothing more could be
    /// counted in it.
    pub fn mark_losses(&self, marker: u8) {
        if length(&self.file) < MAX_LOSSES as u64 {
            append(&self.file, marker);
        } else {
            let _ = self.file.set_len(0);
        }
    }

    /// Returns the bytes that were noted in the file, at most the first `MAX_LOSSES`.
    pub fn losses(&self) -> Vec<u8> {
        let mut bytes = vec![0; MAX_LOSSES];
        let count = self.file.read_at(&mut bytes, 0).unwrap_or(0);
        bytes.truncate(count);
        bytes
    }

    /// Gives the lock's descriptor a number of at least `from`, where one is free.
    pub fn move_up(&mut self, from: u64) {
        if let Ok(copy) = self.file.as_fd().try_clone_to_owned() {
            // The lock belongs to the open file, which the copy keeps open.
            self.file = File::from(move_descriptor_up(copy, from));
        }
    }

    /// Whether the locked file is still the one at `path`.
    pub fn is_of(&self, path: &Path) -> bool {
        use std::os::unix::fs::MetadataExt;
        let (Ok(mine), Ok(its)) = (self.file.metadata(), path.symlink_metadata()) else {
            return false;
        };
        (mine.dev(), mine.ino()) == (its.dev(), its.ino())
    }
}

/// Appends a byte, if the file may grow. A byte that cannot be written is not counted.
fn append(mut file: &File, byte: u8) {
    // A write beyond the limit on the size of files would end the process with a signal.
    let most = getrlimit(Resource::Fsize).current.unwrap_or(u64::MAX);
    if length(file) < most.min(MAX_LOSSES as u64) {
        let _ = file.write_all(&[byte]);
    }
}

fn length(file: &File) -> u64 {
    file.metadata().map_or(u64::MAX, |metadata| metadata.len())
}

/// Returns `descriptor` under a number of at least `from`, or as it is where none is free.
pub fn move_descriptor_up(descriptor: OwnedFd, from: u64) -> OwnedFd {
    let from = i32::try_from(from).unwrap_or(i32::MAX);
    rustix::io::fcntl_dupfd_cloexec(&descriptor, from).unwrap_or(descriptor)
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(0o600)
        .custom_flags(no_follow())
        .open(path)
}

fn no_follow() -> i32 {
    i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_at_a_time_and_losses_are_counted() {
        let world = tempfile::tempdir().unwrap();
        let path = world.path().join("lock");
        assert!(!Lock::is_held(&path));
        assert!(!path.exists());
        Lock::count_loss(&path, b'a');
        let LockAttempt::Acquired(lock) = Lock::try_lock(&path).unwrap() else { panic!("held") };
        assert!(Lock::is_held(&path));
        assert!(matches!(Lock::try_lock(&path).unwrap(), LockAttempt::Held));
        Lock::count_loss(&path, b'b');
        Lock::count_loss(&path, b'b');
        assert_eq!(lock.losses(), b"abb");
        lock.mark_losses(b'=');
        lock.note_loss(b'a');
        assert_eq!(lock.losses(), b"abb=a");
        std::fs::write(&path, vec![b'x'; MAX_LOSSES]).unwrap();
        Lock::count_loss(&path, b'a');
        assert_eq!(path.metadata().unwrap().len(), MAX_LOSSES as u64);
        lock.mark_losses(b'=');
        assert_eq!(lock.losses(), b"");
        assert!(lock.is_of(&path));
        std::fs::remove_file(&path).unwrap();
        assert!(!lock.is_of(&path));
        drop(lock);
        assert!(!Lock::is_held(&path));
    }
}

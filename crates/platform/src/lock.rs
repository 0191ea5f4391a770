use rustix::process::{Resource, getrlimit};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// An exclusive lock on a file. It is released when it is dropped or its owner ends.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

/// Maximum number of dropped events that a lock file counts.
const MAX_DROPPED_EVENTS: usize = 64 << 10;

/// The result of an attempt to lock a file.
#[derive(Debug)]
pub enum LockAttempt {
    /// This process owns the lock until it drops it.
    Acquired(Lock),
    /// Another owner holds the lock.
    Held,
}

impl Lock {
    /// Acquires the lock on `path` if it is free. Creates the file if it does not exist.
    pub fn try_lock(path: &Path) -> io::Result<LockAttempt> {
        let file = open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(LockAttempt::Acquired(Self { file })),
            Err(TryLockError::WouldBlock) => Ok(LockAttempt::Held),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Returns true if a process holds the lock on `path`. Does not create the file.
    pub fn is_held(path: &Path) -> bool {
        let Ok(file) = OpenOptions::new().read(true).custom_flags(no_follow()).open(path) else {
            return false;
        };
        matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
    }

    /// Appends the byte `reason` of a dropped event to the file at `path`. Creates the file if it does not exist,
    /// because perhaps no daemon has ever started.
    pub fn append_drop_reason_to(path: &Path, reason: u8) {
        if let Ok(file) = open(path) {
            append(&file, reason);
        }
    }

    /// Appends the byte `reason` of a dropped event to the locked file.
    pub fn append_drop_reason(&self, reason: u8) {
        append(&self.file, reason);
    }

    /// Appends `marker`: a client has shown all dropped events before it. Empties the file instead if it is full, because
    /// it could count no more dropped events.
    pub fn mark_dropped_events(&self, marker: u8) {
        if length(&self.file) < MAX_DROPPED_EVENTS as u64 {
            append(&self.file, marker);
        } else {
            let _ = self.file.set_len(0);
        }
    }

    /// Returns the bytes in the file, at most the first `MAX_DROPPED_EVENTS`.
    pub fn drop_reasons(&self) -> Vec<u8> {
        let mut bytes = vec![0; MAX_DROPPED_EVENTS];
        let count = self.file.read_at(&mut bytes, 0).unwrap_or(0);
        bytes.truncate(count);
        bytes
    }

    /// Moves the lock's descriptor to a number of at least `from`, if one is free.
    pub fn move_up(&mut self, from: u64) {
        if let Ok(copy) = self.file.as_fd().try_clone_to_owned() {
            // The kernel ties the lock to the open file description, which the copy shares.
            self.file = File::from(move_descriptor_up(copy, from));
        }
    }

    /// Returns true if the locked file is still the file at `path`.
    pub fn is_of(&self, path: &Path) -> bool {
        use std::os::unix::fs::MetadataExt;
        let (Ok(mine), Ok(its)) = (self.file.metadata(), path.symlink_metadata()) else {
            return false;
        };
        (mine.dev(), mine.ino()) == (its.dev(), its.ino())
    }
}

/// Appends a byte if the file may grow. A dropped event whose reason cannot be written is not counted.
fn append(mut file: &File, byte: u8) {
    // A write beyond the limit on file sizes would end the process with SIGXFSZ.
    let max = getrlimit(Resource::Fsize).current.unwrap_or(u64::MAX);
    if length(file) < max.min(MAX_DROPPED_EVENTS as u64) {
        let _ = file.write_all(&[byte]);
    }
}

fn length(file: &File) -> u64 {
    file.metadata().map_or(u64::MAX, |metadata| metadata.len())
}

/// Returns a copy of `descriptor` with a number of at least `from`, or `descriptor` itself if none is free.
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
    fn lock_has_one_owner_and_counts_dropped_events() {
        let world = tempfile::tempdir().unwrap();
        let path = world.path().join("lock");
        assert!(!Lock::is_held(&path));
        assert!(!path.exists());
        Lock::append_drop_reason_to(&path, b'a');
        let LockAttempt::Acquired(lock) = Lock::try_lock(&path).unwrap() else { panic!("held") };
        assert!(Lock::is_held(&path));
        assert!(matches!(Lock::try_lock(&path).unwrap(), LockAttempt::Held));
        Lock::append_drop_reason_to(&path, b'b');
        Lock::append_drop_reason_to(&path, b'b');
        assert_eq!(lock.drop_reasons(), b"abb");
        lock.mark_dropped_events(b'=');
        lock.append_drop_reason(b'a');
        assert_eq!(lock.drop_reasons(), b"abb=a");
        std::fs::write(&path, vec![b'x'; MAX_DROPPED_EVENTS]).unwrap();
        Lock::append_drop_reason_to(&path, b'a');
        assert_eq!(path.metadata().unwrap().len(), MAX_DROPPED_EVENTS as u64);
        lock.mark_dropped_events(b'=');
        assert_eq!(lock.drop_reasons(), b"");
        assert!(lock.is_of(&path));
        std::fs::remove_file(&path).unwrap();
        assert!(!lock.is_of(&path));
        drop(lock);
        assert!(!Lock::is_held(&path));
    }
}

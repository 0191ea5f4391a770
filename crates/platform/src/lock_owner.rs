use crate::deadline::{Deadline, ready};
use crate::process::process_info;
use rustix::event::PollFlags;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::ffi::OsStr;
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The process that holds a lock, as a pidfd, so that its pid cannot be reused for another process.
#[derive(Debug)]
pub struct LockOwner {
    pid: u32,
    process: OwnedFd,
}

impl LockOwner {
    /// Finds the process of this user that holds the lock on `path`. Returns `None` if the kernel shows none.
    ///
    /// `/proc/locks` is not enough: on some file systems it has another device number than `stat`. The `fdinfo` of a
    /// descriptor shows the locks that were acquired through it.
    pub fn of(path: &Path) -> Option<Self> {
        let file = path.symlink_metadata().ok()?;
        let lock = File { name: path.file_name()?, device: file.dev(), inode: file.ino() };
        let processes = fs::read_dir("/proc").ok()?.flatten();
        processes
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .find_map(|pid| Self::open_if_owner(pid, &lock))
    }

    fn open_if_owner(pid: u32, lock: &File<'_>) -> Option<Self> {
        let process = format!("/proc/{pid}");
        let uid = fs::metadata(&process).ok()?.uid();
        if uid != rustix::process::geteuid().as_raw() || !holds(&process, lock) {
            return None;
        }
        let number = Pid::from_raw(i32::try_from(pid).ok()?)?;
        let opened = pidfd_open(number, PidfdFlags::empty()).ok()?;
        // The pid could have been reused before the pidfd was opened, so the check is repeated.
        holds(&process, lock).then_some(Self { pid, process: opened })
    }

    /// Returns the pid of the process.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Returns the program file that the process runs.
    pub fn program(&self) -> Option<PathBuf> {
        fs::read_link(format!("/proc/{}/exe", self.pid)).ok()
    }

    /// Returns true if the process is suspended, by a signal or a debugger.
    pub fn is_suspended(&self) -> bool {
        process_info(self.pid).is_some_and(|info| info.suspended)
    }

    /// Sends SIGTERM to the process. Continues a suspended process, so that it can end.
    pub fn terminate(&self) {
        for signal in [Signal::TERM, Signal::CONT] {
            // An error means that the process has ended already.
            let _ = pidfd_send_signal(&self.process, signal);
        }
    }

    /// Sends SIGKILL to the process.
    pub fn kill(&self) {
        let _ = pidfd_send_signal(&self.process, Signal::KILL);
    }

    /// Waits until the process has ended. Returns false if the deadline passes first.
    pub fn has_ended_by(&self, deadline: Deadline) -> bool {
        matches!(ready(&self.process, PollFlags::IN, deadline), Ok(Some(_)))
    }
}

/// The file of a lock.
#[derive(Debug)]
struct File<'a> {
    name: &'a OsStr,
    device: u64,
    inode: u64,
}

/// Returns true if a process holds an exclusive lock on this file.
fn holds(process: &str, lock: &File<'_>) -> bool {
    let descriptors = fs::read_dir(format!("{process}/fd")).into_iter().flatten().flatten();
    descriptors.filter_map(|entry| entry.file_name().into_string().ok()).any(|descriptor| {
        let descriptor_link = format!("{process}/fd/{descriptor}");
        // The name is compared first, because `stat` of a file on another machine may block for ever.
        let has_name = fs::read_link(&descriptor_link).is_ok_and(|file| file.ends_with(lock.name));
        let is_lock = || {
            fs::metadata(&descriptor_link)
                .is_ok_and(|file| (file.dev(), file.ino()) == (lock.device, lock.inode))
        };
        has_name
            && is_lock()
            && fs::read_to_string(format!("{process}/fdinfo/{descriptor}")).is_ok_and(|info| {
                // `lock:  1: FLOCK  ADVISORY  WRITE 1574 00:2d:9 0 EOF` (Linux 6.1).
                let mut locks = info.lines().filter(|line| line.starts_with("lock:"));
                locks.any(|line| line.split_whitespace().any(|word| word == "WRITE"))
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Lock, LockAttempt};
    use std::time::Duration;

    #[test]
    fn owner_of_an_exclusive_lock_is_found() {
        let world = tempfile::tempdir().unwrap();
        let path = world.path().join("lock");
        assert!(LockOwner::of(&path).is_none());
        let LockAttempt::Acquired(lock) = Lock::try_lock(&path).unwrap() else { panic!("held") };
        let owner = LockOwner::of(&path).unwrap();
        assert_eq!((owner.pid(), owner.is_suspended()), (std::process::id(), false));
        assert!(!owner.has_ended_by(Deadline::after(Duration::ZERO)));
        drop(lock);
        let shared = fs::File::open(&path).unwrap();
        shared.lock_shared().unwrap();
        assert!(LockOwner::of(&path).is_none());
    }
}

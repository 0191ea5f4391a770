use crate::deadline::{Deadline, ready};
use crate::process::process_info;
use rustix::event::PollFlags;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::ffi::OsStr;
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The process that holds a lock, itself held on to: its number cannot come to mean another.
#[derive(Debug)]
pub struct LockOwner {
    pid: u32,
    process: OwnedFd,
}

impl LockOwner {
    /// Finds out which process of ours holds the lock on `path`; none where the kernel shows none.
    ///
    /// Not by `/proc/locks`: it names a file by a device number that is another than `stat`'s on
    /// some file systems. A descriptor's `fdinfo` shows the locks that were taken through it.
    pub fn of(path: &Path) -> Option<Self> {
        let file = path.symlink_metadata().ok()?;
        let lock = File { name: path.file_name()?, device: file.dev(), inode: file.ino() };
        let processes = fs::read_dir("/proc").ok()?.flatten();
        processes
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .find_map(|pid| Self::if_holds(pid, &lock))
    }

    fn if_holds(pid: u32, lock: &File<'_>) -> Option<Self> {
        let process = format!("/proc/{pid}");
        let uid = fs::metadata(&process).ok()?.uid();
        if uid != rustix::process::geteuid().as_raw() || !holds(&process, lock) {
            return None;
        }
        let number = Pid::from_raw(i32::try_from(pid).ok()?)?;
        let held = pidfd_open(number, PidfdFlags::empty()).ok()?;
        // Only now does the number stand for one process, so only now is it sure.
        holds(&process, lock).then_some(Self { pid, process: held })
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The file it runs.
    pub fn program(&self) -> Option<PathBuf> {
        fs::read_link(format!("/proc/{}/exe", self.pid)).ok()
    }

    /// Whether it is suspended, by a signal or a debugger.
    pub fn is_suspended(&self) -> bool {
        process_info(self.pid).is_some_and(|facts| facts.suspended)
    }

    /// Asks it to end; one that is suspended goes on to do so.
    pub fn terminate(&self) {
        for signal in [Signal::TERM, Signal::CONT] {
            // One that has ended already is what was asked for.
            let _ = pidfd_send_signal(&self.process, signal);
        }
    }

    /// Ends it.
    pub fn kill(&self) {
        let _ = pidfd_send_signal(&self.process, Signal::KILL);
    }

    /// Waits for its end, which the kernel tells; false if the deadline came first.
    pub fn has_ended_by(&self, deadline: Deadline) -> bool {
        matches!(ready(&self.process, PollFlags::IN, deadline), Ok(true))
    }
}

/// Which file a lock is on.
#[derive(Debug)]
struct File<'a> {
    name: &'a OsStr,
    device: u64,
    inode: u64,
}

/// Whether a process holds an exclusive lock on this file.
fn holds(process: &str, lock: &File<'_>) -> bool {
    let descriptors = fs::read_dir(format!("{process}/fd")).into_iter().flatten().flatten();
    descriptors.filter_map(|entry| entry.file_name().into_string().ok()).any(|descriptor| {
        let descriptor_link = format!("{process}/fd/{descriptor}");
        // The name first: a look at a file on another machine may take for ever.
        let has_name = fs::read_link(&descriptor_link).is_ok_and(|file| file.ends_with(lock.name));
        let is_lock = || {
            fs::metadata(&descriptor_link)
                .is_ok_and(|file| (file.dev(), file.ino()) == (lock.device, lock.inode))
        };
        has_name
            && is_lock()
            && fs::read_to_string(format!("{process}/fdinfo/{descriptor}")).is_ok_and(|facts| {
                // `lock:  1: FLOCK  ADVISORY  WRITE 1574 00:2d:9 0 EOF` (Linux 6.1).
                let mut locks = facts.lines().filter(|line| line.starts_with("lock:"));
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
    fn whoever_holds_a_lock_is_found_and_who_only_looks_at_it_is_not() {
        let world = tempfile::tempdir().unwrap();
        let path = world.path().join("lock");
        assert!(LockOwner::of(&path).is_none());
        let LockAttempt::Acquired(lock) = Lock::try_lock(&path).unwrap() else { panic!("held") };
        let holder = LockOwner::of(&path).unwrap();
        assert_eq!((holder.pid(), holder.is_suspended()), (std::process::id(), false));
        assert!(!holder.has_ended_by(Deadline::after(Duration::ZERO)));
        drop(lock);
        let shared = fs::File::open(&path).unwrap();
        shared.lock_shared().unwrap();
        assert!(LockOwner::of(&path).is_none());
    }
}

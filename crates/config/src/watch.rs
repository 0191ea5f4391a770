//! A watch of the configuration file, without a thread and without polling.

mod path;

pub use path::{DirectoryWatcher, WatchedPath};

/// Time for a removed file to reappear before it counts as gone. Some editors move the old file away and
/// write another in its place.
pub const REAPPEAR_WITHIN: std::time::Duration = std::time::Duration::from_millis(50);

#[cfg(target_os = "linux")]
mod linux {
    use super::{DirectoryWatcher, WatchedPath};
    use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
    use rustix::io::Errno;
    use std::ffi::OsStr;
    use std::mem::MaybeUninit;
    use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;

    const REAPPEAR_WITHIN: rustix::event::Timespec = rustix::event::Timespec {
        tv_sec: 0,
        tv_nsec: super::REAPPEAR_WITHIN.subsec_nanos() as i64,
    };

    /// Reports changes of the file, of symbolic links to it and of directories on its path that are missing. It has an
    /// inotify instance of its own.
    #[derive(Debug)]
    pub struct FileWatch {
        inotify: OwnedFd,
        watched: WatchedPath<i32>,
    }

    /// The directories that an inotify instance watches.
    struct Directories<'a>(&'a OwnedFd);

    impl DirectoryWatcher for Directories<'_> {
        type Token = i32;

        fn add(&mut self, directory: &Path, wants_writes: bool) -> Option<i32> {
            let names = WatchFlags::CREATE
                | WatchFlags::DELETE
                | WatchFlags::MOVED_FROM
                | WatchFlags::MOVED_TO
                | WatchFlags::DELETE_SELF
                | WatchFlags::MOVE_SELF
                | WatchFlags::ONLYDIR
                // Two links may be in one directory.
                | WatchFlags::MASK_ADD;
            let writes = if wants_writes { WatchFlags::CLOSE_WRITE } else { WatchFlags::empty() };
            inotify::add_watch(self.0, directory, names | writes).ok()
        }

        fn remove(&mut self, token: i32) {
            // The kernel may have ended the watch.
            let _ = inotify::remove_watch(self.0, token);
        }
    }

    impl FileWatch {
        /// Watches the file at `path`, which need not exist. Returns `None` if the system does not allow it.
        pub fn new(path: &Path) -> Option<Self> {
            let inotify = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).ok()?;
            let watched = WatchedPath::new(path, &mut Directories(&inotify));
            Some(Self { inotify, watched })
        }

        /// Reads the pending events. Returns true if the file may have changed.
        pub fn changed(&mut self) -> bool {
            let mut changed = false;
            while self.read_events() {
                changed = true;
                self.watched.update(&mut Directories(&self.inotify));
                if self.watched.path().exists() {
                    continue;
                }
                let mut descriptors =
                    [rustix::event::PollFd::new(&self.inotify, rustix::event::PollFlags::IN)];
                let _ = rustix::event::poll(&mut descriptors, Some(&REAPPEAR_WITHIN));
            }
            changed
        }

        /// Empties the queue. Returns true if any event was about the file.
        fn read_events(&self) -> bool {
            let mut buffer = [MaybeUninit::uninit(); 2048];
            let mut reader = Reader::new(&self.inotify, &mut buffer);
            let mut changed = false;
            loop {
                match reader.next() {
                    Ok(event) => {
                        let flags = event.events();
                        let name = event.file_name().map(|name| OsStr::from_bytes(name.to_bytes()));
                        let is_created =
                            flags.contains(ReadFlags::CREATE) && !flags.contains(ReadFlags::ISDIR);
                        changed |= flags.contains(ReadFlags::QUEUE_OVERFLOW)
                            || self.watched.is_affected(event.wd(), name, is_created);
                    }
                    Err(Errno::INTR) => {}
                    Err(_) => return changed,
                }
            }
        }
    }

    impl AsFd for FileWatch {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.inotify.as_fd()
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod other {
    use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
    use std::path::Path;

    /// Watches nothing on this system. The file is read when the board is opened.
    #[derive(Debug)]
    pub struct FileWatch {
        never: OwnedFd,
    }

    impl FileWatch {
        pub fn new(_path: &Path) -> Option<Self> {
            None
        }

        pub fn changed(&mut self) -> bool {
            false
        }
    }

    impl AsFd for FileWatch {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.never.as_fd()
        }
    }
}

#[cfg(target_os = "linux")]
pub use linux::FileWatch;
#[cfg(not(target_os = "linux"))]
pub use other::FileWatch;

//! Noticing that the file may be another, without a thread and without a look in between.

/// How long a file that went may take to come back.
pub const BACK: std::time::Duration = std::time::Duration::from_millis(50);

#[cfg(target_os = "linux")]
mod linux {
    use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
    use rustix::io::Errno;
    use std::collections::VecDeque;
    use std::ffi::{OsStr, OsString};
    use std::mem::MaybeUninit;
    use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
    use std::os::unix::ffi::OsStrExt;
    use std::path::{Component, Path, PathBuf};

    /// Symbolic links followed on the way to the file, as many as the kernel does.
    const MAX_LINKS: usize = 40;

    /// How long a file that went may take to come back before it counts as gone. Some editors move
    /// the old one away and write another in its place.
    const BACK_WITHIN: rustix::event::Timespec =
        rustix::event::Timespec { tv_sec: 0, tv_nsec: super::BACK.subsec_nanos() as i64 };

    /// A name in a directory that the file depends on.
    #[derive(Debug, Clone, PartialEq, Eq)]
    struct Link {
        directory: PathBuf,
        name: OsString,
        /// It is the file itself, which is written to. Of a link or a missing directory nobody wants to hear
        /// how often its neighbours are: they may be all of a home directory.
        is_file: bool,
    }

    /// Tells when the file, a link to it or a directory that is still missing changes.
    #[derive(Debug)]
    pub struct FileWatch {
        inotify: OwnedFd,
        path: PathBuf,
        links: Vec<Link>,
        /// What the kernel calls each link's directory.
        watched: Vec<(i32, usize)>,
    }

    impl FileWatch {
        /// Watches for the file at `path`, whether it is there or not. `None` where that cannot be.
        pub fn new(path: &Path) -> Option<Self> {
            let inotify = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).ok()?;
            let path = path.to_owned();
            let mut watch = Self { inotify, path, links: Vec::new(), watched: Vec::new() };
            watch.arm();
            Some(watch)
        }

        /// Takes in what the kernel has to say, and never waits; whether there was anything of the file.
        /// It may be on its way from one place to another: who reads it should give it [`BACK`](super::BACK) to come back.
        pub fn stirred(&mut self) -> bool {
            let stirred = self.take();
            if stirred {
                self.arm();
            }
            stirred
        }

        /// Takes in what the kernel has to say; whether the file may be another now.
        pub fn changed(&mut self) -> bool {
            let mut changed = false;
            while self.take() {
                changed = true;
                self.arm();
                if self.path.exists() {
                    continue;
                }
                let mut descriptors =
                    [rustix::event::PollFd::new(&self.inotify, rustix::event::PollFlags::IN)];
                let _ = rustix::event::poll(&mut descriptors, Some(&BACK_WITHIN));
            }
            changed
        }

        /// Empties the queue; whether anything in it was about the file.
        fn take(&self) -> bool {
            let mut buffer = [MaybeUninit::uninit(); 2048];
            let mut reader = Reader::new(&self.inotify, &mut buffer);
            let mut changed = false;
            loop {
                match reader.next() {
                    Ok(event) => {
                        let name = event.file_name().map(|name| OsStr::from_bytes(name.to_bytes()));
                        changed |= self.concerns(event.wd(), event.events(), name);
                    }
                    Err(Errno::INTR) => {}
                    Err(_) => return changed,
                }
            }
        }

        fn concerns(&self, directory: i32, what: ReadFlags, name: Option<&OsStr>) -> bool {
            if what.contains(ReadFlags::QUEUE_OVERFLOW) {
                return true;
            }
            let Some(name) = name else {
                // The directory itself was deleted or moved, or we removed its watch.
                return self.watched.iter().any(|(watched, _)| *watched == directory);
            };
            let links = self.watched.iter().filter(|(watched, _)| *watched == directory);
            links.filter_map(|(_, index)| self.links.get(*index)).any(|link| {
                // A file that was just made is empty; it is written to and closed next.
                let is_unwritten = what.contains(ReadFlags::CREATE)
                    && !what.contains(ReadFlags::ISDIR)
                    && !link.directory.join(&link.name).is_symlink();
                link.name == name && !is_unwritten
            })
        }

        /// Watches what the file depends on now.
        fn arm(&mut self) {
            // What it depends on may change before it is watched.
            for _ in 0..4 {
                let links = links_of(&self.path);
                if links == self.links && !self.watched.is_empty() {
                    // A directory under the same name may be another one.
                    let before = self.watched.clone();
                    self.watch_links();
                    if before == self.watched {
                        return;
                    }
                } else {
                    self.links = links;
                    self.watch_links();
                }
            }
        }

        fn watch_links(&mut self) {
            let names = WatchFlags::CREATE
                | WatchFlags::DELETE
                | WatchFlags::MOVED_FROM
                | WatchFlags::MOVED_TO
                | WatchFlags::DELETE_SELF
                | WatchFlags::MOVE_SELF
                | WatchFlags::ONLYDIR
                // Two links may be in one directory.
                | WatchFlags::MASK_ADD;
            let add = |(index, link): (usize, &Link)| {
                let writes =
                    if link.is_file { WatchFlags::CLOSE_WRITE } else { WatchFlags::empty() };
                let added = inotify::add_watch(&self.inotify, &link.directory, names | writes);
                added.ok().map(|watched| (watched, index))
            };
            let watched: Vec<(i32, usize)> =
                self.links.iter().enumerate().filter_map(add).collect();
            for (old, _) in &self.watched {
                if watched.iter().all(|(watched, _)| watched != old) {
                    // The kernel may have given it up itself.
                    let _ = inotify::remove_watch(&self.inotify, *old);
                }
            }
            self.watched = watched;
        }
    }

    impl AsFd for FileWatch {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.inotify.as_fd()
        }
    }

    /// The names that decide which file `path` is: each symbolic link on the way, and the file itself
    /// or the first directory that is missing.
    fn links_of(path: &Path) -> Vec<Link> {
        let mut links = Vec::new();
        let mut directory = PathBuf::from("/");
        let mut rest: VecDeque<OsString> = parts(path);
        while let Some(name) = rest.pop_front() {
            if name == ".." {
                directory.pop();
                continue;
            }
            let here = directory.join(&name);
            let metadata = here.symlink_metadata();
            let is_link = metadata.as_ref().is_ok_and(std::fs::Metadata::is_symlink);
            if is_link || metadata.is_err() || rest.is_empty() {
                let is_file = rest.is_empty() && !is_link;
                links.push(Link { directory: directory.clone(), name, is_file });
            }
            if metadata.is_err() || links.len() > MAX_LINKS {
                break;
            }
            match std::fs::read_link(&here) {
                Ok(target) => {
                    if target.is_absolute() {
                        directory = PathBuf::from("/");
                    }
                    for part in parts(&target).into_iter().rev() {
                        rest.push_front(part);
                    }
                }
                Err(_) => directory = here,
            }
        }
        links
    }

    fn parts(path: &Path) -> VecDeque<OsString> {
        let part = |component: Component<'_>| match component {
            Component::Normal(name) => Some(name.to_owned()),
            Component::ParentDir => Some("..".into()),
            _ => None,
        };
        path.components().filter_map(part).collect()
    }
}

#[cfg(not(target_os = "linux"))]
mod other {
    use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
    use std::path::Path;

    /// Nothing is watched here: the file is read when the board is opened.
    #[derive(Debug)]
    pub struct FileWatch {
        never: OwnedFd,
    }

    impl FileWatch {
        pub fn new(_path: &Path) -> Option<Self> {
            None
        }

        pub fn stirred(&mut self) -> bool {
            false
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

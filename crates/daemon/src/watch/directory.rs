//! Watches the directories of our sockets: a login's runtime directory goes when the login does, and
//! other programs tidy up, move files and change modes.

#[cfg(target_os = "linux")]
mod linux {
    use futures_util::StreamExt;
    use inotify::{EventStream, Inotify, WatchMask, Watches};
    use std::path::{Path, PathBuf};
    use std::time::Duration;
    use tokio::time::{Instant, sleep_until};

    /// How often to look where the kernel gives no watch (`fs.inotify.max_user_instances`,
    /// `max_user_watches`).
    const LOOK_EVERY: Duration = Duration::from_secs(1);

    /// Reports when something in a watched directory may be another file or have another mode.
    pub(crate) struct DirectoryWatch {
        watches: Option<Watches>,
        stream: Option<EventStream<[u8; 1024]>>,
        /// When to look at a directory that is not watched.
        look_at: Option<Instant>,
    }

    impl DirectoryWatch {
        pub(crate) fn new() -> std::io::Result<Self> {
            let inotify = Inotify::init()?;
            let watches = Some(inotify.watches());
            let stream = Some(inotify.into_event_stream([0; 1024])?);
            Ok(Self { watches, stream, look_at: None })
        }

        /// Watches nothing and looks again and again.
        pub(crate) fn deaf() -> Self {
            Self { watches: None, stream: None, look_at: Some(Instant::now() + LOOK_EVERY) }
        }

        /// Watches `directory` too. One that cannot be watched is looked at from time to time.
        pub(crate) fn add(&mut self, directory: &Path) -> std::io::Result<()> {
            let mask = WatchMask::DELETE
                | WatchMask::MOVED_FROM
                | WatchMask::MOVED_TO
                | WatchMask::ATTRIB
                | WatchMask::DELETE_SELF
                | WatchMask::MOVE_SELF
                | WatchMask::ONLYDIR
                | WatchMask::DONT_FOLLOW;
            let Some(watches) = &mut self.watches else { return Ok(()) };
            let added = watches.add(directory, mask).map(drop);
            if added.is_err() {
                self.look_at.get_or_insert(Instant::now() + LOOK_EVERY);
            }
            added
        }

        /// Watches for writes to `files` too, where the kernel lets us.
        pub(crate) fn add_files(&mut self, files: &[PathBuf]) {
            let Some(watches) = &mut self.watches else { return };
            for file in files {
                let _ = watches.add(file, WatchMask::MODIFY | WatchMask::DONT_FOLLOW);
            }
        }

        /// Waits until it is time to look at the directories.
        pub(crate) async fn changed(&mut self) {
            let event = async {
                match &mut self.stream {
                    Some(stream) => match stream.next().await {
                        Some(Ok(_)) => {}
                        // Nothing more will come; do not spin.
                        _ => std::future::pending().await,
                    },
                    None => std::future::pending().await,
                }
            };
            let look = async {
                match self.look_at {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = event => {}
                () = look => self.look_at = Some(Instant::now() + LOOK_EVERY),
            }
        }
    }

    impl std::fmt::Debug for DirectoryWatch {
        fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            formatter.write_str("DirectoryWatch")
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod other {
    use std::path::{Path, PathBuf};

    /// Nothing is watched here: macOS does not take a user's directory away.
    #[derive(Debug)]
    pub(crate) struct DirectoryWatch;

    impl DirectoryWatch {
        pub(crate) fn new() -> std::io::Result<Self> {
            Ok(Self)
        }

        pub(crate) fn deaf() -> Self {
            Self
        }

        #[expect(clippy::unnecessary_wraps, reason = "as where a watch may fail")]
        pub(crate) fn add(&mut self, _directory: &Path) -> std::io::Result<()> {
            Ok(())
        }

        pub(crate) fn add_files(&mut self, _files: &[PathBuf]) {}

        pub(crate) async fn changed(&mut self) {
            std::future::pending().await
        }
    }
}

#[cfg(target_os = "linux")]
pub(crate) use linux::DirectoryWatch;
#[cfg(not(target_os = "linux"))]
pub(crate) use other::DirectoryWatch;

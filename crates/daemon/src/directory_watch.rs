//! The directories of our sockets: a login's runtime directory goes when the login does, and
//! somebody may tidy up.

#[cfg(target_os = "linux")]
mod linux {
    use futures_util::StreamExt;
    use inotify::{EventStream, Inotify, WatchMask, Watches};
    use std::path::Path;

    /// Says when something was taken out of a watched directory, or the directory itself.
    pub(crate) struct DirectoryWatch {
        /// None where the kernel gives us none: then nobody tells.
        watches: Option<Watches>,
        stream: Option<EventStream<[u8; 1024]>>,
    }

    impl DirectoryWatch {
        pub(crate) fn new() -> std::io::Result<Self> {
            let inotify = Inotify::init()?;
            let watches = Some(inotify.watches());
            Ok(Self { watches, stream: Some(inotify.into_event_stream([0; 1024])?) })
        }

        /// Hears of nothing.
        pub(crate) fn deaf() -> Self {
            Self { watches: None, stream: None }
        }

        /// Watches `directory` too. What cannot be watched is not.
        pub(crate) fn add(&mut self, directory: &Path) {
            let mask = WatchMask::DELETE
                | WatchMask::MOVED_FROM
                | WatchMask::DELETE_SELF
                | WatchMask::MOVE_SELF
                | WatchMask::ONLYDIR
                | WatchMask::DONT_FOLLOW;
            if let Some(watches) = &mut self.watches {
                let _ = watches.add(directory, mask);
            }
        }

        /// Waits for the next such event.
        pub(crate) async fn changed(&mut self) {
            let Some(stream) = &mut self.stream else { return std::future::pending().await };
            match stream.next().await {
                Some(Ok(_)) => {}
                // Nothing more will come; do not spin.
                _ => std::future::pending().await,
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
    use std::path::Path;

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

        pub(crate) fn add(&mut self, _directory: &Path) {}

        pub(crate) async fn changed(&mut self) {
            std::future::pending().await
        }
    }
}

#[cfg(target_os = "linux")]
pub(crate) use linux::DirectoryWatch;
#[cfg(not(target_os = "linux"))]
pub(crate) use other::DirectoryWatch;

//! Watches with inotify.

use super::{
    Changes, FileChange, FileChangeKind, OwnerChanges, WatchOwner, WatchPurpose, WatchToken,
};
use futures_util::{FutureExt, StreamExt};
use inotify::{EventMask, EventOwned, EventStream, Inotify, WatchDescriptor, WatchMask, Watches};
use std::collections::HashMap;
use std::io;
use std::path::Path;

/// Events in one batch. Other work of the daemon has its turn before the next batch.
const MAX_BATCH: usize = 256;

/// Bytes of events that are read at once.
const READ_BYTES: usize = 4096;

/// All watches of files and directories.
#[derive(Debug)]
pub(crate) struct FileWatches {
    /// `None` if the kernel provides no instance.
    inotify: Option<(Watches, EventStream<[u8; READ_BYTES]>)>,
    files: HashMap<i32, WatchedFile>,
}

/// A watched file or directory. The kernel has one watch for it, whose mask joins those of all owners.
#[derive(Debug)]
struct WatchedFile {
    descriptor: WatchDescriptor,
    /// The events that each owner wants.
    masks: Vec<(WatchOwner, WatchMask)>,
}

impl FileWatches {
    /// Creates the inotify instance.
    pub(crate) fn new() -> io::Result<Self> {
        let inotify = Inotify::init()?;
        let watches = inotify.watches();
        let stream = inotify.into_event_stream([0; READ_BYTES])?;
        Ok(Self { inotify: Some((watches, stream)), files: HashMap::new() })
    }

    /// Returns watches that report nothing and cannot be added to.
    pub(crate) fn unavailable() -> Self {
        Self { inotify: None, files: HashMap::new() }
    }

    /// Returns true if the kernel provides an inotify instance.
    pub(crate) fn is_available(&self) -> bool {
        self.inotify.is_some()
    }

    /// Watches a path. An owner that watches the same file already gets the same token, and the changes for both
    /// purposes.
    pub(crate) fn add(&mut self, purpose: WatchPurpose, path: &Path) -> io::Result<WatchToken> {
        let (watches, _) = self.inotify.as_mut().ok_or(io::ErrorKind::Unsupported)?;
        let (events, how) = mask_of(purpose);
        // Another owner may watch the file, so this mask is joined to its mask.
        let descriptor = watches.add(path, events | how | WatchMask::MASK_ADD)?;
        let id = descriptor.get_watch_descriptor_id();
        let owner = purpose.owner();
        let new = || WatchedFile { descriptor, masks: Vec::new() };
        let file = self.files.entry(id).or_insert_with(new);
        match file.masks.iter_mut().find(|(known, _)| *known == owner) {
            Some((_, known)) => *known |= events,
            None => file.masks.push((owner, events)),
        }
        Ok(WatchToken { owner, descriptor: id })
    }

    /// Ends the watch of one owner. Other owners keep theirs.
    pub(crate) fn remove(&mut self, token: WatchToken) {
        let Some(file) = self.files.get_mut(&token.descriptor) else { return };
        file.masks.retain(|(owner, _)| *owner != token.owner);
        // With another owner left, the kernel keeps the joined mask: it could be narrowed only by the path, which may
        // lead to another file by now. `note` leaves out the events that no owner wants.
        if file.masks.is_empty()
            && let Some(file) = self.files.remove(&token.descriptor)
            && let Some((watches, _)) = &mut self.inotify
        {
            // The kernel may have ended the watch.
            let _ = watches.remove(file.descriptor);
        }
    }

    /// Waits for changes. Dropping the future loses none.
    pub(crate) async fn changed(&mut self) -> Changes {
        let Self { inotify: Some((_, stream)), files } = self else {
            return std::future::pending().await;
        };
        let mut changes = Changes::default();
        while changes.is_empty() {
            match stream.next().await {
                Some(Ok(event)) => note(files, &mut changes, &event),
                // No event follows an error. The loop must not spin.
                _ => return std::future::pending().await,
            }
        }
        for _ in 1..MAX_BATCH {
            match stream.next().now_or_never() {
                Some(Some(Ok(event))) => note(files, &mut changes, &event),
                _ => break,
            }
        }
        changes
    }
}

/// Adds an event to the changes of each owner that wants it.
fn note(files: &mut HashMap<i32, WatchedFile>, changes: &mut Changes, event: &EventOwned) {
    if event.mask.contains(EventMask::Q_OVERFLOW) {
        for owner in [WatchOwner::Sockets, WatchOwner::SessionFiles, WatchOwner::Configuration] {
            changes.of(owner).overflow = true;
        }
        return;
    }
    let descriptor = event.wd.get_watch_descriptor_id();
    // A removed watch may have events in the queue.
    let Some(WatchedFile { masks, .. }) = files.get(&descriptor) else { return };
    let is_ended = event.mask.intersects(EventMask::IGNORED | EventMask::UNMOUNT);
    let kind = kind_of(event.mask);
    for (owner, mask) in masks {
        if is_ended || mask.bits() & event.mask.bits() != 0 {
            let watch = WatchToken { owner: *owner, descriptor };
            changes.of(*owner).files.push(FileChange { watch, name: event.name.clone(), kind });
        }
    }
    if event.mask.contains(EventMask::IGNORED) {
        files.remove(&descriptor);
    }
}

fn kind_of(mask: EventMask) -> FileChangeKind {
    let ended =
        EventMask::DELETE_SELF | EventMask::MOVE_SELF | EventMask::UNMOUNT | EventMask::IGNORED;
    if mask.intersects(ended) {
        FileChangeKind::WatchEnded
    } else if mask.intersects(EventMask::DELETE | EventMask::MOVED_FROM) {
        FileChangeKind::Gone
    } else if mask.contains(EventMask::CREATE) && !mask.contains(EventMask::ISDIR) {
        FileChangeKind::Created
    } else {
        FileChangeKind::Changed
    }
}

/// Returns the events that a purpose needs, and how the path is resolved.
fn mask_of(purpose: WatchPurpose) -> (WatchMask, WatchMask) {
    let itself = WatchMask::DELETE_SELF | WatchMask::MOVE_SELF;
    let gone = WatchMask::DELETE | WatchMask::MOVED_FROM;
    let names = itself | gone | WatchMask::CREATE | WatchMask::MOVED_TO;
    let no_link = WatchMask::DONT_FOLLOW;
    let directory = WatchMask::ONLYDIR | no_link;
    match purpose {
        WatchPurpose::SocketDirectory => {
            (itself | gone | WatchMask::MOVED_TO | WatchMask::ATTRIB, directory)
        }
        WatchPurpose::LockFile => (WatchMask::MODIFY, no_link),
        WatchPurpose::Profile => (itself, directory),
        WatchPurpose::SessionFiles => {
            (itself | gone | WatchMask::MOVED_TO | WatchMask::CLOSE_WRITE, directory)
        }
        // The mode of a directory that may not be read may change.
        WatchPurpose::MissingProfile => {
            (itself | WatchMask::CREATE | WatchMask::MOVED_TO | WatchMask::ATTRIB, directory)
        }
        // The watch ends with its first event. ONESHOT would also end the watches of other owners.
        WatchPurpose::Transcript => (itself | WatchMask::MODIFY, no_link),
        WatchPurpose::ConfigName => (names, WatchMask::ONLYDIR),
        WatchPurpose::ConfigFile => (names | WatchMask::CLOSE_WRITE, WatchMask::ONLYDIR),
    }
}

impl Changes {
    fn of(&mut self, owner: WatchOwner) -> &mut OwnerChanges {
        match owner {
            WatchOwner::Sockets => &mut self.sockets,
            WatchOwner::SessionFiles => &mut self.session_files,
            WatchOwner::Configuration => &mut self.configuration,
        }
    }

    fn is_empty(&self) -> bool {
        [&self.sockets, &self.session_files, &self.configuration]
            .into_iter()
            .all(OwnerChanges::is_empty)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn names(changes: &OwnerChanges) -> Vec<&str> {
        let names = changes.files.iter().map(|file| file.name.as_deref());
        names.map(|name| name.unwrap_or_default().to_str().unwrap()).collect()
    }

    #[tokio::test]
    async fn owners_of_one_directory_get_their_own_changes() {
        let world = tempfile::tempdir().unwrap();
        let path = world.path();
        let mut watches = FileWatches::new().unwrap();
        let sessions = watches.add(WatchPurpose::SessionFiles, path).unwrap();
        let config = watches.add(WatchPurpose::ConfigName, path).unwrap();
        assert_eq!(sessions.descriptor, config.descriptor, "the kernel has one watch");
        fs::write(path.join("a"), "x").unwrap();
        let changes = watches.changed().await;
        let of = |changes: &OwnerChanges| {
            changes.files.iter().map(|file| (file.watch, file.kind)).collect::<Vec<_>>()
        };
        assert_eq!(of(&changes.session_files), [(sessions, FileChangeKind::Changed)]);
        assert_eq!(of(&changes.configuration), [(config, FileChangeKind::Created)]);
        assert!(changes.sockets.is_empty());
    }

    #[tokio::test]
    async fn watch_of_another_owner_outlives_a_removal() {
        let world = tempfile::tempdir().unwrap();
        let path = world.path();
        let mut watches = FileWatches::new().unwrap();
        let sessions = watches.add(WatchPurpose::SessionFiles, path).unwrap();
        let config = watches.add(WatchPurpose::ConfigName, path).unwrap();
        watches.remove(sessions);
        fs::create_dir(path.join("a")).unwrap();
        let changes = watches.changed().await;
        assert_eq!(names(&changes.configuration), ["a"]);
        assert!(changes.session_files.is_empty());
        // The owner may watch it again, and the other may go.
        assert_eq!(watches.add(WatchPurpose::SessionFiles, path).unwrap(), sessions);
        watches.remove(config);
        fs::rename(path.join("a"), path.join("b")).unwrap();
        let changes = watches.changed().await;
        assert_eq!(names(&changes.session_files), ["a", "b"]);
        assert!(changes.configuration.is_empty());
        watches.remove(sessions);
        assert!(watches.files.is_empty());
    }

    #[tokio::test]
    async fn deleted_directory_ends_the_watches_of_all_owners() {
        let world = tempfile::tempdir().unwrap();
        let path = world.path().join("a");
        fs::create_dir(&path).unwrap();
        let mut watches = FileWatches::new().unwrap();
        watches.add(WatchPurpose::SocketDirectory, &path).unwrap();
        watches.add(WatchPurpose::MissingProfile, &path).unwrap();
        fs::remove_dir(&path).unwrap();
        let changes = watches.changed().await;
        for owner in [&changes.sockets, &changes.session_files] {
            assert!(owner.files.iter().all(|file| file.kind == FileChangeKind::WatchEnded));
            assert_eq!(owner.files.len(), 2, "deleted, and ignored from then on");
        }
        assert!(watches.files.is_empty());
    }

    #[tokio::test]
    async fn overflow_reaches_every_owner() {
        let world = tempfile::tempdir().unwrap();
        let mut watches = FileWatches::new().unwrap();
        let token = watches.add(WatchPurpose::Profile, world.path()).unwrap();
        let wd = watches.files[&token.descriptor].descriptor.clone();
        let mut changes = Changes::default();
        let event = EventOwned { wd, mask: EventMask::Q_OVERFLOW, cookie: 0, name: None };
        note(&mut watches.files, &mut changes, &event);
        let Changes { sockets, session_files, configuration } = changes;
        assert!(sockets.overflow && session_files.overflow && configuration.overflow);
    }
}

//! What the kernel told of, taken together.

use inotify::{Event, EventMask, WatchDescriptor};
use std::ffi::OsString;

/// What the kernel told of.
#[derive(Debug, Default)]
pub(crate) struct Changed {
    /// Names in a watched directory, each once, and whether it is gone; a file's own has none.
    pub(super) names: Vec<(WatchDescriptor, Vec<(OsString, bool)>)>,
    /// Watches that are over.
    pub(super) lost: Vec<WatchDescriptor>,
    pub(super) overflow: bool,
}

impl Changed {
    pub(super) fn note(&mut self, event: Event<OsString>) {
        if event.mask.contains(EventMask::Q_OVERFLOW) {
            self.overflow = true;
            return;
        }
        let over = EventMask::DELETE_SELF | EventMask::MOVE_SELF | EventMask::IGNORED;
        if event.mask.intersects(over) {
            if !self.lost.contains(&event.wd) {
                self.lost.push(event.wd);
            }
            return;
        }
        let gone = event.mask.intersects(EventMask::DELETE | EventMask::MOVED_FROM);
        let name = event.name.unwrap_or_default();
        let position = self.names.iter().position(|(descriptor, _)| *descriptor == event.wd);
        let position = position.unwrap_or_else(|| {
            self.names.push((event.wd, Vec::new()));
            self.names.len() - 1
        });
        let names = &mut self.names[position].1;
        match names.iter_mut().find(|(known, _)| *known == name) {
            Some(known) => known.1 = gone,
            None => names.push((name, gone)),
        }
    }
}

//! The changes of one batch, by watch.

use crate::watch::file_watches::{FileChange, FileChangeKind, OwnerChanges, WatchToken};
use std::ffi::OsString;

/// The changes of one batch, by watch.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// The changed names of each watched directory, each once, with true if the name is gone. The name of a watched file
    /// is empty.
    pub(super) names: Vec<(WatchToken, Vec<(OsString, bool)>)>,
    /// Watches that have ended.
    pub(super) ended: Vec<WatchToken>,
    /// The kernel has dropped changes.
    pub(super) overflow: bool,
}

impl From<OwnerChanges> for Batch {
    fn from(changes: OwnerChanges) -> Self {
        let mut batch = Self { overflow: changes.overflow, ..Self::default() };
        for file in changes.files {
            batch.note(file);
        }
        batch
    }
}

impl Batch {
    fn note(&mut self, FileChange { watch, name, kind }: FileChange) {
        if kind == FileChangeKind::WatchEnded {
            if !self.ended.contains(&watch) {
                self.ended.push(watch);
            }
            return;
        }
        let is_gone = kind == FileChangeKind::Gone;
        let name = name.unwrap_or_default();
        let position = self.names.iter().position(|(known, _)| *known == watch);
        let position = position.unwrap_or_else(|| {
            self.names.push((watch, Vec::new()));
            self.names.len() - 1
        });
        let names = &mut self.names[position].1;
        match names.iter_mut().find(|(known, _)| *known == name) {
            Some(known) => known.1 = is_gone,
            None => names.push((name, is_gone)),
        }
    }
}

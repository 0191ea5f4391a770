//! Session files on a system without inotify: Crewboard reads none.

use super::without_file;
use crate::watch::file_watches::{FileWatches, OwnerChanges};
use crewboard_core::{FileLookup, Now, Observation, Process, ProcessToWatch};
use std::path::Path;
use tokio::time::Instant;

/// Watches no session file. Statuses come from hooks and processes only.
#[derive(Debug)]
pub(crate) struct SessionFiles;

impl SessionFiles {
    pub(crate) fn new() -> Self {
        Self
    }

    pub(crate) fn watch_usual_profiles(
        &mut self,
        _home: &Path,
        _watches: &mut FileWatches,
        _now: Now,
    ) -> Vec<Observation> {
        Vec::new()
    }

    pub(crate) fn watch_process(
        &mut self,
        watch: &ProcessToWatch,
        _watches: &mut FileWatches,
        now: Now,
    ) -> Vec<Observation> {
        vec![without_file(&watch.agent, watch.process, now)]
    }

    pub(crate) fn read_unwatched(&mut self, _now: Now) -> Vec<Observation> {
        Vec::new()
    }

    pub(crate) fn take_failure(&mut self) -> Option<String> {
        None
    }

    pub(crate) fn process_exited(&mut self, _process: Process, _now: Now) -> Option<Observation> {
        None
    }

    pub(crate) fn remove_process(&mut self, _process: Process, _watches: &mut FileWatches) {}

    pub(crate) fn look_up(
        &mut self,
        lookup: FileLookup,
        _watches: &mut FileWatches,
        now: Now,
    ) -> Option<Observation> {
        Some(without_file(&lookup.agent, lookup.process, now))
    }

    pub(crate) fn next_lookup(&self) -> Option<Instant> {
        None
    }

    pub(crate) fn run_due_lookups(
        &mut self,
        _watches: &mut FileWatches,
        _now: Now,
    ) -> Vec<Observation> {
        Vec::new()
    }

    pub(crate) fn read_changes(
        &mut self,
        _changes: OwnerChanges,
        _watches: &mut FileWatches,
        _now: Now,
    ) -> Vec<Observation> {
        Vec::new()
    }
}

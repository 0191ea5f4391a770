//! Where there is no inotify.

use super::blind;
use crewboard_core::{FileLookup, Now, Observation, Process, ProcessToWatch};
use std::path::Path;
use tokio::time::Instant;

/// Nothing is watched here yet: what hooks do not tell is unconfirmed.
#[derive(Debug)]
pub(crate) struct AgentFiles;

#[derive(Debug, Default)]
pub(crate) struct Changed;

impl AgentFiles {
    pub(crate) fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    pub(crate) fn blind() -> Self {
        Self
    }

    pub(crate) fn begin(&mut self, _home: &Path, _now: Now) -> Vec<Observation> {
        Vec::new()
    }

    pub(crate) fn follow(&mut self, watch: &ProcessToWatch, now: Now) -> Vec<Observation> {
        vec![blind(&watch.agent, watch.process, now)]
    }

    pub(crate) fn glimpse(&mut self, _now: Now) -> Vec<Observation> {
        Vec::new()
    }

    pub(crate) fn take_failure(&mut self) -> Option<String> {
        None
    }

    pub(crate) fn farewell(&mut self, _process: Process, _now: Now) -> Option<Observation> {
        None
    }

    pub(crate) fn forget(&mut self, _process: Process) {}

    pub(crate) fn look(&mut self, look: FileLookup, now: Now) -> Option<Observation> {
        Some(blind(&look.agent, look.process, now))
    }

    pub(crate) fn next_look(&self) -> Option<Instant> {
        None
    }

    pub(crate) fn look_now(&mut self, _now: Now) -> Vec<Observation> {
        Vec::new()
    }

    pub(crate) async fn changed(&mut self) -> Changed {
        std::future::pending().await
    }

    pub(crate) fn read(&mut self, _changed: Changed, _now: Now) -> Vec<Observation> {
        Vec::new()
    }
}

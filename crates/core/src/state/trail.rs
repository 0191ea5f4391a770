use crate::MAX_TRAIL;
use crate::session::status::Status;
use crate::time::{Stamp, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// What a row made of one event or observation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// It set the status.
    Set { from: Status, to: Status },
    /// It was taken in and left the status as it was.
    #[serde(rename = "kept")]
    Unchanged,
    /// It was not taken in.
    Ignored { why: String },
}

/// One remembered event or observation of a row, for `explain`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrailEntry {
    /// Who told: `hook:Stop`, `process:exited`, …
    pub source: String,
    /// What it said, in a few words.
    pub said: String,
    /// When it happened.
    pub at: Timestamp,
    /// When it happened on the clock that orders events.
    pub stamp: Stamp,
    /// Milliseconds from its happening to its being taken in.
    pub delay: u64,
    /// What the row made of it.
    pub effect: Effect,
}

/// The last events of a row, newest last.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trail(VecDeque<TrailEntry>);

impl Trail {
    pub(crate) fn push(&mut self, entry: TrailEntry) {
        if self.0.len() == MAX_TRAIL {
            self.0.pop_front();
        }
        self.0.push_back(entry);
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = &TrailEntry> {
        self.0.iter()
    }
}

use crate::MAX_TRAIL;
use crate::session::status::Status;
use crate::time::{Stamp, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// The effect of one event or observation on a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// The status was set.
    Set { from: Status, to: Status },
    /// The status stayed the same.
    #[serde(rename = "kept")]
    Unchanged,
    /// The event or observation was ignored.
    Ignored { why: String },
}

/// One event or observation of a session, for `explain`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrailEntry {
    /// The source: `hook:Stop`, `process:exited`, …
    pub source: String,
    /// A summary in a few words.
    pub summary: String,
    /// The time at which it happened.
    pub at: Timestamp,
    /// The time at which it happened on the clock that orders events.
    pub stamp: Stamp,
    /// The milliseconds between the event and its arrival.
    pub delay: u64,
    /// The effect on the session.
    pub effect: Effect,
}

/// The last events of a session, newest last.
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

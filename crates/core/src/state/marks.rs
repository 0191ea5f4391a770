//! What a person does to a row, on whatever view: it is kept with the row, so that all views agree.

use crate::SNOOZE_MS;
use crate::state::row::Row;
use crate::time::{Now, Timestamp};
use serde::{Deserialize, Serialize};

/// What a person does to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Mark {
    /// I have seen the row as it was at this revision; what is newer I have not.
    Seen { revision: u64 },
    /// Keep it on top of its like.
    Pinned { on: bool },
    /// Do not call me for it until its status changes, or for an hour.
    Snoozed { on: bool },
    /// Do not show it until it needs me next.
    Dismissed { on: bool, revision: u64 },
}

impl Row {
    /// Takes in a mark; false if it changes nothing.
    pub(crate) fn mark(&mut self, mark: Mark, now: Now) -> bool {
        let before = (self.seen, self.pinned, self.snoozed_until, self.dismissed);
        let is_current = |revision: u64| revision >= self.facts.news;
        match mark {
            // A view that has not heard the news cannot have seen it.
            Mark::Seen { revision } if is_current(revision) => self.seen = true,
            Mark::Dismissed { on: true, revision } if is_current(revision) => {
                self.seen = true;
                self.dismissed = true;
            }
            Mark::Seen { .. } | Mark::Dismissed { on: true, .. } => {}
            Mark::Dismissed { on: false, .. } => self.dismissed = false,
            Mark::Pinned { on } => self.pinned = on,
            Mark::Snoozed { on } => {
                self.snoozed_until = on.then(|| Timestamp(now.wall.0 + SNOOZE_MS));
            }
        }
        before != (self.seen, self.pinned, self.snoozed_until, self.dismissed)
    }
}

//! The marks that the user sets on a session. They are part of the session, so that all boards agree.

use crate::state::row::Row;
use crate::time::{Now, Timestamp};
use crate::{MAX_SNOOZE_MS, SNOOZE_MS};
use serde::{Deserialize, Serialize};

/// A mark that the user sets on a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Mark {
    /// The user has seen the session as it was at this revision.
    Seen { revision: u64 },
    /// The user takes [`Mark::Seen`] back. A status that has changed since this revision is not affected.
    Unseen { revision: u64 },
    /// The session stays at the top of its group.
    Pinned { on: bool },
    /// The session needs no user for a time, or until its status changes. The time is an hour by default.
    Snoozed {
        on: bool,
        /// The time in milliseconds, at most [`MAX_SNOOZE_MS`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        for_ms: Option<u64>,
    },
    /// The session is hidden until it next needs the user.
    Dismissed { on: bool, revision: u64 },
}

impl Row {
    /// Applies a mark. Returns false if it changes nothing.
    pub(crate) fn apply_mark(&mut self, mark: Mark, now: Now) -> bool {
        let before = (
            self.session.seen,
            self.session.pinned,
            self.session.snoozed_until,
            self.session.dismissed,
        );
        let is_current = |revision: u64| revision >= self.state.status_revision;
        match mark {
            // A client with an older revision has not seen the status.
            Mark::Seen { revision } if is_current(revision) => self.session.seen = true,
            Mark::Unseen { revision } if is_current(revision) => self.session.seen = false,
            Mark::Dismissed { on: true, revision } if is_current(revision) => {
                self.session.seen = true;
                self.session.dismissed = true;
            }
            Mark::Seen { .. } | Mark::Unseen { .. } | Mark::Dismissed { on: true, .. } => {}
            Mark::Dismissed { on: false, .. } => self.session.dismissed = false,
            Mark::Pinned { on } => self.session.pinned = on,
            Mark::Snoozed { on, for_ms } => {
                let time = for_ms.unwrap_or(SNOOZE_MS).min(MAX_SNOOZE_MS);
                self.session.snoozed_until = on.then(|| Timestamp(now.wall.0 + time));
            }
        }
        before
            != (
                self.session.seen,
                self.session.pinned,
                self.session.snoozed_until,
                self.session.dismissed,
            )
    }
}

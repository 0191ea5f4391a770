//! Shows notices, and removes them when they are no longer true.

use crate::model::notice::{Notice, Scope};
use crate::model::{ConnectionState, Model};
use crewboard_core::Timestamp;

/// A notice is shown for this time.
const NOTICE_MS: u64 = 5000;

/// The daemon confirms a mark within this time.
const CONFIRM_MS: u64 = 1000;

impl Model {
    /// Shows a notice about something that has happened.
    pub(crate) fn notify(&mut self, text: impl Into<String>) {
        self.notify_while(Scope::Past, text);
    }

    /// Shows a notice that disappears with the state that it describes.
    pub(crate) fn notify_while(&mut self, scope: Scope, text: impl Into<String>) {
        let until = Timestamp(self.now.0 + NOTICE_MS);
        self.notice = Some(Notice { text: text.into(), until, scope });
    }

    /// Removes the notice if its time is over, or if it is no longer true.
    pub(crate) fn expire_notice(&mut self) {
        let Some(notice) = &self.notice else { return };
        let is_true = match &notice.scope {
            Scope::Past => true,
            Scope::Row(key, since) => {
                self.rows.get(key).is_some_and(|row| row.since == *since && !row.dismissed)
            }
            // The daemon confirms the mark a moment later.
            Scope::Hidden(key) => self.rows.get(key).is_some_and(|row| {
                row.dismissed || notice.until.since(self.now) + CONFIRM_MS > NOTICE_MS
            }),
            Scope::Disconnected => self.connection != ConnectionState::Connected,
            Scope::Navigating => self.pending_navigation.is_some(),
            Scope::NothingNeedsYou => self.rows.most_urgent().is_none(),
            Scope::NoProblems => self.problems.is_empty(),
        };
        if notice.until <= self.now || !is_true {
            self.notice = None;
        }
    }
}

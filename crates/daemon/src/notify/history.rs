//! The last notifications, for `crewboard notifications`.

use crewboard_core::Timestamp;
use crewboard_protocol::{NotificationRecord, NotificationReport, Reply};
use std::collections::VecDeque;

/// Notifications that the daemon remembers. Each has at most 640 bytes of text: a key, a name and a line.
const MAX_NOTIFICATIONS: usize = 100;

/// The last notifications, oldest first. A client reports each one, because the daemon itself does not know if the user
/// was notified.
#[derive(Debug, Default)]
pub(crate) struct NotificationHistory {
    records: VecDeque<NotificationRecord>,
}

impl NotificationHistory {
    /// Adds notifications that happened at `at`. Removes the oldest ones beyond the bound.
    pub(crate) fn add(&mut self, reports: Vec<NotificationReport>, at: Timestamp) {
        let skipped = reports.len().saturating_sub(MAX_NOTIFICATIONS);
        for mut report in reports.into_iter().skip(skipped) {
            report.sanitise();
            if self.records.len() == MAX_NOTIFICATIONS {
                self.records.pop_front();
            }
            self.records.push_back(NotificationRecord { at, report });
        }
    }

    /// Returns the reply with all remembered notifications, oldest first.
    pub(crate) fn reply(&self) -> Reply {
        Reply::Notifications { notifications: self.records.iter().cloned().collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crewboard_core::{MAX_LINE, RowKey, Status};
    use crewboard_protocol::{MAX_REPLY_LINE, Notifier, Suppressed};

    fn report(text: &str) -> NotificationReport {
        NotificationReport {
            key: RowKey::new("dx4z2"),
            name: text.to_owned(),
            status: Status::Done,
            text: text.to_owned(),
            notifiers: vec![Notifier::Desktop; 50],
            failed: vec![Notifier::Terminal; 50],
            suppressed: Some(Suppressed::QuietHours),
        }
    }

    fn records(history: &NotificationHistory) -> Vec<NotificationRecord> {
        match history.reply() {
            Reply::Notifications { notifications } => notifications,
            reply => panic!("{reply:?}"),
        }
    }

    #[test]
    fn notifications_are_cleaned_and_bounded() {
        let mut history = NotificationHistory::default();
        history.add(vec![report("a\u{1b}[31m\nb")], Timestamp(7));
        let first = records(&history).remove(0);
        assert_eq!((first.at, &*first.report.name, &*first.report.text), (Timestamp(7), "a", "a"));
        // A text of quotation marks is twice as long as JSON.
        history.add(vec![report(&"\"".repeat(9000)); 250], Timestamp(8));
        history.add(vec![report("newest")], Timestamp(9));
        let all = records(&history);
        assert_eq!((all.len(), all[99].report.text.as_str()), (100, "newest"));
        let texts = [&all[0].report.name, &all[0].report.text];
        assert!(texts.iter().all(|text| text.len() <= MAX_LINE));
        assert!(all.iter().all(|record| record.report.notifiers.len() <= 3));
        let line = history.reply().encode();
        assert!(line.len() < MAX_REPLY_LINE / 4, "{}", line.len());
    }
}

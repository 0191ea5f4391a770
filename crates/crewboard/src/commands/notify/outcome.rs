//! The result of a notification. The daemon remembers it for `crewboard notifications`.

use super::RECEIVE_TIMEOUT;
use super::click::Clickable;
use super::message::message;
use crate::daemon_client::daemon_locator;
use crewboard_client::{Connection, ConnectionError};
use crewboard_core::Session;
use crewboard_protocol::{
    AddNotificationsRequest, NotificationReport, Notifier, Reply, Request, Suppressed,
};
use crewboard_terminals::CommandError;
use std::slice::from_ref;

/// The notifiers that notified the user, and those that failed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    notifiers: Vec<Notifier>,
    failed: Vec<Notifier>,
    suppressed: Option<Suppressed>,
}

impl Outcome {
    /// Returns the outcome of a notification that the user does not get.
    pub(super) fn suppressed(why: Suppressed) -> Self {
        Self { suppressed: Some(why), ..Self::default() }
    }

    /// Adds the result of the desktop's notifier. Without a notifier there is no desktop to notify, which is not a
    /// failure.
    pub(super) fn note_desktop(
        &mut self,
        result: Option<&Result<Option<Clickable>, CommandError>>,
    ) {
        match result {
            Some(Ok(_)) => self.notifiers.push(Notifier::Desktop),
            Some(Err(CommandError::NotFound)) | None => {}
            Some(Err(_)) => self.failed.push(Notifier::Desktop),
        }
    }

    /// Adds the daemon's reply about the boards. A missing board is not a failure.
    pub(super) fn note_boards(&mut self, reply: &Result<Reply, ConnectionError>) {
        match reply {
            Ok(Reply::NotifyResult { delivered: true, .. }) => {
                self.notifiers.push(Notifier::Terminal);
            }
            Ok(Reply::NotifyResult { subscribers: 0, .. }) => {}
            _ => self.failed.push(Notifier::Terminal),
        }
    }

    /// Returns false if the desktop could not be notified.
    pub(super) fn is_delivered(&self) -> bool {
        !self.failed.contains(&Notifier::Desktop)
    }

    /// Returns a report for each session.
    pub(super) fn reports(&self, rows: &[Session], content: bool) -> Vec<NotificationReport> {
        let report = |row: &Session| NotificationReport {
            key: row.key.clone(),
            name: row.name.clone(),
            status: row.status,
            text: message(from_ref(row), 0, content)
                .map(|message| message.text)
                .unwrap_or_default(),
            notifiers: self.notifiers.clone(),
            failed: self.failed.clone(),
            suppressed: self.suppressed,
        };
        rows.iter().map(report).collect()
    }
}

/// Sends the reports to the daemon, over `connection` if there is one. Starts no daemon. Ignores a failure, because the
/// user has been notified already.
pub(super) fn record(notifications: Vec<NotificationReport>, connection: Option<Connection>) {
    let connect = || Connection::new(daemon_locator().ok()?.connect().ok()?).ok();
    if notifications.is_empty() {
        return;
    }
    let Some(mut connection) = connection.or_else(connect) else { return };
    let request = Request::AddNotifications(AddNotificationsRequest { notifications });
    if connection.send(&request).is_ok() {
        // The daemon checks this process, which must run until then. Any reply shows that the check is done.
        let _ = connection.ask(&Request::HELLO, RECEIVE_TIMEOUT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crewboard_core::{RowKey, Status};

    #[test]
    fn report_says_which_notifiers_notified_and_failed() {
        let result = |delivered, subscribers| Ok(Reply::NotifyResult { delivered, subscribers });
        let silent = Err(ConnectionError::Closed);
        let (desktop, terminal) = (vec![Notifier::Desktop], vec![Notifier::Terminal]);
        for (desktop_result, boards, notifiers, failed) in [
            (Some(Ok(None)), result(true, 1), [desktop.clone(), terminal.clone()].concat(), vec![]),
            (Some(Err(CommandError::NotFound)), result(false, 0), vec![], vec![]),
            (None, result(false, 2), vec![], terminal.clone()),
            (Some(Err(CommandError::TimedOut)), silent, vec![], [desktop, terminal].concat()),
        ] {
            let mut outcome = Outcome::default();
            outcome.note_desktop(desktop_result.as_ref());
            outcome.note_boards(&boards);
            let is_delivered = !failed.contains(&Notifier::Desktop);
            assert_eq!((&outcome.notifiers, &outcome.failed), (&notifiers, &failed));
            assert_eq!(outcome.is_delivered(), is_delivered);
        }
    }

    #[test]
    fn report_has_the_text_of_the_notification() {
        let row = Session {
            key: RowKey::new("kaaaa"),
            name: "shop".to_owned(),
            status: Status::Done,
            activity: Some("All tests pass.".to_owned()),
            ..Session::default()
        };
        let quiet = Outcome::suppressed(Suppressed::QuietHours);
        let texts =
            [false, true].map(|content| quiet.reports(from_ref(&row), content).remove(0).text);
        assert_eq!(texts, ["It has finished.", "All tests pass."]);
    }
}

use crewboard_core::{MAX_LINE, RowKey, Status, Timestamp, excerpt};
use serde::{Deserialize, Serialize};

/// A way in which a notification reaches the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notifier {
    /// The notifier of the desktop.
    Desktop,
    /// A board, which writes to its terminal.
    Terminal,
    /// A notifier of a newer program.
    #[serde(other)]
    Other,
}

/// The reason why the user was not notified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Suppressed {
    /// The user looked at the session's pane.
    InFront,
    /// The notification fell into the quiet hours.
    QuietHours,
    /// A reason of a newer program.
    #[serde(other)]
    Other,
}

/// A notification about one session, and its result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotificationReport {
    pub key: RowKey,
    pub name: String,
    pub status: Status,
    pub text: String,
    /// The notifiers that notified the user.
    #[serde(default)]
    pub notifiers: Vec<Notifier>,
    /// The notifiers that failed.
    #[serde(default)]
    pub failed: Vec<Notifier>,
    #[serde(default)]
    pub suppressed: Option<Suppressed>,
}

/// A notification that the daemon remembers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotificationRecord {
    /// The time at which the daemon received the report, in Unix milliseconds.
    pub at: Timestamp,
    #[serde(flatten)]
    pub report: NotificationReport,
}

impl NotificationReport {
    /// Cleans and bounds every text, because any client can send a report.
    pub fn sanitise(&mut self) {
        self.key = RowKey::new(self.key.as_str());
        self.name = excerpt(&self.name, MAX_LINE);
        self.text = excerpt(&self.text, MAX_LINE);
        for notifiers in [&mut self.notifiers, &mut self.failed] {
            notifiers.truncate(Notifier::COUNT);
            notifiers.shrink_to_fit();
        }
    }
}

impl Notifier {
    /// The number of notifiers.
    const COUNT: usize = 3;
}

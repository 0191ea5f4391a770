//! Decides which sessions the user is notified about and when, and which sessions the rules run for. The policy sees
//! each change itself and does not depend on any client.

use crate::policy::unseen::UnseenResults;
use crate::policy::wait::WaitGoal;
use crate::session::identity::RowKey;
use crate::session::status::Status;
use crate::session::{Session, Subagent};
use crate::store::{Change, ChangeKind};
use crate::time::Now;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};

/// Milliseconds for which a session must be `done` before a notification. A queued prompt starts within them.
const DONE_MS: u64 = 1000;

/// Milliseconds after a notification within which further sessions are collected into one notification.
const BURST_MS: u64 = 2000;

/// Milliseconds for which a done session waits for its subagents at most. The event of a subagent's end may be dropped.
const SUBAGENTS_MS: u64 = 600_000;

/// Sessions in one notification, for each of its purposes.
const MAX_SESSIONS: usize = 16;

/// The statuses that cause notifications and run rules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NotificationSettings {
    /// The user is notified about a session that needs them in one of these statuses.
    pub user_statuses: Vec<Status>,
    /// Rules run when a session enters one of these statuses.
    pub rule_statuses: WaitGoal,
}

/// Sessions for one notification, sessions for which rules run, and sessions at which the user may be looking.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Notification {
    /// The sessions for the notification, longest wait first.
    pub for_user: Vec<Session>,
    /// The number of further sessions for the notification.
    pub more: usize,
    /// The sessions that entered a status for which rules run, as they were then.
    pub for_rules: Vec<Session>,
    /// Done and failed sessions that are not seen, and whose terminal reports which pane the user looks at.
    #[serde(default)]
    pub unseen: Vec<Session>,
}

/// Notifications that are pending, and sessions that the user was notified about.
#[derive(Debug, Default)]
pub struct NotificationPolicy {
    settings: NotificationSettings,
    /// Sessions that need the user and have a notification, sent or pending.
    notified: HashSet<RowKey>,
    /// Notifications that are not sent yet.
    pending: HashMap<RowKey, Pending>,
    /// Done sessions for which rules run if they stay done.
    pending_rules: HashMap<RowKey, Pending>,
    /// Sessions for which rules run now.
    due_rules: Vec<Session>,
    /// Results that the user has not seen, which a terminal may report as seen.
    unseen: UnseenResults,
    /// The earliest time of the next notification, in microseconds since this boot.
    quiet_until: u64,
}

#[derive(Debug, Clone, Copy)]
struct Pending {
    /// The session's status. Another status cancels the notification.
    status: Status,
    /// The time at which the notification is due, in microseconds since this boot.
    due: u64,
    /// The session is done, and its subagents still work.
    awaits_subagents: bool,
}

impl NotificationPolicy {
    /// Replaces the settings.
    pub fn set_settings(&mut self, settings: NotificationSettings) {
        self.settings = settings;
    }

    /// Updates the policy with a change and the present session.
    pub fn apply_change(&mut self, change: &Change, row: Option<&Session>, now: Now) {
        let (ChangeKind::Updated, Some(row)) = (change.kind, row) else {
            return self.remove(&change.key);
        };
        self.unseen.apply_change(change, row);
        if let Some(passed) = change.passed_through(row)
            && row.teammate.is_none()
            && self.settings.rule_statuses.statuses.contains(&passed.status)
        {
            // The session is closed, so that no prompt can follow.
            self.due_rules.push(passed);
        }
        self.end_subagent_wait(row, now);
        let entered = change.transition.filter(|entered| entered.status == row.status);
        if let Some(transition) = change.transition {
            self.pending_rules.remove(&row.key);
            let goal = &self.settings.rule_statuses;
            let wanted = goal.statuses.contains(&transition.status)
                || goal.needs_you && row.needs_you && entered.is_some();
            // The lead's session stands for a teammate's prompts and gets its results.
            let belongs_to_lead = row.teammate.is_some()
                && !row.needs_you
                && (transition.status.is_prompt() || transition.status.needs_you_until_seen());
            let wanted = wanted && !belongs_to_lead;
            if wanted && transition.status == Status::Done {
                self.pending_rules.insert(row.key.clone(), Pending::new(row, now));
            } else if wanted {
                let (status, since) = (transition.status, transition.at);
                // The session may have left this status already.
                let needs_you = row.needs_you && entered.is_some();
                self.due_rules.push(Session { status, since, needs_you, ..row.clone() });
            }
        }
        if !row.needs_you {
            // A dismissed session that is shown again does not notify the user twice.
            if !row.hides_need() {
                self.notified.remove(&row.key);
            }
            self.pending.remove(&row.key);
            return;
        }
        let is_newer = self.notified.insert(row.key.clone()) || entered.is_some();
        if is_newer && self.settings.user_statuses.contains(&row.status) {
            self.pending.insert(row.key.clone(), Pending::new(row, now));
        }
    }

    /// Updates the policy with a mark of the user.
    pub fn apply_mark(&mut self, change: &Change, row: Option<&Session>, now: Now) {
        if row.is_some_and(|row| row.needs_you) {
            // The user knows of a session that they mark: no notification when they wake it, or undo `seen`.
            self.notified.insert(change.key.clone());
        }
        self.apply_change(change, row, now);
    }

    /// Shortens the wait of a done session whose last subagent has ended without waking it.
    fn end_subagent_wait(&mut self, row: &Session, now: Now) {
        for pending in [&mut self.pending, &mut self.pending_rules] {
            let waiting = pending.get_mut(&row.key).filter(|pending| pending.awaits_subagents);
            if let Some(waiting) = waiting.filter(|pending| pending.status == row.status) {
                let Pending { due, awaits_subagents, .. } = Pending::new(row, now);
                *waiting = Pending { due: due.min(waiting.due), awaits_subagents, ..*waiting };
            }
        }
    }

    /// Adds a restored session. An earlier daemon has sent its notification already.
    pub fn add_restored(&mut self, change: &Change, row: Option<&Session>, now: Now) {
        let Some(row) = row.filter(|row| row.needs_you) else { return };
        self.unseen.add(row);
        self.notified.insert(change.key.clone());
        // The notification of a session that waited for its subagents was not sent.
        if has_working_subagents(row) && self.settings.user_statuses.contains(&row.status) {
            self.pending.insert(change.key.clone(), Pending::new(row, now));
        }
    }

    fn remove(&mut self, key: &RowKey) {
        self.notified.remove(key);
        self.pending.remove(key);
        self.pending_rules.remove(key);
        self.unseen.remove(key);
    }

    /// Returns the milliseconds until a notification may be due.
    pub fn next_deadline(&self, now: Now) -> Option<u64> {
        if !self.due_rules.is_empty() {
            return Some(0);
        }
        let notifications = self.pending.values().map(|pending| pending.due.max(self.quiet_until));
        let rules = self.pending_rules.values().map(|pending| pending.due);
        let first = notifications.chain(rules).chain(self.unseen.next_deadline()).min();
        Some(first?.saturating_sub(now.stamp.micros).div_ceil(1000))
    }

    /// Returns and removes the notifications that are due. `row` finds a session by its key.
    pub fn take_due<'a>(
        &mut self,
        now: Now,
        row: impl Fn(&RowKey) -> Option<&'a Session>,
    ) -> Vec<Notification> {
        let mut for_rules = std::mem::take(&mut self.due_rules);
        for_rules.extend(remove_due(&mut self.pending_rules, now, &row));
        let mut for_user = Vec::new();
        if self.quiet_until <= now.stamp.micros {
            for_user = remove_due(&mut self.pending, now, &row);
        }
        if !for_user.is_empty() {
            self.quiet_until = now.stamp.micros + BURST_MS * 1000;
        }
        let unseen = self.unseen.take_due(now, &for_user, &row);
        let more = for_user.len().saturating_sub(MAX_SESSIONS);
        for_user.truncate(MAX_SESSIONS);
        let mut for_rules = for_rules.chunks(MAX_SESSIONS).map(<[Session]>::to_vec);
        let first = Notification {
            for_user,
            more,
            for_rules: for_rules.next().unwrap_or_default(),
            unseen,
        };
        let rest = for_rules.map(|for_rules| Notification { for_rules, ..Notification::default() });
        std::iter::once(first)
            .chain(rest)
            .filter(|notification| {
                let Notification { for_user, for_rules, unseen, .. } = notification;
                [for_user, for_rules, unseen].iter().any(|rows| !rows.is_empty())
            })
            .collect()
    }
}

/// Removes the entries that are due. Returns the sessions that still have the entry's status, longest wait first.
fn remove_due<'a>(
    pending: &mut HashMap<RowKey, Pending>,
    now: Now,
    row: &impl Fn(&RowKey) -> Option<&'a Session>,
) -> Vec<Session> {
    let due = pending.extract_if(|_, pending| pending.due <= now.stamp.micros);
    let mut rows: Vec<Session> = due
        .filter_map(|(key, pending)| row(&key).filter(|row| row.status == pending.status))
        .cloned()
        .collect();
    rows.sort_by(Session::compare_for_list);
    rows
}

/// Returns true if the session is done and its subagents still work.
fn has_working_subagents(row: &Session) -> bool {
    let works = |subagent: &Subagent| subagent.status == Status::Working;
    row.status == Status::Done && !row.headless && row.subagents.iter().any(works)
}

impl Pending {
    fn new(row: &Session, now: Now) -> Self {
        // The agent waits for its subagents, continues when they end, and is done once more.
        let awaits_subagents = has_working_subagents(row);
        let wait = match row.status {
            Status::Done if awaits_subagents => SUBAGENTS_MS,
            // A headless session shows `done` only after some time, and its process may end at once.
            Status::Done if !row.headless => DONE_MS,
            _ => 0,
        };
        Self { status: row.status, due: now.stamp.micros + wait * 1000, awaits_subagents }
    }
}

#[cfg(test)]
mod tests;

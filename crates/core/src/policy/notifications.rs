//! Whom to tell, and when: a person of what needs them, and the user's own commands of every status
//! they are for. Decided at each change, never on what a view was told.

use crate::policy::wait::WaitGoal;
use crate::session::identity::RowKey;
use crate::session::status::Status;
use crate::session::{Session, Subagent};
use crate::store::{Change, ChangeKind};
use crate::time::Now;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};

/// Milliseconds for which a session must have been done before anybody is told: a queued prompt goes
/// on within them.
const DONE_MS: u64 = 1000;

/// Milliseconds after a person was told in which what else needs them is collected, to be told at once.
const BURST_MS: u64 = 2000;

/// The most milliseconds for which one that is done waits for its helpers: the word of a helper's end may be lost.
const HELPERS_MS: u64 = 600_000;

/// SessionStore in one announcement, for each of its two purposes.
const MAX_ANNOUNCED: usize = 16;

/// What is to be told at all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NotificationSettings {
    /// A person is told of a session that needs them in one of these.
    pub person: Vec<Status>,
    /// Commands run when a session enters one of these.
    pub commands: WaitGoal,
}

/// What is told at once.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Notification {
    /// The sessions a person is to be told of, longest wait first.
    pub person: Vec<Session>,
    /// How many more there are of these.
    pub more: usize,
    /// The sessions that entered a status which commands run for, as they were then.
    pub commands: Vec<Session>,
}

/// What has been told, and what is still to be told.
#[derive(Debug, Default)]
pub struct NotificationPolicy {
    interest: NotificationSettings,
    /// Rows that need somebody, who has been or will be told so.
    called: HashSet<RowKey>,
    /// Of these, what a person has not been told yet.
    person: HashMap<RowKey, Waiting>,
    /// Done, and commands run for that if it stays so.
    settling: HashMap<RowKey, Waiting>,
    entered: Vec<Session>,
    /// When a person may be told again, in microseconds since this boot.
    quiet_until: u64,
}

#[derive(Debug, Clone, Copy)]
struct Waiting {
    /// The row's; another one ends the wait.
    status: Status,
    /// From when it is to be told, in microseconds since this boot.
    from: u64,
    /// It is done, and its helpers are not.
    held: bool,
}

impl NotificationPolicy {
    /// What is to be told from now on.
    pub fn interest(&mut self, interest: NotificationSettings) {
        self.interest = interest;
    }

    /// Takes in a change, and the row as it is now.
    pub fn note(&mut self, change: &Change, row: Option<&Session>, now: Now) {
        let (ChangeKind::Updated, Some(row)) = (change.kind, row) else {
            return self.forget(&change.key);
        };
        if let Some(passed) = change.passed_through(row)
            && row.teammate.is_none()
            && self.interest.commands.statuses.contains(&passed.status)
        {
            // It stays so: no prompt follows.
            self.entered.push(passed);
        }
        self.go_on_waiting(row, now);
        let entered = change.transition.filter(|entered| entered.status == row.status);
        if let Some(transition) = change.transition {
            self.settling.remove(&row.key);
            let commands = &self.interest.commands;
            let wanted = commands.statuses.contains(&transition.status)
                || commands.needs_you && row.needs_you && entered.is_some();
            // Its lead's row tells what a teammate asks, and is told what became of it.
            let is_its_leads = row.teammate.is_some()
                && !row.needs_you
                && (transition.status.is_prompt() || transition.status.needs_you_until_seen());
            let wanted = wanted && !is_its_leads;
            if wanted && transition.status == Status::Done {
                self.settling.insert(row.key.clone(), Waiting::of(row, now));
            } else if wanted {
                let (status, since) = (transition.status, transition.at);
                // Of one passed through at once nobody needs to know.
                let needs_you = row.needs_you && entered.is_some();
                self.entered.push(Session { status, since, needs_you, ..row.clone() });
            }
        }
        if !row.needs_you {
            self.called.remove(&row.key);
            self.person.remove(&row.key);
            return;
        }
        let is_news = self.called.insert(row.key.clone()) || entered.is_some();
        if is_news && self.interest.person.contains(&row.status) {
            self.person.insert(row.key.clone(), Waiting::of(row, now));
        }
    }

    /// The last helper of a session that was done has ended, and left it at that.
    fn go_on_waiting(&mut self, row: &Session, now: Now) {
        for waiting in [&mut self.person, &mut self.settling] {
            let held = waiting.get_mut(&row.key).filter(|waiting| waiting.held);
            if let Some(waiting) = held.filter(|waiting| waiting.status == row.status) {
                let Waiting { from, held, .. } = Waiting::of(row, now);
                *waiting = Waiting { from: from.min(waiting.from), held, ..*waiting };
            }
        }
    }

    /// Takes in a row that somebody gave back: whom it needs has been told by an earlier daemon.
    pub fn note_restored(&mut self, change: &Change, row: Option<&Session>, now: Now) {
        let Some(row) = row.filter(|row| row.needs_you) else { return };
        self.called.insert(change.key.clone());
        // Of one that waited for its helpers nobody has been told.
        if has_helpers(row) && self.interest.person.contains(&row.status) {
            self.person.insert(change.key.clone(), Waiting::of(row, now));
        }
    }

    fn forget(&mut self, key: &RowKey) {
        self.called.remove(key);
        self.person.remove(key);
        self.settling.remove(key);
    }

    /// Milliseconds until there may be something to tell.
    pub fn next_deadline(&self, now: Now) -> Option<u64> {
        if !self.entered.is_empty() {
            return Some(0);
        }
        let person = self.person.values().map(|waiting| waiting.from.max(self.quiet_until));
        let first = person.chain(self.settling.values().map(|waiting| waiting.from)).min();
        Some(first?.saturating_sub(now.stamp.micros).div_ceil(1000))
    }

    /// What is to be told now; `row` gives a row as it is.
    pub fn due<'a>(
        &mut self,
        now: Now,
        row: impl Fn(&RowKey) -> Option<&'a Session>,
    ) -> Vec<Notification> {
        let mut commands = std::mem::take(&mut self.entered);
        commands.extend(take_due(&mut self.settling, now, &row));
        let mut person = Vec::new();
        if self.quiet_until <= now.stamp.micros {
            person = take_due(&mut self.person, now, &row);
        }
        if !person.is_empty() {
            self.quiet_until = now.stamp.micros + BURST_MS * 1000;
        }
        let more = person.len().saturating_sub(MAX_ANNOUNCED);
        person.truncate(MAX_ANNOUNCED);
        let mut commands = commands.chunks(MAX_ANNOUNCED).map(<[Session]>::to_vec);
        let first = Notification { person, more, commands: commands.next().unwrap_or_default() };
        let rest = commands.map(|commands| Notification { commands, ..Notification::default() });
        std::iter::once(first)
            .chain(rest)
            .filter(|one| !one.person.is_empty() || !one.commands.is_empty())
            .collect()
    }
}

/// Takes out what has waited long enough; the rows of which it still holds, longest wait first.
fn take_due<'a>(
    waiting: &mut HashMap<RowKey, Waiting>,
    now: Now,
    row: &impl Fn(&RowKey) -> Option<&'a Session>,
) -> Vec<Session> {
    let due = waiting.extract_if(|_, waiting| waiting.from <= now.stamp.micros);
    let mut rows: Vec<Session> = due
        .filter_map(|(key, waiting)| row(&key).filter(|row| row.status == waiting.status))
        .cloned()
        .collect();
    rows.sort_by(Session::compare_for_list);
    rows
}

/// Whether it is done, and subagents of it still work.
fn has_helpers(row: &Session) -> bool {
    let works = |helper: &Subagent| helper.status == Status::Working;
    row.status == Status::Done && !row.headless && row.subagents.iter().any(works)
}

impl Waiting {
    fn of(row: &Session, now: Now) -> Self {
        // The agent itself waits for its helpers, goes on when they are done, and is done once more.
        let held = has_helpers(row);
        let wait = match row.status {
            Status::Done if held => HELPERS_MS,
            // It has stood for a while by the time a headless one is shown as done, and the process may end at once.
            Status::Done if !row.headless => DONE_MS,
            _ => 0,
        };
        Self { status: row.status, from: now.stamp.micros + wait * 1000, held }
    }
}

#[cfg(test)]
mod tests;

//! The number of sessions in each category. Every view shows the same counts.

use crate::session::Session;
use crate::session::status::Status;
use serde::Serialize;

/// The category in which a session counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CountCategory {
    /// The session needs the user because of this status.
    Needs(Status),
    Working,
    Idle,
    /// The session does not count: it is dismissed, closed or seen.
    NotCounted,
}

impl Session {
    /// Returns the category in which the session counts.
    pub fn counted(&self) -> CountCategory {
        match self.status {
            _ if self.dismissed => CountCategory::NotCounted,
            status if self.needs_you => CountCategory::Needs(status),
            Status::Working => CountCategory::Working,
            Status::Idle => CountCategory::Idle,
            _ => CountCategory::NotCounted,
        }
    }
}

/// The number of sessions in each category. The prompts, `failed` and `done` count sessions that need the user.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub needs_you: usize,
    pub permission: usize,
    pub question: usize,
    pub plan: usize,
    pub failed: usize,
    pub done: usize,
    pub working: usize,
    pub idle: usize,
}

impl Counts {
    /// Counts sessions.
    pub fn of<'a>(rows: impl IntoIterator<Item = &'a Session>) -> Self {
        let mut counts = Self::default();
        for row in rows {
            let count = match row.counted() {
                CountCategory::Needs(status) => {
                    counts.needs_you += 1;
                    match status {
                        Status::Permission => &mut counts.permission,
                        Status::Question => &mut counts.question,
                        Status::Plan => &mut counts.plan,
                        Status::Failed => &mut counts.failed,
                        _ => &mut counts.done,
                    }
                }
                CountCategory::Working => &mut counts.working,
                CountCategory::Idle => &mut counts.idle,
                CountCategory::NotCounted => continue,
            };
            *count += 1;
        }
        counts
    }

    /// Returns the counts that are not zero, most urgent first.
    pub fn by_status(&self) -> Vec<(Status, usize)> {
        let all = [
            (Status::Permission, self.permission),
            (Status::Question, self.question),
            (Status::Plan, self.plan),
            (Status::Failed, self.failed),
            (Status::Done, self.done),
            (Status::Working, self.working),
            (Status::Idle, self.idle),
        ];
        all.into_iter().filter(|(_, count)| *count > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(status: Status, needs_you: bool, dismissed: bool) -> Session {
        Session { status, needs_you, dismissed, ..Session::default() }
    }

    #[test]
    fn each_session_counts_in_one_category() {
        use Status::{Closed, Done, Failed, Idle, Permission, Plan, Question, Working};
        let rows = [
            row(Permission, true, false),
            row(Permission, true, false),
            row(Question, true, false),
            row(Plan, true, false),
            row(Failed, true, false),
            row(Done, true, false),
            row(Working, false, false),
            row(Idle, false, false),
            // Seen, snoozed, dismissed or closed.
            row(Done, false, false),
            row(Permission, false, false),
            row(Working, false, true),
            row(Done, true, true),
            row(Closed, false, false),
        ];
        let counts = Counts::of(&rows);
        assert_eq!(
            counts.by_status(),
            [
                (Permission, 2),
                (Question, 1),
                (Plan, 1),
                (Failed, 1),
                (Done, 1),
                (Working, 1),
                (Idle, 1)
            ]
        );
        assert_eq!(counts.needs_you, 6);
        assert_eq!(Counts::of([]).by_status(), []);
    }
}

use crate::session::Session;
use crate::session::identity::RowKey;
use crate::session::status::Status;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// The goal of a wait.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct WaitGoal {
    /// One of these statuses.
    pub statuses: Vec<Status>,
    /// Any status that needs the user.
    pub needs_you: bool,
}

/// The distance of one session from a goal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitProgress {
    /// The session has reached the goal.
    Reached,
    /// The session waits for the user, or has failed.
    Blocked,
    /// The session has closed.
    Closed,
    /// The session may still reach the goal.
    NotYet,
}

impl WaitGoal {
    /// Returns how far `session` is from this goal.
    pub fn reach(&self, session: &Session) -> WaitProgress {
        if self.statuses.contains(&session.status) || self.needs_you && session.needs_you {
            WaitProgress::Reached
        } else if session.status == Status::Closed {
            WaitProgress::Closed
        } else if session.status.is_prompt() || session.status == Status::Failed {
            WaitProgress::Blocked
        } else {
            WaitProgress::NotYet
        }
    }
}

/// The number of sessions that must reach the goal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WaitScope {
    /// One session.
    Any,
    /// All sessions. The first one that is blocked or closed ends the wait.
    All,
}

/// The outcome of a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WaitOutcome {
    /// The goal is reached.
    Reached,
    /// A session waits for the user, or has failed.
    Blocked,
    /// A session has closed or was removed.
    Closed,
}

/// A wait in progress. The daemon calls [`Wait::observe`] after every transition.
#[derive(Debug, Clone)]
pub struct Wait {
    goal: WaitGoal,
    scope: WaitScope,
    /// The sessions that the wait is for, and whether each has reached the goal.
    rows: HashMap<RowKey, bool>,
    /// Sessions that start later count too.
    includes_new: bool,
}

impl Wait {
    /// Creates a wait for the sessions in `keys`. The caller then calls [`Wait::observe`] for each of them.
    pub fn new(goal: WaitGoal, scope: WaitScope, keys: Vec<RowKey>, includes_new: bool) -> Self {
        let rows = keys.into_iter().map(|key| (key, false)).collect();
        Self { goal, scope, rows, includes_new }
    }

    /// Returns the number of sessions that the wait remembers.
    pub fn remembered(&self) -> usize {
        self.rows.len()
    }

    /// Marks sessions that reached the goal before the wait began.
    pub fn have_reached(&mut self, keys: impl IntoIterator<Item = RowKey>) {
        self.rows.extend(keys.into_iter().map(|key| (key, true)));
    }

    /// Updates the wait with the present state of a session. An outcome ends the wait.
    pub fn observe(&mut self, session: &Session) -> Option<WaitOutcome> {
        if !self.rows.contains_key(&session.key) {
            if !self.includes_new {
                return None;
            }
            // A wait for any session ends with the first that reaches the goal, and does not track the others.
            if self.scope == WaitScope::All {
                self.rows.insert(session.key.clone(), false);
            }
        }
        match (self.goal.reach(session), self.scope) {
            (WaitProgress::Reached, WaitScope::Any) => Some(WaitOutcome::Reached),
            (WaitProgress::Reached, WaitScope::All) => {
                self.rows.insert(session.key.clone(), true);
                self.rows.values().all(|reached| *reached).then_some(WaitOutcome::Reached)
            }
            (WaitProgress::NotYet, _) | (WaitProgress::Blocked, WaitScope::Any) => None,
            _ if self.rows.get(&session.key) == Some(&true) => None,
            (WaitProgress::Blocked, WaitScope::All) => Some(WaitOutcome::Blocked),
            (WaitProgress::Closed, WaitScope::All) => Some(WaitOutcome::Closed),
            (WaitProgress::Closed, WaitScope::Any) => self.remove_unreached(&session.key),
        }
    }

    /// Updates the wait after a session was removed.
    pub fn removed(&mut self, key: &RowKey) -> Option<WaitOutcome> {
        match (self.rows.get(key), self.scope) {
            (None, _) => None,
            (Some(true), _) => {
                self.rows.remove(key);
                None
            }
            (Some(false), WaitScope::All) => Some(WaitOutcome::Closed),
            (Some(false), WaitScope::Any) => self.remove_unreached(key),
        }
    }

    /// Replaces the key `from` of an earlier daemon by the session's key `to`. Returns false if the wait is not for
    /// that session, or if the session has reached the goal.
    pub fn rename(&mut self, from: &RowKey, to: &RowKey) -> bool {
        let Some(reached) = self.rows.remove(from) else { return false };
        let known = self.rows.entry(to.clone()).or_default();
        *known |= reached;
        !*known
    }

    fn remove_unreached(&mut self, key: &RowKey) -> Option<WaitOutcome> {
        self.rows.remove(key);
        (self.rows.is_empty() && !self.includes_new).then_some(WaitOutcome::Closed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(key: &str, status: Status) -> Session {
        Session {
            key: RowKey::new(key),
            status,
            needs_you: status.is_prompt() || status.needs_you_until_seen(),
            ..Session::default()
        }
    }

    fn keys(names: &[&str]) -> Vec<RowKey> {
        names.iter().map(|name| RowKey::new(name)).collect()
    }

    /// Updates the wait with each session and status in turn. Returns the outcome and the number of steps.
    fn run(mut wait: Wait, shown: &[(&str, Status)]) -> Option<(WaitOutcome, usize)> {
        shown.iter().enumerate().find_map(|(index, (key, status))| {
            wait.observe(&row(key, *status)).map(|outcome| (outcome, index + 1))
        })
    }

    type Case<'a> = (
        WaitGoal,
        WaitScope,
        &'a [&'a str],
        bool,
        &'a [(&'a str, Status)],
        Option<(WaitOutcome, usize)>,
    );

    #[test]
    fn wait_ends_with_the_expected_outcome() {
        use Status::{Closed, Done, Failed, Idle, Permission, Working};
        use WaitOutcome as O;
        use WaitScope::{All, Any};
        let done = || WaitGoal { statuses: vec![Done], needs_you: false };
        let needs_you = || WaitGoal { statuses: vec![], needs_you: true };
        let cases: &[Case<'_>] = &[
            (done(), All, &["a"], false, &[("a", Done)], Some((O::Reached, 1))),
            (
                done(),
                All,
                &["a"],
                false,
                &[("a", Working), ("b", Done), ("a", Done)],
                Some((O::Reached, 3)),
            ),
            (done(), All, &["a"], false, &[("a", Permission)], Some((O::Blocked, 1))),
            (done(), All, &["a"], false, &[("a", Failed)], Some((O::Blocked, 1))),
            (done(), All, &["a"], false, &[("a", Idle), ("a", Closed)], Some((O::Closed, 2))),
            (
                needs_you(),
                All,
                &["a"],
                false,
                &[("a", Working), ("a", Permission)],
                Some((O::Reached, 2)),
            ),
            // All: each session has to reach the goal once, and the first that cannot ends the wait.
            (
                done(),
                All,
                &["a", "b"],
                false,
                &[("a", Done), ("a", Working), ("b", Done)],
                Some((O::Reached, 3)),
            ),
            (
                done(),
                All,
                &["a", "b"],
                false,
                &[("a", Done), ("a", Closed), ("b", Permission)],
                Some((O::Blocked, 3)),
            ),
            // Any: the first session that reaches the goal ends the wait. A closed session cannot.
            (
                done(),
                Any,
                &["a", "b"],
                false,
                &[("a", Permission), ("b", Done)],
                Some((O::Reached, 2)),
            ),
            (
                done(),
                Any,
                &["a", "b"],
                false,
                &[("a", Closed), ("b", Closed)],
                Some((O::Closed, 2)),
            ),
            (
                done(),
                Any,
                &["a"],
                true,
                &[("a", Closed), ("n", Working), ("n", Done)],
                Some((O::Reached, 3)),
            ),
            (done(), Any, &["a"], false, &[("n", Done), ("a", Working)], None),
            (done(), All, &[], true, &[("n", Working), ("n", Done)], Some((O::Reached, 2))),
        ];
        for (goal, scope, rows, new, shown, expected) in cases {
            let wait = Wait::new(goal.clone(), *scope, keys(rows), *new);
            assert_eq!(run(wait, shown), *expected, "{goal:?} {scope:?} {rows:?} {shown:?}");
        }
    }

    #[test]
    fn session_that_reached_the_goal_before_counts() {
        let goal = WaitGoal { statuses: vec![Status::Done], needs_you: false };
        let mut wait = Wait::new(goal, WaitScope::All, keys(&["a", "b"]), true);
        wait.have_reached(keys(&["a", "new"]));
        for key in ["a", "new"] {
            assert_eq!(wait.observe(&row(key, Status::Permission)), None);
            assert_eq!(wait.removed(&RowKey::new(key)), None);
        }
        assert_eq!(wait.observe(&row("b", Status::Done)), Some(WaitOutcome::Reached));
    }

    #[test]
    fn removed_session_counts_as_closed() {
        let goal = WaitGoal { statuses: vec![Status::Done], needs_you: false };
        let mut wait = Wait::new(goal.clone(), WaitScope::All, keys(&["a"]), false);
        assert_eq!(wait.removed(&RowKey::new("b")), None);
        assert_eq!(wait.removed(&RowKey::new("a")), Some(WaitOutcome::Closed));
        let mut wait = Wait::new(goal, WaitScope::Any, keys(&["a", "b"]), false);
        assert_eq!(wait.removed(&RowKey::new("a")), None);
        assert_eq!(wait.removed(&RowKey::new("b")), Some(WaitOutcome::Closed));
    }

    #[test]
    fn wait_for_new_sessions_remembers_few() {
        let goal = WaitGoal { statuses: vec![Status::Done], needs_you: false };
        for (scope, at_most) in [(WaitScope::Any, 0), (WaitScope::All, 2)] {
            let mut wait = Wait::new(goal.clone(), scope, Vec::new(), true);
            for number in 0..100 {
                let (key, last) = (format!("row{number}"), format!("row{}", number + 1));
                assert_eq!(wait.observe(&row(&last, Status::Working)), None);
                if scope == WaitScope::All && number > 0 {
                    assert_eq!(wait.observe(&row(&key, Status::Done)), None);
                    assert_eq!(wait.removed(&RowKey::new(&key)), None);
                }
                assert!(wait.remembered() <= at_most, "{scope:?}: {}", wait.remembered());
            }
        }
    }
}

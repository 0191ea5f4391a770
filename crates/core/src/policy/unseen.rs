//! Decides when to ask the terminals whether the user looks at a session that is done or failed. A turn that ends in
//! front of the user needs no mark and no notification.

use crate::session::Session;
use crate::session::identity::RowKey;
use crate::store::Change;
use crate::time::Now;
use std::collections::HashSet;

/// Terminals that report which pane has the focus. zellij reports neither the focus nor the last key press.
const REPORTING_TERMINALS: [&str; 3] = ["tmux", "kitty", "wezterm"];

/// Milliseconds between two checks. Each check starts a process, and several sessions a second may become done.
const CHECK_INTERVAL_MS: u64 = 250;

/// Sessions that one process asks the terminals about.
const MAX_SESSIONS: usize = 16;

/// Done and failed sessions that the user has not seen, in terminals that report the focus.
#[derive(Debug, Default)]
pub(crate) struct UnseenResults {
    rows: HashSet<RowKey>,
    /// The first sessions that became done or failed since the last check.
    due: Vec<RowKey>,
    /// The earliest time of the next check, in microseconds since this boot.
    next_check: u64,
}

impl UnseenResults {
    /// Updates the set with a change and the present session.
    pub(crate) fn apply_change(&mut self, change: &Change, row: &Session) {
        if !row.needs_you {
            self.rows.remove(&row.key);
        }
        let has_entered = change.transition.is_some_and(|entered| entered.status == row.status);
        // A check also covers the newest of the sessions that are not due.
        if self.add(row)
            && has_entered
            && self.due.len() < MAX_SESSIONS
            && !self.due.contains(&row.key)
        {
            self.due.push(row.key.clone());
        }
    }

    /// Adds a session if it is done or failed and its terminal reports the focus. Returns true if it does.
    pub(crate) fn add(&mut self, row: &Session) -> bool {
        let is_result = row.needs_you && row.status.needs_you_until_seen();
        let reports_focus =
            row.place.terminal.as_deref().is_some_and(|name| REPORTING_TERMINALS.contains(&name));
        let fits = is_result && reports_focus;
        if fits {
            self.rows.insert(row.key.clone());
        } else {
            self.rows.remove(&row.key);
        }
        fits
    }

    pub(crate) fn remove(&mut self, key: &RowKey) {
        self.rows.remove(key);
    }

    /// Returns the time of the next check, in microseconds since this boot.
    pub(crate) fn next_deadline(&self) -> Option<u64> {
        (!self.due.is_empty()).then_some(self.next_check)
    }

    /// Returns the sessions to ask about: those that have just become done or failed, and those that still wait in the
    /// same terminal servers. If tmux has no focus events, it reports a pane as seen only after a key press, which comes
    /// after the first look. A notification about `for_user` looks once more.
    pub(crate) fn take_due<'a>(
        &mut self,
        now: Now,
        for_user: &[Session],
        row: impl Fn(&RowKey) -> Option<&'a Session>,
    ) -> Vec<Session> {
        if for_user.is_empty() && self.next_deadline().is_none_or(|at| at > now.stamp.micros) {
            return Vec::new();
        }
        self.next_check = now.stamp.micros + CHECK_INTERVAL_MS * 1000;
        let due = std::mem::take(&mut self.due);
        let mut found: Vec<&Session> =
            due.iter().filter(|key| self.rows.contains(*key)).filter_map(&row).collect();
        let servers: HashSet<_> =
            found.iter().copied().chain(for_user).map(|row| server_of(row)).collect();
        if servers.is_empty() {
            return Vec::new();
        }
        let mut others: Vec<&Session> = self.rows.iter().filter_map(&row).collect();
        others.retain(|row| !due.contains(&row.key) && servers.contains(&server_of(row)));
        // The user has most likely visited the newest.
        others.sort_by(|one, other| (other.since, &other.key).cmp(&(one.since, &one.key)));
        found.extend(others);
        found.truncate(MAX_SESSIONS);
        found.into_iter().cloned().collect()
    }
}

/// Returns the terminal and the server of a session's pane.
fn server_of(row: &Session) -> (Option<&str>, Option<&str>) {
    (row.place.terminal.as_deref(), row.place.server.as_deref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Transition;
    use crate::session::place::Place;
    use crate::session::status::Status;
    use crate::store::ChangeKind;
    use crate::time::{Stamp, Timestamp};
    use std::collections::HashMap;

    #[derive(Default)]
    struct Play {
        unseen: UnseenResults,
        rows: HashMap<RowKey, Session>,
        milliseconds: u64,
    }

    impl Play {
        /// Applies a change of a session in `terminal`, and returns the sessions to ask about.
        fn change(&mut self, key: &str, terminal: &str, status: Status, entered: bool) -> String {
            let (terminal, server) = terminal.split_once(':').unwrap_or((terminal, ""));
            let place = Place {
                terminal: Some(terminal.to_owned()),
                server: Some(server.to_owned()),
                ..Place::default()
            };
            let key = RowKey::new(key);
            let at = Timestamp(self.rows.len() as u64);
            let row = Session {
                key: key.clone(),
                status,
                since: at,
                needs_you: status.is_prompt() || status.needs_you_until_seen(),
                place,
                ..Session::default()
            };
            let transition = entered.then_some(Transition { status, at });
            let change =
                Change { key: key.clone(), kind: ChangeKind::Updated, transition, passed: None };
            self.unseen.apply_change(&change, &row);
            self.rows.insert(key, row);
            self.milliseconds += CHECK_INTERVAL_MS;
            self.take(&[])
        }

        fn take(&mut self, for_user: &[Session]) -> String {
            let stamp = Stamp { boot: 1, micros: self.milliseconds * 1000 };
            let now = Now { wall: Timestamp(self.milliseconds), stamp };
            let found = self.unseen.take_due(now, for_user, |key| self.rows.get(key));
            found.iter().map(|row| row.key.as_str()).collect::<Vec<_>>().join(" ")
        }
    }

    #[test]
    fn each_result_in_a_terminal_that_reports_is_checked() {
        let mut play = Play::default();
        assert_eq!(play.change("kaaaa", "tmux:a", Status::Working, true), "");
        assert_eq!(play.change("kaaaa", "tmux:a", Status::Permission, true), "");
        assert_eq!(play.change("kaaaa", "tmux:a", Status::Done, true), "kaaaa");
        // Other changes of the session do not ask again.
        assert_eq!(play.change("kaaaa", "tmux:a", Status::Done, false), "");
        assert_eq!(play.change("kbbbb", "kitty:b", Status::Failed, true), "kbbbb");
        assert_eq!(play.change("kcccc", "zellij:c", Status::Done, true), "");
        assert_eq!(play.change("kdddd", "wezterm:d", Status::Done, true), "kdddd");
    }

    #[test]
    fn results_of_a_burst_are_checked_together() {
        let mut play = Play::default();
        assert_eq!(play.change("kaaaa", "tmux:a", Status::Done, true), "kaaaa");
        for _ in 1..CHECK_INTERVAL_MS {
            play.milliseconds -= CHECK_INTERVAL_MS - 1;
            assert_eq!(play.change("kbbbb", "tmux:a", Status::Done, true), "");
            assert_eq!(play.unseen.due.len(), 1);
        }
        assert_eq!(play.unseen.next_deadline(), Some(2 * CHECK_INTERVAL_MS * 1000));
        play.milliseconds += 1;
        assert_eq!(play.take(&[]), "kbbbb kaaaa");
        assert_eq!((play.take(&[]).as_str(), play.unseen.next_deadline()), ("", None));
    }

    #[test]
    fn unseen_results_of_the_same_server_are_checked_again() {
        let mut play = Play::default();
        play.change("kaaaa", "tmux:a", Status::Done, true);
        assert_eq!(play.change("kbbbb", "tmux:a", Status::Done, true), "kbbbb kaaaa");
        assert_eq!(play.change("kcccc", "tmux:c", Status::Done, true), "kcccc");
        let for_user = play.rows[&RowKey::new("kcccc")].clone();
        assert_eq!(play.take(&[for_user]), "kcccc");
        // The user has seen one, and another one works again.
        play.change("kaaaa", "tmux:a", Status::Working, true);
        assert_eq!(play.change("kdddd", "tmux:a", Status::Done, true), "kdddd kbbbb");
        for index in 0..20 {
            play.change(&format!("row{index}"), "tmux:a", Status::Done, true);
        }
        assert_eq!(play.change("kzzzz", "tmux:a", Status::Done, true).split(' ').count(), 16);
    }
}

//! The waits in progress. Together they remember a bounded number of rows, whatever clients ask for.

use crate::actor::ConnectionId;
use crate::connection::MAX_OWED;
use crewboard_core::{Change, Kept, MAX_ROWS, RowKey, Session, Sessions, Status, Wait};
use crewboard_protocol::{ErrorCode, Reply, WaitRequest};
use std::collections::HashMap;

/// Waits of one connection at once. Fewer than the replies it may be owed: a connection that is owed
/// that many is not read from, so that its end would not be noticed.
pub(crate) const MAX_WAITS: usize = MAX_OWED / 2;

/// Waits of all connections at once. Every change of a row is shown to each of them.
const MAX_ALL_WAITS: usize = 1024;

/// Rows that all waits together remember. A few clients may wait for every row there can be.
const MAX_AWAITED: usize = 4 * MAX_ROWS;

/// The waits in progress, by who asked.
#[derive(Debug, Default)]
pub(crate) struct Waits {
    waits: HashMap<ConnectionId, Vec<Wait>>,
}

impl Waits {
    /// Returns how many waits are in progress.
    pub(crate) fn len(&self) -> usize {
        self.waits.values().map(Vec::len).sum()
    }

    /// Returns how many rows all waits together remember.
    pub(crate) fn remembered(&self) -> usize {
        self.waits.values().flatten().map(Wait::remembered).sum()
    }

    /// Returns whether a connection waits for something.
    pub(crate) fn has(&self, connection: ConnectionId) -> bool {
        self.waits.contains_key(&connection)
    }

    /// Forgets the waits of a connection that is over.
    pub(crate) fn remove(&mut self, connection: ConnectionId) {
        self.waits.remove(&connection);
    }

    /// Begins a wait. Returns the reply where the wait is over at once, or cannot begin.
    pub(crate) fn begin(
        &mut self,
        connection: ConnectionId,
        request: WaitRequest,
        sessions: &Sessions,
    ) -> Option<Reply> {
        let WaitRequest { goal, scope, rows, new, missing_may_come, reached } = request;
        let keys = rows.unwrap_or_else(|| {
            let open = |row: &&Session| row.status != Status::Closed;
            sessions.iter().filter(open).map(|row| row.key.clone()).collect()
        });
        if keys.len() + reached.len() > MAX_ROWS {
            return Some(busy(format!("a wait may name {MAX_ROWS} rows")));
        }
        // A key is bounded where it is made. One that a client made up may be as long as its line.
        let [keys, reached] = [keys, reached].map(|keys| {
            let bounded = keys.iter().map(|key| RowKey::new(key.as_str()));
            // A client that knew an earlier daemon may know a row by another key.
            bounded.map(|key| sessions.key_now(&key).clone()).collect::<Vec<RowKey>>()
        });
        let missing = keys.iter().find(|key| sessions.get(key).is_none());
        if !missing_may_come && let Some(missing) = missing {
            return Some(no_row(missing));
        }
        if keys.is_empty() && !new {
            let message = "there is no row to wait for".to_owned();
            return Some(Reply::Error { code: ErrorCode::NotFound, message });
        }
        if self.waits.get(&connection).is_some_and(|waits| waits.len() == MAX_WAITS) {
            return Some(busy(format!("a connection may have {MAX_WAITS} waits")));
        }
        if self.len() == MAX_ALL_WAITS {
            return Some(busy(format!("{MAX_ALL_WAITS} waits are in progress already")));
        }
        if self.remembered() + keys.len() + reached.len() > MAX_AWAITED {
            return Some(too_many_rows());
        }
        let mut rows: Vec<&Session> = keys.iter().filter_map(|key| sessions.get(key)).collect();
        rows.sort_by(|one, other| one.compare_for_list(other));
        let mut wait = Wait::new(goal, scope, keys, new);
        wait.have_reached(reached);
        for row in rows {
            if let Some(outcome) = wait.observe(row) {
                return Some(Reply::Waited { outcome, row: Box::new(row.clone()) });
            }
        }
        self.waits.entry(connection).or_default().push(wait);
        None
    }

    /// Lets every wait for the key `from`, by which an earlier daemon knew `row`, wait for that row. Returns the
    /// replies to those that end with it.
    pub(crate) fn rename(&mut self, from: &RowKey, row: &Session) -> Vec<(ConnectionId, Reply)> {
        let mut replies = Vec::new();
        for (connection, waits) in &mut self.waits {
            waits.retain_mut(|wait| {
                let outcome = if wait.rename(from, &row.key) { wait.observe(row) } else { None };
                let reply =
                    outcome.map(|outcome| Reply::Waited { outcome, row: Box::new(row.clone()) });
                let goes_on = reply.is_none();
                replies.extend(reply.map(|reply| (*connection, reply)));
                goes_on
            });
        }
        self.waits.retain(|_, waits| !waits.is_empty());
        replies
    }

    /// Shows a change to every wait. Returns the replies to those that end with it. `row` is the row as it is
    /// now, if it is still there.
    pub(crate) fn note(
        &mut self,
        change: &Change,
        row: Option<&Session>,
    ) -> Vec<(ConnectionId, Reply)> {
        let passed = row.and_then(|row| change.passed_through(row));
        let mut room = MAX_AWAITED.saturating_sub(self.remembered());
        let mut replies = Vec::new();
        for (connection, waits) in &mut self.waits {
            waits.retain_mut(|wait| {
                let before = wait.remembered();
                let reply = match change.kind {
                    Kept::Present => passed.iter().chain(row).find_map(|row| {
                        let outcome = wait.observe(row)?;
                        Some(Reply::Waited { outcome, row: Box::new(row.clone()) })
                    }),
                    // All that is left of a row that was removed is its key.
                    Kept::Removed => wait.removed(&change.key).map(|outcome| {
                        let (key, status) = (change.key.clone(), Status::Closed);
                        let row = Box::new(Session { key, status, ..Session::default() });
                        Reply::Waited { outcome, row }
                    }),
                };
                // A wait for rows that come later remembers more and more of them.
                let added = wait.remembered().saturating_sub(before);
                let reply = reply.or_else(|| (added > room).then(too_many_rows));
                let is_over = reply.is_some();
                room = if is_over { room + before } else { room - added };
                replies.extend(reply.map(|reply| (*connection, reply)));
                !is_over
            });
        }
        self.waits.retain(|_, waits| !waits.is_empty());
        replies
    }
}

/// Returns the reply to a request about a row that does not exist.
pub(crate) fn no_row(key: &RowKey) -> Reply {
    let message = format!("there is no row {key}");
    Reply::Error { code: ErrorCode::NotFound, message }
}

fn too_many_rows() -> Reply {
    busy(format!("all waits together may name {MAX_AWAITED} rows"))
}

fn busy(message: String) -> Reply {
    Reply::Error { code: ErrorCode::Busy, message }
}

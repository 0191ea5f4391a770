//! The waits in progress. Together they remember a bounded number of rows, whatever clients ask for.

use crate::ids::ConnectionId;
use crate::outbox::batch::MAX_PENDING_REPLIES;
use crewboard_core::{Change, ChangeKind, MAX_ROWS, RowKey, Session, SessionStore, Status, Wait};
use crewboard_protocol::{ErrorCode, Reply, WaitRequest};
use std::collections::HashMap;

/// Waits of one connection at once. There are fewer than pending replies: the daemon does not read from a connection
/// with that many pending replies, and would not notice its end.
pub(crate) const MAX_WAITS: usize = MAX_PENDING_REPLIES / 2;

/// Waits of all connections at once. Every change of a row is shown to each of them.
const MAX_ALL_WAITS: usize = 1024;

/// Rows that all waits together remember. A few clients may wait for every row there can be.
const MAX_AWAITED: usize = 4 * MAX_ROWS;

/// The waits in progress, by connection.
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

    /// Returns true if a connection has a wait in progress.
    pub(crate) fn has(&self, connection: ConnectionId) -> bool {
        self.waits.contains_key(&connection)
    }

    /// Removes the waits of a connection that has ended.
    pub(crate) fn remove(&mut self, connection: ConnectionId) {
        self.waits.remove(&connection);
    }

    /// Begins a wait. Returns the reply if the wait ends at once or cannot begin.
    pub(crate) fn begin(
        &mut self,
        connection: ConnectionId,
        request: WaitRequest,
        sessions: &SessionStore,
    ) -> Option<Reply> {
        let WaitRequest { goal, scope, rows, new, missing_may_return, reached } = request;
        let keys = rows.unwrap_or_else(|| {
            let open = |row: &&Session| row.status != Status::Closed;
            sessions.iter().filter(open).map(|row| row.key.clone()).collect()
        });
        if keys.len() + reached.len() > MAX_ROWS {
            return Some(busy(format!("a wait may name {MAX_ROWS} rows")));
        }
        // The daemon's keys are short. A key that a client invents may be as long as its line.
        let [keys, reached] = [keys, reached].map(|keys| {
            let bounded = keys.iter().map(|key| RowKey::new(key.as_str()));
            // An earlier daemon may have given the row another key.
            bounded.map(|key| sessions.current_key(&key).clone()).collect::<Vec<RowKey>>()
        });
        let missing = keys.iter().find(|key| sessions.get(key).is_none());
        if !missing_may_return && let Some(missing) = missing {
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

    /// Moves every wait for the key `from`, which an earlier daemon gave to `row`, to that row. Returns the replies to
    /// the waits that end.
    pub(crate) fn rename(&mut self, from: &RowKey, row: &Session) -> Vec<(ConnectionId, Reply)> {
        let mut replies = Vec::new();
        for (connection, waits) in &mut self.waits {
            waits.retain_mut(|wait| {
                let outcome = if wait.rename(from, &row.key) { wait.observe(row) } else { None };
                let reply =
                    outcome.map(|outcome| Reply::Waited { outcome, row: Box::new(row.clone()) });
                let continues = reply.is_none();
                replies.extend(reply.map(|reply| (*connection, reply)));
                continues
            });
        }
        self.waits.retain(|_, waits| !waits.is_empty());
        replies
    }

    /// Applies a change to every wait. Returns the replies to the waits that end. `row` is the present row, if it
    /// still exists.
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
                    ChangeKind::Updated => passed.iter().chain(row).find_map(|row| {
                        let outcome = wait.observe(row)?;
                        Some(Reply::Waited { outcome, row: Box::new(row.clone()) })
                    }),
                    // Only the key of a removed row is left.
                    ChangeKind::Removed => wait.removed(&change.key).map(|outcome| {
                        let (key, status) = (change.key.clone(), Status::Closed);
                        let row = Box::new(Session { key, status, ..Session::default() });
                        Reply::Waited { outcome, row }
                    }),
                };
                // A wait for new rows remembers more and more of them.
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

//! Rows and changes for subscribers. A subscriber that reads slowly gets the newest state of each changed row, so
//! the number of rows bounds what waits for it.

use crate::ids::ConnectionId;
use crate::outbox::batch::{Batch, BatchSlot, Line, fill};
use crewboard_core::{
    Change, ChangeKind, MAX_ROWS, MAX_TRANSITIONS, RowKey, SessionStore, Transition,
};
use crewboard_protocol::{
    After, DroppedEvents, Reply, encode_change, encode_limits, encode_row, encode_snapshot,
};
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

/// Keys without a pending change that may stay in a subscriber's order before they are cleared away. A subscriber keeps
/// memory for as many changes.
const SPARE_KEYS: usize = 64;

/// Connections that subscribe or list at once.
pub(crate) const MAX_READERS: usize = 1536;

/// Subscriptions at once.
pub(crate) const MAX_SUBSCRIPTIONS: usize = 1024;

/// Pending rows of all subscribers together, when another one begins. Each row that changes takes 130 to 220 bytes
/// for a subscriber that does not read: two places for its key, and its statuses.
const MAX_PENDING_ROWS: usize = 128 * MAX_ROWS;

/// A connection that subscribes or lists.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a state of its own")]
struct Subscriber {
    /// The keys of the pending changes, in the order in which they are sent. Some may have no pending change any more.
    order: VecDeque<RowKey>,
    pending: HashMap<RowKey, Pending>,
    /// The line that goes out before any row.
    opening: Option<Line>,
    /// The rate limits have changed since they were sent.
    limits_pending: bool,
    /// The unseen dropped events have changed since they were sent.
    dropped_events_pending: bool,
    /// The `synced` line of the present snapshot has not been sent.
    in_snapshot: bool,
    slot: BatchSlot,
    /// The client gets changes, not only a list.
    is_subscribed: bool,
    /// Notifications that the client is to show, each with its id.
    notifications: Vec<(u64, Line)>,
    /// Further requests, each of which gets a full reply.
    requests: VecDeque<SnapshotRequest>,
}

/// A request for all rows.
#[derive(Debug)]
struct SnapshotRequest {
    after: Option<After>,
    wants_changes: bool,
}

/// A change that waits for a subscriber.
#[derive(Debug)]
struct Pending {
    change: PendingChange,
    /// The subscriber has never got the row, so it does not get its removal. It may know each row without a pending
    /// change.
    is_unknown: bool,
}

/// A change of a row that has not been sent to a subscriber.
#[derive(Debug, PartialEq, Eq)]
enum PendingChange {
    /// The whole row, with its history.
    Whole,
    Changed {
        transitions: Vec<Transition>,
        skipped: u64,
    },
    Removed,
}

/// All subscribers.
#[derive(Debug, Default)]
pub(crate) struct Subscribers {
    by_connection: HashMap<ConnectionId, Subscriber>,
    /// The rows that exist, which shows whether a change is the first one of a row.
    existing: HashSet<RowKey>,
    /// The dropped events that no client has shown yet.
    unseen_dropped_events: DroppedEvents,
}

impl Subscribers {
    /// Returns the number of subscriptions.
    pub(crate) fn len(&self) -> usize {
        self.by_connection.values().filter(|subscriber| subscriber.is_subscribed).count()
    }

    /// Sends all rows to a connection, or those that have changed since `after` if they are known. If it `wants_changes`,
    /// every change follows.
    pub(crate) fn request_snapshot(
        &mut self,
        connection: ConnectionId,
        after: Option<After>,
        wants_changes: bool,
    ) {
        let subscriber = self.by_connection.entry(connection).or_default();
        subscriber.requests.push_back(SnapshotRequest { after, wants_changes });
    }

    /// Returns true if the connection has written its last batch, and `None` if it is no subscriber.
    pub(crate) fn is_idle(&self, connection: ConnectionId) -> Option<bool> {
        self.by_connection.get(&connection).map(|subscriber| subscriber.slot.is_free())
    }

    /// Sends a notification that the client is to show.
    pub(crate) fn push_notification(&mut self, connection: ConnectionId, id: u64, line: Line) {
        if let Some(subscriber) = self.by_connection.get_mut(&connection) {
            subscriber.notifications.push((id, line));
        }
    }

    /// Withdraws a notification that has not been sent yet.
    pub(crate) fn withdraw_notification(&mut self, connection: ConnectionId, id: u64) {
        if let Some(subscriber) = self.by_connection.get_mut(&connection) {
            subscriber.notifications.retain(|(own, _)| *own != id);
        }
    }

    /// Returns true if a connection may get `rows` rows, and all changes too if it `wants_changes`.
    pub(crate) fn has_room(
        &self,
        connection: ConnectionId,
        wants_changes: bool,
        rows: usize,
    ) -> bool {
        let subscriber = self.by_connection.get(&connection);
        let readers = self.by_connection.len() + usize::from(subscriber.is_none());
        let subscriptions =
            || self.by_connection.values().filter(|one| one.will_subscribe()).count();
        let may_read =
            subscriber.is_some() || readers <= MAX_READERS && readers * rows <= MAX_PENDING_ROWS;
        let may_subscribe = !wants_changes
            || subscriber.is_some_and(Subscriber::will_subscribe)
            || subscriptions() < MAX_SUBSCRIPTIONS;
        may_read && may_subscribe
    }

    /// Returns true if the connection subscribes, or its list is not complete.
    pub(crate) fn has(&self, connection: ConnectionId) -> bool {
        self.by_connection.contains_key(&connection)
    }

    pub(crate) fn remove(&mut self, connection: ConnectionId) {
        self.by_connection.remove(&connection);
    }

    /// Notes that a connection has written its last batch. Returns true if more waits for it.
    pub(crate) fn batch_written(&mut self, connection: ConnectionId) -> bool {
        let Some(subscriber) = self.by_connection.get_mut(&connection) else { return false };
        subscriber.slot.batch_written();
        let has_more = subscriber.in_snapshot
            || !subscriber.pending.is_empty()
            || !subscriber.requests.is_empty();
        if !subscriber.is_subscribed && !has_more {
            self.by_connection.remove(&connection);
        }
        has_more
    }

    /// Adds a change for every subscriber.
    pub(crate) fn note(&mut self, change: &Change) {
        let is_new = match change.kind {
            ChangeKind::Removed => {
                self.existing.remove(&change.key);
                false
            }
            ChangeKind::Updated if self.existing.contains(&change.key) => false,
            ChangeKind::Updated => self.existing.insert(change.key.clone()),
        };
        for subscriber in self.by_connection.values_mut() {
            subscriber.note(change, is_new);
        }
    }

    /// Notes that the rate limits of an account have changed.
    pub(crate) fn note_limits(&mut self) {
        for subscriber in self.by_connection.values_mut().filter(|one| one.is_subscribed) {
            subscriber.limits_pending = true;
        }
    }

    /// Sends the dropped events that no client has shown yet to all subscriptions, if they have changed.
    pub(crate) fn set_unseen_dropped_events(&mut self, unseen: DroppedEvents) {
        if std::mem::replace(&mut self.unseen_dropped_events, unseen) != unseen {
            for subscriber in self.by_connection.values_mut().filter(|one| one.is_subscribed) {
                subscriber.dropped_events_pending = true;
            }
        }
    }

    /// Returns the number of keys and changes that fit into a subscriber's memory.
    #[cfg(test)]
    pub(crate) fn capacity(&self, connection: ConnectionId) -> (usize, usize) {
        self.by_connection.get(&connection).map_or((0, 0), |subscriber| {
            (subscriber.order.capacity(), subscriber.pending.capacity())
        })
    }

    /// Returns the number of keys in a subscriber's order, and of its pending changes.
    #[cfg(test)]
    pub(crate) fn pending(&self, connection: ConnectionId) -> (usize, usize) {
        self.by_connection
            .get(&connection)
            .map_or((0, 0), |subscriber| (subscriber.order.len(), subscriber.pending.len()))
    }

    /// Returns a batch for each idle subscriber that has lines pending. A line for several subscribers is encoded once.
    pub(crate) fn flush(&mut self, sessions: &SessionStore) -> Vec<Batch> {
        let mut batches = Vec::new();
        let mut encoded: Vec<Encoded> = Vec::new();
        let mut limits: Option<Line> = None;
        for (connection, subscriber) in &mut self.by_connection {
            if !subscriber.in_snapshot
                && let Some(request) = subscriber.requests.pop_front()
            {
                subscriber.begin_snapshot(request, sessions);
                subscriber.dropped_events_pending = !self.unseen_dropped_events.is_empty();
            }
            if !subscriber.slot.is_free() {
                continue;
            }
            let was_in_snapshot = subscriber.in_snapshot;
            let lines =
                subscriber.batch(sessions, &mut encoded, &mut limits, self.unseen_dropped_events);
            let answers = was_in_snapshot && !subscriber.in_snapshot;
            batches.extend(subscriber.slot.take(*connection, lines, answers));
        }
        batches
    }
}

/// A line that was encoded in this flush, and its source.
struct Encoded {
    key: RowKey,
    change: PendingChange,
    known: Option<u64>,
    line: Line,
}

impl Subscriber {
    fn will_subscribe(&self) -> bool {
        self.is_subscribed || self.requests.iter().any(|request| request.wants_changes)
    }

    /// Replaces all pending changes by a snapshot, or by the changes since `after` if they are known.
    fn begin_snapshot(&mut self, request: SnapshotRequest, sessions: &SessionStore) {
        let since = request
            .after
            .filter(|after| after.epoch == sessions.epoch())
            .and_then(|after| sessions.changes_since(after.revision));
        let resumes = since.is_some();
        self.opening = Some(encode_snapshot(sessions.epoch(), sessions.revision(), resumes).into());
        self.in_snapshot = true;
        // A client assumes that there are no limits until it gets some.
        self.limits_pending = sessions.limits().next().is_some();
        self.is_subscribed |= request.wants_changes;
        self.order.clear();
        self.pending.clear();
        let (changed, removed) = since.unwrap_or_else(|| {
            let mut rows: Vec<_> = sessions.iter().collect();
            rows.sort_by(|one, other| one.compare_for_list(other));
            (rows.into_iter().map(|row| row.key.clone()).collect(), Vec::new())
        });
        let changed = changed.into_iter().map(|key| (key, PendingChange::Whole));
        for (key, change) in
            changed.chain(removed.into_iter().map(|key| (key, PendingChange::Removed)))
        {
            self.order.push_back(key.clone());
            self.pending.insert(key, Pending { change, is_unknown: !resumes });
        }
    }

    /// Adds a change, or joins it to the pending change of the same row.
    fn note(&mut self, change: &Change, is_new: bool) {
        let pending = self.pending.get_mut(&change.key);
        if !self.is_subscribed && pending.is_none() {
            return;
        }
        let is_unknown = pending.as_ref().is_some_and(|pending| pending.is_unknown);
        if change.kind == ChangeKind::Removed && is_unknown {
            self.pending.remove(&change.key);
            // The key stays in the order. A client that does not read must not collect such keys without end.
            if self.order.len() > 2 * self.pending.len() + SPARE_KEYS {
                self.order.retain(|key| self.pending.contains_key(key));
            }
            return;
        }
        if let Some(pending) = pending {
            pending.change.add(change);
        } else {
            self.order.push_back(change.key.clone());
            let pending = Pending { change: PendingChange::of(change), is_unknown: is_new };
            self.pending.insert(change.key.clone(), pending);
        }
    }

    /// Returns the line of the next pending change. A line that another subscriber got in this flush is shared.
    fn next_line(&mut self, sessions: &SessionStore, encoded: &mut Vec<Encoded>) -> Option<Line> {
        while let Some(key) = self.order.pop_front() {
            let Some(Pending { change, .. }) = self.pending.remove(&key) else { continue };
            let known = (self.pending.is_empty() && !self.in_snapshot).then(|| sessions.revision());
            let shared = encoded
                .iter()
                .find(|line| line.key == key && line.change == change && line.known == known);
            if let Some(shared) = shared {
                return Some(Arc::clone(&shared.line));
            }
            if let Some(line) = encode(sessions, &key, &change, known) {
                encoded.push(Encoded { key, change, known, line: Arc::clone(&line) });
                return Some(line);
            }
        }
        None
    }

    /// Returns the lines of the next batch.
    fn batch(
        &mut self,
        sessions: &SessionStore,
        encoded: &mut Vec<Encoded>,
        limits: &mut Option<Line>,
        unseen: DroppedEvents,
    ) -> Vec<Line> {
        let mut lines: Vec<Line> = self.opening.take().into_iter().collect();
        lines.extend(self.notifications.drain(..).map(|(_, line)| line));
        if std::mem::take(&mut self.limits_pending) {
            let encode = || encode_limits(&sessions.limits().collect::<Vec<_>>()).into();
            lines.push(Arc::clone(limits.get_or_insert_with(encode)));
        }
        if std::mem::take(&mut self.dropped_events_pending) {
            lines.push(Reply::DroppedEvents { unseen }.encode().into());
        }
        fill(&mut lines, || self.next_line(sessions, encoded));
        if self.in_snapshot && self.pending.is_empty() {
            self.in_snapshot = false;
            let epoch = sessions.epoch().to_owned();
            lines.push(Reply::Synced { epoch, revision: sessions.revision() }.encode().into());
        }
        if self.pending.is_empty() && self.order.capacity() > SPARE_KEYS {
            // The memory of a snapshot would stay as long as the subscriber.
            self.order = VecDeque::new();
            self.pending = HashMap::new();
        }
        lines
    }
}

fn encode(
    sessions: &SessionStore,
    key: &RowKey,
    change: &PendingChange,
    known: Option<u64>,
) -> Option<Line> {
    let line = match change {
        PendingChange::Removed => Reply::Removed { key: key.clone(), known }.encode(),
        PendingChange::Whole => {
            let (row, history, past) = sessions.get_with_history(key)?;
            encode_row(row, history, past)
        }
        PendingChange::Changed { transitions, skipped } => {
            encode_change(sessions.get(key)?, transitions, *skipped, known)
        }
    };
    Some(line.into())
}

impl PendingChange {
    fn of(change: &Change) -> Self {
        match change.kind {
            ChangeKind::Removed => Self::Removed,
            ChangeKind::Updated => {
                Self::Changed { transitions: change.transition.into_iter().collect(), skipped: 0 }
            }
        }
    }

    fn add(&mut self, change: &Change) {
        match (&mut *self, change.kind) {
            (_, ChangeKind::Removed) => *self = Self::Removed,
            (Self::Whole, ChangeKind::Updated) => {}
            // The row came back before its removal was sent.
            (Self::Removed, ChangeKind::Updated) => *self = Self::Whole,
            (Self::Changed { transitions, skipped }, ChangeKind::Updated) => {
                if let Some(transition) = change.transition {
                    if transitions.len() == MAX_TRANSITIONS {
                        transitions.remove(0);
                        *skipped += 1;
                    }
                    transitions.push(transition);
                }
            }
        }
    }
}

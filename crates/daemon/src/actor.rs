//! The decisions of the daemon. The actor turns inputs into outputs. It does no I/O and has no clock.

use crate::ids::ConnectionId;
use crate::messages::{Input, Output, ProcessCheck};
use crate::net::peer::{Namespace, Peer};
use crate::notify::delivery::Deliveries;
use crate::notify::history::NotificationHistory;
use crate::outbox::batch::Batch;
use crate::outbox::recorders::{MAX_RECORDERS, Recorders};
use crate::outbox::subscribers::{MAX_READERS, MAX_SUBSCRIPTIONS, Subscribers};
use crate::waits::{Waits, no_row};
use crewboard_core::{
    Event, Input as DomainInput, MAX_LINE, Mark, NotificationPolicy, NotificationSettings, Now,
    Observation, Process, RowKey, Session, SessionStore, Status, clean, excerpt,
};
use crewboard_protocol::{
    AcceptNotificationsRequest, DaemonInfo, DropReason, DroppedEvents, DroppedEventsSeenRequest,
    ErrorCode, ExplainRequest, Explanation, ForgetRequest, MAX_LOOK_ROWS, MarkRequest,
    NotificationShownRequest, NotifyRequest, PROTOCOL, Reply, Request, RestoreLimitsRequest,
    RestoreRequest, SubscribeRequest,
};
use std::collections::BTreeSet;

/// The check of a process takes 9 µs, which is most of the time of a list of many rows. Up to this number of
/// processes are checked for each client that asks.
const MANY_PROCESSES: usize = 100;

/// Microseconds for which the check of more processes than that is good enough for all clients.
const CHECK_MANY_EVERY: u64 = 1_000_000;

/// The owner of all state. The loop that runs the actor owns it.
#[derive(Debug, Default)]
pub(crate) struct Actor {
    sessions: SessionStore,
    subscribers: Subscribers,
    recorders: Recorders,
    waits: Waits,
    notifications: NotificationPolicy,
    deliveries: Deliveries,
    last_notifications: NotificationHistory,
    /// The user has been notified of the present changes already.
    mutes_notifications: bool,
    /// The loop has checked all processes in this turn.
    has_checked_all_processes: bool,
    /// The time until which the last check of many processes is good enough, in microseconds since this boot.
    many_checked_until: u64,
    /// The processes that the loop has checked in this turn for a client that named their rows.
    checked_processes: BTreeSet<Process>,
    events: u64,
    /// The reason why the last event was refused or not understood.
    refused_why: Option<String>,
}

impl Actor {
    pub(crate) fn new(epoch: String) -> Self {
        Self { sessions: SessionStore::new(epoch), ..Self::default() }
    }

    /// Returns true while a session is open. The daemon does not exit then.
    pub(crate) fn has_live_rows(&self) -> bool {
        self.sessions.has_live_rows()
    }

    /// Returns the milliseconds until the actor needs an [`Input::Tick`].
    pub(crate) fn next_deadline(&self, now: Now) -> Option<u64> {
        let deadlines = [
            self.sessions.next_deadline(now),
            self.notifications.next_deadline(now),
            self.deliveries.next_deadline(now),
        ];
        deadlines.into_iter().flatten().min()
    }

    /// Sets the statuses that trigger notifications and commands.
    pub(crate) fn set_notification_settings(&mut self, settings: NotificationSettings) {
        self.notifications.set_settings(settings);
    }

    /// Sends the dropped events that no client has shown yet to all subscriptions, if they have changed.
    pub(crate) fn set_unseen_dropped_events(&mut self, unseen: DroppedEvents) {
        self.subscribers.set_unseen_dropped_events(unseen);
    }

    /// Mutes notifications of changes that an earlier daemon has already notified the user of.
    pub(crate) fn mute_notifications(&mut self, on: bool) {
        self.mutes_notifications = on;
    }

    /// Returns the processes that the loop must check before it passes `input` to the actor, because they may be
    /// suspended.
    ///
    /// All inputs of a turn came before the turn began, so one check of a process serves all of them, however many
    /// requests clients send. A check of many processes serves all clients for a second.
    pub(crate) fn processes_to_check(&mut self, input: &Input, now: Now) -> ProcessCheck {
        let Input::Request { request, .. } = input else { return ProcessCheck::None };
        let rows = match &**request {
            Request::Look(look) => look.rows.as_deref(),
            Request::List | Request::Subscribe(_) | Request::Explain(_) | Request::Wait(_) => None,
            _ => return ProcessCheck::None,
        };
        if self.has_checked_all_processes {
            return ProcessCheck::None;
        }
        let Some(rows) = rows else {
            if now.stamp.micros < self.many_checked_until {
                return ProcessCheck::None;
            }
            self.has_checked_all_processes = true;
            let processes = self.sessions.processes();
            if processes.len() > MANY_PROCESSES {
                self.many_checked_until = now.stamp.micros + CHECK_MANY_EVERY;
            }
            return ProcessCheck::All(processes);
        };
        let shown = rows.iter().take(MAX_LOOK_ROWS).filter_map(|key| self.sessions.get(key));
        let open = shown.filter(|row| row.status != Status::Closed).filter_map(Session::process);
        let fresh = open.filter(|process| self.checked_processes.insert(*process)).collect();
        ProcessCheck::Of(fresh)
    }

    /// Returns true if a row of the process is shown as suspended and the process is not, or the reverse.
    pub(crate) fn has_other_suspension(&self, process: Process, on: bool) -> bool {
        self.sessions.has_other_suspension(process, on)
    }

    /// Returns true if `input` has a cost and the present day is not known. The loop then looks it up first.
    pub(crate) fn needs_day(&self, input: &Input, now: Now) -> bool {
        let Input::Request { request, .. } = input else { return false };
        let has_cost = match &**request {
            Request::Event(line) => matches!(
                &line.report.event,
                Event::UsageReport(usage) if usage.cost_cents.is_some()
            ),
            Request::Restore(restore) => restore.row.cost_today.is_some(),
            _ => false,
        };
        has_cost && self.sessions.needs_day(now)
    }

    /// Returns true if a connection subscribes, records or waits.
    pub(crate) fn serves(&self, connection: ConnectionId) -> bool {
        self.subscribers.has(connection)
            || self.recorders.has(connection)
            || self.waits.has(connection)
    }

    /// Ends a turn. Returns the batches for subscribers and recorders.
    pub(crate) fn flush(&mut self) -> Vec<Batch> {
        self.has_checked_all_processes = false;
        self.checked_processes.clear();
        let mut batches = self.subscribers.flush(&self.sessions);
        batches.extend(self.recorders.flush());
        batches
    }

    /// Notes that a connection has written its last batch. Returns true if more waits for it.
    pub(crate) fn batch_written(&mut self, connection: ConnectionId) -> bool {
        self.recorders.batch_written(connection) | self.subscribers.batch_written(connection)
    }

    /// Returns the number of events received so far.
    pub(crate) fn events(&self) -> u64 {
        self.events
    }

    /// Describes the daemon. The loop fills in the fields that only it knows.
    pub(crate) fn info(&self) -> DaemonInfo {
        DaemonInfo {
            protocol: PROTOCOL,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            epoch: self.sessions.epoch().to_owned(),
            started: 0,
            rows: self.sessions.len() as u64,
            subscribers: self.subscribers.len() as u64,
            waits: self.waits.len() as u64,
            events: self.events,
            dropped: 0,
            dropped_by_reason: DroppedEvents::default(),
            refused_why: self.refused_why.clone(),
            sockets: Vec::new(),
            degraded: Vec::new(),
        }
    }

    /// Handles an input. Returns the actions; the next [`Actor::flush`] returns the batches.
    pub(crate) fn handle(&mut self, input: Input, now: Now) -> Vec<Output> {
        let mut outputs = self.dispatch(input, now);
        let due = self.notifications.take_due(now, |key| self.sessions.get(key));
        outputs.extend(due.into_iter().map(|one| Output::Notify(Box::new(one))));
        let failed = self.deliveries.reassign(&mut self.subscribers, now);
        outputs.extend(failed.iter().map(|(asker, reply)| send(*asker, reply)));
        outputs
    }

    fn dispatch(&mut self, input: Input, now: Now) -> Vec<Output> {
        match input {
            Input::Request { connection, peer, request } => {
                self.handle_request(connection, peer, *request, now)
            }
            Input::EventRefused(reason, why) => vec![self.count_dropped_event(reason, &why)],
            Input::BatchWritten(connection) => {
                self.batch_written(connection);
                Vec::new()
            }
            // Only the loop uses this input.
            Input::Silent(_) => Vec::new(),
            Input::LongLineHandled(permit) => {
                drop(permit);
                Vec::new()
            }
            Input::Closed(connection) => {
                self.subscribers.remove(connection);
                self.deliveries.remove(connection);
                self.recorders.remove(connection);
                self.waits.remove(connection);
                Vec::new()
            }
            Input::ProcessWatched { process, ancestors } => {
                self.apply(DomainInput::ProcessWatched { process, ancestors }, now)
            }
            Input::OriginFound { process, origin } => {
                self.apply(DomainInput::OriginFound { process, origin }, now)
            }
            Input::ProcessExited(process) => {
                self.recorders.note_end(process, now.stamp);
                let mut outputs = self.apply(DomainInput::ProcessExited { process }, now);
                outputs.push(Output::StopWatching(process));
                outputs
            }
            Input::Suspended { process, on } => {
                self.apply(DomainInput::Suspended { process, on }, now)
            }
            Input::Observed(observation) => self.observe(observation, now),
            Input::DayFound(day) => self.apply(DomainInput::DayFound(day), now),
            Input::Tick => self.apply(DomainInput::Tick, now),
        }
    }

    fn handle_request(
        &mut self,
        connection: ConnectionId,
        peer: Peer,
        request: Request,
        now: Now,
    ) -> Vec<Output> {
        if peer.namespace != Namespace::Ours
            && let Some(restricted) = restricted(&request)
        {
            return match restricted {
                Restricted::Ignore => Vec::new(),
                Restricted::Refuse(action) => vec![send(connection, &forbidden(action))],
            };
        }
        match request {
            Request::Event(event) => {
                // A hook sends the branch as a second event, which does not count.
                self.events += u64::from(event.report.event != Event::BranchRead);
                let mut report = event.report;
                if peer.is_foreign(event.hook_pid) {
                    report.come_from_elsewhere();
                }
                let dropped = (report.event == Event::Unknown).then(|| {
                    let why = "the event is of a kind that this daemon does not know";
                    self.count_dropped_event(DropReason::NotUnderstood, why)
                });
                self.recorders.note_report(&mut report);
                let mut outputs = self.apply(DomainInput::Reported(report), now);
                outputs.extend(dropped);
                outputs
            }
            Request::Observe(line) => {
                if peer.is_foreign(line.hook_pid) {
                    return Vec::new();
                }
                self.observe(line.observation, now)
            }
            Request::Subscribe(_) | Request::List if self.recorders.has(connection) => {
                vec![only_one_stream(connection)]
            }
            Request::Record if self.subscribers.has(connection) => {
                vec![only_one_stream(connection)]
            }
            Request::Record if self.recorders.is_full() => {
                vec![busy(connection, format!("{MAX_RECORDERS} clients record already"))]
            }
            Request::Record => {
                self.recorders.add(connection);
                vec![send(connection, &Reply::Recording)]
            }
            Request::Subscribe(_) | Request::List
                if !self.subscribers.has_room(
                    connection,
                    !matches!(request, Request::List),
                    self.sessions.len(),
                ) =>
            {
                let bounds =
                    format!("{MAX_SUBSCRIPTIONS} subscriptions, {MAX_READERS} clients in all");
                vec![busy(connection, format!("too many clients list or subscribe ({bounds})"))]
            }
            Request::AcceptNotifications(AcceptNotificationsRequest { on }) => {
                self.deliveries.accept(connection, on && self.subscribers.has(connection));
                Vec::new()
            }
            Request::Notify(NotifyRequest { title, text }) => {
                let [title, text] = [title, text].map(|line| excerpt(&line, MAX_LINE));
                let reply = self.deliveries.start(connection, title, text);
                reply.iter().map(|(asker, reply)| send(*asker, reply)).collect()
            }
            Request::NotificationShown(NotificationShownRequest { id }) => {
                let reply = self.deliveries.acknowledge(connection, id);
                reply.iter().map(|(asker, reply)| send(*asker, reply)).collect()
            }
            Request::AddNotifications(added) => {
                self.last_notifications.add(added.notifications, now.wall);
                Vec::new()
            }
            Request::Notifications => vec![send(connection, &self.last_notifications.reply())],
            // The loop has already checked the processes.
            Request::Look(_) => Vec::new(),
            Request::Subscribe(SubscribeRequest { after }) => {
                self.subscribers.request_snapshot(connection, after, true);
                Vec::new()
            }
            Request::List => {
                self.subscribers.request_snapshot(connection, None, false);
                Vec::new()
            }
            Request::Wait(wait) => {
                let reply = self.waits.begin(connection, wait, &self.sessions);
                reply.iter().map(|reply| send(connection, reply)).collect()
            }
            Request::Explain(ExplainRequest { row }) => vec![self.explain(connection, &row)],
            Request::Mark(MarkRequest { row, mark }) => self.mark(connection, &row, mark, now),
            Request::Forget(ForgetRequest { row }) => self.forget(connection, &row, now),
            Request::Restore(RestoreRequest { row }) => {
                self.apply(DomainInput::Restored(vec![*row]), now)
            }
            Request::RestoreLimits(RestoreLimitsRequest { limits }) => {
                self.apply(DomainInput::RateLimitsRestored(limits), now)
            }
            Request::DroppedEventsSeen(DroppedEventsSeenRequest { count }) => {
                vec![Output::MarkDroppedEventsSeen(count)]
            }
            Request::Hello(_) => vec![Output::SendHello(connection)],
            Request::Stop => vec![send(connection, &Reply::Stopping), Output::Stop],
        }
    }

    fn count_dropped_event(&mut self, reason: DropReason, why: &str) -> Output {
        self.refused_why = Some(clean(why, MAX_LINE, false));
        Output::CountDroppedEvent(reason)
    }

    fn observe(&mut self, mut observation: Box<Observation>, now: Now) -> Vec<Output> {
        self.recorders.note_observation(&mut observation);
        self.apply(DomainInput::Observed(observation), now)
    }

    /// Applies an input to the sessions, and its changes to subscriptions, notifications and waits.
    fn apply(&mut self, input: DomainInput, now: Now) -> Vec<Output> {
        let is_mark = matches!(input, DomainInput::Marked { .. });
        let is_muted = self.mutes_notifications || matches!(input, DomainInput::Restored(_));
        let outcome = self.sessions.apply(input, now);
        let mut outputs: Vec<Output> =
            outcome.watch.into_iter().map(Output::WatchProcess).collect();
        for (from, to) in &outcome.renamed {
            let Some(row) = self.sessions.get(to) else { continue };
            let ended = self.waits.rename(from, row);
            outputs.extend(ended.iter().map(|(asker, reply)| send(*asker, reply)));
        }
        outputs.extend(outcome.lookups.into_iter().map(Output::LookUpFile));
        if outcome.limits_changed {
            self.subscribers.note_limits();
        }
        for change in &outcome.changes {
            self.subscribers.note(change);
            let row = self.sessions.get(&change.key);
            if is_muted {
                self.notifications.add_restored(change, row, now);
            } else if is_mark {
                self.notifications.apply_mark(change, row, now);
            } else {
                self.notifications.apply_change(change, row, now);
            }
            let ended = self.waits.note(change, row);
            outputs.extend(ended.iter().map(|(asker, reply)| send(*asker, reply)));
        }
        outputs
    }

    fn mark(
        &mut self,
        connection: ConnectionId,
        key: &RowKey,
        mark: Mark,
        now: Now,
    ) -> Vec<Output> {
        let mut outputs = self.apply(DomainInput::Marked { key: key.clone(), mark }, now);
        outputs.push(match self.sessions.get(key) {
            Some(row) => send(connection, &Reply::Marked { row: Box::new(row.clone()) }),
            None => not_found(connection, key),
        });
        outputs
    }

    fn forget(&mut self, connection: ConnectionId, key: &RowKey, now: Now) -> Vec<Output> {
        if self.sessions.get(key).is_none() {
            return vec![not_found(connection, key)];
        }
        let mut outputs = self.apply(DomainInput::Forgotten { key: key.clone() }, now);
        let reply = if self.sessions.get(key).is_none() {
            Reply::Forgotten { key: key.clone() }
        } else {
            let message = format!("{key} is open; only a closed row can be forgotten");
            Reply::Error { code: ErrorCode::RowOpen, message }
        };
        outputs.push(send(connection, &reply));
        outputs
    }

    fn explain(&self, connection: ConnectionId, key: &RowKey) -> Output {
        match (self.sessions.with_history(key), self.sessions.trail(key)) {
            (Some(row), Some(trail)) => {
                let explanation = Explanation { row: Box::new(row), trail };
                send(connection, &Reply::Explanation(Box::new(explanation)))
            }
            _ => not_found(connection, key),
        }
    }
}

fn send(connection: ConnectionId, reply: &Reply) -> Output {
    Output::Send { connection, line: reply.encode().into() }
}

fn busy(connection: ConnectionId, message: String) -> Output {
    send(connection, &Reply::Error { code: ErrorCode::Busy, message })
}

/// The treatment of a request that a client in another pid namespace may not send.
enum Restricted {
    /// The client expects no reply.
    Ignore,
    /// The client expects a reply. The text names the action.
    Refuse(&'static str),
}

/// Returns how to treat a request that acts for the user, if it comes from another pid namespace, as in a container.
/// The processes that such a client knows are not the daemon's, and the user is not there.
fn restricted(request: &Request) -> Option<Restricted> {
    match request {
        Request::Restore(_)
        | Request::RestoreLimits(_)
        | Request::AcceptNotifications(_)
        | Request::DroppedEventsSeen(_)
        | Request::NotificationShown(_)
        | Request::AddNotifications(_) => Some(Restricted::Ignore),
        Request::Mark(_) => Some(Restricted::Refuse("mark sessions")),
        Request::Forget(_) => Some(Restricted::Refuse("forget sessions")),
        Request::Notify(_) => Some(Restricted::Refuse("notify the user")),
        Request::Stop => Some(Restricted::Refuse("stop the daemon")),
        Request::Event(_)
        | Request::Observe(_)
        | Request::Subscribe(_)
        | Request::List
        | Request::Wait(_)
        | Request::Explain(_)
        | Request::Look(_)
        | Request::Notifications
        | Request::Record
        | Request::Hello(_) => None,
    }
}

fn forbidden(action: &str) -> Reply {
    let message = format!("a client in another pid namespace (a container) may not {action}");
    Reply::Error { code: ErrorCode::Forbidden, message }
}

/// Refuses a second stream. The daemon could not tell which of two streams a connection has written.
fn only_one_stream(connection: ConnectionId) -> Output {
    busy(connection, "a connection that records cannot subscribe or list".to_owned())
}

fn not_found(connection: ConnectionId, key: &RowKey) -> Output {
    send(connection, &no_row(key))
}

#[cfg(test)]
mod tests;

//! What the daemon decides: inputs in, outputs out, no I/O and no clock of its own.

use crate::calls::Calls;
use crate::connection::MAX_OWED;
use crate::peer::{Namespace, Peer};
use crate::recorders::Recorders;
use crate::subscribers::{Batch, Line, Subscribers};
use crewboard_core::{
    Announcement, Announcements, Input as DomainInput, Interest, Kept, Look, MAX_LINE, Mark, Now,
    Observation, Process, RowKey, Session, Sessions, Status, Wait, WaitOutcome, Watch, excerpt,
};
use crewboard_protocol::{
    DaemonFacts, ErrorCode, Explanation, PROTOCOL, Reply, Request, WaitRequest,
};
use std::collections::HashMap;

/// Tells one connection from another for as long as the daemon lives.
pub(crate) type ConnectionId = u64;

/// Everything that reaches the daemon.
#[derive(Debug)]
pub(crate) enum Input {
    /// A client asks or tells something.
    Request {
        connection: ConnectionId,
        peer: Peer,
        request: Box<Request>,
    },
    /// A connection has written all it was given.
    Drained(ConnectionId),
    /// A connection is over.
    Closed(ConnectionId),
    /// The kernel tells of a process's end from now on.
    ProcessWatched {
        process: Process,
        ancestors: Vec<Process>,
    },
    ProcessExited(Process),
    /// Whether a process is suspended, where that has changed.
    Suspended {
        process: Process,
        on: bool,
    },
    /// An agent's own files said something.
    Observed(Box<Observation>),
    /// A deadline of the domain may have passed.
    Tick,
}

/// What is to be done about it.
#[derive(Debug)]
pub(crate) enum Output {
    /// Lines to a connection. It answers with [`Input::Drained`] if they were pushed.
    Send { connection: ConnectionId, line: Line },
    /// Tell this client who the daemon is.
    SayHello(ConnectionId),
    /// Tell us of this process's end, and what its agent's files say.
    Watch(Watch),
    /// Look something up; the answer is an [`Input::Observed`].
    Look(Look),
    /// This process is over.
    Forget(Process),
    /// Tell a person, or the user's own commands.
    Announce(Box<Announcement>),
    /// A client asked the daemon to leave.
    Stop,
}

/// The one owner of all state. Not `Clone`; moved into the loop that runs it.
#[derive(Debug)]
pub(crate) struct Actor {
    sessions: Sessions,
    subscribers: Subscribers,
    recorders: Recorders,
    waits: HashMap<ConnectionId, Vec<Wait>>,
    announcements: Announcements,
    calls: Calls,
    /// What changes now has been told already.
    holds_announcements: bool,
    events: u64,
}

/// Waits one connection may have in course. Fewer than the replies it may be owed, or it would not
/// be listened to, and its end not be noticed.
const MAX_WAITS: usize = MAX_OWED / 2;

impl Actor {
    pub(crate) fn new(epoch: String) -> Self {
        Self {
            sessions: Sessions::new(epoch),
            subscribers: Subscribers::default(),
            recorders: Recorders::default(),
            waits: HashMap::new(),
            announcements: Announcements::default(),
            calls: Calls::default(),
            holds_announcements: false,
            events: 0,
        }
    }

    /// Whether anything here is worth staying for.
    pub(crate) fn has_live_rows(&self) -> bool {
        self.sessions.has_live_rows()
    }

    /// The processes of all open rows.
    pub(crate) fn processes(&self) -> Vec<Process> {
        self.sessions.processes().collect()
    }

    /// Milliseconds until the domain wants a [`Input::Tick`].
    pub(crate) fn next_deadline(&self, now: Now) -> Option<u64> {
        let calls = self.calls.next_deadline(now);
        let domain = [self.sessions.next_deadline(now), self.announcements.next_deadline(now)];
        domain.into_iter().chain([calls]).flatten().min()
    }

    /// Of what somebody wants to be told from now on.
    pub(crate) fn set_interest(&mut self, interest: Interest) {
        self.announcements.interest(interest);
    }

    /// Whether what changes from now on has been told already, by an earlier daemon.
    pub(crate) fn hold_announcements(&mut self, on: bool) {
        self.holds_announcements = on;
    }

    /// What goes out to subscribers and recorders after a turn.
    pub(crate) fn flush(&mut self) -> Vec<Batch> {
        let mut batches = self.subscribers.flush(&self.sessions);
        batches.extend(self.recorders.flush());
        batches
    }

    /// Events taken in so far.
    pub(crate) fn events(&self) -> u64 {
        self.events
    }

    /// What the daemon says of itself, less what only its surroundings know.
    pub(crate) fn facts(&self) -> DaemonFacts {
        DaemonFacts {
            protocol: PROTOCOL,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            epoch: self.sessions.epoch().to_owned(),
            started: 0,
            rows: self.sessions.len() as u64,
            subscribers: self.subscribers.len() as u64,
            waits: self.waits.values().map(|waits| waits.len() as u64).sum(),
            events: self.events,
            dropped: 0,
            sockets: Vec::new(),
        }
    }

    /// Takes in one input. Everything that follows from it is in what it returns and in what the
    /// next [`Actor::flush`] hands out.
    pub(crate) fn handle(&mut self, input: Input, now: Now) -> Vec<Output> {
        let mut outputs = self.take(input, now);
        let due = self.announcements.due(now, |key| self.sessions.get(key));
        outputs.extend(due.into_iter().map(|one| Output::Announce(Box::new(one))));
        let in_vain = self.calls.pass_on(&mut self.subscribers, now);
        outputs.extend(in_vain.iter().map(|(asker, reply)| send(*asker, reply)));
        outputs
    }

    fn take(&mut self, input: Input, now: Now) -> Vec<Output> {
        match input {
            Input::Request { connection, peer, request } => {
                self.answer(connection, peer, *request, now)
            }
            Input::Drained(connection) => {
                self.subscribers.drained(connection);
                self.recorders.drained(connection);
                Vec::new()
            }
            Input::Closed(connection) => {
                self.subscribers.remove(connection);
                self.calls.remove(connection);
                self.recorders.remove(connection);
                self.waits.remove(&connection);
                Vec::new()
            }
            Input::ProcessWatched { process, ancestors } => {
                self.apply(DomainInput::ProcessWatched { process, ancestors }, now)
            }
            Input::ProcessExited(process) => {
                self.recorders.note_end(process, now.stamp);
                let mut outputs = self.apply(DomainInput::ProcessExited { process }, now);
                outputs.push(Output::Forget(process));
                outputs
            }
            Input::Suspended { process, on } => {
                self.apply(DomainInput::Suspended { process, on }, now)
            }
            Input::Observed(observation) => self.observe(observation, now),
            Input::Tick => self.apply(DomainInput::Tick, now),
        }
    }

    fn answer(
        &mut self,
        connection: ConnectionId,
        peer: Peer,
        request: Request,
        now: Now,
    ) -> Vec<Output> {
        match request {
            Request::Event(event) => {
                self.events += 1;
                let mut report = event.report;
                if peer.is_foreign(event.hook_pid) {
                    report.come_from_elsewhere();
                }
                self.recorders.note_report(&mut report);
                self.apply(DomainInput::Reported(report), now)
            }
            Request::Observe(line) => {
                if peer.is_foreign(line.hook_pid) {
                    return Vec::new();
                }
                self.observe(line.observation, now)
            }
            Request::Subscribe { .. } | Request::List if self.recorders.has(connection) => {
                vec![only_one_stream(connection)]
            }
            Request::Record if self.subscribers.has(connection) => {
                vec![only_one_stream(connection)]
            }
            Request::Record => {
                self.recorders.add(connection);
                vec![send(connection, &Reply::Recording)]
            }
            Request::Attend { on } => {
                self.calls.attend(connection, on && self.subscribers.has(connection));
                Vec::new()
            }
            Request::Announce { title, text } => {
                let [title, text] = [title, text].map(|line| excerpt(&line, MAX_LINE));
                let answer = self.calls.begin(connection, title, text);
                answer.iter().map(|(asker, reply)| send(*asker, reply)).collect()
            }
            Request::Told { id } => {
                let answer = self.calls.told(connection, id);
                answer.iter().map(|(asker, reply)| send(*asker, reply)).collect()
            }
            // Whoever carries this out has looked already.
            Request::Look => Vec::new(),
            Request::Subscribe { after } => {
                self.subscribers.ask(connection, after, true);
                Vec::new()
            }
            Request::List => {
                self.subscribers.ask(connection, None, false);
                Vec::new()
            }
            Request::Wait(wait) => self.begin_wait(connection, wait),
            Request::Explain { row } => vec![self.explain(connection, &row)],
            Request::Mark { row, mark } => self.mark(connection, &row, mark, now),
            // What it remembers may be of other processes than ours.
            Request::Restore { .. } if peer.namespace != Namespace::Ours => Vec::new(),
            Request::Restore { row } => self.apply(DomainInput::Restored(vec![*row]), now),
            Request::RestoreLimits { limits } => {
                self.apply(DomainInput::LimitsRestored(limits), now)
            }
            Request::Hello { .. } => vec![Output::SayHello(connection)],
            Request::Stop => vec![send(connection, &Reply::Stopping), Output::Stop],
        }
    }

    fn observe(&mut self, mut observation: Box<Observation>, now: Now) -> Vec<Output> {
        self.recorders.note_observation(&mut observation);
        self.apply(DomainInput::Observed(observation), now)
    }

    fn apply(&mut self, input: DomainInput, now: Now) -> Vec<Output> {
        let is_told = self.holds_announcements || matches!(input, DomainInput::Restored(_));
        let outcome = self.sessions.apply(input, now);
        for (from, to) in &outcome.renamed {
            self.announcements.rename(from, to);
        }
        let mut outputs: Vec<Output> = outcome.watch.into_iter().map(Output::Watch).collect();
        outputs.extend(outcome.looks.into_iter().map(Output::Look));
        if outcome.limits_changed {
            self.subscribers.note_limits();
        }
        for change in &outcome.changes {
            self.subscribers.note(change);
            let row = self.sessions.get(&change.key);
            if is_told {
                self.announcements.note_restored(change, row, now);
            } else {
                self.announcements.note(change, row, now);
            }
            let passed = row.and_then(|row| change.passed_through(row));
            for (connection, waits) in &mut self.waits {
                waits.retain_mut(|wait| {
                    let ended = match change.kind {
                        Kept::Present => passed
                            .iter()
                            .chain(row)
                            .find_map(|row| wait.observe(row).map(|outcome| (outcome, Some(row)))),
                        Kept::Removed => wait.removed(&change.key).map(|outcome| (outcome, None)),
                    };
                    if let Some((outcome, row)) = ended {
                        outputs.push(waited(*connection, outcome, &change.key, row));
                    }
                    ended.is_none()
                });
            }
        }
        outputs
    }

    fn begin_wait(&mut self, connection: ConnectionId, request: WaitRequest) -> Vec<Output> {
        let WaitRequest { goal, scope, rows, new, missing_may_come, mut reached } = request;
        let mut keys = rows.unwrap_or_else(|| {
            let live = |row: &&Session| row.status != Status::Closed;
            self.sessions.iter().filter(live).map(|row| row.key.clone()).collect()
        });
        keys.truncate(crewboard_core::MAX_ROWS);
        reached.truncate(crewboard_core::MAX_ROWS);
        if !missing_may_come && let Some(missing) = keys.iter().find(|key| self.row(key).is_none())
        {
            return vec![not_found(connection, missing)];
        }
        if keys.is_empty() && !new {
            let message = "there is no row to wait for".to_owned();
            return vec![send(connection, &Reply::Error { code: ErrorCode::NotFound, message })];
        }
        let waits = self.waits.entry(connection).or_default();
        if waits.len() == MAX_WAITS {
            let message = format!("a connection may have {MAX_WAITS} waits");
            return vec![send(connection, &Reply::Error { code: ErrorCode::Busy, message })];
        }
        let mut wait = Wait::new(goal, scope, keys.clone(), new);
        wait.have_reached(reached);
        let mut rows: Vec<_> = keys.iter().filter_map(|key| self.sessions.get(key)).collect();
        rows.sort_by(|one, other| one.compare_for_list(other));
        for row in rows {
            if let Some(outcome) = wait.observe(row) {
                return vec![waited(connection, outcome, &row.key, Some(row))];
            }
        }
        waits.push(wait);
        Vec::new()
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

    fn row(&self, key: &RowKey) -> Option<&Session> {
        self.sessions.get(key)
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

/// Two that push to one connection could not tell whose lines it has written.
fn only_one_stream(connection: ConnectionId) -> Output {
    let message = "a connection that records cannot subscribe or list".to_owned();
    send(connection, &Reply::Error { code: ErrorCode::Busy, message })
}

fn not_found(connection: ConnectionId, key: &RowKey) -> Output {
    let message = format!("there is no row {key}");
    send(connection, &Reply::Error { code: ErrorCode::NotFound, message })
}

/// How a wait ended, and the row that ended it. Of one that was removed only the key is left to tell.
fn waited(
    connection: ConnectionId,
    outcome: WaitOutcome,
    key: &RowKey,
    row: Option<&Session>,
) -> Output {
    let gone = || Session { key: key.clone(), status: Status::Closed, ..Session::default() };
    let row = Box::new(row.cloned().unwrap_or_else(gone));
    send(connection, &Reply::Waited { outcome, row })
}

#[cfg(test)]
mod tests;

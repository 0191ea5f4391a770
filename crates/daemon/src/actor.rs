//! What the daemon decides: inputs in, outputs out, no I/O and no clock of its own.

use crate::calls::Calls;
use crate::peer::{Namespace, Peer};
use crate::recorders::{MAX_RECORDERS, Recorders};
use crate::subscribers::{Batch, Line, MAX_SUBSCRIPTIONS, MAX_VIEWS, Subscribers};
use crate::waits::{Waits, no_row};
use crewboard_core::{
    Announcement, Announcements, Event, Input as DomainInput, Interest, Look, MAX_LINE, Mark, Now,
    Observation, Origin, Process, RowKey, Sessions, Watch, clean, excerpt,
};
use crewboard_protocol::{
    DaemonFacts, ErrorCode, Explanation, Loss, Losses, PROTOCOL, Reply, Request,
};
use std::collections::BTreeSet;
use tokio::sync::OwnedSemaphorePermit;

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
    /// A line was refused that may have been an event, for this reason.
    EventRefused(Loss, String),
    /// A connection has written all it was given.
    Drained(ConnectionId),
    /// A connection sent no whole request at first. It may yet.
    Silent(ConnectionId),
    /// The actor has taken in all that came before this, so that another long line has room.
    Room(OwnedSemaphorePermit),
    /// A connection is over.
    Closed(ConnectionId),
    /// The kernel tells of a process's end from now on.
    ProcessWatched {
        process: Process,
        ancestors: Vec<Process>,
    },
    /// How a process was started.
    OriginFound {
        process: Process,
        origin: Origin,
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
    /// An event is lost.
    NoteLoss(Loss),
    /// A client has shown the user that so many events were lost.
    LossesSeen(u64),
    /// A client asked the daemon to leave.
    Stop,
}

/// The one owner of all state. Not `Clone`; moved into the loop that runs it.
#[derive(Debug)]
pub(crate) struct Actor {
    sessions: Sessions,
    subscribers: Subscribers,
    recorders: Recorders,
    waits: Waits,
    announcements: Announcements,
    calls: Calls,
    /// What changes now has been told already.
    holds_announcements: bool,
    /// The processes have been looked at in this turn.
    has_looked: bool,
    events: u64,
    /// Why the last event that was refused or not understood was not taken.
    refused_why: Option<String>,
}

impl Actor {
    pub(crate) fn new(epoch: String) -> Self {
        Self {
            sessions: Sessions::new(epoch),
            subscribers: Subscribers::default(),
            recorders: Recorders::default(),
            waits: Waits::default(),
            announcements: Announcements::default(),
            calls: Calls::default(),
            holds_announcements: false,
            has_looked: false,
            events: 0,
            refused_why: None,
        }
    }

    /// Whether anything here is worth staying for.
    pub(crate) fn has_live_rows(&self) -> bool {
        self.sessions.has_live_rows()
    }

    /// Returns the processes of all open rows, each once.
    pub(crate) fn processes(&self) -> BTreeSet<Process> {
        self.sessions.processes()
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

    /// Sends the lost events that no client has shown yet to all subscriptions, if they have changed.
    pub(crate) fn set_unseen_losses(&mut self, unseen: Losses) {
        self.subscribers.set_unseen_losses(unseen);
    }

    /// Whether what changes from now on has been told already, by an earlier daemon.
    pub(crate) fn hold_announcements(&mut self, on: bool) {
        self.holds_announcements = on;
    }

    /// Returns whether the daemon should look which processes are suspended before it hands over `input`.
    ///
    /// That is so once in a turn: the inputs of a turn all came before it began, so that one look answers
    /// all of them. Clients may send any number of requests that want it.
    pub(crate) fn wants_look(&mut self, input: &Input) -> bool {
        let Input::Request { request, .. } = input else { return false };
        let wants = matches!(
            **request,
            Request::List
                | Request::Subscribe { .. }
                | Request::Explain { .. }
                | Request::Wait(_)
                | Request::Look
        );
        wants && !std::mem::replace(&mut self.has_looked, true)
    }

    /// Returns whether a connection waits for something that only time brings.
    pub(crate) fn serves(&self, connection: ConnectionId) -> bool {
        self.subscribers.has(connection)
            || self.recorders.has(connection)
            || self.waits.has(connection)
    }

    /// Ends a turn. Returns what goes out to subscribers and recorders.
    pub(crate) fn flush(&mut self) -> Vec<Batch> {
        self.has_looked = false;
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
            waits: self.waits.len() as u64,
            events: self.events,
            dropped: 0,
            lost: Losses::default(),
            refused_why: self.refused_why.clone(),
            sockets: Vec::new(),
            degraded: Vec::new(),
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
            Input::EventRefused(loss, why) => vec![self.note_loss(loss, &why)],
            Input::Drained(connection) => {
                self.subscribers.drained(connection);
                self.recorders.drained(connection);
                Vec::new()
            }
            // The loop counts connections.
            Input::Silent(_) => Vec::new(),
            Input::Room(turn) => {
                drop(turn);
                Vec::new()
            }
            Input::Closed(connection) => {
                self.subscribers.remove(connection);
                self.calls.remove(connection);
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
        if peer.namespace != Namespace::Ours
            && let Some(deed) = deed_of(&request)
        {
            return match deed {
                // No reply is expected.
                Deed::Silent => Vec::new(),
                Deed::Answered(what) => vec![send(connection, &forbidden(what))],
            };
        }
        match request {
            Request::Event(event) => {
                // The branch belongs to the event before it.
                self.events += u64::from(event.report.event != Event::BranchRead);
                let mut report = event.report;
                if peer.is_foreign(event.hook_pid) {
                    report.come_from_elsewhere();
                }
                let lost = (report.event == Event::Unknown).then(|| {
                    let why = "the event is of a kind that this daemon does not know";
                    self.note_loss(Loss::NotUnderstood, why)
                });
                self.recorders.note_report(&mut report);
                let mut outputs = self.apply(DomainInput::Reported(report), now);
                outputs.extend(lost);
                outputs
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
            Request::Record if self.recorders.is_full() => {
                vec![busy(connection, format!("{MAX_RECORDERS} clients record already"))]
            }
            Request::Record => {
                self.recorders.add(connection);
                vec![send(connection, &Reply::Recording)]
            }
            Request::Subscribe { .. } | Request::List
                if !self.subscribers.has_room(
                    connection,
                    !matches!(request, Request::List),
                    self.sessions.len(),
                ) =>
            {
                let views =
                    format!("{MAX_SUBSCRIPTIONS} subscriptions, {MAX_VIEWS} clients in all");
                vec![busy(connection, format!("too many clients are shown rows ({views})"))]
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
            Request::Wait(wait) => {
                let answer = self.waits.begin(connection, wait, &self.sessions);
                answer.iter().map(|reply| send(connection, reply)).collect()
            }
            Request::Explain { row } => vec![self.explain(connection, &row)],
            Request::Mark { row, mark } => self.mark(connection, &row, mark, now),
            Request::Restore { row } => self.apply(DomainInput::Restored(vec![*row]), now),
            Request::RestoreLimits { limits } => {
                self.apply(DomainInput::LimitsRestored(limits), now)
            }
            Request::LossesSeen { count } => vec![Output::LossesSeen(count)],
            Request::Hello { .. } => vec![Output::SayHello(connection)],
            Request::Stop => vec![send(connection, &Reply::Stopping), Output::Stop],
        }
    }

    fn note_loss(&mut self, loss: Loss, why: &str) -> Output {
        self.refused_why = Some(clean(why, MAX_LINE, false));
        Output::NoteLoss(loss)
    }

    fn observe(&mut self, mut observation: Box<Observation>, now: Now) -> Vec<Output> {
        self.recorders.note_observation(&mut observation);
        self.apply(DomainInput::Observed(observation), now)
    }

    fn apply(&mut self, input: DomainInput, now: Now) -> Vec<Output> {
        let is_told = self.holds_announcements || matches!(input, DomainInput::Restored(_));
        let outcome = self.sessions.apply(input, now);
        let mut outputs: Vec<Output> = outcome.watch.into_iter().map(Output::Watch).collect();
        for (from, to) in &outcome.renamed {
            let Some(row) = self.sessions.get(to) else { continue };
            let ended = self.waits.rename(from, row);
            outputs.extend(ended.iter().map(|(asker, reply)| send(*asker, reply)));
        }
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

/// A request that does more than read, or report a session of the client's own.
enum Deed {
    /// The client expects no reply.
    Silent,
    /// It expects one. What it wants to do, in words.
    Answered(&'static str),
}

/// Returns what a request would do in the user's place. A client in another pid namespace, as in a container, may
/// not: what it remembers is of other processes than ours, and the user who acts is not there.
fn deed_of(request: &Request) -> Option<Deed> {
    match request {
        Request::Restore { .. }
        | Request::RestoreLimits { .. }
        | Request::Attend { .. }
        | Request::LossesSeen { .. }
        | Request::Told { .. } => Some(Deed::Silent),
        Request::Mark { .. } => Some(Deed::Answered("mark sessions")),
        Request::Announce { .. } => Some(Deed::Answered("notify the user")),
        Request::Stop => Some(Deed::Answered("stop the daemon")),
        Request::Event(_)
        | Request::Observe(_)
        | Request::Subscribe { .. }
        | Request::List
        | Request::Wait(_)
        | Request::Explain { .. }
        | Request::Look
        | Request::Record
        | Request::Hello { .. } => None,
    }
}

fn forbidden(what: &str) -> Reply {
    let message = format!("a client in another pid namespace (a container) may not {what}");
    Reply::Error { code: ErrorCode::Forbidden, message }
}

/// Two that push to one connection could not tell whose lines it has written.
fn only_one_stream(connection: ConnectionId) -> Output {
    busy(connection, "a connection that records cannot subscribe or list".to_owned())
}

fn not_found(connection: ConnectionId, key: &RowKey) -> Output {
    send(connection, &no_row(key))
}

#[cfg(test)]
mod tests;

//! Messages between the actor and the loop that runs it.

use crate::ids::ConnectionId;
use crate::net::peer::Peer;
use crate::outbox::batch::Line;
use crewboard_core::{Day, FileLookup, Notification, Observation, Origin, Process, ProcessToWatch};
use crewboard_protocol::{DropReason, Request};
use std::collections::BTreeSet;
use tokio::sync::OwnedSemaphorePermit;

/// An input of the actor.
#[derive(Debug)]
pub(crate) enum Input {
    /// A client sent a request.
    Request {
        connection: ConnectionId,
        peer: Peer,
        request: Box<Request>,
    },
    /// The daemon refused a line that may have been an event, for this reason.
    EventRefused(DropReason, String),
    /// A connection has written its last batch.
    BatchWritten(ConnectionId),
    /// A new connection has not sent a whole request yet.
    Silent(ConnectionId),
    /// The actor has handled all inputs before this one. Dropping the permit admits another long line.
    LongLineHandled(OwnedSemaphorePermit),
    /// A connection has ended.
    Closed(ConnectionId),
    /// The kernel will report the end of this process.
    ProcessWatched {
        process: Process,
        ancestors: Vec<Process>,
    },
    /// The daemon has read how a process was started.
    OriginFound {
        process: Process,
        origin: Origin,
    },
    ProcessExited(Process),
    /// A process was suspended or continued.
    Suspended {
        process: Process,
        on: bool,
    },
    /// The daemon has read an agent's files.
    Observed(Box<Observation>),
    /// The daemon has looked up the present day.
    DayFound(Day),
    /// A deadline of the domain may have passed.
    Tick,
}

/// An action that the loop carries out for the actor.
#[derive(Debug)]
pub(crate) enum Output {
    /// Sends a reply to a connection.
    Send { connection: ConnectionId, line: Line },
    /// Sends a description of the daemon to a client.
    SendHello(ConnectionId),
    /// Watches a process and its agent's files.
    WatchProcess(ProcessToWatch),
    /// Reads a file. The result is an [`Input::Observed`].
    LookUpFile(FileLookup),
    /// Stops watching a process, which has ended.
    StopWatching(Process),
    /// Notifies the user, or runs the user's commands.
    Notify(Box<Notification>),
    /// Counts a dropped event.
    CountDroppedEvent(DropReason),
    /// Notes that a client has shown this number of dropped events to the user.
    MarkDroppedEventsSeen(u64),
    /// Stops the daemon, because a client asked.
    Stop,
}

/// The processes that may be suspended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ProcessCheck {
    None,
    /// All processes, and the files without a watch.
    All(BTreeSet<Process>),
    Of(Vec<Process>),
}

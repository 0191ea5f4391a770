use crate::connection::{Connection, ConnectionError};
use crate::daemon_locator::{ConnectError, DaemonLocator};
use crate::version::version_problem;
use crewboard_core::{RateLimits, RowKey, Session, Transition};
use crewboard_platform::Deadline;
use crewboard_protocol::{
    AcceptNotificationsRequest, After, DroppedEvents, Reply, Request, RestoreLimitsRequest,
    RestoreRequest, SubscribeRequest,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::collections::{HashMap, HashSet};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// Time limit of one attempt to connect to a daemon or to start one.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// First pause between two attempts after a daemon has ended. The program file is missing for a moment while it is
/// replaced.
const RETRY_AFTER: Duration = Duration::from_millis(100);
/// The longest of these pauses.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(2);

/// Maximum number of daemons that may end during one call before the subscription gives up.
const MAX_ATTEMPTS: usize = 10;

/// An event of a subscription.
#[derive(Debug)]
pub enum SubscriptionEvent {
    /// [`Subscription::rows`] has all rows of the daemon.
    Synced,
    /// A row has changed. It has entered these statuses, and a number of older ones that were skipped.
    Changed {
        row: Box<Session>,
        transitions: Vec<Transition>,
        skipped: u64,
    },
    Removed(RowKey),
    /// [`Subscription::limits`] has changed.
    RateLimits,
    /// The dropped events that no client has shown yet. The client sends [`Request::DroppedEventsSeen`] when it has shown them.
    DroppedEvents(DroppedEvents),
    /// The client is to show this notification to the user.
    Notification {
        /// The id for [`Request::NotificationShown`].
        id: Option<u64>,
        title: String,
        text: String,
    },
    /// The daemon has ended. The rows are the last that it sent.
    Disconnected,
    /// No daemon can be reached or started, for this reason. The subscription retries.
    Unreachable(String),
    /// The problem with the daemon's version, if there is one.
    Version(Option<String>),
}

/// The reason why a subscription ended.
#[derive(Debug, thiserror::Error)]
pub enum SubscriptionError {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// The reader of the output has closed it.
    #[error("the reader of the output has closed it")]
    ReaderGone,
}

/// A subscription that survives the end of a daemon. It then connects to the next daemon, or starts one, and restores
/// the rows there.
#[derive(Debug)]
pub struct Subscription<'a> {
    daemon_locator: &'a DaemonLocator,
    connection: Option<Connection>,
    rows: HashMap<RowKey, Session>,
    limits: Vec<RateLimits>,
    /// Rows received since the last snapshot began. The other rows do not exist any more.
    in_snapshot: Option<HashSet<RowKey>>,
    /// The revision to resume from.
    resume_from: Option<After>,
    /// The pause before the next attempt, while no daemon can be reached.
    pause: Option<Duration>,
    /// True if the client shows notifications.
    accepts_notifications: bool,
}

impl<'a> Subscription<'a> {
    /// Creates a subscription to the daemon of `daemon_locator`. The first [`Subscription::next`] connects.
    pub fn new(daemon_locator: &'a DaemonLocator) -> Self {
        Self {
            daemon_locator,
            connection: None,
            rows: HashMap::new(),
            limits: Vec::new(),
            in_snapshot: None,
            resume_from: None,
            pause: None,
            accepts_notifications: false,
        }
    }

    /// Sets whether this client accepts notifications from this daemon and later ones.
    pub fn accept_notifications(&mut self, on: bool) {
        self.accepts_notifications = on;
        // If no daemon is connected, the next one gets the request.
        let _ = self.send(&Request::AcceptNotifications(AcceptNotificationsRequest { on }));
    }

    /// Returns the rows as last received.
    pub fn rows(&self) -> &HashMap<RowKey, Session> {
        &self.rows
    }

    /// Returns the rate limits as last received.
    pub fn limits(&self) -> &[RateLimits] {
        &self.limits
    }

    /// Returns the stream, on which the caller can wait, or `None` while no daemon is connected.
    pub fn stream(&self) -> Option<&UnixStream> {
        self.connection.as_ref().map(Connection::stream)
    }

    /// Waits for the next event, even if daemons end meanwhile. Returns an error if the reader of `output` has closed it.
    pub fn next(&mut self, output: &impl AsFd) -> Result<SubscriptionEvent, SubscriptionError> {
        loop {
            if let Some(event) = self.next_within(output, None)? {
                return Ok(event);
            }
        }
    }

    /// Waits for the next event like [`Subscription::next`], but returns `None` if a connected daemon sends nothing for
    /// `timeout`.
    pub fn next_within(
        &mut self,
        output: &impl AsFd,
        timeout: Option<Duration>,
    ) -> Result<Option<SubscriptionEvent>, SubscriptionError> {
        let deadline = timeout.map(Deadline::after);
        let mut attempts = 0;
        loop {
            let Some(connection) = &mut self.connection else {
                if let Some(pause) = self.pause {
                    wait_to_retry(output, pause)?;
                }
                match self.connect(Deadline::after(CONNECT_TIMEOUT)) {
                    Ok(()) => self.pause = None,
                    // The daemon ended while this client restored the rows. The next daemon gets them.
                    Err(SubscriptionError::Connection(ConnectionError::Closed))
                        if attempts < MAX_ATTEMPTS =>
                    {
                        attempts += 1;
                    }
                    // A daemon ran before, so retry.
                    Err(error) if self.resume_from.is_some() => {
                        let pause = self.pause.map_or(RETRY_AFTER, |pause| pause * 2);
                        let is_first = self.pause.replace(pause.min(MAX_RETRY_AFTER)).is_none();
                        if is_first {
                            let why = error.to_string();
                            return Ok(Some(SubscriptionEvent::Unreachable(why)));
                        }
                    }
                    Err(error) => return Err(error),
                }
                continue;
            };
            match connection.receive_ready() {
                Ok(Some(reply)) => {
                    if let Some(event) = self.apply(reply) {
                        return Ok(Some(event));
                    }
                }
                Ok(None) if !wait_for(connection, output, deadline)? => return Ok(None),
                Ok(None) => {}
                Err(ConnectionError::Closed) => {
                    self.connection = None;
                    return Ok(Some(SubscriptionEvent::Disconnected));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Returns the events that have arrived. Never waits.
    pub fn ready(&mut self) -> Result<Vec<SubscriptionEvent>, ConnectionError> {
        let mut events = Vec::new();
        while let Some(connection) = &mut self.connection {
            match connection.receive_ready() {
                Ok(Some(reply)) => events.extend(self.apply(reply)),
                Ok(None) => break,
                Err(ConnectionError::Closed) => {
                    self.connection = None;
                    events.push(SubscriptionEvent::Disconnected);
                }
                // A marked row may have been removed meanwhile. The connection is still good.
                Err(ConnectionError::Refused { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(events)
    }

    /// Sends a request to the daemon.
    pub fn send(&self, request: &Request) -> Result<(), ConnectionError> {
        self.connection.as_ref().ok_or(ConnectionError::Closed)?.send(request)
    }

    /// Drops a connection that failed.
    pub fn forget_connection(&mut self) {
        self.connection = None;
    }

    /// Connects to a daemon or starts one, restores the rows there, and subscribes.
    pub fn connect(&mut self, deadline: Deadline) -> Result<(), SubscriptionError> {
        let stream = self.daemon_locator.connect_or_start(deadline)?;
        let connection = Connection::new(stream).map_err(ConnectionError::Io)?;
        for row in self.rows.values() {
            connection.send(&Request::Restore(RestoreRequest { row: Box::new(row.clone()) }))?;
        }
        if !self.limits.is_empty() {
            connection.send(&Request::RestoreLimits(RestoreLimitsRequest {
                limits: self.limits.clone(),
            }))?;
        }
        connection.send(&Request::HELLO)?;
        connection
            .send(&Request::Subscribe(SubscribeRequest { after: self.resume_from.clone() }))?;
        if self.accepts_notifications {
            connection
                .send(&Request::AcceptNotifications(AcceptNotificationsRequest { on: true }))?;
        }
        self.in_snapshot = None;
        self.connection = Some(connection);
        Ok(())
    }

    fn apply(&mut self, reply: Reply) -> Option<SubscriptionEvent> {
        match reply {
            Reply::Snapshot { .. } => {
                self.in_snapshot = Some(HashSet::new());
                None
            }
            Reply::Row { row } => {
                let is_snapshot = self.in_snapshot.is_some();
                if let Some(received) = &mut self.in_snapshot {
                    received.insert(row.key.clone());
                }
                if is_snapshot {
                    self.rows.insert(row.key.clone(), *row);
                    return None;
                }
                self.rows.insert(row.key.clone(), (*row).clone());
                Some(SubscriptionEvent::Changed { row, transitions: Vec::new(), skipped: 0 })
            }
            Reply::Change { row, transitions, skipped, known: resume } => {
                let former = self.rows.remove(&row.key);
                let mut known = (*row).clone();
                (known.history, known.past) =
                    former.map(|former| (former.history, former.past)).unwrap_or_default();
                known.history.extend(transitions.iter().copied());
                let excess = known.history.len().saturating_sub(crewboard_core::MAX_HISTORY);
                for entered in known.history.drain(..excess) {
                    known.past.push(entered);
                }
                if let Some(received) = &mut self.in_snapshot {
                    received.insert(row.key.clone());
                }
                self.set_resume_point(&row.epoch, resume);
                self.rows.insert(row.key.clone(), known);
                Some(SubscriptionEvent::Changed { row, transitions, skipped })
            }
            Reply::Removed { key, known } => {
                self.rows.remove(&key);
                if let Some(After { epoch, .. }) = self.resume_from.clone() {
                    self.set_resume_point(&epoch, known);
                }
                Some(SubscriptionEvent::Removed(key))
            }
            Reply::RateLimits { limits } => {
                self.limits = limits;
                Some(SubscriptionEvent::RateLimits)
            }
            Reply::DroppedEvents { unseen } => Some(SubscriptionEvent::DroppedEvents(unseen)),
            Reply::Synced { epoch, revision } => {
                if let Some(received) = self.in_snapshot.take() {
                    self.rows.retain(|key, _| received.contains(key));
                }
                self.set_resume_point(&epoch, Some(revision));
                Some(SubscriptionEvent::Synced)
            }
            Reply::Hello(daemon) => Some(SubscriptionEvent::Version(version_problem(&daemon))),
            Reply::Notification { id, title, text } => {
                Some(SubscriptionEvent::Notification { id, title, text })
            }
            _ => None,
        }
    }

    /// Remembers the revision from which the next subscription resumes.
    fn set_resume_point(&mut self, epoch: &str, known: Option<u64>) {
        // During a snapshot there is no revision to resume from.
        if let (None, Some(revision)) = (&self.in_snapshot, known) {
            self.resume_from = Some(After { epoch: epoch.to_owned(), revision });
        }
    }
}

/// Waits until the daemon sends something, or the reader of `output` has closed it. Returns false if the deadline passes
/// before.
fn wait_for(
    connection: &Connection,
    output: &impl AsFd,
    deadline: Option<Deadline>,
) -> Result<bool, SubscriptionError> {
    loop {
        let mut descriptors = [
            PollFd::new(connection.stream(), PollFlags::IN),
            // No flag is needed: the kernel always reports an error or a hang-up.
            PollFd::new(output, PollFlags::empty()),
        ];
        let timeout = deadline.and_then(|deadline| Timespec::try_from(deadline.remaining()).ok());
        match poll(&mut descriptors, timeout.as_ref()) {
            Ok(0) if timeout.is_some() => return Ok(false),
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            Err(error) => return Err(ConnectionError::Io(io::Error::from(error)).into()),
        }
        if !descriptors[0].revents().is_empty() {
            return Ok(true);
        }
        if descriptors[1].revents().intersects(closed_flags()) {
            return Err(SubscriptionError::ReaderGone);
        }
    }
}

/// Waits for `pause`, or until the reader of `output` has closed it.
fn wait_to_retry(output: &impl AsFd, pause: Duration) -> Result<(), SubscriptionError> {
    let mut descriptors = [PollFd::new(output, PollFlags::empty())];
    let within = Timespec::try_from(pause).ok();
    // A signal only shortens the pause.
    let is_ready = poll(&mut descriptors, within.as_ref()).is_ok_and(|count| count > 0);
    if is_ready && descriptors[0].revents().intersects(closed_flags()) {
        return Err(SubscriptionError::ReaderGone);
    }
    Ok(())
}

/// Returns the flags of an output whose reader has closed it.
fn closed_flags() -> PollFlags {
    PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL
}

use crate::conversation::{Conversation, TalkError};
use crate::rendezvous::{ConnectError, Rendezvous};
use crate::version::version_problem;
use crewboard_core::{Limits, RowKey, Session, Transition};
use crewboard_platform::Deadline;
use crewboard_protocol::{After, Losses, PROTOCOL, Reply, Request};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::collections::HashMap;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// How long one attempt to find or start a daemon may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// Pauses between two attempts to reach or start a daemon after one is gone. The program file is missing for
/// a moment while it is replaced.
const RETRY: Duration = Duration::from_millis(100);
const RETRY_AT_MOST: Duration = Duration::from_secs(2);

/// Daemons that may die under our hands before we say that none stays alive.
const MAX_ATTEMPTS: usize = 10;

/// What a follower learns.
#[derive(Debug)]
pub enum News {
    /// All is known: [`Follow::rows`] is what the daemon has.
    Synced,
    /// A row is another than it was; the statuses it entered since, and how many older were left out.
    Changed {
        row: Box<Session>,
        transitions: Vec<Transition>,
        skipped: u64,
    },
    Removed(RowKey),
    /// [`Follow::limits`] are others.
    Limits,
    /// The lost events that no client has shown yet are these. [`Request::LossesSeen`] says that they were shown.
    Losses(Losses),
    /// A person is to be told this, by us.
    Announcement {
        /// What to call it when we have.
        id: Option<u64>,
        title: String,
        text: String,
    },
    /// The daemon is gone; the rows are what it last said.
    Lost,
    /// No other daemon can be reached or started, for this reason. It is tried again.
    Unreachable(String),
    /// What is wrong about the daemon's version; `None` where nothing is.
    Version(Option<String>),
}

/// Why following ended.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Talk(#[from] TalkError),
    /// Whoever reads our output is gone.
    #[error("the reader went away")]
    ReaderGone,
}

/// A subscription that outlives daemons: it finds or starts the next one, gives it the rows it
/// holds, and goes on.
#[derive(Debug)]
pub struct Follow<'a> {
    rendezvous: &'a Rendezvous,
    conversation: Option<Conversation>,
    rows: HashMap<RowKey, Session>,
    limits: Vec<Limits>,
    /// Rows named since the last snapshot began; the others are gone.
    named: Option<Vec<RowKey>>,
    seen: Option<After>,
    /// How long to wait before the next attempt, while no daemon can be reached.
    pause: Option<Duration>,
    /// We can call a person.
    attends: bool,
}

impl<'a> Follow<'a> {
    /// Follows the daemon at `rendezvous`; connects with the first [`Follow::next`].
    pub fn new(rendezvous: &'a Rendezvous) -> Self {
        Self {
            rendezvous,
            conversation: None,
            rows: HashMap::new(),
            limits: Vec::new(),
            named: None,
            seen: None,
            pause: None,
            attends: false,
        }
    }

    /// Says whether we can call a person, to this daemon and those that come.
    pub fn attend(&mut self, on: bool) {
        self.attends = on;
        // One that is gone is told with the next.
        let _ = self.send(&Request::Attend { on });
    }

    /// The rows as last told.
    pub fn rows(&self) -> &HashMap<RowKey, Session> {
        &self.rows
    }

    /// The accounts' limits as last told.
    pub fn limits(&self) -> &[Limits] {
        &self.limits
    }

    /// The connection, to wait for; `None` while there is none.
    pub fn stream(&self) -> Option<&UnixStream> {
        self.conversation.as_ref().map(Conversation::stream)
    }

    /// Waits for the next news, over as many daemons as it takes. Ends when `output` has nobody left
    /// to read it.
    pub fn next(&mut self, output: &impl AsFd) -> Result<News, FollowError> {
        let mut attempts = 0;
        loop {
            let Some(conversation) = &mut self.conversation else {
                if let Some(pause) = self.pause {
                    wait_to_retry(output, pause)?;
                }
                match self.connect(Deadline::after(CONNECT_WITHIN)) {
                    Ok(()) => self.pause = None,
                    // It died while we gave it our rows; the next one gets them.
                    Err(FollowError::Talk(TalkError::Gone)) if attempts < MAX_ATTEMPTS => {
                        attempts += 1;
                    }
                    // There was one, so there will be another.
                    Err(error) if self.seen.is_some() => {
                        let pause = self.pause.map_or(RETRY, |pause| pause * 2);
                        let is_first = self.pause.replace(pause.min(RETRY_AT_MOST)).is_none();
                        if is_first {
                            return Ok(News::Unreachable(error.to_string()));
                        }
                    }
                    Err(error) => return Err(error),
                }
                continue;
            };
            match conversation.receive_ready() {
                Ok(Some(reply)) => {
                    if let Some(news) = self.take(reply) {
                        return Ok(news);
                    }
                }
                Ok(None) => wait_for(conversation, output)?,
                Err(TalkError::Gone) => {
                    self.conversation = None;
                    return Ok(News::Lost);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// All news that are there already; never waits.
    pub fn ready(&mut self) -> Result<Vec<News>, TalkError> {
        let mut news = Vec::new();
        while let Some(conversation) = &mut self.conversation {
            match conversation.receive_ready() {
                Ok(Some(reply)) => news.extend(self.take(reply)),
                Ok(None) => break,
                Err(TalkError::Gone) => {
                    self.conversation = None;
                    news.push(News::Lost);
                }
                // A mark on a row that went meanwhile: nothing is wrong with the connection.
                Err(TalkError::Refused { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(news)
    }

    /// Tells the daemon something.
    pub fn send(&self, request: &Request) -> Result<(), TalkError> {
        self.conversation.as_ref().ok_or(TalkError::Gone)?.send(request)
    }

    /// Gives a connection up that is of no more use.
    pub fn forget_connection(&mut self) {
        self.conversation = None;
    }

    /// Finds or starts a daemon, gives it the rows it may not know, and subscribes.
    pub fn connect(&mut self, deadline: Deadline) -> Result<(), FollowError> {
        let stream = self.rendezvous.connect_or_start(deadline)?;
        let conversation = Conversation::new(stream).map_err(TalkError::Io)?;
        for row in self.rows.values() {
            conversation.send(&Request::Restore { row: Box::new(row.clone()) })?;
        }
        if !self.limits.is_empty() {
            conversation.send(&Request::RestoreLimits { limits: self.limits.clone() })?;
        }
        conversation.send(&Request::Hello { protocol: PROTOCOL })?;
        conversation.send(&Request::Subscribe { after: self.seen.clone() })?;
        if self.attends {
            conversation.send(&Request::Attend { on: true })?;
        }
        self.named = None;
        self.conversation = Some(conversation);
        Ok(())
    }

    fn take(&mut self, reply: Reply) -> Option<News> {
        match reply {
            Reply::Snapshot { .. } => {
                self.named = Some(Vec::new());
                None
            }
            Reply::Row { row } => {
                let is_snapshot = self.named.is_some();
                if let Some(named) = &mut self.named {
                    named.push(row.key.clone());
                }
                self.rows.insert(row.key.clone(), (*row).clone());
                (!is_snapshot).then_some(News::Changed { row, transitions: Vec::new(), skipped: 0 })
            }
            Reply::Change { row, transitions, skipped, known: resume } => {
                let history = self.rows.remove(&row.key).map(|known| known.history);
                let mut known = (*row).clone();
                known.history = history.unwrap_or_default();
                known.history.extend(transitions.iter().copied());
                let excess = known.history.len().saturating_sub(crewboard_core::MAX_HISTORY);
                known.history.drain(..excess);
                if let Some(named) = &mut self.named {
                    named.push(row.key.clone());
                }
                self.note(&row.epoch, resume);
                self.rows.insert(row.key.clone(), known);
                Some(News::Changed { row, transitions, skipped })
            }
            Reply::Removed { key, known } => {
                self.rows.remove(&key);
                if let Some(After { epoch, .. }) = self.seen.clone() {
                    self.note(&epoch, known);
                }
                Some(News::Removed(key))
            }
            Reply::Limits { limits } => {
                self.limits = limits;
                Some(News::Limits)
            }
            Reply::Losses { unseen } => Some(News::Losses(unseen)),
            Reply::Synced { epoch, revision } => {
                if let Some(named) = self.named.take() {
                    self.rows.retain(|key, _| named.contains(key));
                }
                self.note(&epoch, Some(revision));
                Some(News::Synced)
            }
            Reply::Hello(daemon) => Some(News::Version(version_problem(&daemon))),
            Reply::Announcement { id, title, text } => Some(News::Announcement { id, title, text }),
            _ => None,
        }
    }

    fn note(&mut self, epoch: &str, known: Option<u64>) {
        // Until all is known there is no point to resume from.
        if let (None, Some(revision)) = (&self.named, known) {
            self.seen = Some(After { epoch: epoch.to_owned(), revision });
        }
    }
}

/// Waits until the daemon has something to say, or nobody reads what we would print of it.
fn wait_for(conversation: &Conversation, output: &impl AsFd) -> Result<(), FollowError> {
    loop {
        let mut descriptors = [
            PollFd::new(conversation.stream(), PollFlags::IN),
            // No flag: the kernel reports an error or a hang-up unasked.
            PollFd::new(output, PollFlags::empty()),
        ];
        match poll(&mut descriptors, None) {
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            Err(error) => return Err(TalkError::Io(io::Error::from(error)).into()),
        }
        if !descriptors[0].revents().is_empty() {
            return Ok(());
        }
        if descriptors[1].revents().intersects(gone()) {
            return Err(FollowError::ReaderGone);
        }
    }
}

/// Waits for `pause`, or until no process reads what we would print.
fn wait_to_retry(output: &impl AsFd, pause: Duration) -> Result<(), FollowError> {
    let mut descriptors = [PollFd::new(output, PollFlags::empty())];
    let within = Timespec::try_from(pause).ok();
    // A signal only makes the pause shorter.
    let is_heard = poll(&mut descriptors, within.as_ref()).is_ok_and(|count| count > 0);
    if is_heard && descriptors[0].revents().intersects(gone()) {
        return Err(FollowError::ReaderGone);
    }
    Ok(())
}

/// What the kernel reports of an output that has no reader any more.
fn gone() -> PollFlags {
    PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL
}

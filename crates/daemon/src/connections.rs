//! All clients: who may come in, and the way to each.

use crate::actor::{ConnectionId, Input};
use crate::connection::{Connection, Outgoing};
use crate::peer::Peer;
use std::collections::{HashMap, HashSet};
use std::io;
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Lines that may wait between the actor and a connection: replies owed, and a batch.
const OUTGOING: usize = 128;

/// Connections at once; more wait in the backlog.
const MAX_CONNECTIONS: u64 = 4096;

/// Descriptors kept for other things than connections.
const RESERVED_DESCRIPTORS: u64 = 128;

/// How long not to accept when there is no descriptor for it.
const DESCRIPTOR_PAUSE: Duration = Duration::from_millis(100);

/// The clients there are.
#[derive(Debug)]
pub(crate) struct Connections {
    /// Whose clients they are: nobody else is let in.
    uid: u32,
    open: HashMap<ConnectionId, mpsc::Sender<Outgoing>>,
    last: ConnectionId,
    max: u64,
    /// No descriptor was left; accept again from then on.
    accept_from: Option<Instant>,
}

impl Connections {
    /// Has none yet, of a process that may have so many descriptors.
    pub(crate) fn new(uid: u32, descriptors: u64) -> Self {
        let max = descriptors.saturating_sub(RESERVED_DESCRIPTORS).clamp(16, MAX_CONNECTIONS);
        Self { uid, open: HashMap::new(), last: 0, max, accept_from: None }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    pub(crate) fn may_accept(&self) -> bool {
        self.accept_from.is_none() && (self.open.len() as u64) < self.max
    }

    /// When to accept again, where that is put off.
    pub(crate) fn accept_from(&self) -> Option<Instant> {
        self.accept_from
    }

    /// Accepts again, if it is time.
    pub(crate) fn deadline_passed(&mut self, now: Instant) {
        self.accept_from = self.accept_from.filter(|from| *from > now);
    }

    /// Takes in whoever came, or puts off to accept where nobody could; what is to be said of it.
    pub(crate) fn accepted(
        &mut self,
        accepted: io::Result<UnixStream>,
        inputs: &mpsc::Sender<Input>,
    ) -> Option<String> {
        if let Ok(stream) = accepted {
            return self.welcome(stream, inputs);
        }
        self.accept_from = Some(Instant::now() + DESCRIPTOR_PAUSE);
        Some("no descriptor is left for a connection".to_owned())
    }

    /// Takes in a client, whose lines go to `inputs`; what is to be said of it.
    pub(crate) fn welcome(
        &mut self,
        stream: UnixStream,
        inputs: &mpsc::Sender<Input>,
    ) -> Option<String> {
        let peer = stream.peer_cred().ok()?;
        if peer.uid() != self.uid {
            return Some(format!("refused a connection of user {}", peer.uid()));
        }
        self.last += 1;
        let (sender, outgoing) = mpsc::channel(OUTGOING);
        self.open.insert(self.last, sender);
        let connection = Connection {
            id: self.last,
            peer: Peer::of(peer.pid().and_then(|pid| u32::try_from(pid).ok())),
            stream,
            inputs: inputs.clone(),
            outgoing,
        };
        tokio::spawn(connection.serve());
        None
    }

    pub(crate) fn send(&mut self, connection: ConnectionId, outgoing: Outgoing) {
        let Some(sender) = self.open.get(&connection) else { return };
        // There is room for all a connection may be owed; one that has none left broke the rules.
        if sender.try_send(outgoing).is_err() {
            self.open.remove(&connection);
        }
    }

    /// Forgets one that has ended.
    pub(crate) fn ended(&mut self, connection: ConnectionId) {
        self.open.remove(&connection);
    }

    /// Lets all go, which ends each once its last lines are written; which those are.
    pub(crate) fn let_go(self) -> HashSet<ConnectionId> {
        self.open.into_keys().collect()
    }
}

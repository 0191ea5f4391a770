//! All clients: who may come in, and the way to each.

use crate::actor::{ConnectionId, Input};
use crate::connection::{Connection, MAX_LONG_LINES, Outgoing, Room, room_for};
use crate::peer::Peer;
use crewboard_config::MIN_DESCRIPTORS;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io;
use std::sync::Arc;
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

/// Connections at once where few descriptors are allowed.
const FEW_CONNECTIONS: u64 = MIN_DESCRIPTORS / 4;

/// How long not to accept when there is no descriptor for it.
const DESCRIPTOR_PAUSE: Duration = Duration::from_millis(100);

/// One of so many connections may be silent: more are needed for clients that ask something.
const SILENT_SHARE: u64 = 4;

/// The clients there are.
#[derive(Debug)]
pub(crate) struct Connections {
    /// Whose clients they are: nobody else is let in.
    uid: u32,
    open: BTreeMap<ConnectionId, Client>,
    /// Those that were read from and have sent no request yet.
    silent: BTreeSet<ConnectionId>,
    last: ConnectionId,
    max: u64,
    /// No descriptor was left; accept again from then on.
    accept_from: Option<Instant>,
    /// Room for the long lines of all connections.
    room: Room,
}

/// A client's connection, as seen from the loop.
#[derive(Debug)]
struct Client {
    outgoing: mpsc::Sender<Outgoing>,
    has_asked: bool,
}

impl Connections {
    /// Has none yet, of a process that may have so many descriptors.
    pub(crate) fn new(uid: u32, descriptors: u64) -> Self {
        let max = descriptors
            .saturating_sub(RESERVED_DESCRIPTORS)
            .clamp(FEW_CONNECTIONS, MAX_CONNECTIONS);
        Self {
            uid,
            open: BTreeMap::new(),
            silent: BTreeSet::new(),
            last: 0,
            max,
            accept_from: None,
            room: room_for(MAX_LONG_LINES),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    fn is_full(&self) -> bool {
        self.open.len() as u64 >= self.max
    }

    /// Returns whether there is room for a client, or can be made. `is_served` tells which connections
    /// wait for something.
    pub(crate) fn may_accept(&self, is_served: impl Fn(ConnectionId) -> bool) -> bool {
        self.accept_from.is_none() && (!self.is_full() || self.expendable(is_served).is_some())
    }

    /// Ends the connection that will be missed least, where there is no room for another.
    pub(crate) fn make_room(&mut self, is_served: impl Fn(ConnectionId) -> bool) {
        if self.is_full()
            && let Some(expendable) = self.expendable(is_served)
        {
            self.end(expendable);
        }
    }

    /// Returns the oldest connection that never asked, or else the oldest that got all its answers. One
    /// that was not read from yet is neither: it may be a hook with an event.
    fn expendable(&self, is_served: impl Fn(ConnectionId) -> bool) -> Option<ConnectionId> {
        let done = |(id, client): &(&ConnectionId, &Client)| client.has_asked && !is_served(**id);
        let oldest_done = || self.open.iter().find(done).map(|(id, _)| *id);
        self.silent.first().copied().or_else(oldest_done)
    }

    /// Notes that a connection was read from and had sent no request.
    pub(crate) fn is_silent(&mut self, connection: ConnectionId) {
        if self.open.contains_key(&connection) {
            self.silent.insert(connection);
        }
        let most = (self.max / SILENT_SHARE).max(FEW_CONNECTIONS);
        if self.silent.len() as u64 > most
            && let Some(oldest) = self.silent.first().copied()
        {
            self.end(oldest);
        }
    }

    /// Notes that a connection sent a request.
    pub(crate) fn has_asked(&mut self, connection: ConnectionId) {
        self.silent.remove(&connection);
        if let Some(client) = self.open.get_mut(&connection) {
            client.has_asked = true;
        }
    }

    /// Ends a connection: its task does so when it finds that nothing more can come.
    fn end(&mut self, connection: ConnectionId) {
        self.open.remove(&connection);
        self.silent.remove(&connection);
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
        self.open.insert(self.last, Client { outgoing: sender, has_asked: false });
        let connection = Connection {
            id: self.last,
            peer: Peer::of(peer.pid().and_then(|pid| u32::try_from(pid).ok())),
            stream,
            inputs: inputs.clone(),
            outgoing,
            room: Arc::clone(&self.room),
        };
        tokio::spawn(connection.serve());
        None
    }

    pub(crate) fn send(&mut self, connection: ConnectionId, outgoing: Outgoing) {
        let Some(client) = self.open.get(&connection) else { return };
        // There is room for all a connection may be owed; one that has none left broke the rules.
        if client.outgoing.try_send(outgoing).is_err() {
            self.end(connection);
        }
    }

    /// Forgets one that has ended.
    pub(crate) fn ended(&mut self, connection: ConnectionId) {
        self.end(connection);
    }

    /// Lets all go, which ends each once its last lines are written; which those are.
    pub(crate) fn let_go(self) -> HashSet<ConnectionId> {
        self.open.into_keys().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// All connections of a process that may have 64, and the inputs that come from them.
    struct Stage {
        connections: Connections,
        sender: mpsc::Sender<Input>,
        inputs: mpsc::Receiver<Input>,
    }

    impl Stage {
        fn new() -> Self {
            let (sender, inputs) = mpsc::channel(1024);
            let uid = rustix::process::getuid().as_raw();
            let connections = Connections::new(uid, RESERVED_DESCRIPTORS + 64);
            Self { connections, sender, inputs }
        }

        /// A client comes, as the loop lets it in, and sends this.
        async fn client(&mut self, line: &[u8], served: &[ConnectionId]) -> UnixStream {
            let is_served = |id| served.contains(&id);
            assert!(self.connections.may_accept(is_served), "a client is kept waiting");
            self.connections.make_room(is_served);
            let (mut client, stream) = UnixStream::pair().unwrap();
            assert_eq!(self.connections.welcome(stream, &self.sender), None);
            client.write_all(line).await.unwrap();
            loop {
                match self.inputs.recv().await.unwrap() {
                    Input::Silent(id) => break self.connections.is_silent(id),
                    Input::Request { connection, .. } => {
                        break self.connections.has_asked(connection);
                    }
                    Input::Closed(_) => {}
                    input => panic!("{input:?}"),
                }
            }
            client
        }
    }

    /// Whether the daemon has ended this connection.
    async fn is_over(client: &mut UnixStream) -> bool {
        let mut byte = [0];
        let over = tokio::time::timeout(Duration::from_secs(1), client.read(&mut byte)).await;
        matches!(over, Ok(Ok(0)))
    }

    const LOOK: &[u8] = b"{\"type\":\"look\"}\n";

    #[tokio::test(start_paused = true)]
    async fn the_oldest_silent_connection_makes_room_for_a_new_one() {
        for said in [&b""[..], b"{\"type\":\"li", b"garbage\n"] {
            let mut stage = Stage::new();
            let mut silent = Vec::new();
            for _ in 0..100 {
                silent.push(stage.client(said, &[]).await);
            }
            assert_eq!(stage.connections.open.len(), 16);
            // They end though they were given 30 seconds, and no time has passed.
            if said.is_empty() {
                assert!(is_over(&mut silent[0]).await && is_over(&mut silent[83]).await);
                assert!(!is_over(&mut silent[84]).await);
            }
            let mut asking = stage.client(LOOK, &[]).await;
            for _ in 0..100 {
                drop(stage.client(said, &[]).await);
            }
            assert!(!is_over(&mut asking).await, "one that asked is no silent one");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_daemon_ends_the_oldest_idle_connection() {
        let mut stage = Stage::new();
        let served: Vec<ConnectionId> = (1..=10).collect();
        let mut clients = Vec::new();
        for _ in 0..80 {
            clients.push(stage.client(LOOK, &served).await);
        }
        assert_eq!(stage.connections.open.len(), 64);
        assert!(served.iter().all(|id| stage.connections.open.contains_key(id)));
        assert!(is_over(&mut clients[10]).await && is_over(&mut clients[25]).await);
        assert!(!is_over(&mut clients[9]).await && !is_over(&mut clients[26]).await);
        assert!(!stage.connections.may_accept(|_| true), "there is nothing to end");
    }

    #[tokio::test]
    async fn a_connection_not_yet_read_is_never_ended_for_another() {
        let mut stage = Stage::new();
        let mut hooks = Vec::new();
        while stage.connections.may_accept(|_| false) {
            stage.connections.make_room(|_| false);
            let (client, stream) = UnixStream::pair().unwrap();
            // Its task does not run before this test waits for something.
            stage.connections.welcome(stream, &stage.sender);
            hooks.push(client);
        }
        assert_eq!((hooks.len(), stage.connections.open.len()), (64, 64));
    }
}

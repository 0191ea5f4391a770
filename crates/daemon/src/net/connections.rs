//! All connections: admission of clients, and the channel to each.

use crate::ids::ConnectionId;
use crate::messages::Input;
use crate::net::connection::{
    Connection, LinesFlag, LongLinePermits, MAX_LONG_LINES, Outgoing, long_line_permits, write_now,
};
use crate::net::peer::Peer;
use crate::outbox::batch::Batch;
use crewboard_config::MIN_DESCRIPTORS;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io::{self, IoSlice};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Messages that may wait between the actor and a connection: pending replies, and a batch.
const OUTGOING: usize = 128;

/// Connections at once; more wait in the backlog.
const MAX_CONNECTIONS: u64 = 4096;

/// Descriptors reserved for other uses than connections.
const RESERVED_DESCRIPTORS: u64 = 128;

/// Connections at once if few descriptors are allowed.
const FEW_CONNECTIONS: u64 = MIN_DESCRIPTORS / 4;

/// Pause before the next accept when no descriptor is left.
const DESCRIPTOR_PAUSE: Duration = Duration::from_millis(100);

/// One of this many connections may be silent. The others are for clients that send requests.
const SILENT_SHARE: u64 = 4;

/// Bytes that the loop writes itself in a turn. The tasks of the connections write the rest, so that clients that read
/// many rows do not delay the next inputs.
const TURN_BYTES: usize = 1 << 20;

/// All connections.
#[derive(Debug)]
pub(crate) struct Connections {
    /// The user. No other user may connect.
    uid: u32,
    open: BTreeMap<ConnectionId, Client>,
    /// Connections that were read and have sent no request yet.
    silent: BTreeSet<ConnectionId>,
    last_id: ConnectionId,
    max: u64,
    /// The time of the next accept, after no descriptor was left.
    accept_from: Option<Instant>,
    /// Permits for the long lines of all connections.
    permits: LongLinePermits,
    /// Bytes that the loop has written itself in this turn.
    turn_bytes: usize,
}

/// The loop's end of a connection.
#[derive(Debug)]
struct Client {
    outgoing: mpsc::Sender<Box<Outgoing>>,
    stream: Arc<UnixStream>,
    /// True while a line waits in the connection's task to be written.
    has_lines: LinesFlag,
    has_requested: bool,
}

impl Client {
    /// Returns true if the connection's task has nothing to write.
    fn is_idle(&self) -> bool {
        self.outgoing.capacity() == self.outgoing.max_capacity()
            && !self.has_lines.load(Ordering::Relaxed)
    }
}

impl Connections {
    /// Admits clients of user `uid`, as many as the process may have `descriptors` for.
    pub(crate) fn new(uid: u32, descriptors: u64) -> Self {
        let max = descriptors
            .saturating_sub(RESERVED_DESCRIPTORS)
            .clamp(FEW_CONNECTIONS, MAX_CONNECTIONS);
        Self {
            uid,
            open: BTreeMap::new(),
            silent: BTreeSet::new(),
            last_id: 0,
            max,
            accept_from: None,
            permits: long_line_permits(MAX_LONG_LINES),
            turn_bytes: 0,
        }
    }

    /// Notes that the loop begins to send the batches of a turn.
    pub(crate) fn begin_batches(&mut self) {
        self.turn_bytes = 0;
    }

    /// Returns true if no client is connected.
    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    fn is_full(&self) -> bool {
        self.open.len() as u64 >= self.max
    }

    /// Returns true if there is room for a client, or a connection can be ended for it. `is_served` returns true for
    /// connections that wait for something.
    pub(crate) fn may_accept(&self, is_served: impl Fn(ConnectionId) -> bool) -> bool {
        self.accept_from.is_none() && (!self.is_full() || self.expendable(is_served).is_some())
    }

    /// Ends an expendable connection if there is no room for another.
    pub(crate) fn make_room(&mut self, is_served: impl Fn(ConnectionId) -> bool) {
        if self.is_full()
            && let Some(expendable) = self.expendable(is_served)
        {
            self.end(expendable);
        }
    }

    /// Returns the oldest connection that has sent no request, or else the oldest that has all its replies. A connection
    /// that was not read yet is neither: it may be a hook with an event.
    fn expendable(&self, is_served: impl Fn(ConnectionId) -> bool) -> Option<ConnectionId> {
        let done =
            |(id, client): &(&ConnectionId, &Client)| client.has_requested && !is_served(**id);
        let oldest_done = || self.open.iter().find(done).map(|(id, _)| *id);
        self.silent.first().copied().or_else(oldest_done)
    }

    /// Notes that a connection was read and had sent no request.
    pub(crate) fn note_silent(&mut self, connection: ConnectionId) {
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
    pub(crate) fn note_request(&mut self, connection: ConnectionId) {
        self.silent.remove(&connection);
        if let Some(client) = self.open.get_mut(&connection) {
            client.has_requested = true;
        }
    }

    /// Ends a connection. Its task ends when its channel is closed.
    fn end(&mut self, connection: ConnectionId) {
        self.open.remove(&connection);
        self.silent.remove(&connection);
    }

    /// Returns the time of the next accept, if accepting is paused.
    pub(crate) fn accept_from(&self) -> Option<Instant> {
        self.accept_from
    }

    /// Resumes accepting if it is time.
    pub(crate) fn deadline_passed(&mut self, now: Instant) {
        self.accept_from = self.accept_from.filter(|from| *from > now);
    }

    /// Adds an accepted connection, or pauses accepting after an error. Returns a line for the log.
    pub(crate) fn add_accepted(
        &mut self,
        accepted: io::Result<UnixStream>,
        inputs: &mpsc::Sender<Input>,
    ) -> Option<String> {
        if let Ok(stream) = accepted {
            return self.add(stream, inputs);
        }
        self.accept_from = Some(Instant::now() + DESCRIPTOR_PAUSE);
        Some("no descriptor is left for a connection".to_owned())
    }

    /// Adds the connection of a client, whose requests go to `inputs`. Returns a line for the log.
    pub(crate) fn add(
        &mut self,
        stream: UnixStream,
        inputs: &mpsc::Sender<Input>,
    ) -> Option<String> {
        let peer = stream.peer_cred().ok()?;
        if peer.uid() != self.uid {
            return Some(format!("refused a connection of user {}", peer.uid()));
        }
        self.last_id += 1;
        let (sender, outgoing) = mpsc::channel(OUTGOING);
        let stream = Arc::new(stream);
        let has_lines = LinesFlag::default();
        let client = Client {
            outgoing: sender,
            stream: Arc::clone(&stream),
            has_lines: Arc::clone(&has_lines),
            has_requested: false,
        };
        self.open.insert(self.last_id, client);
        let connection = Connection {
            id: self.last_id,
            peer: Peer::of(peer.pid().and_then(|pid| u32::try_from(pid).ok())),
            stream,
            has_lines,
            inputs: inputs.clone(),
            outgoing,
            permits: Arc::clone(&self.permits),
        };
        tokio::spawn(connection.serve());
        None
    }

    /// Sends lines to a connection. Ends a connection whose channel is full.
    pub(crate) fn send(&mut self, connection: ConnectionId, outgoing: Outgoing) {
        let Some(client) = self.open.get(&connection) else { return };
        // The channel has room for all pending replies. A connection without room violates the protocol.
        if client.outgoing.try_send(Box::new(outgoing)).is_err() {
            self.end(connection);
        }
    }

    /// Sends a batch. Returns true if it is written: the loop writes to an idle connection itself, because the wake-up
    /// of the connection's task and its report cost more than the write.
    pub(crate) fn send_batch(&mut self, batch: Batch) -> bool {
        let Batch { connection, mut lines, answers } = batch;
        let Some(client) = self.open.get(&connection) else { return false };
        let mut written = 0;
        // Only the task knows how many replies are pending.
        if !answers && self.turn_bytes < TURN_BYTES && client.is_idle() {
            let slices: Vec<IoSlice<'_>> = lines.iter().map(|line| IoSlice::new(line)).collect();
            // The task finds out about an error too.
            written = write_now(&client.stream, &slices).unwrap_or(0);
            self.turn_bytes += written;
            let whole = lines.iter().take_while(|line| {
                let is_written = line.len() <= written;
                written -= if is_written { line.len() } else { 0 };
                is_written
            });
            let whole = whole.count();
            lines.drain(..whole);
            if lines.is_empty() {
                return true;
            }
        }
        self.send(connection, Outgoing::Batch { lines, answers, written });
        false
    }

    /// Removes a connection that has ended.
    pub(crate) fn remove(&mut self, connection: ConnectionId) {
        self.end(connection);
    }

    /// Closes all channels, which ends each connection once its last lines are written. Returns the connections.
    pub(crate) fn close(self) -> HashSet<ConnectionId> {
        self.open.into_keys().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbox::batch::Line;
    use rustix::net::RecvFlags;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// Connections of a process that may have 64, and their inputs.
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

        /// Connects a client as the loop does, and sends `line`.
        async fn client(&mut self, line: &[u8], served: &[ConnectionId]) -> UnixStream {
            let is_served = |id| served.contains(&id);
            assert!(self.connections.may_accept(is_served), "the client is not accepted");
            self.connections.make_room(is_served);
            let (mut client, stream) = UnixStream::pair().unwrap();
            assert_eq!(self.connections.add(stream, &self.sender), None);
            client.write_all(line).await.unwrap();
            loop {
                match self.inputs.recv().await.unwrap() {
                    Input::Silent(id) => break self.connections.note_silent(id),
                    Input::Request { connection, .. } => {
                        break self.connections.note_request(connection);
                    }
                    Input::Closed(_) => {}
                    input => panic!("{input:?}"),
                }
            }
            client
        }
    }

    /// Returns true if the daemon has ended this connection.
    async fn is_over(client: &mut UnixStream) -> bool {
        let mut byte = [0];
        let over = tokio::time::timeout(Duration::from_secs(1), client.read(&mut byte)).await;
        matches!(over, Ok(Ok(0)))
    }

    const LOOK: &[u8] = b"{\"type\":\"look\"}\n";

    #[tokio::test(start_paused = true)]
    async fn oldest_silent_connection_makes_room_for_a_new_one() {
        for sent in [&b""[..], b"{\"type\":\"li", b"garbage\n"] {
            let mut stage = Stage::new();
            let mut silent = Vec::new();
            for _ in 0..100 {
                silent.push(stage.client(sent, &[]).await);
            }
            assert_eq!(stage.connections.open.len(), 16);
            // They end before their 30 seconds are over. No time has passed.
            if sent.is_empty() {
                assert!(is_over(&mut silent[0]).await && is_over(&mut silent[83]).await);
                assert!(!is_over(&mut silent[84]).await);
            }
            let mut requesting = stage.client(LOOK, &[]).await;
            for _ in 0..100 {
                drop(stage.client(sent, &[]).await);
            }
            assert!(
                !is_over(&mut requesting).await,
                "a connection that sent a request is not silent"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn full_daemon_ends_the_oldest_idle_connection() {
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
        assert!(!stage.connections.may_accept(|_| true), "no connection is expendable");
    }

    #[tokio::test]
    async fn idle_connection_gets_a_batch_without_its_task() {
        let mut stage = Stage::new();
        let client = stage.client(LOOK, &[]).await;
        let batch = |text: &str, answers| Batch {
            connection: 1,
            lines: text.split_inclusive('\n').map(|line| line.as_bytes().into()).collect(),
            answers,
        };
        let received = |client: &UnixStream| {
            let mut bytes = vec![0; 1 << 20];
            let count = rustix::net::recv(client, &mut bytes[..], RecvFlags::DONTWAIT);
            bytes.truncate(count.map_or(0, |(_, count)| count));
            String::from_utf8(bytes).unwrap()
        };
        assert!(stage.connections.send_batch(batch("one\ntwo\n", false)));
        assert_eq!(received(&client), "one\ntwo\n");
        // The end of a reply is counted by the task, and what comes later must not overtake it.
        assert!(!stage.connections.send_batch(batch("reply\n", true)));
        assert!(!stage.connections.send_batch(batch("three\n", false)));
        assert_eq!(received(&client), "");
    }

    #[tokio::test]
    async fn fast_reader_does_not_keep_the_loop_from_its_inputs() {
        let mut stage = Stage::new();
        let client = stage.client(LOOK, &[]).await;
        let batch = || Batch { connection: 1, lines: vec![[b'x'; 4096].into()], answers: false };
        for _ in 0..2 {
            stage.connections.begin_batches();
            let mut written = 0;
            while stage.connections.send_batch(batch()) {
                let mut bytes = [0; 4096];
                written +=
                    rustix::net::recv(&client, &mut bytes[..], RecvFlags::DONTWAIT).unwrap().1;
                assert!(written <= TURN_BYTES, "the loop writes without end");
            }
            assert_eq!(written, TURN_BYTES);
            // The task reports when the rest is written, and the loop then sends the next batch.
            assert!(matches!(stage.inputs.recv().await, Some(Input::BatchWritten(1))));
            while rustix::net::recv(&client, &mut [0; 4096][..], RecvFlags::DONTWAIT).is_ok() {}
        }
    }

    #[tokio::test]
    async fn task_writes_what_the_kernel_did_not_take() {
        let mut stage = Stage::new();
        let mut client = stage.client(LOOK, &[]).await;
        let line = |letter: u8| -> Line { [vec![letter; 299_999], vec![b'\n']].concat().into() };
        let lines: Vec<Line> = b"abcdefgh".iter().map(|letter| line(*letter)).collect();
        let sent = lines.concat();
        let written = stage.connections.send_batch(Batch { connection: 1, lines, answers: false });
        assert!(!written, "the kernel took all");
        let mut read = vec![0; sent.len()];
        client.read_exact(&mut read).await.unwrap();
        assert!(read == sent, "lines are lost or in another order");
        assert!(matches!(stage.inputs.recv().await, Some(Input::BatchWritten(1))));
    }

    #[tokio::test]
    async fn connection_not_yet_read_is_never_ended_for_another() {
        let mut stage = Stage::new();
        let mut hooks = Vec::new();
        while stage.connections.may_accept(|_| false) {
            stage.connections.make_room(|_| false);
            let (client, stream) = UnixStream::pair().unwrap();
            // The task does not run before this test awaits something.
            stage.connections.add(stream, &stage.sender);
            hooks.push(client);
        }
        assert_eq!((hooks.len(), stage.connections.open.len()), (64, 64));
    }
}

//! One client: lines in become inputs, lines out are written as fast as it reads.

use crate::actor::{ConnectionId, Input};
use crate::peer::Peer;
use crate::subscribers::Line;
use crewboard_protocol::{MAX_REQUEST_LINE, Reply, Request, RequestError};
use rustix::net::SendFlags;
use rustix::net::{RecvFlags, recv};
use std::collections::VecDeque;
use std::io;
use std::iter;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::Interest;
use tokio::net::UnixStream;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::Sleep;

/// How long a client may take over its first request, or over the rest of a line it began.
const PATIENCE: Duration = Duration::from_secs(30);

/// Replies a client may be owed, written or not. One that asks for more without reading is not
/// listened to meanwhile.
pub(crate) const MAX_OWED: usize = 64;

/// Bytes read at once.
const READ_BYTES: usize = 4096;

/// Bytes of an unfinished line that every connection may hold. Events are of a few hundred bytes, few of
/// more than this.
const SHORT_LINE: usize = 8192;

/// Connections that may hold more than [`SHORT_LINE`] at once; the others wait for their turn. Each holds up
/// to [`MAX_REQUEST_LINE`] bytes.
pub(crate) const MAX_LONG_LINES: usize = 32;

/// How long a client may take over the rest of a long line, once it has its turn: others wait for
/// that. Clients write a line at once.
const LONG_LINE_PATIENCE: Duration = Duration::from_secs(1);

/// Room for long lines, shared by all connections.
#[expect(clippy::disallowed_types, reason = "it bounds memory and guards no state")]
pub(crate) type Room = Arc<tokio::sync::Semaphore>;

/// Makes room for that many long lines.
#[expect(clippy::disallowed_types, reason = "it bounds memory and guards no state")]
pub(crate) fn room_for(lines: usize) -> Room {
    Arc::new(tokio::sync::Semaphore::new(lines))
}

/// A turn that a connection waits for. None comes if the room is closed, which it never is.
type Turn = Pin<Box<dyn Future<Output = Option<OwnedSemaphorePermit>> + Send>>;

/// What the actor sends to a connection.
#[derive(Debug)]
pub(crate) enum Outgoing {
    Reply(Line),
    /// Pushed to a subscriber; when it is written, the actor is told.
    Batch {
        lines: Vec<Line>,
        /// Its last line is the end of what was asked for.
        answers: bool,
    },
}

/// A client's connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) id: ConnectionId,
    pub(crate) peer: Peer,
    pub(crate) stream: UnixStream,
    pub(crate) inputs: mpsc::Sender<Input>,
    pub(crate) outgoing: mpsc::Receiver<Outgoing>,
    pub(crate) room: Room,
}

/// Where a connection stands.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each end of the two directions comes by itself")]
struct State {
    /// What was read and not taken in: no whole line, unless the client is owed too much. Empty and
    /// unallocated between lines.
    read: Vec<u8>,
    /// What is to be written, and whether it settles a debt; how much of the first is written.
    lines: VecDeque<(Line, bool)>,
    written: usize,
    owed: usize,
    /// The lines waiting were pushed, so the actor wants to hear when they are gone.
    is_batch: bool,
    /// The client will say no more.
    ended: bool,
    /// Leave once everything is written.
    leaving: bool,
    has_asked: bool,
    /// The actor got a request.
    has_requested: bool,
    timer: Option<Pin<Box<Sleep>>>,
    /// The unfinished line may be a long one.
    turn: Option<OwnedSemaphorePermit>,
    /// The unfinished line is long, and other long lines come first.
    turn_to_come: Option<Turn>,
}

impl Connection {
    /// Serves the client until it leaves, then tells the actor.
    pub(crate) async fn serve(mut self) {
        let mut state = State::default();
        // An error here is the client's end, whatever its name.
        let _ = self.converse(&mut state).await;
        let _ = self.inputs.send(Input::Closed(self.id)).await;
    }

    async fn converse(&mut self, state: &mut State) -> io::Result<()> {
        self.read_what_came_along(state).await?;
        self.read(state).await?;
        if !state.has_requested && self.inputs.send(Input::Silent(self.id)).await.is_err() {
            return Ok(());
        }
        loop {
            self.write(state).await?;
            if state.may_take_lines() {
                self.take_lines(state).await;
                continue;
            }
            let is_over = state.ended && state.owed == 0;
            if state.lines.is_empty() && (is_over || state.leaving) {
                return Ok(());
            }
            if state.needs_turn() && state.turn_to_come.is_none() {
                let room = Arc::clone(&self.room);
                state.turn_to_come = Some(Box::pin(async { room.acquire_owned().await.ok() }));
            }
            let is_idle = state.has_asked && state.read.is_empty();
            if state.ended || is_idle || state.leaving || state.turn_to_come.is_some() {
                state.timer = None;
            } else if state.timer.is_none() {
                state.timer = Some(Box::pin(tokio::time::sleep(PATIENCE)));
            }
            let may_read = !state.ended && state.may_read();
            let wants_to_write = !state.lines.is_empty();
            tokio::select! {
                biased;
                outgoing = self.outgoing.recv() => match outgoing {
                    Some(outgoing) => state.queue(outgoing),
                    None => return Ok(()),
                },
                ready = self.stream.writable(), if wants_to_write || state.ended => {
                    ready?;
                    if state.ended && !wants_to_write && self.is_gone().await? {
                        return Ok(());
                    }
                }
                ready = self.stream.readable(), if may_read => {
                    ready?;
                    self.read(state).await?;
                }
                turn = come(state.turn_to_come.as_mut()) => {
                    state.turn_to_come = None;
                    state.turn = turn;
                    state.timer = Some(Box::pin(tokio::time::sleep(LONG_LINE_PATIENCE)));
                }
                () = expired(state.timer.as_mut()) => return Ok(()),
            }
        }
    }

    /// Takes in what was sent before the connection was accepted, without waiting to be told that it is
    /// there: a client that asks after a hook has ended is to be answered after that hook's event, and
    /// those that were told first are not always told in the order in which they came.
    async fn read_what_came_along(&mut self, state: &mut State) -> io::Result<()> {
        let mut first = vec![0; READ_BYTES];
        if let Ok((length, _)) = recv(&self.stream, first.as_mut_slice(), RecvFlags::DONTWAIT)
            && let Some(came) = first.get(..length)
        {
            state.read.extend_from_slice(came);
            self.take_lines(state).await;
        }
        Ok(())
    }

    /// Reads what is there and takes in every whole line of it.
    async fn read(&mut self, state: &mut State) -> io::Result<()> {
        while state.may_read() {
            state.read.reserve(READ_BYTES);
            let known = state.read.len();
            match self.stream.try_read_buf(&mut state.read) {
                Ok(0) => {
                    state.ended = true;
                    // `printf … | nc -U` ends without a newline and means what it says.
                    if state.read.last().is_some_and(|byte| *byte != b'\n') {
                        state.read.push(b'\n');
                    }
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
            let is_whole = state.read.iter().skip(known).any(|byte| *byte == b'\n');
            if is_whole || state.read.len() > MAX_REQUEST_LINE {
                self.take_lines(state).await;
            }
            if state.ended {
                break;
            }
        }
        if state.read.len() < SHORT_LINE {
            state.read.shrink_to_fit();
        }
        Ok(())
    }

    async fn take_lines(&mut self, state: &mut State) {
        let read = std::mem::take(&mut state.read);
        let mut rest = read.as_slice();
        while state.owed < MAX_OWED
            && let Some(end) = rest.iter().position(|byte| *byte == b'\n')
        {
            let (line, after) = rest.split_at(end);
            rest = after.get(1..).unwrap_or_default();
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.is_empty() {
                continue;
            }
            state.has_asked = true;
            // The next line has its own time.
            state.timer = None;
            let turn = state.turn.take();
            match Request::decode(line) {
                Ok(request) => {
                    state.owed += usize::from(is_owed_a_reply(&request));
                    let input = Input::Request {
                        connection: self.id,
                        peer: self.peer,
                        request: Box::new(request),
                    };
                    state.has_requested = true;
                    // A long line is in memory until the actor has taken it in.
                    for input in iter::once(input).chain(turn.map(Input::Room)) {
                        if self.inputs.send(input).await.is_err() {
                            state.leaving = true;
                            return;
                        }
                    }
                }
                Err(error) => {
                    self.note_loss(&error, line).await;
                    state.refuse(&error);
                }
            }
        }
        if rest.len() > MAX_REQUEST_LINE && !rest.contains(&b'\n') {
            self.note_loss(&RequestError::TooLong, rest).await;
            state.refuse(&RequestError::TooLong);
            state.leaving = true;
            state.turn = None;
            return;
        }
        state.read = rest.to_vec();
    }

    /// Notes that an event is lost with a refused line, if the line may be one.
    async fn note_loss(&self, error: &RequestError, line: &[u8]) {
        if let Some(loss) = error.loss(line) {
            let _ = self.inputs.send(Input::EventRefused(loss, error.to_string())).await;
        }
    }

    /// Writes as much as the client takes now.
    async fn write(&mut self, state: &mut State) -> io::Result<()> {
        while let Some((line, answers)) = state.lines.front() {
            let rest = line.get(state.written..).unwrap_or_default();
            match self.try_write(rest) {
                Ok(count) if count == rest.len() => {
                    state.written = 0;
                    state.owed -= usize::from(*answers);
                    state.lines.pop_front();
                }
                Ok(count) => state.written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        if std::mem::take(&mut state.is_batch) {
            let _ = self.inputs.send(Input::Drained(self.id)).await;
        }
        Ok(())
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self.stream.try_write(bytes) {
            // It may be writable and tokio not know it: see `is_gone`. Where it is not, the next
            // wake-up is still to come.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                Ok(rustix::net::send(&self.stream, bytes, SendFlags::DONTWAIT)?)
            }
            result => result,
        }
    }

    /// Whether a client that says no more does not listen either.
    async fn is_gone(&self) -> io::Result<bool> {
        let ready = self.stream.ready(Interest::WRITABLE).await?;
        // Forget that it can be written to, so that the next wake-up is news.
        let _: io::Result<()> =
            self.stream.try_io(Interest::WRITABLE, || Err(io::ErrorKind::WouldBlock.into()));
        Ok(ready.is_write_closed())
    }
}

impl State {
    fn queue(&mut self, outgoing: Outgoing) {
        match outgoing {
            Outgoing::Reply(line) => self.lines.push_back((line, true)),
            Outgoing::Batch { lines, answers } => {
                self.is_batch = true;
                self.lines.extend(lines.into_iter().map(|line| (line, false)));
                if let Some((_, settles)) = self.lines.back_mut() {
                    *settles |= answers;
                }
            }
        }
    }

    fn refuse(&mut self, error: &RequestError) {
        let reply = Reply::Error { code: error.code(), message: error.to_string() };
        self.owed += 1;
        self.lines.push_back((reply.encode().into(), true));
    }

    /// Returns whether the unfinished line is too long to go on with unless others have ended.
    fn needs_turn(&self) -> bool {
        self.turn.is_none() && self.read.len() >= SHORT_LINE && !self.read.contains(&b'\n')
    }

    fn may_read(&self) -> bool {
        !self.leaving && self.owed < MAX_OWED && !self.needs_turn()
    }

    /// Whether lines wait that the client had been owed too much to be listened to.
    fn may_take_lines(&self) -> bool {
        self.owed < MAX_OWED && !self.leaving && self.read.contains(&b'\n')
    }
}

/// Whether exactly one reply, or a batch that answers, follows.
fn is_owed_a_reply(request: &Request) -> bool {
    match request {
        Request::List
        | Request::Subscribe { .. }
        | Request::Wait(_)
        | Request::Explain { .. }
        | Request::Mark { .. }
        | Request::Announce { .. }
        | Request::Record
        | Request::Hello { .. }
        | Request::Stop => true,
        Request::Event(_)
        | Request::Observe(_)
        | Request::Restore { .. }
        | Request::RestoreLimits { .. }
        | Request::Attend { .. }
        | Request::Told { .. }
        | Request::LossesSeen { .. }
        | Request::Look => false,
    }
}

/// Waits for a turn, where there is one to wait for.
async fn come(turn: Option<&mut Turn>) -> Option<OwnedSemaphorePermit> {
    match turn {
        Some(turn) => turn.await,
        None => std::future::pending().await,
    }
}

async fn expired(timer: Option<&mut Pin<Box<Sleep>>>) {
    match timer {
        Some(timer) => timer.await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// A connection that is served, its client, and what the actor would get and give.
    struct Served {
        client: UnixStream,
        inputs: mpsc::Receiver<Input>,
        outgoing: mpsc::Sender<Outgoing>,
    }

    fn serve() -> Served {
        serve_in(&room_for(MAX_LONG_LINES))
    }

    fn serve_in(room: &Room) -> Served {
        let (client, stream) = UnixStream::pair().unwrap();
        let (sender, inputs) = mpsc::channel(1024);
        let (outgoing, receiver) = mpsc::channel(128);
        let connection = Connection {
            id: 1,
            peer: Peer::of(None),
            stream,
            inputs: sender,
            outgoing: receiver,
            room: Arc::clone(room),
        };
        tokio::spawn(connection.serve());
        Served { client, inputs, outgoing }
    }

    #[tokio::test(start_paused = true)]
    async fn who_says_nothing_or_half_a_line_is_left_and_who_waits_is_not() {
        for (said, stays) in [
            ("", false),
            ("{\"type\":\"li", false),
            ("{\"type\":\"hello\"}\n{\"type\":\"li", false),
            ("{\"type\":\"hello\"}\n", true),
            ("garbage\n", true),
        ] {
            let mut served = serve();
            served.client.write_all(said.as_bytes()).await.unwrap();
            let is_over = async {
                loop {
                    match served.inputs.recv().await {
                        Some(Input::Closed(_)) | None => break,
                        Some(_) => {}
                    }
                }
            };
            // Time is not waited for here; it jumps when nothing else is to be done.
            let left = tokio::time::timeout(PATIENCE * 10, is_over).await.is_ok();
            assert_eq!(left, !stays, "{said:?}");
        }
    }

    #[tokio::test]
    async fn more_is_not_listened_to_until_what_is_owed_is_written() {
        let mut served = serve();
        let asked = 3 * MAX_OWED;
        served.client.write_all(&b"{\"type\":\"hello\"}\n".repeat(asked)).await.unwrap();
        // So much that a reply cannot be written before it is read.
        let reply: Line = vec![b'x'; 1 << 20].into();
        let mut taken = 0;
        while taken < MAX_OWED {
            assert!(matches!(served.inputs.recv().await, Some(Input::Request { .. })));
            taken += 1;
        }
        for _ in 0..MAX_OWED {
            served.outgoing.send(Outgoing::Reply(Line::clone(&reply))).await.unwrap();
        }
        let quiet = tokio::time::timeout(Duration::from_millis(50), served.inputs.recv()).await;
        assert!(quiet.is_err(), "{quiet:?}");
        // Each reply that is read lets one more request in, though all were sent long ago.
        let mut bytes = vec![0; reply.len()];
        while taken < asked {
            served.client.read_exact(&mut bytes).await.unwrap();
            assert!(matches!(served.inputs.recv().await, Some(Input::Request { .. })));
            served.outgoing.send(Outgoing::Reply(Line::clone(&reply))).await.unwrap();
            taken += 1;
        }
    }

    /// More than a socket holds that is not read from, and less than a line may have.
    const LONG: usize = MAX_REQUEST_LINE - 1000;

    /// Waits until the daemon reads no more from these clients. Returns how many have written their line.
    async fn count_read(clients: &mut [(Served, usize)], line: &[u8]) -> usize {
        for _ in 0..1000 {
            for (served, written) in &mut *clients {
                while let Ok(count) = served.client.try_write(&line[*written..]) {
                    *written += count;
                    if *written == line.len() {
                        break;
                    }
                }
            }
            tokio::task::yield_now().await;
        }
        clients.iter().filter(|(_, written)| *written == line.len()).count()
    }

    #[tokio::test(start_paused = true)]
    async fn half_lines_take_bounded_memory_and_long_lines_take_turns() {
        let room = room_for(3);
        let line = vec![b' '; LONG];
        let mut clients: Vec<_> = (0..10).map(|_| (serve_in(&room), 0)).collect();
        for read in [3, 6, 9, 10] {
            assert_eq!(count_read(&mut clients, &line).await, read);
            // A line that is not ended makes room for the next after a second.
            tokio::time::advance(LONG_LINE_PATIENCE).await;
        }
        // Whole lines are all taken in, as fast as the actor does.
        let mut line = vec![b' '; LONG];
        line.extend_from_slice(b"{\"type\":\"look\"}\n");
        let mut clients: Vec<_> = (0..10).map(|_| (serve_in(&room), 0)).collect();
        let mut read = 0;
        while read < 10 {
            let now = count_read(&mut clients, &line).await;
            assert_eq!(now, (read + 3).min(10), "the actor has not taken in the others");
            read = now;
            for (served, _) in &mut clients {
                while served.inputs.try_recv().is_ok() {}
            }
        }
    }
}

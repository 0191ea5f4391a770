//! One client: lines in become inputs, lines out are written as fast as it reads.

use crate::actor::{ConnectionId, Input};
use crate::peer::Peer;
use crate::subscribers::Line;
use crewboard_protocol::{MAX_REQUEST_LINE, Reply, Request, RequestError};
use rustix::net::SendFlags;
use rustix::net::{RecvFlags, recv};
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::time::Duration;
use tokio::io::Interest;
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio::time::Sleep;

/// How long a client may take over its first request, or over the rest of a line it began.
const PATIENCE: Duration = Duration::from_secs(30);

/// Replies a client may be owed, written or not. One that asks for more without reading is not
/// listened to meanwhile.
pub(crate) const MAX_OWED: usize = 64;

/// Bytes read at once.
const READ_BYTES: usize = 4096;

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
}

/// Where a connection stands.
#[derive(Debug, Default)]
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
    timer: Option<Pin<Box<Sleep>>>,
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
            let waits = (state.ended || state.has_asked && state.read.is_empty()) || state.leaving;
            if waits {
                state.timer = None;
            } else if state.timer.is_none() {
                state.timer = Some(Box::pin(tokio::time::sleep(PATIENCE)));
            }
            let may_read = !state.ended && !state.leaving && state.owed < MAX_OWED;
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
        while !state.leaving && state.owed < MAX_OWED {
            state.read.reserve(READ_BYTES);
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
            self.take_lines(state).await;
            if state.ended {
                break;
            }
        }
        if state.read.is_empty() {
            state.read = Vec::new();
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
            match Request::decode(line) {
                Ok(request) => {
                    state.owed += usize::from(is_owed_a_reply(&request));
                    let input = Input::Request {
                        connection: self.id,
                        peer: self.peer,
                        request: Box::new(request),
                    };
                    if self.inputs.send(input).await.is_err() {
                        state.leaving = true;
                        return;
                    }
                }
                Err(error) => state.refuse(&error),
            }
        }
        if rest.len() > MAX_REQUEST_LINE && !rest.contains(&b'\n') {
            state.refuse(&RequestError::TooLong);
            state.leaving = true;
            return;
        }
        state.read = rest.to_vec();
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
        | Request::Look => false,
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
        let (client, stream) = UnixStream::pair().unwrap();
        let (sender, inputs) = mpsc::channel(1024);
        let (outgoing, receiver) = mpsc::channel(128);
        let connection =
            Connection { id: 1, peer: Peer::of(None), stream, inputs: sender, outgoing: receiver };
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
}

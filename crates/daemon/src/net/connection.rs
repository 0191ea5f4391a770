//! The connection of one client: lines become inputs, and replies are written as fast as the client reads.

use crate::ids::ConnectionId;
use crate::messages::Input;
use crate::net::peer::Peer;
use crate::outbox::batch::{Line, MAX_PENDING_REPLIES};
use crewboard_protocol::{MAX_REQUEST_LINE, Reply, Request, RequestError};
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags, recv};
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::iter;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::Interest;
use tokio::net::UnixStream;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::Sleep;

/// Time limit for a client's first request, and for the rest of a line that it began.
const REQUEST_WITHIN: Duration = Duration::from_secs(30);

/// Bytes read at once.
const READ_BYTES: usize = 4096;

/// Lines in one system call. The kernel accepts at most 1,024.
const MAX_LINES_OF_WRITE: usize = 128;

/// Bytes of an unfinished line that every connection may hold. An event has a few hundred bytes, and few events have
/// more than this.
const SHORT_LINE: usize = 8192;

/// Connections that may hold more than [`SHORT_LINE`] at once; the others wait for a permit. Each holds up to
/// [`MAX_REQUEST_LINE`] bytes.
pub(crate) const MAX_LONG_LINES: usize = 32;

/// Time limit for the rest of a long line once it has a permit. Others wait for the permit, and
/// clients write a line at once.
const LONG_LINE_WITHIN: Duration = Duration::from_secs(1);

/// Permits for long lines, shared by all connections.
#[expect(clippy::disallowed_types, reason = "it bounds memory and guards no state")]
pub(crate) type LongLinePermits = Arc<tokio::sync::Semaphore>;

/// Returns permits for this number of long lines.
#[expect(clippy::disallowed_types, reason = "it bounds memory and guards no state")]
pub(crate) fn long_line_permits(lines: usize) -> LongLinePermits {
    Arc::new(tokio::sync::Semaphore::new(lines))
}

/// True while a line waits in a connection's task to be written. The loop reads it.
#[expect(
    clippy::disallowed_types,
    reason = "the loop and the task share one thread and nothing else"
)]
pub(crate) type LinesFlag = Arc<std::sync::atomic::AtomicBool>;

/// A permit that a connection waits for. It is `None` if the semaphore is closed, which never happens.
type PermitFuture = Pin<Box<dyn Future<Output = Option<OwnedSemaphorePermit>> + Send>>;

/// Lines that the actor sends to a connection.
#[derive(Debug)]
pub(crate) enum Outgoing {
    Reply(Line),
    /// Lines for a subscriber. The connection reports to the actor when they are written.
    Batch {
        lines: Vec<Line>,
        /// The last line ends the reply to a request.
        answers: bool,
        /// Bytes of the first line that the loop has written itself.
        written: usize,
    },
}

/// Writes as many bytes as the kernel accepts now. Never waits, and does not ask the runtime if the stream is writable.
pub(crate) fn write_now(stream: &UnixStream, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    Ok(match bytes {
        [bytes] => rustix::net::send(stream, bytes, flags)?,
        _ => rustix::net::sendmsg(stream, bytes, &mut SendAncillaryBuffer::default(), flags)?,
    })
}

/// A client's connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) id: ConnectionId,
    pub(crate) peer: Peer,
    pub(crate) stream: Arc<UnixStream>,
    /// True while a line waits in this task. The event loop then writes nothing itself.
    pub(crate) has_lines: LinesFlag,
    pub(crate) inputs: mpsc::Sender<Input>,
    /// The channel reserves memory for 32 messages, so the messages are boxed.
    pub(crate) outgoing: mpsc::Receiver<Box<Outgoing>>,
    pub(crate) permits: LongLinePermits,
}

/// The state of a connection.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "the two directions end independently")]
struct State {
    /// Bytes that were read and not handled: no whole line, unless too many replies are pending. Empty and unallocated
    /// between lines.
    read: Vec<u8>,
    /// Lines to write, each with true if it completes a reply.
    lines: VecDeque<(Line, bool)>,
    /// Bytes of the first line that are written.
    written: usize,
    pending_replies: usize,
    has_lines: LinesFlag,
    /// The lines include a batch, whose end the actor needs to know.
    is_batch: bool,
    /// The client has closed its end.
    ended: bool,
    /// The connection ends once everything is written.
    closing: bool,
    has_sent_line: bool,
    /// The actor got a request.
    has_requested: bool,
    timer: Option<Pin<Box<Sleep>>>,
    /// The permit for a long line.
    permit: Option<OwnedSemaphorePermit>,
    /// The wait for a permit: the unfinished line is long, and other long lines come first.
    permit_to_come: Option<PermitFuture>,
}

impl Connection {
    /// Serves the client until it leaves, and then reports that to the actor.
    pub(crate) async fn serve(mut self) {
        let has_lines = Arc::clone(&self.has_lines);
        let mut state = State { has_lines, ..State::default() };
        // Every error means that the client has gone.
        let _ = self.run(&mut state).await;
        let _ = self.inputs.send(Input::Closed(self.id)).await;
    }

    async fn run(&mut self, state: &mut State) -> io::Result<()> {
        self.read_first(state).await?;
        self.read(state).await?;
        if !state.has_requested && self.inputs.send(Input::Silent(self.id)).await.is_err() {
            return Ok(());
        }
        loop {
            self.write(state).await?;
            if state.may_handle_lines() {
                self.handle_lines(state).await;
                continue;
            }
            let is_over = state.ended && state.pending_replies == 0;
            if state.lines.is_empty() && (is_over || state.closing) {
                return Ok(());
            }
            if state.needs_permit() && state.permit_to_come.is_none() {
                let permits = Arc::clone(&self.permits);
                state.permit_to_come = Some(Box::pin(async { permits.acquire_owned().await.ok() }));
            }
            let is_idle = state.has_sent_line && state.read.is_empty();
            if state.ended || is_idle || state.closing || state.permit_to_come.is_some() {
                state.timer = None;
            } else if state.timer.is_none() {
                state.timer = Some(Box::pin(tokio::time::sleep(REQUEST_WITHIN)));
            }
            let may_read = !state.ended && state.may_read();
            let wants_to_write = !state.lines.is_empty();
            tokio::select! {
                biased;
                outgoing = self.outgoing.recv() => match outgoing {
                    Some(outgoing) => state.queue(*outgoing),
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
                permit = await_if_any(state.permit_to_come.as_mut()) => {
                    state.permit_to_come = None;
                    state.permit = permit;
                    state.timer = Some(Box::pin(tokio::time::sleep(LONG_LINE_WITHIN)));
                }
                () = await_if_any(state.timer.as_mut()) => return Ok(()),
            }
        }
    }

    /// Reads what the client sent before the daemon accepted the connection, without waiting for readiness. A client
    /// that asks after a hook has ended gets a reply that includes that hook's event, and readiness does not always
    /// come in the order of the connections.
    async fn read_first(&mut self, state: &mut State) -> io::Result<()> {
        let mut first = vec![0; READ_BYTES];
        if let Ok((length, _)) = recv(&self.stream, first.as_mut_slice(), RecvFlags::DONTWAIT)
            && let Some(bytes) = first.get(..length)
        {
            state.read.extend_from_slice(bytes);
            self.handle_lines(state).await;
        }
        Ok(())
    }

    /// Reads the available bytes and handles every whole line.
    async fn read(&mut self, state: &mut State) -> io::Result<()> {
        while state.may_read() {
            state.read.reserve(READ_BYTES);
            let known = state.read.len();
            match self.stream.try_read_buf(&mut state.read) {
                Ok(0) => {
                    state.ended = true;
                    // `printf … | nc -U` ends without a newline, and its line counts.
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
                self.handle_lines(state).await;
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

    /// Sends each whole line to the actor as a request, until too many replies are pending.
    async fn handle_lines(&mut self, state: &mut State) {
        let read = std::mem::take(&mut state.read);
        let mut rest = read.as_slice();
        while state.pending_replies < MAX_PENDING_REPLIES
            && let Some(end) = rest.iter().position(|byte| *byte == b'\n')
        {
            let (line, after) = rest.split_at(end);
            rest = after.get(1..).unwrap_or_default();
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.is_empty() {
                continue;
            }
            state.has_sent_line = true;
            // The next line has a deadline of its own.
            state.timer = None;
            let permit = state.permit.take();
            match Request::decode(line) {
                Ok(request) => {
                    state.pending_replies += usize::from(expects_reply(&request));
                    let input = Input::Request {
                        connection: self.id,
                        peer: self.peer,
                        request: Box::new(request),
                    };
                    state.has_requested = true;
                    // A long line is in memory until the actor has handled it.
                    for input in iter::once(input).chain(permit.map(Input::LongLineHandled)) {
                        if self.inputs.send(input).await.is_err() {
                            state.closing = true;
                            return;
                        }
                    }
                }
                Err(error) => {
                    self.count_dropped_event(&error, line).await;
                    state.refuse(&error);
                }
            }
        }
        if rest.len() > MAX_REQUEST_LINE && !rest.contains(&b'\n') {
            self.count_dropped_event(&RequestError::TooLong, rest).await;
            state.refuse(&RequestError::TooLong);
            state.closing = true;
            state.permit = None;
            return;
        }
        state.read = rest.to_vec();
    }

    /// Reports a dropped event if the refused line may be an event.
    async fn count_dropped_event(&self, error: &RequestError, line: &[u8]) {
        if let Some(reason) = error.drop_reason(line) {
            let _ = self.inputs.send(Input::EventRefused(reason, error.to_string())).await;
        }
    }

    /// Writes as much as the client reads now.
    async fn write(&mut self, state: &mut State) -> io::Result<()> {
        while !state.lines.is_empty() {
            match self.try_write(&state.next_write()) {
                Ok(count) => state.note_written(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        state.has_lines.store(false, Ordering::Relaxed);
        if std::mem::take(&mut state.is_batch) {
            let _ = self.inputs.send(Input::BatchWritten(self.id)).await;
        }
        Ok(())
    }

    fn try_write(&self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        match self.stream.try_write_vectored(bytes) {
            // The stream may be writable without tokio knowing it: see `is_gone`.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                write_now(&self.stream, bytes)
            }
            result => result,
        }
    }

    /// Returns true if a client that has closed its end does not read either.
    async fn is_gone(&self) -> io::Result<bool> {
        let ready = self.stream.ready(Interest::WRITABLE).await?;
        // Clear the readiness, so that the next wake-up reports a change.
        let _: io::Result<()> =
            self.stream.try_io(Interest::WRITABLE, || Err(io::ErrorKind::WouldBlock.into()));
        Ok(ready.is_write_closed())
    }
}

impl State {
    /// Adds lines to write.
    fn queue(&mut self, outgoing: Outgoing) {
        self.has_lines.store(true, Ordering::Relaxed);
        match outgoing {
            Outgoing::Reply(line) => self.lines.push_back((line, true)),
            Outgoing::Batch { lines, answers, written } => {
                self.is_batch = true;
                if self.lines.is_empty() {
                    self.written = written;
                }
                self.lines.extend(lines.into_iter().map(|line| (line, false)));
                if let Some((_, completes)) = self.lines.back_mut() {
                    *completes |= answers;
                }
            }
        }
    }

    /// Returns the lines of the next write, as many as one system call may have.
    fn next_write(&self) -> Vec<IoSlice<'_>> {
        let mut written = self.written;
        let lines = self.lines.iter().take(MAX_LINES_OF_WRITE);
        let rests = lines.map(|(line, _)| line.get(std::mem::take(&mut written)..));
        rests.map(|rest| IoSlice::new(rest.unwrap_or_default())).collect()
    }

    /// Removes the lines that are written.
    fn note_written(&mut self, count: usize) {
        self.written += count;
        while let Some((line, answers)) = self.lines.front()
            && self.written >= line.len()
        {
            self.written -= line.len();
            self.pending_replies -= usize::from(*answers);
            self.lines.pop_front();
        }
    }

    /// Replies with an error to a line that is no request.
    fn refuse(&mut self, error: &RequestError) {
        let reply = Reply::Error { code: error.code(), message: error.to_string() };
        self.pending_replies += 1;
        self.has_lines.store(true, Ordering::Relaxed);
        self.lines.push_back((reply.encode().into(), true));
    }

    /// Returns true if the unfinished line is too long to continue without a permit.
    fn needs_permit(&self) -> bool {
        self.permit.is_none() && self.read.len() >= SHORT_LINE && !self.read.contains(&b'\n')
    }

    /// Returns true if the client may send more.
    fn may_read(&self) -> bool {
        !self.closing && self.pending_replies < MAX_PENDING_REPLIES && !self.needs_permit()
    }

    /// Returns true if whole lines wait that could not be handled because too many replies were pending.
    fn may_handle_lines(&self) -> bool {
        self.pending_replies < MAX_PENDING_REPLIES && !self.closing && self.read.contains(&b'\n')
    }
}

/// Returns true if exactly one reply, or a batch that completes one, follows.
fn expects_reply(request: &Request) -> bool {
    match request {
        Request::List
        | Request::Subscribe(_)
        | Request::Wait(_)
        | Request::Explain(_)
        | Request::Mark(_)
        | Request::Forget(_)
        | Request::Notify(_)
        | Request::Notifications
        | Request::Record
        | Request::Hello(_)
        | Request::Stop => true,
        Request::Event(_)
        | Request::Observe(_)
        | Request::Restore(_)
        | Request::RestoreLimits(_)
        | Request::AcceptNotifications(_)
        | Request::NotificationShown(_)
        | Request::AddNotifications(_)
        | Request::DroppedEventsSeen(_)
        | Request::Look(_) => false,
    }
}

/// Waits for a future. Never returns without one.
async fn await_if_any<F: Future + Unpin>(future: Option<&mut F>) -> F::Output {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;

use crewboard_platform::{Deadline, write_within};
use crewboard_protocol::{ErrorCode, MAX_REPLY_LINE, Reply, Request};
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// Why talking to the daemon failed.
#[derive(Debug, thiserror::Error)]
pub enum TalkError {
    /// The connection ended.
    #[error("the daemon went away")]
    Gone,
    /// It did not answer within this time.
    #[error("the daemon did not answer in {} s", .0.as_secs())]
    Silent(Duration),
    /// A line that is no reply.
    #[error("the daemon said what is no message: {0}")]
    Garbled(serde_json::Error),
    /// A line beyond the bound.
    #[error("the daemon said a line of more than {MAX_REPLY_LINE} bytes")]
    TooLong,
    /// It answered with an error.
    #[error("{message}")]
    Refused { code: ErrorCode, message: String },
    /// Anything else the system said.
    #[error("talking to the daemon: {0}")]
    Io(io::Error),
}

/// Requests out, replies in, over one connection.
#[derive(Debug)]
pub struct Conversation {
    stream: UnixStream,
    /// What was read and not taken yet.
    read: Vec<u8>,
    /// How much of it was looked at for the end of a line.
    searched: usize,
}

/// Bytes read at once.
const READ: usize = 64 * 1024;

/// How long a request may take to be taken in.
const SEND_WITHIN: Duration = Duration::from_secs(5);

impl Conversation {
    /// Talks over `stream`, which blocks from now on.
    pub fn new(stream: UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(false)?;
        Ok(Self { stream, read: Vec::new(), searched: 0 })
    }

    /// The connection itself, to wait for.
    pub fn stream(&self) -> &UnixStream {
        &self.stream
    }

    /// Sends a request; its reply, if any, is for [`Conversation::receive`].
    pub fn send(&self, request: &Request) -> Result<(), TalkError> {
        write_within(self.stream(), &request.encode(), Deadline::after(SEND_WITHIN))
            .map_err(|error| of_io(error, SEND_WITHIN))
    }

    /// The next reply; waits for it at most `patience`, for ever where there is none.
    pub fn receive(&mut self, patience: Option<Duration>) -> Result<Reply, TalkError> {
        let wait = patience.unwrap_or_default();
        let begun = Instant::now();
        loop {
            if let Some(reply) = self.take_line()? {
                return Ok(reply);
            }
            let rest = patience.map(|patience| patience.saturating_sub(begun.elapsed()));
            if rest.is_some_and(|rest| rest.is_zero()) {
                return Err(TalkError::Silent(wait));
            }
            self.stream.set_read_timeout(rest).map_err(TalkError::Io)?;
            let mut buffer = vec![0; READ];
            match self.stream.read(&mut buffer) {
                Ok(count) => self.took(buffer.get(..count).unwrap_or_default())?,
                // A signal that is caught, or a stop and a continue: the reply comes all the same.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(of_io(error, wait)),
            }
        }
    }

    /// The next reply if it is there already; never waits.
    pub fn receive_ready(&mut self) -> Result<Option<Reply>, TalkError> {
        loop {
            if let Some(reply) = self.take_line()? {
                return Ok(Some(reply));
            }
            let mut buffer = vec![0; READ];
            match recv(&self.stream, &mut buffer, RecvFlags::DONTWAIT) {
                Ok((_, count)) => self.took(buffer.get(..count).unwrap_or_default())?,
                Err(Errno::AGAIN) => return Ok(None),
                Err(Errno::INTR) => {}
                Err(error) => return Err(of_io(error.into(), Duration::ZERO)),
            }
        }
    }

    fn took(&mut self, bytes: &[u8]) -> Result<(), TalkError> {
        if bytes.is_empty() {
            return Err(TalkError::Gone);
        }
        self.read.extend_from_slice(bytes);
        Ok(())
    }

    /// The first whole line of what was read, as a reply.
    fn take_line(&mut self) -> Result<Option<Reply>, TalkError> {
        let fresh = self.read.get(self.searched..).unwrap_or_default();
        let Some(end) = fresh.iter().position(|byte| *byte == b'\n') else {
            self.searched = self.read.len();
            return if self.read.len() > MAX_REPLY_LINE {
                Err(TalkError::TooLong)
            } else {
                Ok(None)
            };
        };
        let line: Vec<u8> = self.read.drain(..=self.searched + end).collect();
        self.searched = 0;
        match Reply::decode(&line).map_err(TalkError::Garbled)? {
            Reply::Error { code, message } => Err(TalkError::Refused { code, message }),
            reply => Ok(Some(reply)),
        }
    }

    /// Sends a request and waits for its one reply.
    pub fn ask(&mut self, request: &Request, patience: Duration) -> Result<Reply, TalkError> {
        self.send(request)?;
        self.receive(Some(patience))
    }
}

fn of_io(error: io::Error, patience: Duration) -> TalkError {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => TalkError::Silent(patience),
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => TalkError::Gone,
        _ => TalkError::Io(error),
    }
}

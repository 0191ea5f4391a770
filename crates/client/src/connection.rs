use crewboard_platform::{Deadline, write_within};
use crewboard_protocol::{ErrorCode, MAX_REPLY_LINE, Reply, Request};
use rustix::buffer::spare_capacity;
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use std::io::{self, BufRead as _};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// An error of the connection to the daemon.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// The connection ended.
    #[error("the daemon closed the connection")]
    Closed,
    /// The daemon did not reply within this time.
    #[error("the daemon did not answer in {} s", .0.as_secs())]
    TimedOut(Duration),
    /// The daemon sent a line that is not a reply.
    #[error("the daemon sent an invalid reply: {0}")]
    InvalidLine(serde_json::Error),
    /// The daemon sent a line beyond the bound.
    #[error("the daemon sent a line of more than {MAX_REPLY_LINE} bytes")]
    TooLong,
    /// The daemon replied with an error.
    #[error("{message}")]
    Refused { code: ErrorCode, message: String },
    /// Any other error of the system.
    #[error("cannot reach the daemon: {0}")]
    Io(io::Error),
}

/// A connection to the daemon: sends requests and receives replies.
#[derive(Debug)]
pub struct Connection {
    stream: UnixStream,
    /// Bytes that were read.
    read: Vec<u8>,
    /// The number of these bytes that were returned as replies.
    returned: usize,
    /// The number of these bytes that were returned or are known to contain no newline.
    searched: usize,
}

/// Maximum bytes of one read.
const READ_BYTES: usize = 64 * 1024;

/// Time limit for the daemon to read a request.
const SEND_TIMEOUT: Duration = Duration::from_secs(5);

impl Connection {
    /// Creates a connection on `stream`, and makes the stream blocking.
    pub fn new(stream: UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(false)?;
        Ok(Self { stream, read: Vec::new(), returned: 0, searched: 0 })
    }

    /// Returns the stream, on which the caller can wait.
    pub fn stream(&self) -> &UnixStream {
        &self.stream
    }

    /// Sends a request. [`Connection::receive`] returns its reply, if it has one.
    pub fn send(&self, request: &Request) -> Result<(), ConnectionError> {
        write_within(self.stream(), &request.encode(), Deadline::after(SEND_TIMEOUT))
            .map_err(|error| connection_error(error, SEND_TIMEOUT))
    }

    /// Returns the next reply. Waits at most `timeout`, or without a limit if it is `None`.
    pub fn receive(&mut self, timeout: Option<Duration>) -> Result<Reply, ConnectionError> {
        let wait = timeout.unwrap_or_default();
        let begin = Instant::now();
        loop {
            if let Some(reply) = self.next_line()? {
                return Ok(reply);
            }
            let left = timeout.map(|timeout| timeout.saturating_sub(begin.elapsed()));
            if left.is_some_and(|left| left.is_zero()) {
                return Err(ConnectionError::TimedOut(wait));
            }
            self.stream.set_read_timeout(left).map_err(ConnectionError::Io)?;
            self.make_room();
            match rustix::io::read(&self.stream, spare_capacity(&mut self.read)) {
                Ok(0) => return Err(ConnectionError::Closed),
                // A signal does not end the wait.
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(connection_error(error.into(), wait)),
            }
        }
    }

    /// Returns the next reply if it has arrived. Never waits.
    pub fn receive_ready(&mut self) -> Result<Option<Reply>, ConnectionError> {
        loop {
            if let Some(reply) = self.next_line()? {
                return Ok(Some(reply));
            }
            self.make_room();
            match recv(&self.stream, spare_capacity(&mut self.read), RecvFlags::DONTWAIT) {
                Ok((_, 0)) => return Err(ConnectionError::Closed),
                Ok(_) | Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(None),
                Err(error) => return Err(connection_error(error.into(), Duration::ZERO)),
            }
        }
    }

    /// Removes the bytes that were returned, and makes room for a read.
    fn make_room(&mut self) {
        self.read.drain(..self.returned);
        self.searched -= self.returned;
        self.returned = 0;
        self.read.reserve(READ_BYTES);
    }

    /// Decodes the first complete line of the bytes that were read.
    fn next_line(&mut self) -> Result<Option<Reply>, ConnectionError> {
        let mut unsearched = self.read.get(self.searched..).unwrap_or_default();
        // It compares many bytes at once, which `position` does not.
        let skipped = unsearched.skip_until(b'\n').unwrap_or_default();
        let end = self.searched + skipped;
        if skipped == 0 || self.read.get(end - 1) != Some(&b'\n') {
            self.searched = self.read.len();
            return if self.read.len() - self.returned > MAX_REPLY_LINE {
                Err(ConnectionError::TooLong)
            } else {
                Ok(None)
            };
        }
        let line = self.read.get(self.returned..end).unwrap_or_default();
        // The bytes are removed with the next read: a read has many lines.
        (self.returned, self.searched) = (end, end);
        match Reply::decode(line).map_err(ConnectionError::InvalidLine)? {
            Reply::Error { code, message } => Err(ConnectionError::Refused { code, message }),
            reply => Ok(Some(reply)),
        }
    }

    /// Sends a request and waits for its reply.
    pub fn ask(&mut self, request: &Request, timeout: Duration) -> Result<Reply, ConnectionError> {
        self.send(request)?;
        self.receive(Some(timeout))
    }
}

fn connection_error(error: io::Error, timeout: Duration) -> ConnectionError {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => ConnectionError::TimedOut(timeout),
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => ConnectionError::Closed,
        _ => ConnectionError::Io(error),
    }
}

//! The messages of the monitor to the relay: a letter and a number.

use rustix::io::{Errno, read, write};
use std::os::fd::AsFd;

/// A message of the monitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Message {
    /// The program has started. The number is its process id.
    Started(i32),
    /// The program could not be started. The number is the error of the system.
    Failed(i32),
    /// The program is suspended.
    Stopped,
    /// The program has exited with this code.
    Exited(i32),
    /// This signal has killed the program.
    Killed(i32),
}

/// Bytes of a message.
const LENGTH: usize = 5;

impl Message {
    fn encode(self) -> [u8; LENGTH] {
        let (letter, number) = match self {
            Self::Started(pid) => (b'p', pid),
            Self::Failed(error) => (b'f', error),
            Self::Stopped => (b's', 0),
            Self::Exited(code) => (b'x', code),
            Self::Killed(signal) => (b'k', signal),
        };
        let [a, b, c, d] = number.to_le_bytes();
        [letter, a, b, c, d]
    }

    fn decode([letter, number @ ..]: [u8; LENGTH]) -> Option<Self> {
        let number = i32::from_le_bytes(number);
        Some(match letter {
            b'p' => Self::Started(number),
            b'f' => Self::Failed(number),
            b's' => Self::Stopped,
            b'x' => Self::Exited(number),
            b'k' => Self::Killed(number),
            _ => return None,
        })
    }

    /// Writes the message to a pipe, which takes it as a whole.
    pub(crate) fn send(self, pipe: impl AsFd) {
        while write(&pipe, &self.encode()) == Err(Errno::INTR) {}
    }

    /// Reads the next message. Returns `None` at the end of the pipe. The pipe is readable.
    pub(crate) fn receive(pipe: impl AsFd) -> Option<Self> {
        let mut bytes = [0; LENGTH];
        loop {
            match read(&pipe, &mut bytes) {
                Ok(LENGTH) => return Self::decode(bytes),
                Err(Errno::INTR) => {}
                _ => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_arrive_in_their_order() {
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        let messages = [
            Message::Started(70_000),
            Message::Failed(2),
            Message::Stopped,
            Message::Exited(255),
            Message::Killed(9),
        ];
        for message in messages {
            message.send(&writer);
        }
        drop(writer);
        for message in messages {
            assert_eq!(Message::receive(&reader), Some(message));
        }
        assert_eq!(Message::receive(&reader), None);
    }
}

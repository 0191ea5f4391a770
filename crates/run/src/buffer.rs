//! Bytes on their way to a descriptor.

use rustix::io::{Errno, write};
use std::os::fd::AsFd;

/// Bytes that are to be written. It keeps its memory.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    written: usize,
}

impl Buffer {
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self { bytes: Vec::with_capacity(capacity), written: 0 }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.written == self.bytes.len()
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.bytes.len() - self.written
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.written = 0;
    }

    /// Writes as much as the descriptor takes. Discards everything if it takes no more.
    pub(crate) fn write_to(&mut self, descriptor: impl AsFd) {
        while !self.is_empty() {
            match write(&descriptor, self.bytes.get(self.written..).unwrap_or_default()) {
                Ok(count) => self.written += count,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return,
                Err(_) => break,
            }
        }
        self.clear();
    }
}

//! Tests the wire format against `PROTOCOL.md` and against the lines of every release.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod golden;
mod kinds;
mod page;

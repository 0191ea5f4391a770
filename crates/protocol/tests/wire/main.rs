//! The wire as `PROTOCOL.md` describes it, and the lines of every release.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod golden;
mod kinds;
mod page;

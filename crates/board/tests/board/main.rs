//! Tests the board from outside: messages go in, pictures come out.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod colours;
mod details;
mod dropped_events;
mod frame_bytes;
mod groups;
mod hidden;
mod key_page;
mod keys;
mod limits;
mod peeks;
mod properties;
mod sample;
mod screens;
mod sizes;
mod strange;
mod strips;
mod terminal;
mod ticking;
mod updates;
mod wide;

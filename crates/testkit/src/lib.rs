//! Shared parts of the tests: isolated worlds, recordings of real agents, and the truth about them.
//!
//! Never: shipped, or used by anything but tests and `xtask`.
//! Start at [`World`] for real processes and sockets, at [`truth::Truth::load`] and
//! [`recording::Recording::load`] for what real agents did.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod fake_agent;
mod line_client;
pub mod rebase;
pub mod recording;
mod skip;
mod tmux;
pub mod truth;
mod verdict;
mod world;

pub use fake_agent::FakeAgent;
pub use line_client::{LineClient, Subscription, event_line, prompt};
pub use skip::{OPTIONAL_PROGRAMS, optional_program, skip};
pub use tmux::{Pane, Tmux};
pub use world::{
    CommandOutput, TIMEOUT, World, file_names, is_dead, run_with_input, signal, wait_for_output,
    wait_until,
};

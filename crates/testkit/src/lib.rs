//! Shared parts of the tests: isolated worlds, recordings of real agents, and the truth about them.
//!
//! Never: shipped, or used by anything but tests and `xtask`.
//! Start at [`World`] for real processes and sockets, at [`truth::Truth::load`] and
//! [`recording::Recording::load`] for what real agents did.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod fake_agent;
mod line_client;
mod process;
mod pseudo_terminal;
pub mod rebase;
pub mod recording;
mod skip;
mod tmux;
pub mod truth;
pub mod verdict;
mod virtual_terminal;
mod wait;
mod world;

pub use fake_agent::FakeAgent;
pub use line_client::{LineClient, Subscription, event_line, prompt};
pub use process::{
    CommandOutput, children, is_dead, process_state, run_with_input, signal, wait_for_output,
    wrap_command,
};
pub use pseudo_terminal::PseudoTerminal;
pub use skip::{OPTIONAL_PROGRAMS, optional_program, skip};
pub use tmux::{Pane, Tmux};
pub use virtual_terminal::VirtualTerminal;
pub use wait::{TIMEOUT, wait_until};
pub use world::{World, file_names};

//! The daemon: the shell round the domain. One actor owns the rows, one thread runs everything.
//!
//! Never: a lock, a second thread, a database, a word on its standard output.
//! Start at `actor::Actor`, what it decides; `serve` carries it out.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail by panicking"))]

mod actor;
mod agent_files;
mod announcer;
mod calls;
mod configured;
mod connection;
mod connections;
mod directory_watch;
mod listeners;
mod log;
mod origin;
mod peer;
mod process_watch;
mod recorders;
mod serve;
mod start;
mod subscribers;
mod waits;

pub use announcer::Telling;
pub use configured::answering_configuration;
pub use start::{DaemonError, Options, run};

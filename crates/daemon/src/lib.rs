//! The daemon: the shell round the domain. One actor owns the rows, one thread runs everything.
//!
//! Never: a lock, a second thread, a database, a word on its standard output.
//! Start at `actor::Actor`, what it decides; `serve` carries it out.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail by panicking"))]

mod actor;
mod log;
mod net;
mod notify;
mod origin;
mod outbox;
mod serve;
mod start;
mod waits;
mod watch;

pub use notify::queue::Telling;
pub use start::{DaemonError, Options, run};
pub use watch::configuration::answering_configuration;

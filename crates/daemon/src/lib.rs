//! The daemon: the shell round the domain. One actor owns the rows, one thread runs everything.
//!
//! Never: a lock, a second thread, a database, a word on its standard output.
//! Start at `actor::Actor`, what it decides; `serve` carries it out.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail by panicking"))]

mod actor;
mod ids;
mod log;
mod messages;
mod net;
mod notify;
mod options;
mod origin;
mod outbox;
mod serve;
mod start;
mod waits;
mod watch;

pub use notify::queue::Telling;
pub use options::Options;
pub use start::{DaemonError, run};
pub use watch::configuration::answering_configuration;

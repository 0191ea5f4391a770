//! The daemon. One actor owns all sessions, and one thread runs everything.
//!
//! Never: a lock, a second thread, a database, output on standard output.
//! Start at `actor::Actor`, which decides. `serve` carries out its decisions.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail by panicking"))]

mod actor;
mod ids;
mod local_day;
mod log;
mod messages;
mod net;
mod notify;
mod options;
mod origin;
mod outbox;
mod senses;
mod serve;
mod start;
mod timer;
mod waits;
mod watch;

pub use notify::queue::{NotificationJob, WAITS_FOR_CLICK};
pub use options::Options;
pub use start::{DaemonError, run};
pub use watch::configuration::answering_configuration;

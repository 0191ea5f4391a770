//! Where Crewboard's files are, and what its user configured.
//!
//! Never: the processes that use them, nor the board's words, which come in as data ([`Known`]). All
//! environment comes in through [`Environment`], read once.
//! Start at [`candidates()`] and [`Schema::load`].
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail by panicking"))]

mod candidates;
mod duration;
mod environment;
mod file;
mod lines;
mod parents;
mod parse;
mod problem;
mod rules;
mod schema;
mod settings;
mod template;
mod watch;

pub use candidates::{Candidate, Unusable, candidates, check_named};
pub use duration::duration;
pub use environment::{Environment, MIN_DESCRIPTORS};
pub use file::{Location, locate};
pub use parse::closest;
pub use problem::{Problem, Severity};
pub use rules::Rule;
pub use schema::{Action, Entry, Known, Schema, Value};
pub use settings::{Board, Config, Daemon, Loaded, Notify, Origin, Setting};
pub use watch::{DirectoryWatcher, FileWatch, REAPPEAR_WITHIN, WatchedPath};

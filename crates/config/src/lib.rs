//! The paths of Crewboard's files, and the user's configuration.
//!
//! Never: processes, or the names that the board defines, which are passed as data ([`Known`]). The environment is read
//! once, into [`Environment`].
//! Start at [`candidates()`] and [`Schema::load`].
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail by panicking"))]

mod candidates;
mod closest;
mod duration;
mod environment;
mod file;
mod hours;
mod lines;
mod parents;
mod parse;
mod problem;
mod reader;
mod rules;
mod schema;
mod settings;
mod template;
mod unusable;
mod watch;

pub use candidates::{Candidate, candidates, check_named};
pub use closest::closest;
pub use duration::duration;
pub use environment::{Environment, MIN_DESCRIPTORS};
pub use file::{Location, locate};
pub use hours::{Hours, parse_minute};

pub use problem::{Problem, Severity};
pub use rules::Rule;
pub use schema::{Action, Entry, Known, Schema, Value};
pub use settings::{Board, Config, Daemon, Loaded, Notify, Origin, OwnCommand, Setting};
pub use unusable::Unusable;
pub use watch::{DirectoryWatcher, FileWatch, REAPPEAR_WITHIN, WatchedPath};

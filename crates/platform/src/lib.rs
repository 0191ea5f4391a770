//! What Crewboard asks of the operating system: clocks, processes, sockets, locks, bounded I/O.
//!
//! The only crate, with the daemon's process watch, where one platform differs from another.
//! Never: policy. It says what is, others decide.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail by panicking"))]

mod below;
mod clock;
mod confinement;
mod deadline;
mod git;
#[cfg(target_os = "linux")]
mod holder;
#[cfg(not(target_os = "linux"))]
#[path = "holder_unknown.rs"]
mod holder;
mod kernel_file;
mod listener;
mod lock;
mod mounts;
mod peek;
mod process;
mod socket;

pub use below::{Part, folder_holding, read_below};
pub use clock::Clock;
pub use confinement::is_as_free_as_us;
pub use deadline::{Deadline, read_within, write_within};
pub use git::branch_of;
pub use holder::Holder;
pub use listener::{Listener, abstract_listener, runs_terminal, sockets_of};
pub use lock::{Lock, LockAttempt, moved_up};
pub use mounts::{is_known, local_directory, may_wait, settled_directory};
pub use peek::peek_within;
pub use process::{
    ProcessFacts, ancestors_of, arguments_of, as_others_see, facts_of, host_name, is_waiting,
    pid_namespace, process_of, program_name, shares_pids_with, this_thread, variables_of,
    working_directory_of,
};
pub use socket::{Connection, bind_listener, connect, set_aside};

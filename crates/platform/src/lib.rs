//! Access to the operating system: clocks, processes, sockets, locks and I/O with a deadline.
//!
//! Only this crate and the daemon's process watch differ between platforms.
//! Never: policy. This crate reports facts; other crates decide.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail by panicking"))]

mod child;
mod clock;
mod confinement;
mod deadline;
mod git;
mod kernel_file;
mod listener;
mod lock;
#[cfg(target_os = "linux")]
mod lock_owner;
#[cfg(not(target_os = "linux"))]
#[path = "lock_owner_unknown.rs"]
mod lock_owner;
mod memory;
mod mounts;
mod peek;
mod process;
mod read_beneath;
mod socket;

pub use child::{ChildOutput, OutputLimits, RunError, run_within, wait_within};
pub use clock::Clock;
pub use confinement::is_no_more_confined;
pub use deadline::{Deadline, read_within, write_within};
pub use git::{Checkout, find_checkout};
pub use listener::{Listener, abstract_listener, runs_terminal, sockets_of};
pub use lock::{Lock, LockAttempt, move_descriptor_up};
pub use lock_owner::LockOwner;
pub use memory::memory_of;
pub use mounts::{
    canonical_directory, canonical_directory_guarded, is_known, local_directory, may_block,
};
pub use peek::peek_within;
pub use process::{
    ProcessInfo, ancestors_of, arguments_of, environment_of, find_process, host_name,
    in_machine_time, is_waiting, pid_namespace, process_info, processes_named, program_name,
    shares_pid_namespace_with, start_time_of, this_thread, working_directory_of,
};
pub use read_beneath::{Part, directory_containing, read_beneath};
pub use socket::{ConnectAttempt, bind_listener, connect, set_aside};

//! Finding the daemon, starting it where there is none, and talking to it: blocking, std only.
//!
//! Never: an async runtime. A hook links this and nothing slower.
//! Start at [`Rendezvous::connect_or_start`] and [`Conversation`].
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail by panicking"))]

mod conversation;
mod follow;
mod rendezvous;
mod spawn;
mod version;

pub use conversation::{Conversation, TalkError};
pub use follow::{Follow, FollowError, News};
pub use rendezvous::{ConnectError, Rendezvous};
pub use version::version_problem;

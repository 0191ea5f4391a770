//! Locates or starts the daemon, and sends it requests. Blocking, on the standard library only.
//!
//! Never: an async runtime. A hook links this crate and must start fast.
//! Start at [`DaemonLocator::connect_or_start`] and [`Connection`].
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail by panicking"))]

mod connection;
mod daemon_locator;
mod spawn;
mod subscription;
mod version;

pub use connection::{Connection, ConnectionError};
pub use daemon_locator::{ConnectError, DaemonLocator};
pub use subscription::{Subscription, SubscriptionError, SubscriptionEvent};
pub use version::version_problem;

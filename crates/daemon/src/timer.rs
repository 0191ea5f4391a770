//! A wait for a time that may not be set.

use tokio::time::{Instant, sleep_until};

/// Waits until `at`. Never returns without a time.
pub(crate) async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

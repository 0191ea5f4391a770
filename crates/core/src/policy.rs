//! Derives notifications, waits and counts from the sessions and their changes.

pub(crate) mod counts;
pub(crate) mod notifications;
pub(crate) mod unseen;
pub(crate) mod wait;

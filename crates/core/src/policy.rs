//! What changes mean for users and scripts: notifications, waits and counts.

pub(crate) mod counts;
pub(crate) mod notifications;
pub(crate) mod wait;

//! Notifications: the queue of processes that notify the user, the delivery by boards, and the last notifications.

pub(crate) mod delivery;
pub(crate) mod history;
pub(crate) mod queue;

//! Notifications: the queue of processes that notify the user, and the delivery by boards.

pub(crate) mod delivery;
pub(crate) mod queue;

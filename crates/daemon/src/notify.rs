//! Notifications: which board delivers one, and the queue of processes that do.

pub(crate) mod delivery;
pub(crate) mod queue;

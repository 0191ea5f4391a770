//! Lines that wait to be written to clients: changes for subscribers, evidence for recorders.

pub(crate) mod batch;
pub(crate) mod recorders;
pub(crate) mod subscribers;

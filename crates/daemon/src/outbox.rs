//! Lines that wait to be written to clients: changes for subscribers, evidence for recorders.
//!
//! Both get one batch at a time (`batch`). Their queues differ. A recorder must get every piece of evidence in its order,
//! so its queue holds encoded lines and drops the newest beyond a number of bytes. A subscriber needs only the newest
//! state, so its queue holds one change for each row, is bounded by the number of rows and is encoded when it is sent.

pub(crate) mod batch;
pub(crate) mod recorders;
pub(crate) mod subscribers;

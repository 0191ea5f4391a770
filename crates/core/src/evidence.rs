//! The evidence from which a status is derived: the events of agents and the contents of their files.

pub(crate) mod event;
pub(crate) mod observation;
pub(crate) mod program;

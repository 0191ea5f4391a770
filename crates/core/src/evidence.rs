//! Everything that a status is derived from: what agents report, and what their files say.

pub(crate) mod event;
pub(crate) mod observation;

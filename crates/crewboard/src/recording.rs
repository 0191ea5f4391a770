//! Recordings of what the daemon was told: the file, how it is made harmless, how it is played.

pub(crate) mod file;
pub(crate) mod interrupt;
pub(crate) mod player;
pub(crate) mod redact;
pub(crate) mod stage;

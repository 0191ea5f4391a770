//! Recordings of daemon events: the file format, the removal of private text, and the player.

pub(crate) mod demo;
pub(crate) mod file;
pub(crate) mod interrupt;
pub(crate) mod player;
pub(crate) mod redact;
pub(crate) mod sandbox;

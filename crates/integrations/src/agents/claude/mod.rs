//! Claude Code. What its hooks say was measured on 2.1.330 (see `harness/findings.md`).

mod event;
mod payload;
pub mod registration;
pub(super) mod session_file;
mod tool;
pub(super) mod transcript;

pub use event::read_event;

/// The name in `crewboard hook claude`.
pub const NAME: &str = "claude";

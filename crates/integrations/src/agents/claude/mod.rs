//! Claude Code. What its hooks say was measured on 2.1.330 (see `harness/findings.md`).

mod event;
mod payload;
pub mod registration;
mod tool;

pub use event::read_event;

/// The name in `crewboard hook claude`.
pub const NAME: &str = "claude";

//! Claude Code. What its hooks say was measured on 2.1.330 (see `harness/findings.md`).

mod arguments;
mod event;
mod payload;
pub mod registration;
mod resume;
mod scan;
pub(super) mod session_file;
pub mod settings;
pub mod status_line;
mod tool;
pub(super) mod transcript;

pub(crate) use arguments::has_no_file;
pub use event::read_event;
pub use resume::{attach_words, resume_directory, resume_words};
pub use transcript::directory_in;

/// The name in `crewboard hook claude`.
pub const NAME: &str = "claude";

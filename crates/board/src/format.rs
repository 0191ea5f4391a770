//! Texts and durations, fitted to the cells of a terminal.

pub mod base64;
pub mod cells;
pub mod display_width;
pub(crate) mod shell_word;
pub(crate) mod summary;
pub mod text;

//! Texts and durations, fitted to the cells of a terminal.

pub(crate) mod cells;
pub(crate) mod display_width;
pub mod text;

//! Text and durations as they stand in a terminal's cells.

pub(crate) mod cells;
pub(crate) mod display_width;
pub mod text;

//! The event loop, the terminal and the signals: everything with side effects.

mod background;
pub(crate) mod event_loop;
mod first_frame;
pub(crate) mod host;
pub(crate) mod signals;
pub(crate) mod terminal;
mod typed;

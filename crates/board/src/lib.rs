//! The board: the full-screen interface of Crewboard.
//!
//! Three parts are pure: [`update`] applies messages to the [`model`] and returns effects, [`layout`] divides the
//! screen for drawing and for the mouse, [`view`] draws the model and changes nothing. The private module `runtime`
//! runs them on one thread, which sleeps until a key, the daemon or a visible clock has something new.
//!
//! Never: the inner state of the daemon, a second thread, a wake-up without a change to show (except to check agents that
//! work).
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail by panicking"))]

pub mod colour;
pub mod format;
pub mod keymap;
pub mod layout;
pub mod model;
pub mod outside;
mod runtime;
pub mod theme;
pub mod update;
pub mod view;

pub use model::agent_text::AgentText;
pub use model::navigation::{Navigation, NavigationOutcome};
pub use model::options::{LayoutMode, Options};
pub use model::order::RowOrder;
pub use runtime::event_loop::{BoardError, run};
pub use runtime::host::Host;

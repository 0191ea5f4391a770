//! The board: the screen people keep open all day.
//!
//! Three pure parts and a shell: [`update`] turns messages into a new model and effects, [`layout`]
//! says where everything is (drawing and mouse alike), `view` draws and writes no state. `shell` runs
//! them: one thread that sleeps until a key, the daemon or a visible clock has something to say.
//! Never: the daemon's insides, a second thread, a wake-up without a change to show.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail by panicking"))]

pub mod format;
pub mod keymap;
pub mod layout;
pub mod model;
mod runtime;
pub mod theme;
pub mod update;
pub mod view;

pub use model::agent_text::AgentText;
pub use model::navigation::{Navigation, NavigationOutcome};
pub use model::options::Options;
pub use runtime::event_loop::{BoardError, run};
pub use runtime::host::Host;

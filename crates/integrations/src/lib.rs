//! Everything that knows a third party by name: agents' payloads and settings, terminals' variables.
//!
//! Never: sockets, processes, the environment. What they say comes in as arguments.
//! Start at [`agents::read_event`] for what agents say, at [`agents::claude::registration`] for what is
//! registered with one, at [`settings_edit`] for how a settings file is changed without disturbing it,
//! and at [`terminals::place_of`].
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail by panicking"))]

pub mod agents;
pub mod desktop;
pub mod settings_edit;
pub mod terminals;

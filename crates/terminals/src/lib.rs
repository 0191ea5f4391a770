//! Terminals and multiplexers: locates a process by its environment variables ([`locate()`]), shows a pane
//! ([`focus()`]), and runs a program in a new pane ([`open()`]).
//!
//! Every command is a list of words, never a line that a shell or the terminal would expand.
//! Never: sockets, processes, the environment. A [`System`] runs the commands.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail by panicking"))]

mod apple;
mod bell;
mod contact;
pub mod desktop;
mod focus;
mod kitty;
mod locate;
mod new_pane;
mod open;
mod peek;
mod screen;
mod system;
mod target;
#[cfg(test)]
mod test_system;
#[cfg(test)]
mod tests;
mod tmux;
mod variables;
mod visibility;
mod wezterm;
mod zellij;

pub use bell::{BellKind, Multiplexer, bell_bytes};
pub use focus::{FocusOutcome, focus};
pub use locate::{locate, tmux_server};
pub use new_pane::NewPane;
pub use open::{OpenOutcome, open};
pub use peek::peek;
pub use system::{
    Caller, Command, CommandError, EnclosingTmux, Server, System, TerminalError, Unverified,
};
pub use target::Target;
pub use variables::Variables;
pub use visibility::{StatusTime, has_focus, is_in_front};

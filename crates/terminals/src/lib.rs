//! The terminals and multiplexers: where their variables say a process runs, how a pane of one is
//! brought before somebody's eyes ([`focus()`]), and how a program is run in a new one ([`open()`]).
//!
//! A terminal is told everything in words of a command, never in a line that a shell or the terminal
//! itself would expand. Nothing is run here: a [`System`] does that.
//! Never: sockets, processes, the environment. A [`System`] runs what is decided here.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail by panicking"))]

mod apple;
mod bell;
mod contact;
pub mod desktop;
mod focus;
mod kitty;
mod locate;
mod new_pane;
mod screen;
mod system;
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
pub use focus::{FocusOutcome, Target, focus};
pub use locate::{locate, tmux_server};
pub use new_pane::{NewPane, OpenOutcome, open};
pub use system::{
    Caller, Command, CommandError, EnclosingTmux, Server, System, TerminalError, Unverified,
};
pub use variables::Variables;
pub use visibility::has_focus;

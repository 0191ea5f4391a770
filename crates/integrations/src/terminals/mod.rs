//! The terminals and multiplexers: where their variables say a process runs, how a pane of one is
//! brought before somebody's eyes ([`focus()`]), and how a program is run in a new one ([`open()`]).
//!
//! A terminal is told everything in words of a command, never in a line that a shell or the terminal
//! itself would expand. Nothing is run here: a [`System`] does that.

mod apple;
mod contact;
mod focus;
mod kitty;
mod looked_at;
mod opening;
mod place;
mod ring;
mod screen;
mod system;
#[cfg(test)]
mod test_system;
#[cfg(test)]
mod tests;
mod tmux;
mod wezterm;
mod zellij;

pub use focus::{Reached, Target, focus};
pub use looked_at::is_looked_at;
pub use opening::{Opened, Opening, open};
pub use place::{place_of, tmux_server};
pub use ring::{Inside, Ring, ring};
pub use system::{Asker, Command, Refusal, Server, System, TmuxAbove, Trouble, Unproven};

//! End-to-end tests with real processes and sockets. Each test has its own world.
//!
//! There is a file for each command. A folder with the name of a command has further files for its situations.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod board;
mod command_line;
mod completions;
mod counts;
mod daemon;
mod demo;
mod explain;
mod hook;
mod hostile_daemon;
mod install;
mod jump;
mod list;
mod notifications;
mod notify;
mod open;
mod permission_text;
mod record;
mod replay;
mod report;
mod run;
mod seen;
mod statusline;
mod support;
mod tmux_install;
mod wait;
mod watch;

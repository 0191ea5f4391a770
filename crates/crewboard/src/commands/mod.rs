//! One module per command.

pub(crate) mod board;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod counts;
pub(crate) mod daemon;
pub(crate) mod explain;
pub(crate) mod install;
pub(crate) mod jump;
pub(crate) mod list;
pub(crate) mod man;
pub(crate) mod mark;
pub(crate) mod notifications;
pub(crate) mod notify;
pub(crate) mod record;
pub(crate) mod replay;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod setup;
pub(crate) mod uninstall;
pub(crate) mod wait;
pub(crate) mod watch;

//! Which servers of terminals are contacted.
//!
//! A server tells its client what to do: tmux has it start programs. A row names its server in the words of
//! whichever program sent its events, and a program in a sandbox can send events. So a server is contacted only
//! where the asker runs in it, or where the kernel shows that it runs the terminal of the row's process.

use super::locate::{locate, tmux_server};
use super::system::{Caller, Server, System, TerminalError, Unverified};
use crate::Variables;
use std::path::Path;

/// Returns the address by which `server` of `terminal` may be contacted.
pub(super) fn contact(
    (terminal, name): (&str, &str),
    server: Server<'_>,
    pid: Option<u32>,
    asker: Caller<'_>,
    system: &mut dyn System,
) -> Result<String, TerminalError> {
    let names = |environment: &dyn Variables| names(environment, terminal, name);
    let own = names(asker.environment).then_some(asker.pid);
    let its = |pid: &u32| system.environment_of(*pid).is_some_and(|its| names(&its));
    let pid = pid.filter(its);
    let claim = || {
        let why = "its events name the";
        TerminalError::new(format!(
            "{why} {terminal} server {name}, and nothing shows that it runs there"
        ))
        .hint("a server is contacted where it runs the session's terminal, or the one you are in")
    };
    if own.is_none() && pid.is_none() {
        return Err(claim());
    }
    system.verify_server(server, pid, own).map_err(|unverified| match unverified {
        Unverified::Gone => TerminalError::new(format!("no {terminal} listens at {name} any more")),
        Unverified::Mismatch => claim(),
    })
}

/// Whether variables name this server.
fn names(environment: &dyn Variables, terminal: &str, server: &str) -> bool {
    let panes = locate(environment).panes();
    let mut panes = panes.iter();
    panes.any(|pane| pane.terminal == terminal && pane.server.as_deref() == Some(server))
        // A popup and `run-shell` of tmux have no pane.
        || terminal == "tmux" && tmux_server(environment).as_deref() == Some(server)
}

/// Returns the directory so many levels above a file.
pub(super) fn directory_above(file: &str, levels: usize) -> Option<String> {
    let directory = Path::new(file).ancestors().nth(levels)?;
    Some(directory.to_str()?.to_owned())
}

//! Decides which terminal servers Crewboard contacts.
//!
//! A server can make its client act: tmux can start programs. A row names its server as a program reported it, and a
//! program in a sandbox can report events. So a server is contacted only if the caller runs in it, or if the kernel
//! shows that it runs the terminal of the row's process.

use crate::Variables;
use crate::locate::{locate, tmux_server};
use crate::system::{Server, TerminalError, Unverified};
use crate::target::Context;
use std::path::Path;

/// Returns a verified address of the `server` of `terminal`.
pub(crate) fn verify_address(
    (terminal, name): (&str, &str),
    server: Server<'_>,
    context: &mut Context<'_>,
) -> Result<String, TerminalError> {
    let Context { target, caller, system } = context;
    let names = |environment: &dyn Variables| names_server(environment, terminal, name);
    let own = names(caller.environment).then_some(caller.pid);
    let is_in_environment_of =
        |pid: &u32| system.environment_of(*pid).is_some_and(|variables| names(&variables));
    let pid = target.pid.filter(is_in_environment_of);
    let mismatch = || {
        let claim = "its events name the";
        TerminalError::new(format!(
            "{claim} {terminal} server {name}, and nothing shows that it runs there"
        ))
        .hint("Crewboard contacts only a server that runs the session's terminal or your own")
    };
    if own.is_none() && pid.is_none() {
        return Err(mismatch());
    }
    system.verify_server(server, pid, own).map_err(|unverified| match unverified {
        Unverified::Gone => TerminalError::new(format!("no {terminal} server listens at {name}")),
        Unverified::Mismatch => mismatch(),
    })
}

/// Returns true if the variables name this server.
fn names_server(environment: &dyn Variables, terminal: &str, server: &str) -> bool {
    let panes = locate(environment).panes();
    let mut panes = panes.iter();
    panes.any(|pane| pane.terminal == terminal && pane.server.as_deref() == Some(server))
        // In a tmux popup and in `run-shell` no variable names a pane.
        || terminal == "tmux" && tmux_server(environment).as_deref() == Some(server)
}

/// Returns the directory that is `levels` above a file.
pub(crate) fn directory_above(file: &str, levels: usize) -> Option<String> {
    let directory = Path::new(file).ancestors().nth(levels)?;
    Some(directory.to_str()?.to_owned())
}

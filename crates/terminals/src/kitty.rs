//! kitty, through its remote control (<https://sw.kovidgoyal.net/kitty/remote-control/>). It listens only
//! where its user set `allow_remote_control` and `listen_on`, and says where in `KITTY_LISTEN_ON`.

use super::contact::contact;
use super::focus::{Found, Target, find_listed};
use super::new_pane::NewPane;
use super::system::{Caller, Command, CommandError, Server, System, TerminalError};
use crewboard_core::Pane;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
struct OsWindow {
    tabs: Vec<Tab>,
}

#[derive(Debug, Deserialize)]
struct Tab {
    windows: Vec<Window>,
}

/// What kitty calls a window is a pane.
#[derive(Debug, Deserialize)]
struct Window {
    id: u64,
    /// The process that was started in it.
    pid: u32,
}

pub(super) fn focus(
    pane: &Pane,
    target: Target<'_>,
    asker: Caller<'_>,
    system: &mut dyn System,
) -> Result<Found, TerminalError> {
    let id = pane.pane.as_deref().unwrap_or_default();
    let Some(address) = address(pane) else {
        return Err(TerminalError::new(format!(
            "kitty, in whose window {id} it runs, takes no commands"
        ))
        .hint("set `allow_remote_control` and `listen_on` in kitty.conf and start kitty anew"));
    };
    let Some(server) = socket_of(address) else {
        return Err(TerminalError::new(format!(
            "who listens at kitty's address {address} cannot be checked"
        ))
        .hint("set `listen_on` in kitty.conf to a Unix socket"));
    };
    let proven = contact(("kitty", address), server, target.pid, asker, system)?;
    let address = match server {
        Server::Abstract(_) => address.to_owned(),
        _ => format!("unix:{proven}"),
    };
    let list = system.run(&remote(&address).and(["ls"])).map_err(refused)?;
    let windows: Vec<OsWindow> = serde_json::from_str(&list)
        .map_err(|error| TerminalError::new(format!("kitty's list is not understood: {error}")))?;
    let windows = windows.iter().flat_map(|window| &window.tabs).flat_map(|tab| &tab.windows);
    let windows: Vec<&Window> = windows.collect();
    let is_at = |window: &&Window| {
        target.is_at(system.tty_of(window.pid).as_deref(), Some(window.pid), system)
    };
    let found = find_listed(&windows, |window| window.id.to_string() == id, is_at)
        .map_err(|is_there| TerminalError::gone("kitty", "window", id, is_there))?;
    let found = format!("id:{}", found.id);
    system.run(&remote(&address).and(["focus-window", "--match", &found])).map_err(refused)?;
    Ok(Found::Shown)
}

/// `None` where it takes no commands.
pub(super) fn open(
    opening: &NewPane<'_>,
    pane: &Pane,
    system: &mut dyn System,
) -> Option<Result<(), TerminalError>> {
    let command = remote(address(pane)?).and(["launch", "--type=tab"]);
    let command = command.and([format!("--cwd={}", opening.directory)]);
    let command = command.and(opening.words.iter().cloned());
    Some(system.run(&command).map(|_| ()).map_err(refused))
}

/// Where it listens. A descriptor is one of the processes in it alone.
fn address(pane: &Pane) -> Option<&str> {
    pane.server.as_deref().filter(|address| !address.starts_with("fd:"))
}

/// The socket that an address names; `None` for one over a network.
fn socket_of(address: &str) -> Option<Server<'_>> {
    let socket = address.strip_prefix("unix:")?;
    Some(socket.strip_prefix('@').map_or(Server::Socket(socket), Server::Abstract))
}

/// `kitty @`, which every version has (`kitten @` came with 0.27).
fn remote(address: &str) -> Command {
    Command::new(["kitty", "@", "--to", address])
}

fn refused(refusal: CommandError) -> TerminalError {
    TerminalError::of("kitty", refusal)
}

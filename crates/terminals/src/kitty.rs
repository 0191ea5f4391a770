//! kitty, through its remote control (<https://sw.kovidgoyal.net/kitty/remote-control/>). It listens only if its user
//! has set `allow_remote_control` and `listen_on`. `KITTY_LISTEN_ON` has its address.

use crate::contact::verify_address;
use crate::new_pane::NewPane;
use crate::system::{Caller, Command, CommandError, Server, System, TerminalError};
use crate::target::{PaneOutcome, Target, find_listed};
use crewboard_core::Pane;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
struct OsWindow {
    tabs: Vec<Tab>,
}

#[derive(Debug, Deserialize)]
struct Tab {
    /// The tab is shown in the OS window that has the focus.
    #[serde(default)]
    is_focused: bool,
    windows: Vec<Window>,
}

/// A pane, which kitty calls a window.
#[derive(Debug, Deserialize)]
struct Window {
    id: u64,
    /// The process that kitty started in it.
    pid: u32,
    /// It is the active window of its tab, and its OS window has the focus.
    #[serde(default)]
    is_focused: bool,
}

pub(crate) fn focus(
    pane: &Pane,
    target: Target<'_>,
    caller: Caller<'_>,
    system: &mut dyn System,
) -> Result<PaneOutcome, TerminalError> {
    let (address, window) = find(pane, target, caller, system)?;
    system
        .run(&remote(&address).and(["focus-window", "--match", &window]))
        .map_err(command_error)?;
    Ok(PaneOutcome::Shown)
}

/// Returns the text of the pane (`get-text`, since 0.14.2; not tried).
pub(crate) fn read(
    pane: &Pane,
    target: Target<'_>,
    caller: Caller<'_>,
    system: &mut dyn System,
) -> Result<String, TerminalError> {
    let (address, window) = find(pane, target, caller, system)?;
    system.run(&remote(&address).and(["get-text", "--match", &window])).map_err(command_error)
}

/// Finds the target's window. Returns the address of its kitty and the expression that selects the window.
fn find(
    pane: &Pane,
    target: Target<'_>,
    caller: Caller<'_>,
    system: &mut dyn System,
) -> Result<(String, String), TerminalError> {
    let id = pane.pane.as_deref().unwrap_or_default();
    let address = verified_address(pane, target, caller, system)?;
    let windows = list(&address, system)?;
    let windows = windows.iter().flat_map(|window| &window.tabs).flat_map(|tab| &tab.windows);
    let windows: Vec<&Window> = windows.collect();
    let is_at = |window: &&Window| {
        target.is_at(system.tty_of(window.pid).as_deref(), Some(window.pid), system)
    };
    let found = find_listed(&windows, |window| window.id.to_string() == id, is_at)
        .map_err(|exists| TerminalError::missing_pane("kitty", "window", id, exists))?;
    let window = format!("id:{}", found.id);
    Ok((address, window))
}

/// Returns true if kitty reports that the target's window has the focus (`is_focused`, seen on 0.26.5).
pub(crate) fn has_focus(
    pane: &Pane,
    target: Target<'_>,
    caller: Caller<'_>,
    system: &mut dyn System,
) -> Result<bool, TerminalError> {
    let address = verified_address(pane, target, caller, system)?;
    let windows = list(&address, system)?;
    let tabs = windows.iter().flat_map(|window| &window.tabs).filter(|tab| tab.is_focused);
    let mut focused = tabs.flat_map(|tab| &tab.windows).filter(|window| window.is_focused);
    let is_named = |window: &Window| pane.pane.as_deref() == Some(&*window.id.to_string());
    Ok(focused.any(|window| {
        let tty = system.tty_of(window.pid);
        is_named(window) && target.is_at(tty.as_deref(), Some(window.pid), system) != Some(false)
    }))
}

/// Returns the address of the pane's kitty, after a check that this kitty runs the pane.
fn verified_address(
    pane: &Pane,
    target: Target<'_>,
    caller: Caller<'_>,
    system: &mut dyn System,
) -> Result<String, TerminalError> {
    let id = pane.pane.as_deref().unwrap_or_default();
    let Some(address) = address(pane) else {
        return Err(TerminalError::new(format!(
            "it runs in window {id} of a kitty that accepts no commands"
        ))
        .hint("set `allow_remote_control` and `listen_on` in kitty.conf, and restart kitty"));
    };
    let Some(server) = parse_server(address) else {
        return Err(TerminalError::new(format!(
            "cannot check which process listens at kitty's address {address}"
        ))
        .hint("set `listen_on` in kitty.conf to a Unix socket"));
    };
    let verified = verify_address(("kitty", address), server, target.pid, caller, system)?;
    Ok(match server {
        Server::Abstract(_) => address.to_owned(),
        _ => format!("unix:{verified}"),
    })
}

fn list(address: &str, system: &mut dyn System) -> Result<Vec<OsWindow>, TerminalError> {
    let list = system.run(&remote(address).and(["ls"])).map_err(command_error)?;
    serde_json::from_str(&list).map_err(|error| {
        TerminalError::new(format!("cannot read kitty's list of windows: {error}"))
    })
}

/// Opens a new tab. Returns `None` if kitty accepts no commands.
pub(crate) fn open(
    new_pane: &NewPane<'_>,
    pane: &Pane,
    system: &mut dyn System,
) -> Option<Result<(), TerminalError>> {
    let command = remote(address(pane)?).and(["launch", "--type=tab"]);
    let command = command.and([format!("--cwd={}", new_pane.directory)]);
    let command = command.and(new_pane.words.iter().cloned());
    Some(system.run(&command).map(|_| ()).map_err(command_error))
}

/// Returns the address at which kitty listens. A descriptor (`fd:`) is of use only to processes within kitty.
fn address(pane: &Pane) -> Option<&str> {
    pane.server.as_deref().filter(|address| !address.starts_with("fd:"))
}

/// Returns the Unix socket of an address, or `None` for a network address.
fn parse_server(address: &str) -> Option<Server<'_>> {
    let socket = address.strip_prefix("unix:")?;
    Some(socket.strip_prefix('@').map_or(Server::Socket(socket), Server::Abstract))
}

/// Returns a `kitty @` command, which every version has (`kitten @` exists since 0.27).
fn remote(address: &str) -> Command {
    Command::new(["kitty", "@", "--to", address])
}

fn command_error(error: CommandError) -> TerminalError {
    TerminalError::from_command("kitty", error)
}

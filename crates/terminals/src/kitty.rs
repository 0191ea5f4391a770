//! kitty, through its remote control (<https://sw.kovidgoyal.net/kitty/remote-control/>). It listens only if its user
//! has set `allow_remote_control` and `listen_on`. `KITTY_LISTEN_ON` has its address.

use crate::contact::verify_address;
use crate::new_pane::NewPane;
use crate::system::{Command, Server, TerminalError};
use crate::target::{Context, PaneOutcome, find_listed};
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

pub(crate) fn focus(pane: &Pane, context: &mut Context<'_>) -> Result<PaneOutcome, TerminalError> {
    run_in_window(pane, "focus-window", context)?;
    Ok(PaneOutcome::Shown)
}

/// Returns the text of the pane (`get-text`, since 0.14.2).
pub(crate) fn read(pane: &Pane, context: &mut Context<'_>) -> Result<String, TerminalError> {
    run_in_window(pane, "get-text", context)
}

/// Runs a command in the target's window.
fn run_in_window(
    pane: &Pane,
    command: &str,
    context: &mut Context<'_>,
) -> Result<String, TerminalError> {
    let id = pane.pane.as_deref().unwrap_or_default();
    let address = verified_address(pane, context)?;
    let windows = list(&address, context)?;
    let windows = windows.iter().flat_map(|window| &window.tabs).flat_map(|tab| &tab.windows);
    let windows: Vec<&Window> = windows.collect();
    let is_at = |window: &&Window| is_at(window, context);
    let found = find_listed(("kitty", "window", id), &windows, |window| window.id, is_at)?;
    let window = format!("id:{}", found.id);
    context.run("kitty", &remote(&address).and([command, "--match", &window]))
}

fn is_at(window: &Window, context: &Context<'_>) -> Option<bool> {
    context.is_at(context.system.tty_of(window.pid).as_deref(), Some(window.pid))
}

/// Returns true if kitty reports that the target's window has the focus (`is_focused`, seen on 0.26.5).
pub(crate) fn has_focus(pane: &Pane, context: &mut Context<'_>) -> Result<bool, TerminalError> {
    let address = verified_address(pane, context)?;
    let windows = list(&address, context)?;
    let tabs = windows.iter().flat_map(|window| &window.tabs).filter(|tab| tab.is_focused);
    let mut focused = tabs.flat_map(|tab| &tab.windows).filter(|window| window.is_focused);
    let is_named = |window: &Window| pane.pane.as_deref() == Some(&*window.id.to_string());
    Ok(focused.any(|window| is_named(window) && is_at(window, context) != Some(false)))
}

/// Returns the address of the pane's kitty, after a check that this kitty runs the pane.
fn verified_address(pane: &Pane, context: &mut Context<'_>) -> Result<String, TerminalError> {
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
    verify(address, server, context)
}

/// Returns the address at which `kitty @` reaches the server of `address`, after a check of that server.
fn verify(
    address: &str,
    server: Server<'_>,
    context: &mut Context<'_>,
) -> Result<String, TerminalError> {
    let verified = verify_address(("kitty", address), server, context)?;
    Ok(match server {
        Server::Abstract(_) => address.to_owned(),
        _ => format!("unix:{verified}"),
    })
}

fn list(address: &str, context: &mut Context<'_>) -> Result<Vec<OsWindow>, TerminalError> {
    context.run_list("kitty", &remote(address).and(["ls"]), "kitty's list of windows")
}

/// Opens a new tab. Returns false if kitty accepts no commands, or if the variables are inherited from another terminal.
pub(crate) fn open(
    new_pane: &NewPane<'_>,
    pane: &Pane,
    context: &mut Context<'_>,
) -> Result<bool, TerminalError> {
    let Some(address) = address(pane) else { return Ok(false) };
    // A network address cannot be checked.
    let Some(server) = parse_server(address) else { return Ok(false) };
    let Ok(address) = verify(address, server, context) else { return Ok(false) };
    let command = remote(&address).and(["launch", "--type=tab"]);
    let command = command.and([format!("--cwd={}", new_pane.directory)]);
    let command = command.and(new_pane.words.iter().cloned());
    context.run("kitty", &command).map(|_| true)
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

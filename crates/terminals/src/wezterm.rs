//! `WezTerm`. Its `cli` reads the server from `WEZTERM_UNIX_SOCKET`. `activate-pane` exists since 20230326
//! (<https://wezterm.org/cli/cli/activate-pane.html>), and `list --format json` has each pane's tty if `WezTerm` knows
//! it. This follows the documentation and was not tried. `WezTerm` has no command that raises a window.

use crate::contact::verify_address;
use crate::new_pane::NewPane;
use crate::system::{Caller, Command, CommandError, Server, System, TerminalError};
use crate::target::{PaneOutcome, Target, find_listed};
use crewboard_core::Pane;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
struct ListedPane {
    pane_id: u64,
    #[serde(default)]
    tty_name: Option<String>,
}

/// A GUI that shows panes of the server.
#[derive(Debug, Deserialize)]
struct ListedClient {
    #[serde(default)]
    focused_pane_id: Option<u64>,
    /// The time since the last key press.
    idle_time: IdleTime,
}

#[derive(Debug, Deserialize)]
struct IdleTime {
    secs: u64,
}

/// Returns the seconds since the last key press in the clients whose focused pane is the target's. `WezTerm` does not
/// report whether the window of a client has the focus (`list-clients`,
/// <https://wezterm.org/cli/cli/list-clients.html>; not tried).
pub(crate) fn idle_seconds(
    pane: &Pane,
    target: Target<'_>,
    caller: Caller<'_>,
    system: &mut dyn System,
) -> Result<Vec<u64>, TerminalError> {
    let pane = &verified_pane(pane, target, caller, system)?;
    let list = cli(pane).and(["list-clients", "--format", "json"]);
    let list = system.run(&list).map_err(command_error)?;
    let clients: Vec<ListedClient> = serde_json::from_str(&list).map_err(|error| {
        TerminalError::new(format!("cannot read WezTerm's list of clients: {error}"))
    })?;
    let shows = |client: &ListedClient| {
        client.focused_pane_id.map(|id| id.to_string()).as_deref() == pane.pane.as_deref()
    };
    let clients = clients.into_iter().filter(|client| pane.pane.is_some() && shows(client));
    Ok(clients.map(|client| client.idle_time.secs).collect())
}

/// Returns the pane with a checked server: that server runs the pane.
fn verified_pane(
    pane: &Pane,
    target: Target<'_>,
    caller: Caller<'_>,
    system: &mut dyn System,
) -> Result<Pane, TerminalError> {
    let Some(socket) = &pane.server else {
        return Err(TerminalError::new("its variables name a WezTerm pane, but no socket"));
    };
    let server = Server::Socket(socket);
    let socket = verify_address(("wezterm", socket), server, target.pid, caller, system)?;
    Ok(Pane { server: Some(socket), ..pane.clone() })
}

pub(crate) fn focus(
    pane: &Pane,
    target: Target<'_>,
    caller: Caller<'_>,
    system: &mut dyn System,
) -> Result<PaneOutcome, TerminalError> {
    let (pane, id) = find(pane, target, caller, system)?;
    system.run(&cli(&pane).and(["activate-pane", "--pane-id", &id])).map_err(command_error)?;
    Ok(PaneOutcome::Shown)
}

/// Returns the text of the pane (<https://wezterm.org/cli/cli/get-text.html>; not tried).
pub(crate) fn read(
    pane: &Pane,
    target: Target<'_>,
    caller: Caller<'_>,
    system: &mut dyn System,
) -> Result<String, TerminalError> {
    let (pane, id) = find(pane, target, caller, system)?;
    system.run(&cli(&pane).and(["get-text", "--pane-id", &id])).map_err(command_error)
}

/// Finds the target's pane. Returns it with its checked server, and its id.
fn find(
    pane: &Pane,
    target: Target<'_>,
    caller: Caller<'_>,
    system: &mut dyn System,
) -> Result<(Pane, String), TerminalError> {
    let pane = verified_pane(pane, target, caller, system)?;
    let id = pane.pane.as_deref().unwrap_or_default();
    let list = system.run(&cli(&pane).and(["list", "--format", "json"])).map_err(command_error)?;
    let panes: Vec<ListedPane> = serde_json::from_str(&list).map_err(|error| {
        TerminalError::new(format!("cannot read WezTerm's list of panes: {error}"))
    })?;
    let is_at = |listed: &ListedPane| target.is_at(listed.tty_name.as_deref(), None, system);
    let found = find_listed(&panes, |listed| listed.pane_id.to_string() == id, is_at)
        .map_err(|exists| TerminalError::missing_pane("WezTerm", "pane", id, exists))?;
    let id = found.pane_id.to_string();
    Ok((pane, id))
}

pub(crate) fn open(
    new_pane: &NewPane<'_>,
    pane: &Pane,
    system: &mut dyn System,
) -> Result<(), TerminalError> {
    let mut command = cli(pane).and(["spawn", "--cwd", new_pane.directory]);
    if let Some(id) = &pane.pane {
        command = command.and(["--pane-id", id]);
    }
    let command = command.and(["--"]).and(new_pane.words.iter().cloned());
    system.run(&command).map(|_| ()).map_err(command_error)
}

fn cli(pane: &Pane) -> Command {
    let command = Command::new(["wezterm", "cli", "--no-auto-start"]);
    match &pane.server {
        Some(socket) => command.with("WEZTERM_UNIX_SOCKET", socket),
        None => command,
    }
}

fn command_error(error: CommandError) -> TerminalError {
    TerminalError::from_command("wezterm", error)
}

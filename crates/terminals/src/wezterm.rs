//! `WezTerm`. Its `cli` reads the server from `WEZTERM_UNIX_SOCKET`. `activate-pane` exists since 20230326
//! (<https://wezterm.org/cli/cli/activate-pane.html>), and `list --format json` has each pane's tty if `WezTerm` knows
//! it. This follows the documentation and was not tried. `WezTerm` has no command that raises a window.

use crate::contact::verify_address;
use crate::new_pane::NewPane;
use crate::system::{Command, Server, TerminalError};
use crate::target::{Context, PaneOutcome, find_listed};
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
    context: &mut Context<'_>,
) -> Result<Vec<u64>, TerminalError> {
    let pane = &verified_pane(pane, context)?;
    let list = cli(pane).and(["list-clients", "--format", "json"]);
    let clients: Vec<ListedClient> =
        context.run_list("wezterm", &list, "WezTerm's list of clients")?;
    let shows = |client: &ListedClient| {
        client.focused_pane_id.map(|id| id.to_string()).as_deref() == pane.pane.as_deref()
    };
    let clients = clients.into_iter().filter(|client| pane.pane.is_some() && shows(client));
    Ok(clients.map(|client| client.idle_time.secs).collect())
}

/// Returns the pane with a checked server: that server runs the pane.
fn verified_pane(pane: &Pane, context: &mut Context<'_>) -> Result<Pane, TerminalError> {
    let Some(socket) = &pane.server else {
        return Err(TerminalError::new("its variables name a WezTerm pane, but no socket"));
    };
    let socket = verify_address(("wezterm", socket), Server::Socket(socket), context)?;
    Ok(Pane { server: Some(socket), ..pane.clone() })
}

pub(crate) fn focus(pane: &Pane, context: &mut Context<'_>) -> Result<PaneOutcome, TerminalError> {
    run_in_pane(pane, "activate-pane", context)?;
    Ok(PaneOutcome::Shown)
}

/// Returns the text of the pane (<https://wezterm.org/cli/cli/get-text.html>; not tried).
pub(crate) fn read(pane: &Pane, context: &mut Context<'_>) -> Result<String, TerminalError> {
    run_in_pane(pane, "get-text", context)
}

/// Runs a command in the target's pane.
fn run_in_pane(
    pane: &Pane,
    command: &str,
    context: &mut Context<'_>,
) -> Result<String, TerminalError> {
    let pane = verified_pane(pane, context)?;
    let id = pane.pane.as_deref().unwrap_or_default();
    let list = cli(&pane).and(["list", "--format", "json"]);
    let panes: Vec<ListedPane> = context.run_list("wezterm", &list, "WezTerm's list of panes")?;
    let is_at = |listed: &ListedPane| context.is_at(listed.tty_name.as_deref(), None);
    let found = find_listed(("WezTerm", "pane", id), &panes, |listed| listed.pane_id, is_at)?;
    let id = found.pane_id.to_string();
    context.run("wezterm", &cli(&pane).and([command, "--pane-id", &id]))
}

/// Opens a new tab. Returns false if the variables are inherited from another terminal.
pub(crate) fn open(
    new_pane: &NewPane<'_>,
    pane: &Pane,
    context: &mut Context<'_>,
) -> Result<bool, TerminalError> {
    let Ok(pane) = verified_pane(pane, context) else { return Ok(false) };
    let mut command = cli(&pane).and(["spawn", "--cwd", new_pane.directory]);
    if let Some(id) = &pane.pane {
        command = command.and(["--pane-id", id]);
    }
    let command = command.and(["--"]).and(new_pane.words.iter().cloned());
    context.run("wezterm", &command).map(|_| true)
}

fn cli(pane: &Pane) -> Command {
    Command::new(["wezterm", "cli", "--no-auto-start"])
        .with("WEZTERM_UNIX_SOCKET", pane.server.as_deref())
}

//! `WezTerm`. Its `cli` takes the server from `WEZTERM_UNIX_SOCKET`; `activate-pane` is there since
//! 20230326 (<https://wezterm.org/cli/cli/activate-pane.html>), and `list --format json` names each pane's
//! tty where it knows it. Read there, not tried. Nothing it has raises a window.

use super::contact::contact;
use super::focus::{Found, Target, find_listed};
use super::new_pane::NewPane;
use super::system::{Caller, Command, CommandError, Server, System, TerminalError};
use crewboard_core::Pane;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
struct Listed {
    pane_id: u64,
    #[serde(default)]
    tty_name: Option<String>,
}

pub(super) fn focus(
    pane: &Pane,
    target: Target<'_>,
    asker: Caller<'_>,
    system: &mut dyn System,
) -> Result<Found, TerminalError> {
    let Some(socket) = &pane.server else {
        return Err(TerminalError::new("its variables name a pane of WezTerm, but no socket"));
    };
    let socket = contact(("wezterm", socket), Server::Socket(socket), target.pid, asker, system)?;
    let pane = &Pane { server: Some(socket), ..pane.clone() };
    let id = pane.pane.as_deref().unwrap_or_default();
    let refused = |refusal: CommandError| TerminalError::of("wezterm", refusal);
    let list = system.run(&cli(pane).and(["list", "--format", "json"])).map_err(refused)?;
    let panes: Vec<Listed> = serde_json::from_str(&list).map_err(|error| {
        TerminalError::new(format!("wezterm's list is not understood: {error}"))
    })?;
    let is_at = |listed: &Listed| target.is_at(listed.tty_name.as_deref(), None, system);
    let found = find_listed(&panes, |listed| listed.pane_id.to_string() == id, is_at)
        .map_err(|is_there| TerminalError::gone("WezTerm", "pane", id, is_there))?;
    let id = found.pane_id.to_string();
    system.run(&cli(pane).and(["activate-pane", "--pane-id", &id])).map_err(refused)?;
    Ok(Found::Shown)
}

pub(super) fn open(
    opening: &NewPane<'_>,
    pane: &Pane,
    system: &mut dyn System,
) -> Result<(), TerminalError> {
    let mut command = cli(pane).and(["spawn", "--cwd", opening.directory]);
    if let Some(id) = &pane.pane {
        command = command.and(["--pane-id", id]);
    }
    let command = command.and(["--"]).and(opening.words.iter().cloned());
    system.run(&command).map(|_| ()).map_err(|refusal| TerminalError::of("wezterm", refusal))
}

fn cli(pane: &Pane) -> Command {
    let command = Command::new(["wezterm", "cli", "--no-auto-start"]);
    match &pane.server {
        Some(socket) => command.with("WEZTERM_UNIX_SOCKET", socket),
        None => command,
    }
}

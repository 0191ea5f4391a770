use crate::new_pane::NewPane;
use crate::system::{Caller, Command, System, TerminalError};
use crate::target::{Context, Target};
use crate::{kitty, locate, screen, tmux, wezterm, zellij};
use crewboard_core::Place;

/// The result of opening a new pane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpenOutcome {
    /// The program runs in a new pane of this terminal.
    InPane(&'static str),
    /// The caller's terminal accepts no commands. The caller can run this command in its own terminal.
    RunHere(Command),
}

/// Runs a program in a new pane of the caller's terminal: of the innermost multiplexer, or else of the window.
pub fn open(
    new_pane: &NewPane<'_>,
    caller: Caller<'_>,
    system: &mut dyn System,
) -> Result<OpenOutcome, TerminalError> {
    // A server that the caller names is the caller's own: there is no target.
    let target = Target { place: &Place::default(), pid: None };
    let context = &mut Context { target, caller, system };
    for pane in locate(caller.environment).panes() {
        let (name, is_open) = match pane.terminal.as_str() {
            "tmux" => ("tmux", tmux::open(new_pane, context)?),
            "zellij" => ("zellij", zellij::open(new_pane, &pane, context)?),
            "screen" => ("screen", screen::open(new_pane, &pane, context)?),
            "wezterm" => ("WezTerm", wezterm::open(new_pane, &pane, context)?),
            "kitty" => ("kitty", kitty::open(new_pane, &pane, context)?),
            _ => continue,
        };
        // Otherwise the variables are inherited from another terminal, or this terminal accepts no commands.
        if is_open {
            return Ok(OpenOutcome::InPane(name));
        }
    }
    // In a tmux popup and in `run-shell` no variable names a pane.
    if tmux::open(new_pane, context)? {
        return Ok(OpenOutcome::InPane("tmux"));
    }
    Ok(OpenOutcome::RunHere(Command::new(new_pane.words.iter().cloned())))
}

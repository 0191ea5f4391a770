use crate::new_pane::NewPane;
use crate::system::{Caller, Command, System, TerminalError};
use crate::{kitty, locate, screen, tmux, wezterm, zellij};

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
    for pane in locate(caller.environment).panes() {
        let (name, opened) = match pane.terminal.as_str() {
            "tmux" => ("tmux", tmux::open(new_pane, caller, system)),
            "zellij" => ("zellij", zellij::open(new_pane, &pane, system)),
            "screen" => ("screen", screen::open(new_pane, &pane, caller, system)),
            "wezterm" => ("WezTerm", Some(wezterm::open(new_pane, &pane, system))),
            "kitty" => ("kitty", kitty::open(new_pane, &pane, system)),
            _ => continue,
        };
        match opened {
            // The variables are inherited from another terminal, or this terminal accepts no commands.
            None => {}
            Some(Ok(())) => return Ok(OpenOutcome::InPane(name)),
            Some(Err(error)) => return Err(error),
        }
    }
    // In a tmux popup and in `run-shell` no variable names a pane.
    match tmux::open(new_pane, caller, system) {
        Some(Ok(())) => Ok(OpenOutcome::InPane("tmux")),
        Some(Err(error)) => Err(error),
        None => Ok(OpenOutcome::RunHere(Command::new(new_pane.words.iter().cloned()))),
    }
}

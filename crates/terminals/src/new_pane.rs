use super::system::{Caller, Command, System, TerminalError};
use super::{kitty, locate, screen, tmux, wezterm, zellij};

/// A program to be run in a new pane.
#[derive(Debug, Clone, Copy)]
pub struct NewPane<'a> {
    /// The program's path and its words.
    pub words: &'a [String],
    /// The directory in which it runs.
    pub directory: &'a str,
}

impl<'a> NewPane<'a> {
    /// The program by way of a shell that goes to the directory first, for terminals that cannot be told of one
    /// as it is. The shell's line is always the same; what differs are its words.
    pub(super) fn words_that_go_there(&self) -> impl Iterator<Item = &'a str> {
        let line = "cd -- \"$1\" && shift && exec \"$@\"";
        let words = ["sh", "-c", line, "sh", self.directory];
        words.into_iter().chain(self.words.iter().map(String::as_str))
    }
}

/// Where it was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpenOutcome {
    /// In a new pane of this terminal.
    InPane(&'static str),
    /// Nowhere yet: the asker's terminal takes no commands, and is itself the place.
    RunHere(Command),
}

/// Runs a program in a new pane of the terminal in which the asker runs: of the innermost multiplexer, else
/// of the window.
pub fn open(
    opening: &NewPane<'_>,
    asker: Caller<'_>,
    system: &mut dyn System,
) -> Result<OpenOutcome, TerminalError> {
    for pane in locate(asker.environment).panes() {
        let (name, opened) = match pane.terminal.as_str() {
            "tmux" => ("tmux", tmux::open(opening, asker, system)),
            "zellij" => ("zellij", zellij::open(opening, &pane, system)),
            "screen" => ("screen", screen::open(opening, &pane, asker, system)),
            "wezterm" => ("WezTerm", Some(wezterm::open(opening, &pane, system))),
            "kitty" => ("kitty", kitty::open(opening, &pane, system)),
            _ => continue,
        };
        match opened {
            // Its variables are left over, or it takes no commands.
            None => {}
            Some(Ok(())) => return Ok(OpenOutcome::InPane(name)),
            Some(Err(trouble)) => return Err(trouble),
        }
    }
    // A popup and `run-shell` of tmux name no pane.
    match tmux::open(opening, asker, system) {
        Some(Ok(())) => Ok(OpenOutcome::InPane("tmux")),
        Some(Err(trouble)) => Err(trouble),
        None => Ok(OpenOutcome::RunHere(Command::new(opening.words.iter().cloned()))),
    }
}

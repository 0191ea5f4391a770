//! The pane to show, and the result of showing it in its terminal.

use crate::system::{Caller, Command, System, TerminalError};
use crewboard_core::{Pane, Place};
use serde::de::DeserializeOwned;

/// The pane to show.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    pub place: &'a Place,
    /// The pid of its process, which is alive.
    pub pid: Option<u32>,
}

/// The target of a request, the process that asks, and the system that runs the commands.
pub(crate) struct Context<'a> {
    pub(crate) target: Target<'a>,
    pub(crate) caller: Caller<'a>,
    pub(crate) system: &'a mut dyn System,
}

impl Context<'_> {
    /// Returns the context of the same request for another target.
    pub(crate) fn for_target<'b>(&'b mut self, target: Target<'b>) -> Context<'b> {
        Context { target, caller: self.caller, system: &mut *self.system }
    }

    /// Runs a command of `program`. Returns its output.
    pub(crate) fn run(
        &mut self,
        program: &str,
        command: &Command,
    ) -> Result<String, TerminalError> {
        self.system.run(command).map_err(|error| TerminalError::from_command(program, error))
    }

    /// Runs a command of `program` that prints a list as JSON. `what` describes the list.
    pub(crate) fn run_list<T: DeserializeOwned>(
        &mut self,
        program: &str,
        command: &Command,
        what: &str,
    ) -> Result<Vec<T>, TerminalError> {
        serde_json::from_str(&self.run(program, command)?)
            .map_err(|error| TerminalError::new(format!("cannot read {what}: {error}")))
    }

    /// Returns true if the target's process runs on the terminal `tty` or descends from `pid`, and `None` if neither
    /// is known.
    pub(crate) fn is_at(&self, tty: Option<&str>, pid: Option<u32>) -> Option<bool> {
        let Target { place, pid: own } = self.target;
        let by_tty = place.tty.as_deref().zip(tty).map(|(own, tty)| own == tty);
        if by_tty == Some(true) {
            return by_tty;
        }
        // A nested terminal (`sudo`, `script`, a container) has another tty than the pane. A nested multiplexer has
        // one as well, and is itself the place to show.
        let is_alone = !place.panes().iter().skip(1).any(is_multiplexer);
        let by_ancestors =
            own.zip(pid).map(|(own, pid)| is_alone && self.system.descends(own, pid));
        match (by_tty, by_ancestors) {
            (_, Some(true)) => Some(true),
            (Some(false), _) | (_, Some(false)) => Some(false),
            (_, None) => None,
        }
    }
}

fn is_multiplexer(pane: &Pane) -> bool {
    matches!(pane.terminal.as_str(), "tmux" | "zellij" | "screen")
}

/// Finds the target's pane in the list of a terminal: the `pane` (the terminal's word for it) with the `id` that the
/// variables name, unless another process is known to run there, or else the pane in which the target is known to run.
pub(crate) fn find_listed<'l, T>(
    (terminal, pane, id): (&str, &str, &str),
    listed: &'l [T],
    id_of: impl Fn(&T) -> u64,
    is_at: impl Fn(&T) -> Option<bool>,
) -> Result<&'l T, TerminalError> {
    let named = listed.iter().find(|listed| id_of(listed).to_string() == id);
    let trusted = named.filter(|listed| is_at(listed) != Some(false));
    let known = || listed.iter().find(|listed| is_at(listed) == Some(true));
    let missing = || TerminalError::missing_pane(terminal, pane, id, named.is_some());
    trusted.or_else(known).ok_or_else(missing)
}

/// The result of showing a pane in its terminal.
pub(crate) enum PaneOutcome {
    /// The pane is shown, as far as the terminal reports it.
    Shown,
    /// A client of a multiplexer shows the pane. The client runs in another terminal, which may not be visible.
    ShownByClient { pid: u32, tty: Option<String> },
    /// The multiplexer has no client. This command attaches one.
    Detached(Command),
}

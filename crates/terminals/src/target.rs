//! The pane to show, and the result of showing it in its terminal.

use crate::system::{Command, System};
use crewboard_core::{Pane, Place};

/// The pane to show.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    pub place: &'a Place,
    /// The pid of its process, which is alive.
    pub pid: Option<u32>,
}

impl Target<'_> {
    /// Returns true if the target's process runs on the terminal `tty` or descends from `pid`, and `None` if neither
    /// is known.
    pub(crate) fn is_at(
        &self,
        tty: Option<&str>,
        pid: Option<u32>,
        system: &dyn System,
    ) -> Option<bool> {
        let by_tty = self.place.tty.as_deref().zip(tty).map(|(own, tty)| own == tty);
        if by_tty == Some(true) {
            return by_tty;
        }
        // A nested terminal (`sudo`, `script`, a container) has another tty than the pane. A nested multiplexer has
        // one as well, and is itself the place to show.
        let is_alone = !self.place.panes().iter().skip(1).any(is_multiplexer);
        let by_ancestors =
            self.pid.zip(pid).map(|(own, pid)| is_alone && system.descends(own, pid));
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

/// Finds the target's pane in a terminal's list: the pane that its variables name, unless another process is known to
/// run there, or else the pane in which it is known to run. The error is true if the named pane exists.
pub(crate) fn find_listed<T>(
    listed: &[T],
    is_named: impl Fn(&T) -> bool,
    is_at: impl Fn(&T) -> Option<bool>,
) -> Result<&T, bool> {
    let named = listed.iter().find(|pane| is_named(pane));
    let trusted = named.filter(|pane| is_at(pane) != Some(false));
    let known = || listed.iter().find(|pane| is_at(pane) == Some(true));
    trusted.or_else(known).ok_or(named.is_some())
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

use crate::system::{Caller, Command, System, TerminalError};
use crate::target::{PaneOutcome, Target};
use crate::{apple, kitty, locate, screen, tmux, wezterm, zellij};
use crewboard_core::{Pane, Place};

/// Maximum depth of nested terminals whose windows are raised.
const MAX_DEPTH: usize = 4;

/// The result of showing a pane to the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FocusOutcome {
    /// The pane is shown. The note says which part of that failed.
    Shown { note: Option<String> },
    /// The multiplexer has no client. This command attaches the terminal in which it runs.
    Attach(Command),
}

/// Shows the target's pane: selects it in the innermost multiplexer, and then raises the window of that multiplexer.
pub fn focus(
    target: Target<'_>,
    caller: Caller<'_>,
    system: &mut dyn System,
) -> Result<FocusOutcome, TerminalError> {
    let place = known_place(target, system);
    focus_or_find(MAX_DEPTH, Target { place: &place, ..target }, caller, system)
}

/// Returns the place that was reported, or that of the process's variables: an agent's own files do not have them, so the
/// reported place may be incomplete.
pub(crate) fn known_place(target: Target<'_>, system: &dyn System) -> Place {
    let reported = target.place.panes();
    let is_complete =
        reported.first().is_some_and(|pane| pane.terminal != "tmux" || pane.server.is_some());
    let variables = target.pid.filter(|_| !is_complete).and_then(|pid| system.environment_of(pid));
    match variables {
        Some(variables) => Place { tty: target.place.tty.clone(), ..locate(&variables) },
        None => target.place.clone(),
    }
}

/// Shows the pane that the variables name, or else the tmux pane in which the kernel shows the target.
fn focus_or_find(
    depth: usize,
    target: Target<'_>,
    caller: Caller<'_>,
    system: &mut dyn System,
) -> Result<FocusOutcome, TerminalError> {
    let error = match focus_named_pane(depth, target, caller, system) {
        Ok(outcome) => return Ok(outcome),
        Err(error) => error,
    };
    match tmux::focus_enclosing(target, caller, system) {
        Some(Ok(shown)) => Ok(raise_client(depth, shown, caller, system)),
        Some(Err(error)) => Err(error),
        None => Err(error),
    }
}

/// Raises the window of the client that shows the pane, if there is one.
fn raise_client(
    depth: usize,
    shown: PaneOutcome,
    caller: Caller<'_>,
    system: &mut dyn System,
) -> FocusOutcome {
    match shown {
        PaneOutcome::Shown => FocusOutcome::Shown { note: None },
        PaneOutcome::Detached(command) => FocusOutcome::Attach(command),
        PaneOutcome::ShownByClient { pid, tty } => {
            FocusOutcome::Shown { note: raise_window(depth, pid, tty, caller, system) }
        }
    }
}

fn focus_named_pane(
    depth: usize,
    target: Target<'_>,
    caller: Caller<'_>,
    system: &mut dyn System,
) -> Result<FocusOutcome, TerminalError> {
    let mut first_error = None;
    for pane in target.place.panes() {
        match focus_pane(&pane, target, caller, system) {
            Ok(shown) => return Ok(raise_client(depth, shown, caller, system)),
            // The pane is gone, or its variables are inherited from another terminal. The user knows the session by
            // its innermost pane, so the first error is reported.
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    Err(first_error.unwrap_or_else(|| no_command(target.place)))
}

/// Raises the window in which the client `pid` of a multiplexer runs. Returns the reason if that fails.
fn raise_window(
    depth: usize,
    pid: u32,
    tty: Option<String>,
    caller: Caller<'_>,
    system: &mut dyn System,
) -> Option<String> {
    if depth == 0 {
        return Some("cannot raise its window: too many nested terminals".to_owned());
    }
    let environment = system.environment_of(pid).unwrap_or_default();
    let place = Place { tty, ..locate(&environment) };
    let target = Target { place: &place, pid: Some(pid) };
    let raised = if place.pane.is_some() {
        focus_or_find(depth - 1, target, caller, system)
    } else {
        // A tmux client starts within another tmux only without the variables that name the outer pane.
        match tmux::focus_enclosing(target, caller, system) {
            Some(shown) => shown.map(|shown| raise_client(depth - 1, shown, caller, system)),
            None => return describe_terminal(&place, caller, system),
        }
    };
    match raised {
        Ok(FocusOutcome::Shown { note }) => note,
        // A caller in the same tmux server has no visible terminal either.
        Ok(FocusOutcome::Attach(_)) if share_tmux_server(pid, caller.pid, system) => None,
        Ok(FocusOutcome::Attach(_)) => {
            Some("its window is in a multiplexer without an attached terminal".to_owned())
        }
        Err(error) => Some(format!("cannot raise its window: {}", error.reason)),
    }
}

fn share_tmux_server(one: u32, other: u32, system: &mut dyn System) -> bool {
    let mut server = |pid| system.enclosing_tmux(pid).map(|server| server.pid);
    let found = server(one);
    found.is_some() && found == server(other)
}

/// Describes the terminal in which the pane is shown, unless that is the caller's terminal.
fn describe_terminal(place: &Place, caller: Caller<'_>, system: &dyn System) -> Option<String> {
    let tty = place.tty.as_ref().filter(|tty| system.tty_of(caller.pid).as_ref() != Some(*tty))?;
    Some(format!("it is shown on {tty}, whose window Crewboard cannot raise"))
}

fn focus_pane(
    pane: &Pane,
    target: Target<'_>,
    caller: Caller<'_>,
    system: &mut dyn System,
) -> Result<PaneOutcome, TerminalError> {
    match pane.terminal.as_str() {
        "tmux" => tmux::focus(pane, target, caller, system),
        "zellij" => zellij::focus(pane, target, caller, system),
        "screen" => screen::focus(pane, target, caller, system),
        "wezterm" => wezterm::focus(pane, target, caller, system),
        "kitty" => kitty::focus(pane, target, caller, system),
        "iterm2" => apple::focus_iterm2(pane, system),
        "terminal" => apple::focus_by_tty(apple::TERMINAL, target, system),
        "ghostty" => apple::focus_by_tty(apple::GHOSTTY, target, system),
        _ => Err(no_command(target.place)),
    }
}

/// Returns the error for a terminal that has no command to show a tab.
pub(crate) fn no_command(place: &Place) -> TerminalError {
    let reason = match (&place.terminal, &place.tty) {
        (Some(terminal), _) => format!("it runs in {terminal}, which has no command to show a tab"),
        (None, Some(_)) => "its terminal accepts no commands".to_owned(),
        (None, None) => "its terminal is unknown".to_owned(),
    };
    let error = TerminalError::new(reason);
    match &place.tty {
        Some(tty) => error.hint(format!("look for {tty} (`tty` in a shell prints its device)")),
        None => error,
    }
}

use crate::system::{Caller, Command, System, TerminalError};
use crate::target::{Context, PaneOutcome, Target};
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
    let target = Target { place: &place, ..target };
    focus_or_find(MAX_DEPTH, &mut Context { target, caller, system })
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
fn focus_or_find(depth: usize, context: &mut Context<'_>) -> Result<FocusOutcome, TerminalError> {
    let error = match focus_named_pane(depth, context) {
        Ok(outcome) => return Ok(outcome),
        Err(error) => error,
    };
    let shown = tmux::focus_enclosing(context)?.ok_or(error)?;
    Ok(raise_client(depth, shown, context))
}

/// Raises the window of the client that shows the pane, if there is one.
fn raise_client(depth: usize, shown: PaneOutcome, context: &mut Context<'_>) -> FocusOutcome {
    match shown {
        PaneOutcome::Shown => FocusOutcome::Shown { note: None },
        PaneOutcome::Detached(command) => FocusOutcome::Attach(command),
        PaneOutcome::ShownByClient { pid, tty } => {
            FocusOutcome::Shown { note: raise_window(depth, pid, tty, context) }
        }
    }
}

fn focus_named_pane(
    depth: usize,
    context: &mut Context<'_>,
) -> Result<FocusOutcome, TerminalError> {
    let mut first_error = None;
    for pane in context.target.place.panes() {
        match focus_pane(&pane, context) {
            Ok(shown) => return Ok(raise_client(depth, shown, context)),
            // The pane is gone, or its variables are inherited from another terminal. The user knows the session by
            // its innermost pane, so the first error is reported.
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    Err(first_error.unwrap_or_else(|| no_command(context.target.place)))
}

/// Raises the window in which the client `pid` of a multiplexer runs. Returns the reason if that fails.
fn raise_window(
    depth: usize,
    pid: u32,
    tty: Option<String>,
    context: &mut Context<'_>,
) -> Option<String> {
    if depth == 0 {
        return Some("cannot raise its window: too many nested terminals".to_owned());
    }
    let environment = context.system.environment_of(pid).unwrap_or_default();
    let place = Place { tty, ..locate(&environment) };
    let context = &mut context.for_target(Target { place: &place, pid: Some(pid) });
    let raised = if place.pane.is_some() {
        focus_or_find(depth - 1, context)
    } else {
        // A tmux client starts within another tmux only without the variables that name the outer pane.
        match tmux::focus_enclosing(context) {
            Ok(Some(shown)) => Ok(raise_client(depth - 1, shown, context)),
            Ok(None) => return describe_terminal(&place, context),
            Err(error) => Err(error),
        }
    };
    match raised {
        Ok(FocusOutcome::Shown { note }) => note,
        // A caller in the same tmux server has no visible terminal either.
        Ok(FocusOutcome::Attach(_))
            if share_tmux_server(pid, context.caller.pid, context.system) =>
        {
            None
        }
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
fn describe_terminal(place: &Place, context: &Context<'_>) -> Option<String> {
    let own = context.system.tty_of(context.caller.pid);
    let tty = place.tty.as_ref().filter(|tty| own.as_ref() != Some(*tty))?;
    Some(format!("it is shown on {tty}, whose window Crewboard cannot raise"))
}

fn focus_pane(pane: &Pane, context: &mut Context<'_>) -> Result<PaneOutcome, TerminalError> {
    match pane.terminal.as_str() {
        "tmux" => tmux::focus(pane, context),
        "zellij" => zellij::focus(pane, context),
        "screen" => screen::focus(pane, context),
        "wezterm" => wezterm::focus(pane, context),
        "kitty" => kitty::focus(pane, context),
        "iterm2" => apple::focus_iterm2(pane, context),
        "terminal" => apple::focus_by_tty(apple::TERMINAL, context),
        "ghostty" => apple::focus_by_tty(apple::GHOSTTY, context),
        _ => Err(no_command(context.target.place)),
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

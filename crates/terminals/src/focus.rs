use super::system::{Caller, Command, System, TerminalError};
use super::{apple, kitty, locate, screen, tmux, wezterm, zellij};
use crewboard_core::{Pane, Place};

/// Terminals within terminals that are followed outwards.
const MAX_DEPTH: usize = 4;

/// What is to be shown.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    pub place: &'a Place,
    /// Its process, known to live.
    pub pid: Option<u32>,
}

impl Target<'_> {
    /// Whether the process whose terminal is `tty`, or whose ancestor `pid` is, is the target's; `None`
    /// where nothing tells.
    pub(super) fn is_at(
        &self,
        tty: Option<&str>,
        pid: Option<u32>,
        system: &dyn System,
    ) -> Option<bool> {
        let by_tty = self.place.tty.as_deref().zip(tty).map(|(own, tty)| own == tty);
        if by_tty == Some(true) {
            return by_tty;
        }
        // A terminal within (`sudo`, `script`, a container's) has another tty than the pane. A
        // multiplexer within has too, and is where to go.
        let is_alone = !self.place.panes().iter().skip(1).any(is_multiplexer);
        let by_parents = self.pid.zip(pid).map(|(own, pid)| is_alone && system.descends(own, pid));
        match (by_tty, by_parents) {
            (_, Some(true)) => Some(true),
            (Some(false), _) | (_, Some(false)) => Some(false),
            (_, None) => None,
        }
    }
}

/// Which of those that a terminal lists is the target's: the one its variables name, unless that is known to be
/// another's, else one that is known to be its own. Otherwise whether the named one is there.
pub(super) fn find_listed<T>(
    listed: &[T],
    is_named: impl Fn(&T) -> bool,
    is_at: impl Fn(&T) -> Option<bool>,
) -> Result<&T, bool> {
    let named = listed.iter().find(|one| is_named(one));
    let believed = named.filter(|one| is_at(one) != Some(false));
    let known = || listed.iter().find(|one| is_at(one) == Some(true));
    believed.or_else(known).ok_or(named.is_some())
}

fn is_multiplexer(pane: &Pane) -> bool {
    matches!(pane.terminal.as_str(), "tmux" | "zellij" | "screen")
}

/// It is before somebody's eyes, or can be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FocusOutcome {
    /// It is shown; what did not work of it.
    Shown { note: Option<String> },
    /// Its multiplexer is on no terminal. This command puts it on the one it is run on.
    Attach(Command),
}

/// How a terminal showed a pane.
pub(super) enum Found {
    /// As far as it can be told.
    Shown,
    /// In the terminal in which this process runs, which may be out of sight itself.
    In { pid: u32, tty: Option<String> },
    /// Nowhere: its server is on no terminal.
    Detached(Command),
}

/// Brings the target's pane to the front: in the innermost multiplexer, and then the window of that.
pub fn focus(
    target: Target<'_>,
    asker: Caller<'_>,
    system: &mut dyn System,
) -> Result<FocusOutcome, TerminalError> {
    // Who told of it may not have known its variables, as the agents' own files do not.
    let told = target.place.panes();
    let is_known =
        told.first().is_some_and(|pane| pane.terminal != "tmux" || pane.server.is_some());
    let variables = target.pid.filter(|_| !is_known).and_then(|pid| system.environment_of(pid));
    let place = match variables {
        Some(variables) => Place { tty: target.place.tty.clone(), ..locate(&variables) },
        None => target.place.clone(),
    };
    focus_or_above(MAX_DEPTH, Target { place: &place, ..target }, asker, system)
}

/// Shows the target where its variables name a pane, else where the kernel shows that it runs in one of tmux.
fn focus_or_above(
    depth: usize,
    target: Target<'_>,
    asker: Caller<'_>,
    system: &mut dyn System,
) -> Result<FocusOutcome, TerminalError> {
    let trouble = match focus_to(depth, target, asker, system) {
        Ok(reached) => return Ok(reached),
        Err(trouble) => trouble,
    };
    match tmux::focus_above(target, asker, system) {
        Some(Ok(found)) => Ok(reached(depth, found, asker, system)),
        Some(Err(trouble)) => Err(trouble),
        None => Err(trouble),
    }
}

/// Brings the terminal to the front in which a pane was found.
fn reached(depth: usize, found: Found, asker: Caller<'_>, system: &mut dyn System) -> FocusOutcome {
    match found {
        Found::Shown => FocusOutcome::Shown { note: None },
        Found::Detached(command) => FocusOutcome::Attach(command),
        Found::In { pid, tty } => {
            FocusOutcome::Shown { note: raise(depth, pid, tty, asker, system) }
        }
    }
}

fn focus_to(
    depth: usize,
    target: Target<'_>,
    asker: Caller<'_>,
    system: &mut dyn System,
) -> Result<FocusOutcome, TerminalError> {
    let mut trouble = None;
    for pane in target.place.panes() {
        match focus_pane(&pane, target, asker, system) {
            Ok(found) => return Ok(reached(depth, found, asker, system)),
            // Left over from elsewhere, or gone: the first is what its user knows it by.
            Err(why) => trouble = trouble.or(Some(why)),
        }
    }
    Err(trouble.unwrap_or_else(|| plain(target.place)))
}

/// Brings the window to the front in which `pid` shows a multiplexer; why not, where that fails.
fn raise(
    depth: usize,
    pid: u32,
    tty: Option<String>,
    asker: Caller<'_>,
    system: &mut dyn System,
) -> Option<String> {
    if depth == 0 {
        return Some("its window was not raised: too many terminals in one another".to_owned());
    }
    let environment = system.environment_of(pid).unwrap_or_default();
    let place = Place { tty, ..locate(&environment) };
    let target = Target { place: &place, pid: Some(pid) };
    let raised = if place.pane.is_some() {
        focus_or_above(depth - 1, target, asker, system)
    } else {
        // A tmux starts within another only without the variables that would name the outer pane.
        match tmux::focus_above(target, asker, system) {
            Some(found) => found.map(|found| reached(depth - 1, found, asker, system)),
            None => return unraised(&place, asker, system),
        }
    };
    match raised {
        Ok(FocusOutcome::Shown { note }) => note,
        // An asker in the same one has no terminal either.
        Ok(FocusOutcome::Attach(_)) if are_in_one_tmux(pid, asker.pid, system) => None,
        Ok(FocusOutcome::Attach(_)) => {
            Some("its window is in a multiplexer on no terminal".to_owned())
        }
        Err(trouble) => Some(format!("its window was not raised: {}", trouble.why)),
    }
}

fn are_in_one_tmux(one: u32, other: u32, system: &mut dyn System) -> bool {
    let mut server = |pid| system.enclosing_tmux(pid).map(|above| above.pid);
    let found = server(one);
    found.is_some() && found == server(other)
}

/// Says where to look, unless the asker sits there.
fn unraised(place: &Place, asker: Caller<'_>, system: &dyn System) -> Option<String> {
    let tty = place.tty.as_ref().filter(|tty| system.tty_of(asker.pid).as_ref() != Some(*tty))?;
    Some(format!("it is shown on {tty}, whose window cannot be raised from here"))
}

fn focus_pane(
    pane: &Pane,
    target: Target<'_>,
    asker: Caller<'_>,
    system: &mut dyn System,
) -> Result<Found, TerminalError> {
    match pane.terminal.as_str() {
        "tmux" => tmux::focus(pane, target, asker, system),
        "zellij" => zellij::focus(pane, target, asker, system),
        "screen" => screen::focus(pane, target, asker, system),
        "wezterm" => wezterm::focus(pane, target, asker, system),
        "kitty" => kitty::focus(pane, target, asker, system),
        "iterm2" => apple::focus_iterm2(pane, system),
        "terminal" => apple::focus_by_tty(apple::TERMINAL, target, system),
        "ghostty" => apple::focus_by_tty(apple::GHOSTTY, target, system),
        _ => Err(plain(target.place)),
    }
}

/// A terminal that has no command for it.
fn plain(place: &Place) -> TerminalError {
    let terminal = place.terminal.as_deref().map_or_else(
        || "a terminal that takes no commands".to_owned(),
        |terminal| format!("{terminal}, which has no command to show a tab"),
    );
    match &place.tty {
        Some(tty) => TerminalError::new(format!("it runs in {terminal}: look for {tty}"))
            .hint("`tty` in a shell says which one it is"),
        None if place.terminal.is_some() => TerminalError::new(format!("it runs in {terminal}")),
        None => TerminalError::new("it runs in no terminal that is known"),
    }
}

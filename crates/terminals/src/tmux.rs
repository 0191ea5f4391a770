//! tmux. Tested with 3.3a.
//!
//! Sessions, windows and panes have ids (`$1`, `@2`, `%3`), which tmux does not expand and which stay the same when the
//! user renames or moves them. Their names are not used. If a pane is gone, `display-message -t` answers for another
//! pane, so panes are looked up in the list of all panes.

use crate::contact::verify_address;
use crate::new_pane::NewPane;
use crate::system::{
    Command, CommandError, EnclosingTmux, Server as ServerName, TerminalError, Unverified,
};
use crate::target::{Context, PaneOutcome};
use crewboard_core::{Pane, Timestamp};
use std::borrow::Cow;
use std::fmt;

pub(crate) fn focus(pane: &Pane, context: &mut Context<'_>) -> Result<PaneOutcome, TerminalError> {
    let (mut server, id) = Server::of_pane(pane, context)?;
    server.show(Some(id))
}

/// Returns the text on the screen of the pane.
pub(crate) fn read(pane: &Pane, context: &mut Context<'_>) -> Result<String, TerminalError> {
    let (mut server, id) = Server::of_pane(pane, context)?;
    server.read(Some(id))
}

/// Returns true if the client that a jump would switch already shows the pane. A caller in another tmux server has its
/// own client in front of it.
pub(crate) fn is_in_front(pane: &Pane, context: &mut Context<'_>) -> Result<bool, TerminalError> {
    let own_server = context.caller.tmux(context.system);
    if own_server.is_some_and(|(own, _)| Some(own) != pane.server) {
        return Ok(false);
    }
    let (mut server, id) = Server::of_pane(pane, context)?;
    let (place, _) = server.find(Some(id))?;
    let clients = server.clients()?;
    let own = server.own_client(&clients);
    let client = own.or_else(|| clients.iter().max_by_key(|client| client.activity));
    Ok(client.is_some_and(|client| client.pane == place.pane))
}

/// Returns true if the terminal of a client that shows the pane has the focus, or if a key was pressed in that client
/// after `since`.
pub(crate) fn has_focus(
    pane: &Pane,
    since: Timestamp,
    context: &mut Context<'_>,
) -> Result<bool, TerminalError> {
    let (mut server, own_id) = Server::of_pane(pane, context)?;
    // A pane of an earlier server may have had the same id, so the terminal device is compared too.
    let format = "#{pane_id} #{focus-events} #{pane_tty} #{client_activity} #{client_flags}";
    let clients: Vec<[String; 5]> = server.run_table(&["list-clients", "-F", format])?;
    let own_tty = context.target.place.tty.as_ref();
    Ok(clients.iter().any(|[id, focus_events, tty, activity, flags]| {
        let is_same = id == own_id && own_tty.is_none_or(|own| own == tty);
        // tmux knows the time of the last key press to the second, so one in the second of the status does not count.
        let is_used = || activity.parse().is_ok_and(|activity: u64| activity > since.0 / 1000);
        let is_focused = || flags.split(',').any(|flag| flag == "focused");
        is_same && if focus_events == "1" { is_focused() } else { is_used() }
    }))
}

/// Shows the pane in which a process runs, without its variables. Returns `None` if no tmux server runs its terminal.
pub(crate) fn focus_enclosing(
    context: &mut Context<'_>,
) -> Result<Option<PaneOutcome>, TerminalError> {
    Server::enclosing(context)?.map(|mut server| server.show(None)).transpose()
}

/// Returns the text of the pane in which a process runs, without its variables.
pub(crate) fn read_enclosing(context: &mut Context<'_>) -> Result<Option<String>, TerminalError> {
    Server::enclosing(context)?.map(|mut server| server.read(None)).transpose()
}

/// Runs a program in a new window of the session that the caller's terminal shows. Returns false if the caller does not
/// run in tmux.
pub(crate) fn open(
    new_pane: &NewPane<'_>,
    context: &mut Context<'_>,
) -> Result<bool, TerminalError> {
    let Some((socket, session)) = context.caller.tmux(context.system) else { return Ok(false) };
    let mut server = Server::verify(&socket, context)?;
    let clients = server.clients()?;
    let own = server.own_client(&clients);
    let session = own.map_or(session, |client| client.session.clone());
    let target = format!("{session}:");
    // tmux would expand the directory of `-c` as a format, in which some names cannot be written (`#[`).
    let words = ["new-window", "-t", &target, "--"].into_iter().chain(new_pane.shell_words());
    let words: Vec<Cow<'_, str>> = words.map(escape_semicolon).collect();
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    server.run(&words).map(|_| true)
}

/// Escapes a semicolon at the end of a word. tmux would end the command there.
fn escape_semicolon(word: &str) -> Cow<'_, str> {
    match word.strip_suffix(';') {
        Some(rest) => format!("{rest}\\;").into(),
        None => word.into(),
    }
}

/// A verified server.
struct Server<'c, 'a> {
    /// The path of the socket, as the variables name it.
    socket: String,
    /// The address that leads to the verified socket.
    address: String,
    context: &'c mut Context<'a>,
}

/// A pane in one of the sessions that have its window.
#[derive(Clone)]
struct PanePlace {
    session: String,
    window: String,
    pane: String,
}

impl fmt::Display for PanePlace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}.{}", self.session, self.window, self.pane)
    }
}

/// A client: a terminal that shows a session.
struct Client {
    /// The time of the last key press, in seconds.
    activity: u64,
    pid: u32,
    session: String,
    /// The active pane, which it shows.
    pane: String,
    name: String,
    tty: String,
}

impl<'c, 'a> Server<'c, 'a> {
    fn verify(socket: &str, context: &'c mut Context<'a>) -> Result<Self, TerminalError> {
        let address = verify_address(("tmux", socket), ServerName::Socket(socket), context)?;
        Ok(Self { socket: socket.to_owned(), address, context })
    }

    /// Returns the verified server that a pane's variables name, and the pane's id.
    fn of_pane<'p>(
        pane: &'p Pane,
        context: &'c mut Context<'a>,
    ) -> Result<(Self, &'p str), TerminalError> {
        let Pane { server: Some(socket), pane: Some(id), .. } = pane else {
            return Err(TerminalError::new("its variables name a tmux pane, but no server"));
        };
        Ok((Self::verify(socket, context)?, id))
    }

    /// Returns the verified server that runs the target's terminal, if one does.
    fn enclosing(context: &'c mut Context<'a>) -> Result<Option<Self>, TerminalError> {
        let server = context.target.pid.and_then(|pid| context.system.enclosing_tmux(pid));
        let Some(EnclosingTmux { pid, socket, address }) = server else { return Ok(None) };
        let recreate = format!("run `kill -USR1 {pid}`: the server then creates its socket again");
        match address {
            Ok(address) => Ok(Some(Self { socket, address, context })),
            Err(Unverified::Gone) => Err(TerminalError::new(format!(
                "the socket of its tmux server is gone ({socket}), but the server runs (process {pid})"
            ))
            .hint(recreate)),
            Err(Unverified::Mismatch) => Err(TerminalError::new(format!(
                "its tmux server is process {pid}, and another server has its socket ({socket})"
            ))
            .hint(format!("{recreate}, in place of the other server"))),
        }
    }

    /// Shows the target's pane: the pane `id`, or without an id the pane in which the target is known to run.
    fn show(&mut self, id: Option<&str>) -> Result<PaneOutcome, TerminalError> {
        let (place, others) = self.find(id)?;
        let clients = self.clients()?;
        let own = self.own_client(&clients);
        let Some(client) = own.or_else(|| clients.iter().max_by_key(|client| client.activity))
        else {
            let attach = self.command().and(["attach-session", "-t", &place.to_string()]);
            return Ok(PaneOutcome::Detached(attach));
        };
        // If several sessions have the window, the client stays in its session.
        let in_session = others.iter().find(|place| place.session == client.session);
        let place = in_session.unwrap_or(&place).to_string();
        // This selects the session, the window and the pane at once (since tmux 2.3).
        self.run(&["switch-client", "-c", &client.name, "-t", &place])?;
        Ok(match own {
            Some(_) => PaneOutcome::Shown,
            None => PaneOutcome::ShownByClient { pid: client.pid, tty: Some(client.tty.clone()) },
        })
    }

    /// Returns the text on the screen of the target's pane. `capture-pane` prints it without escape sequences.
    fn read(&mut self, id: Option<&str>) -> Result<String, TerminalError> {
        let (place, _) = self.find(id)?;
        self.run(&["capture-pane", "-p", "-t", &place.pane])
    }

    fn command(&self) -> Command {
        Command::new(["tmux", "-S", &self.address])
    }

    fn run(&mut self, words: &[&str]) -> Result<String, TerminalError> {
        let is_gone = |output: &str| {
            output.starts_with("no server running") || output.starts_with("error connecting to")
        };
        let socket = &self.socket;
        let command = self.command().and(words.iter().copied());
        self.context.system.run(&command).map_err(|error| match error {
            CommandError::Failed(output) if is_gone(&output) => {
                TerminalError::new(format!("no tmux server answers at {socket}"))
            }
            CommandError::TimedOut => {
                TerminalError::new(format!("its tmux server does not answer ({socket})"))
            }
            error => TerminalError::from_command("tmux", error),
        })
    }

    /// Runs a command and splits each line of its output into fields. Ids, numbers and devices contain no space.
    fn run_table<const N: usize>(
        &mut self,
        words: &[&str],
    ) -> Result<Vec<[String; N]>, TerminalError> {
        let output = self.run(words)?;
        let fields = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        Ok(output.lines().filter_map(|line| fields(line).try_into().ok()).collect())
    }

    /// Finds the target's pane, even if it was moved: by its id, unless another process has that pane now, or else by
    /// its terminal device. Returns the pane in its first session and in all others.
    fn find(&mut self, id: Option<&str>) -> Result<(PanePlace, Vec<PanePlace>), TerminalError> {
        let format = "#{pane_id} #{pane_tty} #{pane_pid} #{session_id} #{window_id}";
        let panes: Vec<[String; 5]> = self.run_table(&["list-panes", "-a", "-F", format])?;
        let is_at =
            |[_, tty, pid, ..]: &[String; 5]| self.context.is_at(Some(tty), pid.parse().ok());
        let named = panes.iter().find(|[pane, ..]| Some(pane.as_str()) == id);
        // Without evidence against them, the variables are trusted.
        let trusted = named.filter(|pane| is_at(pane) != Some(false));
        let found = trusted.or_else(|| panes.iter().find(|pane| is_at(pane) == Some(true)));
        let Some([found, ..]) = found else {
            return Err(match id {
                Some(id) => TerminalError::missing_pane("tmux", "pane", id, named.is_some()),
                // The server runs its terminal, but no pane has that terminal.
                None => TerminalError::new("it runs in a popup of tmux, which has no pane")
                    .hint("look at the terminal in which the popup was opened"),
            });
        };
        let mut places =
            panes.iter().filter(|[pane, ..]| pane == found).map(|[pane, _, _, session, window]| {
                PanePlace { session: session.clone(), window: window.clone(), pane: pane.clone() }
            });
        let first = places.next().ok_or_else(|| TerminalError::new("its tmux pane is gone"))?;
        Ok((first, places.collect()))
    }

    fn clients(&mut self) -> Result<Vec<Client>, TerminalError> {
        let format = "#{client_activity} #{client_pid} #{session_id} #{pane_id} #{client_name} \
                      #{client_tty}";
        let clients: Vec<[String; 6]> = self.run_table(&["list-clients", "-F", format])?;
        let clients =
            clients.into_iter().filter_map(|[activity, pid, session, pane, name, tty]| {
                let (activity, pid) = (activity.parse().ok()?, pid.parse().ok()?);
                Some(Client { activity, pid, session, pane, name, tty })
            });
        Ok(clients.collect())
    }

    /// Returns the caller's client if the caller runs in this server: among the clients that show its session, the one
    /// with the last key press, whose time tmux knows to the microsecond. In a popup and in `run-shell`, no variable
    /// names a pane, and the session is that of the client with the last key press.
    fn own_client<'l>(&mut self, clients: &'l [Client]) -> Option<&'l Client> {
        let caller = self.context.caller;
        let (socket, session) = caller.tmux(self.context.system)?;
        if socket != self.socket {
            return None;
        }
        let place = caller.environment.get("TMUX_PANE").unwrap_or(format!("{session}:"));
        let words = ["display-message", "-p", "-t", &place, "#{client_name} #{session_id}"];
        let output: Vec<[String; 2]> = self.run_table(&words).ok()?;
        let [name, session] = output.first()?;
        // For a detached session tmux names a client of another session.
        clients.iter().find(|client| client.name == *name && client.session == *session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn semicolon_at_the_end_of_a_word_is_escaped() {
        for (word, escaped) in [("a", "a"), ("a;", r"a\;"), (";", r"\;"), (r"a\;", r"a\\;")] {
            assert_eq!(escape_semicolon(word), escaped);
        }
    }
}

//! tmux. Everything here was seen on 3.3a.
//!
//! Sessions, windows and panes are named by their ids (`$1`, `@2`, `%3`), which nothing expands and which
//! stay when somebody renames or moves one; their names are never asked for. `display-message -t` answers
//! for another pane where the one asked for is gone, so that panes are looked up in the list of all.

use super::contact::contact;
use super::focus::{Found, Target};
use super::new_pane::NewPane;
use super::system::{
    Caller, Command, CommandError, EnclosingTmux, Server as Named, System, TerminalError,
    Unverified,
};
use crewboard_core::Pane;
use std::borrow::Cow;
use std::fmt;

pub(super) fn focus(
    pane: &Pane,
    target: Target<'_>,
    asker: Caller<'_>,
    system: &mut dyn System,
) -> Result<Found, TerminalError> {
    let Pane { server: Some(socket), pane: Some(id), .. } = pane else {
        return Err(TerminalError::new("its variables name a pane of tmux, but no server"));
    };
    let address = contact(("tmux", socket), Named::Socket(socket), target.pid, asker, system)?;
    let server = Server { socket, address: &address };
    server.show(Some(id), target, asker, system)
}

/// Shows the pane in which a process runs, whatever its variables say; `None` where no tmux runs its terminal.
pub(super) fn focus_above(
    target: Target<'_>,
    asker: Caller<'_>,
    system: &mut dyn System,
) -> Option<Result<Found, TerminalError>> {
    let EnclosingTmux { pid, socket, address } = system.enclosing_tmux(target.pid?)?;
    let again = |what: &str| format!("`kill -USR1 {pid}` makes its socket again{what}");
    Some(match address {
        Ok(address) => {
            Server { socket: &socket, address: &address }.show(None, target, asker, system)
        }
        Err(Unverified::Gone) => Err(TerminalError::new(format!(
            "the socket of its tmux server is gone ({socket}), but the server runs (process {pid})"
        ))
        .hint(again(""))),
        Err(Unverified::Mismatch) => Err(TerminalError::new(format!(
            "its tmux server is process {pid}, and another one has its socket ({socket})"
        ))
        .hint(again(", and takes it from the other"))),
    })
}

/// Runs a command in a new window of the session before which the asker sits.
pub(super) fn open(
    opening: &NewPane<'_>,
    asker: Caller<'_>,
    system: &mut dyn System,
) -> Option<Result<(), TerminalError>> {
    let (socket, session) = asker.tmux(system)?;
    let address = match contact(("tmux", &socket), Named::Socket(&socket), None, asker, system) {
        Ok(address) => address,
        Err(trouble) => return Some(Err(trouble)),
    };
    let server = Server { socket: &socket, address: &address };
    let clients = match server.clients(system) {
        Ok(clients) => clients,
        Err(trouble) => return Some(Err(trouble)),
    };
    let own = server.own_client(&clients, asker, system);
    let session = own.map_or(session, |client| client.session.clone());
    let target = format!("{session}:");
    // A directory of its own (`-c`) it would expand as a format, in which not every name can be written (`#[`).
    let words =
        ["new-window", "-t", &target, "--"].into_iter().chain(opening.words_that_go_there());
    let words: Vec<Cow<'_, str>> = words.map(unending).collect();
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    Some(server.ask(&words, system).map(|_| ()))
}

/// A word as tmux takes it: one that ends in a semicolon would end the command.
fn unending(word: &str) -> Cow<'_, str> {
    match word.strip_suffix(';') {
        Some(rest) => format!("{rest}\\;").into(),
        None => word.into(),
    }
}

/// A server that may be contacted.
struct Server<'a> {
    /// The socket that variables name.
    socket: &'a str,
    /// What leads to the socket that was checked.
    address: &'a str,
}

/// A pane, as a session that has it names it.
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

/// A terminal that shows a session.
struct Client {
    /// When it was last typed at, in seconds.
    activity: u64,
    pid: u32,
    session: String,
    name: String,
    tty: String,
}

impl Server<'_> {
    /// Shows the target's pane: the one that `id` names, or without one that in which the target is known to run.
    fn show(
        &self,
        id: Option<&str>,
        target: Target<'_>,
        asker: Caller<'_>,
        system: &mut dyn System,
    ) -> Result<Found, TerminalError> {
        let (place, others) = self.find(id, target, system)?;
        let clients = self.clients(system)?;
        let own = self.own_client(&clients, asker, system);
        let Some(client) = own.or_else(|| clients.iter().max_by_key(|client| client.activity))
        else {
            let attach = self.command().and(["attach-session", "-t", &place.to_string()]);
            return Ok(Found::Detached(attach));
        };
        // Where several sessions have its window, its client need not leave its own.
        let stays = others.iter().find(|place| place.session == client.session);
        let place = stays.unwrap_or(&place).to_string();
        // Session, window and pane at once (since tmux 2.3).
        self.ask(&["switch-client", "-c", &client.name, "-t", &place], system)?;
        Ok(match own {
            Some(_) => Found::Shown,
            None => Found::In { pid: client.pid, tty: Some(client.tty.clone()) },
        })
    }

    fn command(&self) -> Command {
        Command::new(["tmux", "-S", self.address])
    }

    fn ask(&self, words: &[&str], system: &mut dyn System) -> Result<String, TerminalError> {
        let is_gone = |said: &str| {
            said.starts_with("no server running") || said.starts_with("error connecting to")
        };
        let socket = self.socket;
        let command = self.command().and(words.iter().copied());
        system.run(&command).map_err(|refusal| match refusal {
            CommandError::Failed(said) if is_gone(&said) => {
                TerminalError::new(format!("no tmux server answers at {socket}"))
            }
            CommandError::TimedOut => {
                TerminalError::new(format!("its tmux server does not answer ({socket})"))
            }
            refusal => TerminalError::of("tmux", refusal),
        })
    }

    /// The lines of an answer, each with its fields: ids, numbers and devices, none with a blank in it.
    fn table<const N: usize>(
        &self,
        words: &[&str],
        system: &mut dyn System,
    ) -> Result<Vec<[String; N]>, TerminalError> {
        let answer = self.ask(words, system)?;
        let fields = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        Ok(answer.lines().filter_map(|line| fields(line).try_into().ok()).collect())
    }

    /// Where the target's pane is now, wherever it was moved: first by its id, unless that is another
    /// process's by now, then by its terminal device.
    fn find(
        &self,
        id: Option<&str>,
        target: Target<'_>,
        system: &mut dyn System,
    ) -> Result<(PanePlace, Vec<PanePlace>), TerminalError> {
        let format = "#{pane_id} #{pane_tty} #{pane_pid} #{session_id} #{window_id}";
        let panes: Vec<[String; 5]> = self.table(&["list-panes", "-a", "-F", format], system)?;
        let is_at =
            |[_, tty, pid, ..]: &[String; 5]| target.is_at(Some(tty), pid.parse().ok(), system);
        let named = panes.iter().find(|[pane, ..]| Some(pane.as_str()) == id);
        // Where nothing tells, its variables are believed.
        let believed = named.filter(|pane| is_at(pane) != Some(false));
        let found = believed.or_else(|| panes.iter().find(|pane| is_at(pane) == Some(true)));
        let Some([found, ..]) = found else {
            return Err(match id {
                Some(id) => TerminalError::gone("tmux", "pane", id, named.is_some()),
                // Its terminal is the server's own, and no pane's.
                None => TerminalError::new("it runs in a popup of tmux, which has no pane")
                    .hint("it is on the terminal over which that popup was opened"),
            });
        };
        let mut places =
            panes.iter().filter(|[pane, ..]| pane == found).map(|[pane, _, _, session, window]| {
                PanePlace { session: session.clone(), window: window.clone(), pane: pane.clone() }
            });
        let first = places.next().ok_or_else(|| TerminalError::new("tmux has no such pane"))?;
        Ok((first, places.collect()))
    }

    fn clients(&self, system: &mut dyn System) -> Result<Vec<Client>, TerminalError> {
        let format = "#{client_activity} #{client_pid} #{session_id} #{client_name} #{client_tty}";
        let clients: Vec<[String; 5]> = self.table(&["list-clients", "-F", format], system)?;
        let clients = clients.into_iter().filter_map(|[activity, pid, session, name, tty]| {
            let (activity, pid) = (activity.parse().ok()?, pid.parse().ok()?);
            Some(Client { activity, pid, session, name, tty })
        });
        Ok(clients.collect())
    }

    /// The client before which the asker sits, if it runs in this server: of those that show its session
    /// the one that was typed at last, which tmux itself knows to the microsecond. In a popup and in
    /// `run-shell` there is no pane to go by; the session is the one of the client that was typed at.
    fn own_client<'c>(
        &self,
        clients: &'c [Client],
        asker: Caller<'_>,
        system: &mut dyn System,
    ) -> Option<&'c Client> {
        let (socket, session) = asker.tmux(system)?;
        if socket != self.socket {
            return None;
        }
        let place = asker.environment.get("TMUX_PANE").unwrap_or(format!("{session}:"));
        let words = ["display-message", "-p", "-t", &place, "#{client_name} #{session_id}"];
        let answer: Vec<[String; 2]> = self.table(&words, system).ok()?;
        let [name, session] = answer.first()?;
        // Of a session on no terminal tmux names another's client.
        clients.iter().find(|client| client.name == *name && client.session == *session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_ends_no_command() {
        for (word, escaped) in [("a", "a"), ("a;", r"a\;"), (";", r"\;"), (r"a\;", r"a\\;")] {
            assert_eq!(unending(word), escaped);
        }
    }
}

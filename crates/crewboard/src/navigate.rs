//! Jumps to a session's pane, reads its screen, resumes a closed session, and attaches to a background session. The
//! commands and the board share this.

mod jump;
mod open;
mod own_command;
mod peek;
mod transcript;

pub(crate) use jump::{is_in_front_of_user, jump_to_pane};
pub(crate) use open::open_session;
pub(crate) use peek::read_screen;

use crate::command_runner::{CommandRunner, is_in_tmux_pane, process_for};
use crate::environment::Environment;
use crate::failure::Failure;
use crate::hook::ProcessVariables;
use crewboard_agents::Variables as _;
use crewboard_core::{Session, Status};
use crewboard_platform::{find_process, host_name};
use crewboard_terminals::{Caller, Command, Target, TerminalError};
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process;

/// The place that shows a session after a jump, resume or attach.
#[derive(Debug)]
pub(crate) enum Destination {
    /// A pane, which is shown now. The text is a note for the user, or empty.
    Pane(String),
    /// The user's terminal, once it runs this command.
    ThisTerminal(TerminalCommand),
}

/// A command for the user's terminal.
#[derive(Debug)]
pub(crate) struct TerminalCommand {
    pub(crate) command: Command,
    /// The directory to run it in.
    pub(crate) directory: Option<PathBuf>,
    /// Keeps open the sockets that the command names.
    runner: CommandRunner,
}

impl TerminalCommand {
    /// Returns the process to spawn.
    pub(crate) fn process(&self) -> process::Command {
        let mut process = process_for(&self.command);
        if let Some(directory) = &self.directory {
            process.current_dir(directory);
        }
        process
    }

    /// Replaces this process with the command. Returns only if that fails.
    pub(crate) fn exec(&self) -> io::Error {
        match self.runner.keep_sockets_open() {
            Ok(()) => self.process().exec(),
            Err(error) => error,
        }
    }
}

/// Fails if a session is on another machine, and names it.
///
/// The host name alone is no proof, because it can change while sessions run. A live process with the session's
/// process id and start time belongs to the session.
fn check_is_on_this_host(row: &Session) -> Result<(), Failure> {
    let (own, host) = (host_name(), &row.place.host);
    if host.is_empty() || *host == own || target_of(row).pid.is_some() {
        return Ok(());
    }
    let (verb, what) = match row.status {
        Status::Closed => ("ran", "conversation"),
        _ => ("runs", "terminal"),
    };
    Err(Failure::new(format!("{} {verb} on {host}, but this is {own}", row.name))
        .hint(format!("its {what} is on that machine or in that container")))
}

/// Returns a command for the user's terminal. Fails without a terminal, and for a multiplexer inside another one,
/// which multiplexers refuse, or which nests without need if the variables of tmux are not set.
fn run_here(why: &str, terminal_command: TerminalCommand) -> Result<Destination, Failure> {
    let is_inside =
        ["TMUX", "STY", "ZELLIJ"].iter().any(|name| ProcessVariables.get(name).is_some());
    let program = terminal_command.command.words.first().map(String::as_str);
    let is_nested = match program {
        Some("tmux") => is_inside || is_in_tmux_pane(),
        Some("screen" | "zellij") => is_inside,
        _ => false,
    };
    if Environment::of_process().interactive && !is_nested {
        return Ok(Destination::ThisTerminal(terminal_command));
    }
    let directory = terminal_command.directory.as_ref();
    let directory = directory.map(|path| format!("cd {} && ", Command::quoted(path)));
    let line = format!(
        "{}{}",
        directory.unwrap_or_default(),
        terminal_command.runner.as_typed_by_user(&terminal_command.command)
    );
    Err(Failure::new(why).hint(format!("run in another terminal: {line}")))
}

/// Returns a session's place and its process, if that is still alive.
pub(crate) fn target_of(row: &Session) -> Target<'_> {
    let process = row.process().filter(|process| find_process(process.pid) == Some(*process));
    Target { place: &row.place, pid: process.map(|process| process.pid) }
}

/// Returns this process as the caller of terminals.
pub(crate) fn this_caller() -> Caller<'static> {
    Caller { pid: std::process::id(), environment: &ProcessVariables }
}

/// Returns the failure of a terminal that cannot show a session.
fn cannot_show(name: &str, error: TerminalError) -> Failure {
    Failure::of_terminal(&format!("cannot show {name}"), error)
}

/// Returns a session of Claude Code on this machine, with a change.
#[cfg(test)]
fn row_for_test(change: impl FnOnce(&mut Session)) -> Session {
    use crewboard_core::{AgentName, Place, RowKey};
    let place = Place { host: host_name(), ..Place::default() };
    let (key, name) = (RowKey::new("kaaaa"), "shop".to_owned());
    let agent = AgentName::new("claude");
    let mut row = Session { key, name, agent, place, ..Session::default() };
    change(&mut row);
    row
}

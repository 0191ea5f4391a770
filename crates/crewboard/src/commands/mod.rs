//! One module per command.

mod board;
mod config;
mod counts;
pub(crate) mod daemon;
mod explain;
pub(crate) mod install;
mod jump;
mod list;
mod man;
mod mark;
mod notify;
mod record;
mod replay;
mod report;
mod wait;
mod watch;

use crate::arguments::{Arguments, Command, ConfigAction};
use crate::completing;
use crate::environment::Environment;
use crate::failure::Failure;
use crate::render::why_no_screen;
use crate::statusline;
use clap_complete::env::Shells;
use crewboard_client::{Conversation, Rendezvous, TalkError, version_problem};
use crewboard_core::{Limits, Mark, Session};
use crewboard_platform::Deadline;
use crewboard_protocol::{Losses, PROTOCOL, Reply, Request};
use std::env;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// How long a command may take to reach the daemon, started if need be.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// How long the daemon may take over a reply.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Runs what the words ask for.
pub(crate) fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    match arguments.command {
        None => bare(arguments.once),
        Some(Command::List { json }) => list::run(json),
        Some(Command::Watch { json }) => watch::run(json),
        Some(Command::Counts { format, follow }) => counts::run(format, follow),
        Some(Command::Wait(wait)) => wait::run(&wait),
        Some(Command::Explain { row, json }) => explain::run(&row, json),
        Some(Command::Jump { row }) => jump::jump(&row),
        Some(Command::Next) => jump::next(),
        Some(Command::Open { row }) => jump::open(&row),
        Some(Command::Seen { row }) => mark::run(&row, |row| Mark::Seen { revision: row.revision }),
        Some(Command::Pin { row, off }) => mark::run(&row, |_| Mark::Pinned { on: !off }),
        Some(Command::Snooze { row, off }) => mark::run(&row, |_| Mark::Snoozed { on: !off }),
        Some(Command::Dismiss { row, off }) => {
            mark::run(&row, |row| Mark::Dismissed { on: !off, revision: row.revision })
        }
        Some(Command::Report(report)) => report::run(report),
        Some(Command::Install(install)) => {
            let environment = Environment::of_process();
            let mut input = io::stdin().lock();
            install::run_install(&install, &environment, &mut io::stdout().lock(), &mut input)?;
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Uninstall(install)) => {
            let environment = Environment::of_process();
            let mut input = io::stdin().lock();
            install::run_uninstall(&install, &environment, &mut io::stdout().lock(), &mut input)?;
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Daemon { action }) => daemon::run(action),
        Some(Command::Config { action }) => {
            let environment = crewboard_config::Environment::of_process();
            let action = action.unwrap_or(ConfigAction::Show { json: false });
            config::run(&action, &environment, &mut io::stdout().lock())
        }
        Some(Command::Completions { shell }) => {
            let mut text = Vec::new();
            let shells = Shells::builtins();
            let Some(shell) = shells.completer(&shell.to_string()) else {
                return Err(unexpected());
            };
            let name = "crewboard";
            shell.write_registration(completing::VARIABLE, name, name, name, &mut text)?;
            text.extend(completing::ending(shell.name()));
            io::stdout().write_all(&text)?;
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Demo { pace }) => replay::demo(&pace),
        Some(Command::Replay { file, pace }) => replay::replay(&file, &pace),
        Some(Command::Record { out, keep_text }) => record::run(out.as_deref(), keep_text),
        Some(Command::Man) => man::run(),
        Some(Command::Notify { test }) => notify::run(test),
        Some(Command::Placeholder) => Ok(replay::placeholder()),
        Some(Command::Statusline { command }) => Ok(statusline::run(&command)),
        // `main` took it before any word was parsed.
        Some(Command::Hook { .. }) => Ok(ExitCode::SUCCESS),
    }
}

/// `crewboard` alone. Were an agent ever to start it by mistake, anything printed would become its
/// model's context: so without a terminal on both sides it says nothing.
fn bare(once: bool) -> Result<ExitCode, Failure> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(why) = why_no_screen() {
        // The list is shown even where this cannot be written.
        let _ = writeln!(
            io::stderr(),
            "crewboard: no board on this terminal, because {why}; the list:"
        );
        return list::run(false);
    }
    board::run(once)
}

/// Where to find the daemon, or what to start as one.
pub(crate) fn rendezvous() -> Result<Rendezvous, Failure> {
    let program = env::current_exe().unwrap_or_else(|_| PathBuf::from("crewboard"));
    let environment = crewboard_config::Environment::of_process();
    check_named_socket(&environment)?;
    Ok(Rendezvous::new(&environment, program))
}

/// Refuses a `CREWBOARD_SOCKET` that cannot be used, rather than show what is somewhere else.
fn check_named_socket(environment: &crewboard_config::Environment) -> Result<(), Failure> {
    crewboard_config::check_named(environment).map_err(|problem| {
        Failure::usage(format!("CREWBOARD_SOCKET cannot be used: {problem}"))
            .hint("name a socket in a directory that only you can write to, or unset the variable")
    })
}

/// Connects to the daemon, starting it if need be.
pub(crate) fn connect(rendezvous: &Rendezvous) -> Result<Conversation, Failure> {
    let stream = rendezvous.connect_or_start(Deadline::after(CONNECT_WITHIN))?;
    Ok(Conversation::new(stream)?)
}

/// All rows, in the list's order.
fn rows(conversation: &mut Conversation) -> Result<Vec<Session>, Failure> {
    rows_and_limits(conversation, ANSWER_WITHIN).map(|(rows, _)| rows)
}

/// Returns all rows, in the list's order. Warns once of lost events.
fn rows_and_warn_of_losses(conversation: &mut Conversation) -> Result<Vec<Session>, Failure> {
    let Snapshot { rows, losses, .. } = snapshot(conversation, ANSWER_WITHIN)?;
    if !losses.is_empty() {
        warn(&format!("{losses} (see `crewboard daemon status`)"));
        conversation.send(&Request::LossesSeen { count: losses.total() })?;
    }
    Ok(rows)
}

/// All rows, in the list's order, and the accounts' limits. The daemon has `within` for each.
pub(crate) fn rows_and_limits(
    conversation: &mut Conversation,
    within: Duration,
) -> Result<(Vec<Session>, Vec<Limits>), Failure> {
    snapshot(conversation, within).map(|found| (found.rows, found.limits))
}

/// The daemon's answer to a list.
#[derive(Debug, Default)]
struct Snapshot {
    rows: Vec<Session>,
    limits: Vec<Limits>,
    losses: Losses,
}

fn snapshot(conversation: &mut Conversation, within: Duration) -> Result<Snapshot, Failure> {
    conversation.send(&Request::List)?;
    let mut found = Snapshot::default();
    loop {
        match conversation.receive(Some(within))? {
            Reply::Row { row } => found.rows.push(*row),
            Reply::Limits { limits } => found.limits = limits,
            Reply::Losses { unseen } => found.losses = unseen,
            Reply::Synced { .. } => break,
            _ => {}
        }
    }
    found.rows.sort_by(Session::compare_for_list);
    Ok(found)
}

/// Tells the user something beside the output. A reader that is gone is no failure.
fn warn(text: &str) {
    let _ = writeln!(io::stderr(), "crewboard: {text}");
}

/// Tells the user where the daemon is of another version than this program.
fn warn_of_version(conversation: &mut Conversation) -> Result<(), Failure> {
    let hello = Request::Hello { protocol: PROTOCOL };
    if let Reply::Hello(daemon) = conversation.ask(&hello, ANSWER_WITHIN)?
        && let Some(problem) = version_problem(&daemon)
    {
        warn(&problem);
    }
    Ok(())
}

/// A reply of another kind than was asked for.
fn unexpected() -> Failure {
    Failure::new("the daemon gave an answer that does not fit the question")
        .hint("`crewboard daemon restart` brings it to this program's version")
}

/// Whether talking failed because the daemon is no longer there.
fn is_gone(error: &TalkError) -> bool {
    matches!(error, TalkError::Gone)
}

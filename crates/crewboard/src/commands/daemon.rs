//! `crewboard daemon`: starts, stops and describes the daemon.

use crate::arguments::DaemonAction;
use crate::configuration::schema;
use crate::confirmation;
use crate::daemon_client::{
    REPLY_TIMEOUT, check_named_socket, connect, daemon_locator, fetch_rows, unexpected_reply, warn,
};
use crate::daemon_stop::{StopResult, ask_to_stop, hung_failure, kill_hung_daemon};
use crate::failure::{Failure, exit_code};
use crate::render::write_json;
use crewboard_board::format::text::span;
use crewboard_client::{ConnectError, Connection, ConnectionError, DaemonLocator, version_problem};
use crewboard_config::Environment;
use crewboard_core::{Session, Status, Timestamp};
use crewboard_daemon::{Options, answering_configuration};
use crewboard_platform::{Clock, memory_of};
use crewboard_protocol::{DaemonInfo, Reply, Request};
use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Runs `action`, or shows the status without one.
pub(crate) fn run(action: Option<DaemonAction>) -> Result<ExitCode, Failure> {
    match action.unwrap_or(DaemonAction::Status { json: false }) {
        DaemonAction::Start => start(),
        DaemonAction::Stop { yes } => {
            let daemon_locator = daemon_locator()?;
            if !yes && !may_stop(&daemon_locator)? {
                print("the daemon still runs")?;
                return Ok(ExitCode::from(exit_code::FAILED));
            }
            match ask_to_stop(&daemon_locator)? {
                StopResult::NoDaemon => print("no daemon is running")?,
                StopResult::Exited => print("stopped")?,
                StopResult::Hung => return Err(hung_failure(&daemon_locator)),
            }
            Ok(ExitCode::SUCCESS)
        }
        DaemonAction::Restart => {
            let daemon_locator = daemon_locator()?;
            if matches!(ask_to_stop(&daemon_locator)?, StopResult::Hung) {
                print(&kill_hung_daemon(&daemon_locator)?)?;
            }
            start()
        }
        DaemonAction::Status { json } => status(json),
        DaemonAction::Run { idle_exit, adopt } => run_in_foreground(idle_exit, adopt),
    }
}

/// Runs the daemon in this process, with the listener of `socket` as standard input.
pub(crate) fn run_adopted(socket: PathBuf) -> Result<ExitCode, Failure> {
    run_in_foreground(None, Some(socket))
}

/// Runs the daemon in this process. Arguments take precedence over the configuration.
fn run_in_foreground(
    idle_exit: Option<Duration>,
    adopt: Option<PathBuf>,
) -> Result<ExitCode, Failure> {
    let environment = Environment::of_process();
    if adopt.is_none() {
        // An adopted socket was chosen by the process that passed it.
        check_named_socket(&environment)?;
    }
    let loaded = schema().load(&answering_configuration(environment));
    let notes: Vec<String> =
        loaded.problems.iter().map(|problem| format!("configuration: {problem}")).collect();
    for note in &notes {
        // For a daemon in the foreground; the log has the notes too.
        let _ = writeln!(io::stderr(), "crewboard: {note}");
    }
    crewboard_daemon::run(&Options { idle_exit, adopt, notes, schema: schema() })
        .map_err(|error| Failure::new(error.to_string()))?;
    Ok(ExitCode::SUCCESS)
}

fn start() -> Result<ExitCode, Failure> {
    let info = ask_daemon_info(&mut connect(&daemon_locator()?)?)?;
    print(&format!("the daemon is running, pid {}", info.pid))?;
    Ok(ExitCode::SUCCESS)
}

fn status(json: bool) -> Result<ExitCode, Failure> {
    let daemon_locator = daemon_locator()?;
    let stream = match daemon_locator.connect() {
        Ok(stream) => stream,
        Err(ConnectError::NoDaemon) => {
            print(if json { "null" } else { "no daemon is running" })?;
            return Ok(ExitCode::from(exit_code::FAILED));
        }
        Err(ConnectError::Unresponsive) => return Err(hung_failure(&daemon_locator)),
        Err(error) => return Err(error.into()),
    };
    let mut connection = Connection::new(stream)?;
    let hello = connection.ask(&Request::HELLO, REPLY_TIMEOUT);
    let info = match hello {
        Err(ConnectionError::TimedOut(_)) => return Err(hung_failure(&daemon_locator)),
        reply => daemon_info(reply?)?,
    };
    if let Some(problem) = version_problem(&info) {
        warn(&problem);
    }
    let active = active_count(&fetch_rows(&mut connection)?);
    let closed = info.rows.saturating_sub(active);
    let memory = memory_of(info.pid);
    if json {
        let mut value = serde_json::to_value(&info).map_err(io::Error::from)?;
        value["active"] = active.into();
        value["closed"] = closed.into();
        value["memory"] = memory.into();
        write_json(&mut io::stdout(), &value)?;
        return Ok(ExitCode::SUCCESS);
    }
    let now = Clock::new().now().wall;
    let memory = memory.map(|bytes| format!(", {}", memory_words(bytes))).unwrap_or_default();
    print(&format!(
        "crewboard {}, pid {}, up {}{memory}\n\
         {active} active and {closed} closed sessions, {} clients, {} events received, {} dropped\n\
         listening on {}",
        info.version,
        info.pid,
        span(now.since(Timestamp(info.started))),
        info.subscribers,
        info.events,
        info.dropped_by_reason.total(),
        info.sockets.join(", ")
    ))?;
    for line in &info.degraded {
        print(&format!("degraded: {line}"))?;
    }
    for line in dropped_lines(&info) {
        print(&line)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn active_count(rows: &[Session]) -> u64 {
    let active = rows.iter().filter(|row| row.status != Status::Closed).count();
    u64::try_from(active).unwrap_or(u64::MAX)
}

/// Returns a size of memory in mebibytes, with one decimal.
fn memory_words(bytes: u64) -> String {
    let tenths = bytes * 10 / (1 << 20);
    format!("{}.{} MiB of memory", tenths / 10, tenths % 10)
}

/// Asks the user if active sessions would be lost: only a board or another subscription gives them to the next daemon.
/// Does not ask without a terminal.
fn may_stop(daemon_locator: &DaemonLocator) -> Result<bool, Failure> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Ok(true);
    }
    // `ask_to_stop` reports a daemon that does not run or does not answer.
    let Ok(stream) = daemon_locator.connect() else { return Ok(true) };
    let mut connection = Connection::new(stream)?;
    let Ok(info) = ask_daemon_info(&mut connection) else { return Ok(true) };
    let active = active_count(&fetch_rows(&mut connection)?);
    if info.subscribers > 0 || active == 0 {
        return Ok(true);
    }
    let sessions = if active == 1 {
        "1 active session".to_owned()
    } else {
        format!("{active} active sessions")
    };
    let question = format!(
        "The daemon holds {sessions}, and no board is open that would give them to the next daemon.\n\
         Their history and their marks would be lost. Stop the daemon?"
    );
    Ok(confirmation::ask(&question, &mut io::stdout().lock(), &mut io::stdin().lock())?)
}

/// Returns a line for each reason for which events were dropped.
fn dropped_lines(info: &DaemonInfo) -> Vec<String> {
    let reasons = info.dropped_by_reason.reasons();
    let mut lines: Vec<String> =
        reasons.iter().map(|(words, count)| format!("{count:>6} dropped: {words}")).collect();
    if let Some(why) = &info.refused_why {
        lines.push(format!(
            "the daemon refused the last event because: {why}\n\
             a hook may be of a newer version: run `crewboard daemon restart` to start the daemon of this version"
        ));
    }
    lines
}

fn ask_daemon_info(connection: &mut Connection) -> Result<DaemonInfo, Failure> {
    daemon_info(connection.ask(&Request::HELLO, REPLY_TIMEOUT)?)
}

fn daemon_info(reply: Reply) -> Result<DaemonInfo, Failure> {
    match reply {
        Reply::Hello(info) => Ok(info),
        _ => Err(unexpected_reply()),
    }
}

fn print(text: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{text}")
}

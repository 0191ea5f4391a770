//! `crewboard daemon`: starts, stops and describes the daemon.

use crate::arguments::DaemonAction;
use crate::configuration::schema;
use crate::daemon_client::{
    REPLY_TIMEOUT, check_named_socket, connect, daemon_locator, unexpected_reply, warn,
};
use crate::daemon_stop::{StopResult, ask_to_stop, hung_failure, kill_hung_daemon};
use crate::failure::{Failure, exit_code};
use crewboard_board::format::text::{Grain, age};
use crewboard_client::{ConnectError, Connection, ConnectionError, version_problem};
use crewboard_config::Environment;
use crewboard_core::Timestamp;
use crewboard_daemon::{Options, answering_configuration};
use crewboard_platform::Clock;
use crewboard_protocol::{DaemonInfo, PROTOCOL, Reply, Request};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

const HELLO: Request = Request::Hello { protocol: PROTOCOL };

/// Runs `action`, or shows the status without one.
pub(crate) fn run(action: Option<DaemonAction>) -> Result<ExitCode, Failure> {
    match action.unwrap_or(DaemonAction::Status { json: false }) {
        DaemonAction::Start => start(),
        DaemonAction::Stop => {
            let daemon_locator = daemon_locator()?;
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
    let hello = Connection::new(stream)?.ask(&HELLO, REPLY_TIMEOUT);
    let info = match hello {
        Err(ConnectionError::Silent(_)) => return Err(hung_failure(&daemon_locator)),
        reply => daemon_info(reply?)?,
    };
    if let Some(problem) = version_problem(&info) {
        warn(&problem);
    }
    if json {
        print(&serde_json::to_string_pretty(&info).map_err(io::Error::from)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let now = Clock::new().now().wall;
    print(&format!(
        "crewboard {}, pid {}, up {}\n\
         {} sessions, {} clients, {} events received, {} dropped\n\
         listening on {}",
        info.version,
        info.pid,
        age(Timestamp(info.started), now, Grain::Seconds),
        info.rows,
        info.subscribers,
        info.events,
        info.lost.total(),
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

/// Returns a line for each reason for which events were dropped.
fn dropped_lines(info: &DaemonInfo) -> Vec<String> {
    let reasons = info.lost.reasons();
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
    daemon_info(connection.ask(&HELLO, REPLY_TIMEOUT)?)
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

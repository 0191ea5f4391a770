//! `crewboard daemon`: rarely needed.

mod leaving;

use crate::arguments::DaemonAction;
use crate::commands::{ANSWER_WITHIN, check_named_socket, connect, rendezvous, unexpected, warn};
use crate::configuration::schema;
use crate::failure::{Failure, exit_code};
use crewboard_board::text::{Grain, age};
use crewboard_client::{ConnectError, Conversation, TalkError, version_problem};
use crewboard_config::Environment;
use crewboard_core::Timestamp;
use crewboard_daemon::{Options, answering_configuration};
use crewboard_platform::Clock;
use crewboard_protocol::{DaemonFacts, PROTOCOL, Reply, Request};
pub(crate) use leaving::ask_to_leave;
use leaving::{Leaving, end, hung};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

const HELLO: Request = Request::Hello { protocol: PROTOCOL };

/// Does what `action` says; describes the daemon where it says nothing.
pub(crate) fn run(action: Option<DaemonAction>) -> Result<ExitCode, Failure> {
    match action.unwrap_or(DaemonAction::Status { json: false }) {
        DaemonAction::Start => start(),
        DaemonAction::Stop => {
            let rendezvous = rendezvous()?;
            match ask_to_leave(&rendezvous)? {
                Leaving::NoDaemon => say("no daemon runs")?,
                Leaving::Left => say("stopped")?,
                Leaving::Hung => return Err(hung(&rendezvous)),
            }
            Ok(ExitCode::SUCCESS)
        }
        DaemonAction::Restart => {
            let rendezvous = rendezvous()?;
            if matches!(ask_to_leave(&rendezvous)?, Leaving::Hung) {
                say(&end(&rendezvous)?)?;
            }
            start()
        }
        DaemonAction::Status { json } => status(json),
        DaemonAction::Run { idle_exit, adopt } => serve(idle_exit, adopt),
    }
}

/// Runs the daemon here. The words win over the configuration.
fn serve(idle_exit: Option<Duration>, adopt: Option<PathBuf>) -> Result<ExitCode, Failure> {
    let environment = Environment::of_process();
    if adopt.is_none() {
        // Whoever handed us a socket has chosen the place.
        check_named_socket(&environment)?;
    }
    let loaded = schema().load(&answering_configuration(environment));
    let notes: Vec<String> =
        loaded.problems.iter().map(|problem| format!("configuration: {problem}")).collect();
    for note in &notes {
        // Nobody reads it unless the daemon runs in the foreground; the log has it too.
        let _ = writeln!(io::stderr(), "crewboard: {note}");
    }
    crewboard_daemon::run(&Options { idle_exit, adopt, notes, schema: schema() })
        .map_err(|error| Failure::new(error.to_string()))?;
    Ok(ExitCode::SUCCESS)
}

fn start() -> Result<ExitCode, Failure> {
    let facts = hello(&mut connect(&rendezvous()?)?)?;
    say(&format!("the daemon runs as process {}", facts.pid))?;
    Ok(ExitCode::SUCCESS)
}

fn status(json: bool) -> Result<ExitCode, Failure> {
    let rendezvous = rendezvous()?;
    let stream = match rendezvous.connect() {
        Ok(stream) => stream,
        Err(ConnectError::NoDaemon) => {
            say(if json { "null" } else { "no daemon runs" })?;
            return Ok(ExitCode::from(exit_code::FAILED));
        }
        Err(ConnectError::Unresponsive) => return Err(hung(&rendezvous)),
        Err(error) => return Err(error.into()),
    };
    let hello = Conversation::new(stream)?.ask(&HELLO, ANSWER_WITHIN);
    let facts = match hello {
        Err(TalkError::Silent(_)) => return Err(hung(&rendezvous)),
        reply => facts_in(reply?)?,
    };
    if let Some(problem) = version_problem(&facts) {
        warn(&problem);
    }
    if json {
        say(&serde_json::to_string_pretty(&facts).map_err(io::Error::from)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let now = Clock::new().now().wall;
    say(&format!(
        "crewboard {} has run as process {} for {}\n\
         {} sessions, {} views, {} events taken in, {} lost\n\
         listens on {}",
        facts.version,
        facts.pid,
        age(Timestamp(facts.started), now, Grain::Seconds),
        facts.rows,
        facts.subscribers,
        facts.events,
        facts.lost.total(),
        facts.sockets.join(", ")
    ))?;
    for line in &facts.degraded {
        say(&format!("degraded: {line}"))?;
    }
    for line in losses(&facts) {
        say(&line)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns a line for each reason for which events were lost.
fn losses(facts: &DaemonFacts) -> Vec<String> {
    let reasons = facts.lost.reasons();
    let mut lines: Vec<String> =
        reasons.iter().map(|(words, count)| format!("{count:>6} lost: {words}")).collect();
    if let Some(why) = &facts.refused_why {
        lines.push(format!(
            "the daemon did not take the last refused event because: {why}\n\
             a hook may be of a newer version: `crewboard daemon restart` starts the daemon of this program"
        ));
    }
    lines
}

fn hello(conversation: &mut Conversation) -> Result<DaemonFacts, Failure> {
    facts_in(conversation.ask(&HELLO, ANSWER_WITHIN)?)
}

fn facts_in(reply: Reply) -> Result<DaemonFacts, Failure> {
    match reply {
        Reply::Hello(facts) => Ok(facts),
        _ => Err(unexpected()),
    }
}

fn say(text: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{text}")
}

//! `crewboard report`: an event of an agent of your own.

use crate::arguments::ReportArguments;
use crate::commands::{ANSWER_WITHIN, connect, rendezvous, unexpected};
use crate::failure::Failure;
use crate::hook::{Variables, branch_report};
use crewboard_core::{AgentName, Event, Exact, MAX_LINE, Place, Report, SessionId, Status, reveal};
use crewboard_integrations::{agents::supported, terminals};
use crewboard_platform::{Clock, branch_of, facts_of, host_name, process_of};
use crewboard_protocol::{EventLine, PROTOCOL, Reply, Request};
use std::env;
use std::path::Path;
use std::process::ExitCode;

/// Sends the event and waits until the daemon has taken it in.
pub(crate) fn run(arguments: ReportArguments) -> Result<ExitCode, Failure> {
    let process = match arguments.pid {
        Some(pid) => {
            let missing = || Failure::new(format!("there is no process {pid}"));
            Some(process_of(pid).ok_or_else(missing)?)
        }
        None => None,
    };
    // Names of nothing but control characters are cleaned away.
    if AgentName::new(&arguments.agent).is_empty() || SessionId::new(&arguments.session).is_empty()
    {
        return Err(Failure::usage("--agent and --session must not be empty"));
    }
    if let Some(agent) = supported(&arguments.agent) {
        let problem = format!("--agent {agent} is reserved for the hooks of {agent} itself");
        return Err(Failure::usage(problem)
            .hint("name your own agent otherwise; `crewboard install` puts the hooks in"));
    }
    let status = Status::from(arguments.status);
    if !(status.is_request() || arguments.activity.is_empty() || arguments.text.is_empty()) {
        let problem = format!("of --activity and --text, {status} can show one");
        return Err(Failure::usage(problem).hint("permission, question and plan show both"));
    }
    let cwd = arguments.cwd.or_else(|| env::current_dir().ok());
    let tty = facts_of(std::process::id()).and_then(|facts| facts.tty);
    let (mut activity, mut text) = (arguments.activity, arguments.text);
    if let Some(request) = status.request() {
        // The user approves this: two different texts must not look the same.
        let how = request.exact();
        activity = reveal(&activity, Exact { max: MAX_LINE, multiline: false, ..how });
        text = reveal(&text, how);
    }
    let event = Event::StatusReported { status, activity, text };
    let (agent, session) = (&arguments.agent, &arguments.session);
    let report = Report {
        process,
        cwd: cwd.map(|cwd| cwd.display().to_string()),
        place: Place { host: host_name(), tty, ..terminals::place_of(&Variables) },
        ..Report::new(agent, session, "report", Clock::new().stamp(), event)
    };
    let directory = report.cwd.clone();
    let mut with_branch = branch_report(&report);
    let event = |report| Request::Event(EventLine { hook_pid: std::process::id(), report });
    let mut conversation = connect(&rendezvous()?)?;
    conversation.send(&event(Box::new(report)))?;
    // Only now: a file system may keep this process waiting for the branch.
    if let Some(directory) = directory {
        with_branch.branch = Some(branch_of(Path::new(&directory)).unwrap_or_default());
        conversation.send(&event(with_branch))?;
    }
    match conversation.ask(&Request::Hello { protocol: PROTOCOL }, ANSWER_WITHIN)? {
        Reply::Hello(_) => Ok(ExitCode::SUCCESS),
        _ => Err(unexpected()),
    }
}

//! `crewboard report`: sends an event of the user's own agent.

use crate::arguments::ReportArguments;
use crate::daemon_client::{REPLY_TIMEOUT, connect, daemon_locator, unexpected_reply};
use crate::failure::Failure;
use crate::hook::{ProcessVariables, branch_report, set_checkout};
use crewboard_agents::supported;
use crewboard_core::{
    AgentName, ConversationId, Event, Exact, MAX_LINE, Place, PromptKind, Report, reveal,
};
use crewboard_platform::{Clock, find_checkout, find_process, host_name, process_info};
use crewboard_protocol::{EventLine, Reply, Request};
use crewboard_terminals as terminals;
use std::env;
use std::path::Path;
use std::process::ExitCode;

/// Sends the event and waits until the daemon has received it.
pub(crate) fn run(arguments: ReportArguments) -> Result<ExitCode, Failure> {
    let process = match arguments.pid {
        Some(pid) => {
            let missing = || {
                Failure::new(format!("there is no process {pid}"))
                    .hint("pass the process id of your agent, or leave out --pid")
            };
            Some(find_process(pid).ok_or_else(missing)?)
        }
        None => None,
    };
    // A name of control characters only is empty after cleaning.
    if AgentName::new(&arguments.agent).is_empty()
        || ConversationId::new(&arguments.session).is_empty()
    {
        return Err(Failure::usage("--agent and --session must not be empty"));
    }
    if let Some(agent) = supported(&arguments.agent) {
        let problem = format!("--agent {agent} is reserved for the hooks of {agent} itself");
        return Err(Failure::usage(problem).hint(
            "choose another name for your agent, or run `crewboard install` to install the hooks",
        ));
    }
    let status = arguments.status;
    if !(status.is_prompt() || arguments.activity.is_empty() || arguments.text.is_empty()) {
        let problem = format!("status {status} takes either --activity or --text, not both");
        return Err(Failure::usage(problem).hint("permission, question and plan take both"));
    }
    let cwd = arguments.cwd.or_else(|| env::current_dir().ok());
    let tty = process_info(std::process::id()).and_then(|process| process.tty);
    let (mut activity, mut text) = (arguments.activity, arguments.text);
    if let Some(request) = PromptKind::of_status(status) {
        // The user approves this text, so two different texts must never look the same.
        let how = request.exact();
        activity = reveal(&activity, Exact { max: MAX_LINE, multiline: false, ..how });
        text = reveal(&text, how);
    }
    let event = Event::StatusReported { status, activity, text };
    let (agent, session) = (&arguments.agent, &arguments.session);
    let report = Report {
        process,
        cwd: cwd.map(|cwd| cwd.display().to_string()),
        place: Place { host: host_name(), tty, ..terminals::locate(&ProcessVariables) },
        ..Report::new(agent, session, "report", Clock::new().stamp(), event)
    };
    let directory = report.cwd.clone();
    let mut with_branch = branch_report(&report);
    let event = |report| Request::Event(EventLine { hook_pid: std::process::id(), report });
    let mut connection = connect(&daemon_locator()?)?;
    connection.send(&event(Box::new(report)))?;
    // The branch comes last, because a slow file system may block this read.
    if let Some(directory) = directory {
        set_checkout(&mut with_branch, find_checkout(Path::new(&directory)));
        connection.send(&event(with_branch))?;
    }
    match connection.ask(&Request::HELLO, REPLY_TIMEOUT)? {
        Reply::Hello(_) => Ok(ExitCode::SUCCESS),
        _ => Err(unexpected_reply()),
    }
}

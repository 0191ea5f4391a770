//! What agents run on every event: read it, send a line, leave. It never prints, never fails, and
//! is gone within [`TOTAL`], whatever the agent, the daemon or the machine do.

use crate::watchdog::Watchdog;
use crewboard_client::Rendezvous;
use crewboard_config::Environment;
use crewboard_core::{Event, Report, Stamp};
use crewboard_integrations::agents::{Lookup, Surroundings, agent_pid, read_event};
use crewboard_platform::{
    Clock, Deadline, arguments_of, branch_of, facts_of, host_name, is_known, read_within,
    settled_directory, working_directory_of, write_within,
};
use crewboard_protocol::{EventLine, Loss, Request};
use std::env;
use std::ffi::OsStr;
use std::io;
use std::panic;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// The one deadline of a hook, from its first instruction to its last. It ends waiting; what does not wait
/// is tried whatever the time is, and on a busy machine only the time asked for counts ([`Deadline`]).
const TOTAL: Duration = Duration::from_millis(90);

/// Of which this much is left for delivery when reading ends, finished or not. An agent hands over
/// its payload within a millisecond (Claude Code: 18 of 18), so only a broken one meets it.
const FOR_DELIVERY: Duration = Duration::from_millis(35);

/// Bytes read of a payload. An agent whose pipe is not read to its end gets an error.
const MAX_PAYLOAD: usize = 16 << 20;

/// Runs the hook of `agent`.
pub(crate) fn run(agent: Option<&OsStr>) -> ExitCode {
    // A bug here must not become two lines in somebody's conversation.
    panic::set_hook(Box::new(|_| {}));
    let _ = panic::catch_unwind(|| deliver(agent.and_then(OsStr::to_str).unwrap_or_default()));
    ExitCode::SUCCESS
}

fn deliver(agent: &str) -> Option<()> {
    let stamp = Clock::new().stamp();
    let deadline = Deadline::after(TOTAL);
    let watchdog = Watchdog::new(deadline, || rendezvous(&|| ()).count_loss(Loss::FileSystem));
    let read_by = deadline.earlier_by(FOR_DELIVERY);
    let payload = read_within(&io::stdin(), MAX_PAYLOAD, read_by);
    let is_late = read_by.has_passed();
    let surroundings = surroundings(agent, stamp);
    let Some(report) = read_event(agent, &payload, &surroundings) else {
        // A payload that came whole and is no event is no loss.
        if is_late {
            watchdog.start();
            rendezvous(&|| ()).count_loss(Loss::Late);
        }
        return None;
    };
    let mut report = Box::new(report);
    drop(payload);
    if report.profile.as_ref().is_some_and(|profile| !is_known(Path::new(profile))) {
        watchdog.start();
    }
    settle_paths(&mut report);
    let branch_report = begins_or_ends_a_turn(&report).then(|| branch_report(&report));
    // It may have taken long to read a long payload. That is no waiting, so delivery has its time left.
    let deadline = watchdog.leave(FOR_DELIVERY);
    let rendezvous = rendezvous(&|| watchdog.start());
    let daemon = rendezvous
        .deliver(&line(report), deadline, &|| watchdog.start(), &|| watchdog.delivered())
        .inspect_err(|error| {
            watchdog.start();
            rendezvous.count_loss(error.loss());
        })
        .ok()?;
    // Only now: whatever a repository and the links to it lie on may keep this process waiting.
    if let Some(mut report) = branch_report {
        watchdog.start();
        let branch = report.cwd.as_deref().and_then(|cwd| branch_of(Path::new(cwd)));
        report.branch = Some(branch.unwrap_or_default());
        write_within(&daemon, &line(report), deadline).ok()?;
    }
    Some(())
}

/// Returns where the daemon is, and calls `before_wait` before a look at a path that a file system may prolong.
fn rendezvous(before_wait: &dyn Fn()) -> Rendezvous {
    let program = env::current_exe().unwrap_or_else(|_| PathBuf::from("crewboard"));
    Rendezvous::guarded(&Environment::of_process(), program, before_wait)
}

/// Returns a report as the line that is sent.
fn line(mut report: Box<Report>) -> Vec<u8> {
    // A long prompt or command is cut here already: the daemon reads no line of any length.
    report.sanitise();
    Request::Event(EventLine { hook_pid: std::process::id(), report }).encode()
}

/// Returns the report that follows `report` once the branch is known.
pub(crate) fn branch_report(report: &Report) -> Box<Report> {
    let Report { agent, session, source, stamp, process, cwd, .. } = report.clone();
    let empty = Report::new("", "", "", stamp, Event::BranchRead);
    Box::new(Report { agent, session, source, process, cwd, ..empty })
}

/// What is round a process that an agent has started, at `stamp`.
pub(crate) fn surroundings(agent: &str, stamp: Stamp) -> Surroundings<'static> {
    let pid = agent_pid(agent, &Variables).unwrap_or_else(std::os::unix::process::parent_id);
    let process = facts_of(pid);
    Surroundings {
        stamp,
        host: host_name(),
        process: process.as_ref().map(|facts| facts.process),
        tty: process.and_then(|facts| facts.tty),
        environment: &Variables,
        arguments: arguments_of(pid),
    }
}

/// Gives an agent's own directory its one name, so that all sessions of one profile name the same; and makes
/// the paths of an agent that was given a relative one absolute.
pub(crate) fn settle_paths(report: &mut Report) {
    let process = report.process;
    let absolute = |path: &String| -> Option<PathBuf> {
        let path = Path::new(path);
        if path.is_absolute() {
            return Some(path.to_owned());
        }
        Some(working_directory_of(process?.pid)?.join(path))
    };
    let text = |path: PathBuf| path.into_os_string().into_string().ok();
    report.transcript = report.transcript.as_ref().and_then(absolute).and_then(text);
    let profile = report.profile.as_ref().and_then(absolute);
    report.profile = profile.map(|profile| settled_directory(&profile)).and_then(text);
}

/// Whether the branch is worth a look: an agent changes it in its turns, and a look at each tool call
/// would cost every one of them.
fn begins_or_ends_a_turn(report: &Report) -> bool {
    let is_edge = matches!(
        report.event,
        Event::SessionStarted { .. } | Event::PromptSubmitted { .. } | Event::TurnEnded { .. }
    );
    is_edge && report.subagent.is_none() && report.cwd.is_some()
}

/// The process's own variables.
#[derive(Debug)]
pub(crate) struct Variables;

impl Lookup for Variables {
    fn get(&self, name: &str) -> Option<String> {
        env::var_os(name)?.into_string().ok().filter(|value| !value.is_empty())
    }
}

//! `crewboard hook`: reads an agent's event, sends it to the daemon and exits. It never prints, never fails, and exits
//! within [`TOTAL`], even if the agent, the daemon or the machine is slow.

use crate::watchdog::Watchdog;
use crewboard_agents::{
    ProcessArguments, ProgramProcess, Surroundings, Variables, agent_pid, read_event,
};
use crewboard_client::DaemonLocator;
use crewboard_config::Environment;
use crewboard_core::{Event, Report, Stamp};
use crewboard_platform::{
    Checkout, Clock, Deadline, arguments_of, canonical_directory_guarded, environment_of,
    find_checkout, host_name, process_info, processes_named, read_within, start_time_of,
    working_directory_of, write_within,
};
use crewboard_protocol::{DropReason, EventLine, Request};
use std::env;
use std::ffi::OsStr;
use std::io;
use std::panic;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// The deadline of a hook, counted from its first instruction. It limits waiting only: work that does not wait is
/// finished, and on a busy machine only requested waiting time counts ([`Deadline`]).
const TOTAL: Duration = Duration::from_millis(90);

/// The part of the deadline that is reserved for delivery. An agent writes its payload within a millisecond (Claude
/// Code: 18 of 18 measured), so only a broken agent uses the rest.
const FOR_DELIVERY: Duration = Duration::from_millis(35);

/// Maximum number of processes among which a program is searched.
const MAX_PROCESSES: usize = 4096;

/// Bytes read of a payload. An agent gets an error if its pipe is closed before the end of the payload.
const MAX_PAYLOAD: usize = 16 << 20;

/// Runs the hook of `agent`.
pub(crate) fn run(agent: Option<&OsStr>) -> ExitCode {
    // A panic message would become part of the agent's conversation.
    panic::set_hook(Box::new(|_| {}));
    let _ = panic::catch_unwind(|| deliver(agent.and_then(OsStr::to_str).unwrap_or_default()));
    ExitCode::SUCCESS
}

fn deliver(agent: &str) -> Option<()> {
    let stamp = Clock::new().stamp();
    let deadline = Deadline::after(TOTAL);
    let watchdog = Watchdog::new(deadline, || {
        daemon_locator(&|| ()).count_dropped_event(DropReason::FileSystem);
    });
    let read_by = deadline.earlier_by(FOR_DELIVERY);
    let payload = read_within(&io::stdin(), MAX_PAYLOAD, read_by);
    let is_late = read_by.has_passed();
    // A process that a file system blocks may block a read of its memory.
    let find_programs = |name: &str| {
        watchdog.start();
        find_programs(name)
    };
    let surroundings = surroundings(agent, stamp, &find_programs);
    let Some(report) = read_event(agent, &payload, &surroundings) else {
        // A complete payload that is not an event is not a dropped event.
        if is_late {
            watchdog.start();
            daemon_locator(&|| ()).count_dropped_event(DropReason::Late);
        }
        return None;
    };
    let mut report = Box::new(report);
    drop(payload);
    normalise_paths(&mut report, || watchdog.start());
    let branch_report = begins_or_ends_a_turn(&report).then(|| branch_report(&report));
    // Reading a long payload is work, not waiting, so it does not shorten the time for delivery.
    let deadline = watchdog.ensure_remaining(FOR_DELIVERY);
    let daemon_locator = daemon_locator(&|| watchdog.start());
    let daemon = daemon_locator
        .deliver(&encode_line(report), deadline, &|| watchdog.start(), &|| watchdog.note_delivery())
        .inspect_err(|error| {
            watchdog.start();
            daemon_locator.count_dropped_event(error.drop_reason());
        })
        .ok()?;
    // The branch comes last, because the file system of the repository may block this read.
    if let Some(mut report) = branch_report {
        watchdog.start();
        let checkout = report.cwd.as_deref().and_then(|cwd| find_checkout(Path::new(cwd)));
        set_checkout(&mut report, checkout);
        write_within(&daemon, &encode_line(report), deadline).ok()?;
    }
    Some(())
}

/// Returns the locator of the daemon. It calls `before_wait` before it checks a path on which a file system may block.
fn daemon_locator(before_wait: &dyn Fn()) -> DaemonLocator {
    DaemonLocator::with_wait_guard(&Environment::of_process(), before_wait)
}

/// Encodes a report as a line of the protocol.
fn encode_line(mut report: Box<Report>) -> Vec<u8> {
    // Cut long texts here, because the daemon bounds the length of a line.
    report.sanitise();
    Request::Event(EventLine { hook_pid: std::process::id(), report }).encode()
}

/// Returns a report for the branch, to send after `report`.
pub(crate) fn branch_report(report: &Report) -> Box<Report> {
    let Report { agent, session, source, stamp, process, cwd, .. } = report.clone();
    let empty = Report::new("", "", "", stamp, Event::BranchRead);
    Box::new(Report { agent, session, source, process, cwd, ..empty })
}

/// Puts the repository and its branch into a branch report.
pub(crate) fn set_checkout(report: &mut Report, checkout: Option<Checkout>) {
    let Checkout { repository, branch } =
        checkout.unwrap_or(Checkout { repository: None, branch: None });
    (report.repository_root, report.branch) = (repository, Some(branch.unwrap_or_default()));
}

/// Returns the surroundings of this process, which an agent has started.
pub(crate) fn surroundings<'a>(
    agent: &str,
    stamp: Stamp,
    find_programs: &'a dyn Fn(&str) -> Vec<ProgramProcess>,
) -> Surroundings<'a> {
    let pid = agent_pid(agent, &ProcessVariables).unwrap_or_else(std::os::unix::process::parent_id);
    let process = process_info(pid);
    Surroundings {
        stamp,
        host: host_name(),
        process: process.as_ref().map(|process| process.process),
        tty: process.and_then(|process| process.tty),
        environment: &ProcessVariables,
        arguments: ProcessArguments::Unread(pid, arguments_of),
        find_programs,
    }
}

/// Finds the processes of this user that run a program on a terminal.
fn find_programs(name: &str) -> Vec<ProgramProcess> {
    let found = processes_named(name, MAX_PROCESSES).into_iter().filter_map(|pid| {
        let info = process_info(pid).filter(|info| info.tty.is_some())?;
        Some(ProgramProcess {
            process: info.process,
            started: start_time_of(info.process),
            tty: info.tty,
            cwd: working_directory_of(pid),
            arguments: arguments_of(pid),
            environment: environment_of(pid)?,
        })
    });
    found.collect()
}

/// Makes the paths of a report absolute, and resolves links of the profile, so that all sessions of a profile report
/// the same path. Calls `before_wait` before it accesses a file system, which may block.
pub(crate) fn normalise_paths(report: &mut Report, before_wait: impl FnOnce()) {
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
    report.profile =
        profile.map(|profile| canonical_directory_guarded(&profile, before_wait)).and_then(text);
}

/// Returns true if the branch should be read: agents change it within turns, and reading it at each tool call would
/// slow every call.
fn begins_or_ends_a_turn(report: &Report) -> bool {
    let is_edge = matches!(
        report.event,
        Event::SessionStarted { .. } | Event::PromptSubmitted { .. } | Event::TurnEnded { .. }
    );
    is_edge && report.subagent.is_none() && report.cwd.is_some()
}

/// The environment variables of this process.
#[derive(Debug)]
pub(crate) struct ProcessVariables;

impl Variables for ProcessVariables {
    fn get(&self, name: &str) -> Option<String> {
        env::var_os(name)?.into_string().ok().filter(|value| !value.is_empty())
    }
}

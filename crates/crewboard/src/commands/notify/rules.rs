//! `[[on]]` rules: runs the user's own commands. Session data is passed in variables and on standard input, never in
//! the command line.

use crate::failure::without_error_number;
use crate::session_command::{session_command, spawn_with_session};
use crewboard_config::Rule;
use crewboard_core::Session;
use crewboard_platform::{Deadline, wait_within};
use rustix::process::{Pid, Signal, kill_process_group};
use std::process::Child;
use std::time::Duration;

/// Time limit of a command. The user can put longer work in the background.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(60);

/// Running commands, and errors of commands that did not start.
pub(super) struct Running {
    children: Vec<Result<Child, String>>,
    deadline: Deadline,
}

/// Starts each rule's command for each session that matches the rule.
pub(super) fn start(rules: &[Rule], rows: &[Session]) -> Running {
    let mut children = Vec::new();
    for row in rows {
        for rule in rules.iter().filter(|rule| rule.is_for(row.status.word(), row.needs_you)) {
            children.push(
                spawn_with_session(session_command(&rule.run, row), row)
                    .map_err(|error| without_error_number(&error)),
            );
        }
    }
    Running { children, deadline: Deadline::after(COMMAND_TIMEOUT) }
}

/// Waits for all commands and returns the result of each. Kills a command and its children at the time limit.
pub(super) fn finish(running: Running) -> Vec<Result<(), String>> {
    let Running { children, deadline } = running;
    children
        .into_iter()
        .map(|child| child.and_then(|child| wait_or_kill(child, deadline)))
        .collect()
}

fn wait_or_kill(mut child: Child, deadline: Deadline) -> Result<(), String> {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    match wait_within(&mut child, deadline) {
        Ok(Some(status)) if status.success() => Ok(()),
        Ok(Some(status)) => Err(status.to_string()),
        Err(error) => Err(without_error_number(&error)),
        Ok(None) => {
            if let Some(group) = group {
                let _ = kill_process_group(group, Signal::KILL);
            }
            let _ = child.wait();
            Err(format!("it took longer than {} s and was killed", COMMAND_TIMEOUT.as_secs()))
        }
    }
}

//! `[[on]]` rules: runs the user's own commands. Session data is passed in variables and on standard input, never in
//! the command line.

use crate::failure::without_error_number;
use crewboard_config::Rule;
use crewboard_core::Session;
use crewboard_platform::{Deadline, wait_within};
use rustix::process::{Pid, Signal, kill_process_group};
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::thread;
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
            children.push(run(&rule.run, row).map_err(|error| without_error_number(&error)));
        }
    }
    Running { children, deadline: Deadline::after(COMMAND_TIMEOUT) }
}

fn run(line: &str, row: &Session) -> std::io::Result<Child> {
    let or_empty = |text: &Option<String>| text.clone().unwrap_or_default();
    let prompt = row.request.as_ref().map(|request| request.text.clone());
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", line])
        .env("CREWBOARD_KEY", row.key.as_str())
        .env("CREWBOARD_STATUS", row.status.word())
        .env("CREWBOARD_NAME", &row.name)
        .env("CREWBOARD_AGENT", row.agent.as_str())
        .env("CREWBOARD_ID", row.id.as_str())
        .env("CREWBOARD_CWD", or_empty(&row.cwd))
        .env("CREWBOARD_PANE", or_empty(&row.place.pane))
        .env("CREWBOARD_TEXT", prompt.or_else(|| row.activity.clone()).unwrap_or_default())
        .stdin(Stdio::piped())
        // A process group, so that a timeout also kills its children.
        .process_group(0);
    if let Some(home) = std::env::var_os("HOME") {
        command.current_dir(home);
    }
    let mut child = command.spawn()?;
    let mut json = serde_json::to_vec(row)?;
    json.push(b'\n');
    if let Some(mut stdin) = child.stdin.take() {
        // The session may exceed the pipe buffer, and the command need not read it.
        thread::spawn(move || stdin.write_all(&json));
    }
    Ok(child)
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

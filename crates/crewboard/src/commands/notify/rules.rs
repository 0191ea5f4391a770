//! `[[on]]`: the user's own commands, as the user wrote them. What is told of a session goes beside the line,
//! in variables and on standard input, never into it.

use crewboard_config::Rule;
use crewboard_core::Session;
use crewboard_platform::Deadline;
use rustix::process::{Pid, Signal, kill_process_group};
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// How long a command may run. What should run longer can be put in the background by the user.
const OVER_WITHIN: Duration = Duration::from_secs(60);

/// Commands that run, and those that could not be started.
pub(super) struct Running {
    children: Vec<Result<Child, String>>,
    deadline: Deadline,
}

/// Starts each rule's command for each row that it is for.
pub(super) fn start(rules: &[Rule], rows: &[Session]) -> Running {
    let mut children = Vec::new();
    for row in rows {
        for rule in rules.iter().filter(|rule| rule.is_for(row.status.word(), row.needs_you)) {
            children.push(run(&rule.run, row).map_err(|error| error.to_string()));
        }
    }
    Running { children, deadline: Deadline::after(OVER_WITHIN) }
}

fn run(line: &str, row: &Session) -> std::io::Result<Child> {
    let told = |text: &Option<String>| text.clone().unwrap_or_default();
    let asked = row.request.as_ref().map(|request| request.text.clone());
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", line])
        .env("CREWBOARD_KEY", row.key.as_str())
        .env("CREWBOARD_STATUS", row.status.word())
        .env("CREWBOARD_NAME", &row.name)
        .env("CREWBOARD_AGENT", row.agent.as_str())
        .env("CREWBOARD_ID", row.id.as_str())
        .env("CREWBOARD_CWD", told(&row.cwd))
        .env("CREWBOARD_PANE", told(&row.place.pane))
        .env("CREWBOARD_TEXT", asked.or_else(|| row.activity.clone()).unwrap_or_default())
        .stdin(Stdio::piped())
        // Whatever it starts in the foreground ends with it.
        .process_group(0);
    if let Some(home) = std::env::var_os("HOME") {
        command.current_dir(home);
    }
    let mut child = command.spawn()?;
    let mut json = serde_json::to_vec(row)?;
    json.push(b'\n');
    if let Some(mut stdin) = child.stdin.take() {
        // A row may be more than a pipe holds, and a command need not read it.
        thread::spawn(move || stdin.write_all(&json));
    }
    Ok(child)
}

/// Waits for them all; how each ended. What takes too long is killed, with all that it started.
pub(super) fn finish(running: Running) -> Vec<Result<(), String>> {
    let Running { children, deadline } = running;
    children.into_iter().map(|child| child.and_then(|child| end(child, deadline))).collect()
}

fn end(mut child: Child, deadline: Deadline) -> Result<(), String> {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let (sender, ended) = mpsc::channel();
    thread::spawn(move || sender.send(child.wait()));
    match ended.recv_timeout(deadline.remaining()) {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(status.to_string()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => {
            if let Some(group) = group {
                let _ = kill_process_group(group, Signal::KILL);
            }
            let _ = ended.recv();
            Err(format!("it took more than {} s and was ended", OVER_WITHIN.as_secs()))
        }
    }
}

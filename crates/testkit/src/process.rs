//! Processes that a test starts: their output, their signals and their end.

use crate::wait::TIMEOUT;
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// The result of a command.
#[derive(Debug)]
pub struct CommandOutput {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
    /// The time from the start of the command to its end.
    pub elapsed: Duration,
}

/// Returns the state of a process as the letter that `ps` prints. Returns `None` if there is no such process.
pub fn process_state(pid: u32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

/// Returns true if a process has ended and released its file descriptors.
pub fn is_dead(pid: u32) -> bool {
    process_state(pid).is_none_or(|state| matches!(state, 'Z' | 'X'))
}

/// Returns the children of a process.
pub fn children(pid: u32) -> Vec<u32> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace().map(|word| word.parse().unwrap()).collect()
}

/// Sends a signal to a process that this test started.
pub fn signal(pid: u32, signal: rustix::process::Signal) {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    let _ = rustix::process::kill_process(pid.unwrap(), signal);
}

/// Returns the command `outer`, followed by the program and the arguments of `inner`. It has the variables and the
/// directory of `inner`, and pipes for its output.
pub fn wrap_command(outer: &[&str], inner: &Command) -> Command {
    let mut command = Command::new(outer[0]);
    command.args(&outer[1..]).arg(inner.get_program()).args(inner.get_args()).env_clear();
    command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(directory) = inner.get_current_dir() {
        command.current_dir(directory);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs a command with `input` on its standard input and waits for its end.
pub fn run_with_input(mut command: Command, input: &[u8]) -> CommandOutput {
    if !input.is_empty() {
        command.stdin(Stdio::piped());
    }
    let started = Instant::now();
    let mut child = command.spawn().unwrap();
    if let Some(mut stdin) = child.stdin.take() {
        // A command may end before it has read all of its input.
        let _ = stdin.write_all(input);
    }
    wait_for_output(child, started)
}

/// Waits for the end of a child that was started at `started`.
#[track_caller]
pub fn wait_for_output(child: Child, started: Instant) -> CommandOutput {
    let pid = child.id();
    let (sender, ended) = mpsc::channel();
    std::thread::spawn(move || {
        let output = child.wait_with_output().unwrap();
        let _ = sender.send((output, started.elapsed()));
    });
    let Ok((output, elapsed)) = ended.recv_timeout(TIMEOUT) else {
        signal(pid, rustix::process::Signal::KILL);
        panic!("process {pid} did not end within {TIMEOUT:?}");
    };
    CommandOutput {
        status: output.status,
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        elapsed,
    }
}

impl CommandOutput {
    /// Asserts that the command succeeded without output, as each hook must.
    #[track_caller]
    pub fn assert_silent(&self) {
        assert!(self.status.success(), "{self:?}");
        assert_eq!((self.stdout.as_str(), self.stderr.as_str()), ("", ""), "{self:?}");
    }

    /// Parses the standard output of a command that succeeded.
    #[track_caller]
    pub fn json(&self) -> Value {
        assert!(self.status.success(), "{self:?}");
        serde_json::from_str(&self.stdout).unwrap()
    }

    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zombie_is_dead() {
        assert!(!is_dead(std::process::id()));
        let mut child = Command::new("true").spawn().unwrap();
        crate::wait_until("the child ends", || is_dead(child.id()));
        child.wait().unwrap();
        assert!(is_dead(child.id()));
    }
}

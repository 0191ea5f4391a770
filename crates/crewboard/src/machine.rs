//! Runs what terminals are told, and asks the kernel about processes.

use crewboard_core::clean;
use crewboard_integrations::terminals::{Command, Refusal, System};
use crewboard_platform::{Deadline, ancestors_of, facts_of, read_within, variables_of};
use std::io;
use std::process::{Child, ExitStatus, Stdio};
use std::time::Duration;

/// How long a terminal may take over one command: `kitty @` (0.26.5), a program in Python, takes more than two
/// seconds on a busy machine.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// The same where nobody waits for that terminal, but for what depends on it.
const TELL_WITHIN: Duration = Duration::from_secs(2);

/// Between two looks whether a command that has said all is over.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// Bytes read of an answer: a tmux with thousands of panes says less.
const MAX_ANSWER: usize = 1 << 20;

/// Bytes read of a complaint.
const MAX_COMPLAINT: usize = 4096;

/// This machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Machine {
    answer_within: Duration,
}

impl Machine {
    /// For somebody who asked for a terminal.
    pub(crate) fn patient() -> Self {
        Self { answer_within: ANSWER_WITHIN }
    }

    /// For what must not be held up.
    pub(crate) fn prompt() -> Self {
        Self { answer_within: TELL_WITHIN }
    }
}

/// A command as the system takes it. No shell is asked.
pub(crate) fn process_of(command: &Command) -> std::process::Command {
    let mut words = command.words.iter();
    let mut process = std::process::Command::new(words.next().map_or("", String::as_str));
    process.args(words);
    process.envs(command.variables.iter().map(|(name, value)| (name, value)));
    process
}

impl System for Machine {
    fn run(&mut self, command: &Command) -> Result<String, Refusal> {
        let deadline = Deadline::after(self.answer_within);
        let child = process_of(command)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = child.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Refusal::NoProgram,
            _ => Refusal::Failed(error.to_string()),
        })?;
        let read =
            |pipe: Option<Vec<u8>>| String::from_utf8_lossy(&pipe.unwrap_or_default()).into_owned();
        let stdout = read(child.stdout.take().map(|pipe| read_within(&pipe, MAX_ANSWER, deadline)));
        let stderr = child.stderr.take().map(|pipe| read_within(&pipe, MAX_COMPLAINT, deadline));
        let status = end_within(&mut child, deadline).ok_or(Refusal::TooSlow)?;
        if status.success() {
            return Ok(stdout);
        }
        let stderr = read(stderr);
        let said = if stderr.trim().is_empty() { stdout } else { stderr };
        Err(Refusal::Failed(clean(said.trim(), MAX_COMPLAINT, true)))
    }

    fn tty_of(&self, pid: u32) -> Option<String> {
        facts_of(pid)?.tty
    }

    fn descends(&self, pid: u32, ancestor: u32) -> bool {
        let Some(facts) = facts_of(pid) else { return false };
        pid == ancestor || ancestors_of(facts.process).iter().any(|process| process.pid == ancestor)
    }

    fn variables_of(&self, pid: u32) -> Option<Vec<(String, String)>> {
        variables_of(pid)
    }
}

/// How a child ended; it is killed where it has not by the deadline.
fn end_within(child: &mut Child, deadline: Deadline) -> Option<ExitStatus> {
    loop {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        if !deadline.pause(LOOK_AGAIN) {
            let _ = child.kill();
            let _ = child.wait();
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(words: &[&str]) -> Result<String, Refusal> {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        Machine::patient().run(&Command { words, ..Command::default() })
    }

    #[test]
    fn a_command_answers_fails_hangs_or_is_not_there() {
        assert_eq!(run(&["printf", "%s", "$(echo x)"]), Ok("$(echo x)".to_owned()));
        let failed = run(&["sh", "-c", "echo lost >&2; printf 'a\\033[31m'; exit 1"]);
        assert_eq!(failed, Err(Refusal::Failed("lost".to_owned())));
        let failed = run(&["sh", "-c", "printf 'a\\033[31m\\nb'; exit 1"]);
        assert_eq!(failed, Err(Refusal::Failed("a\nb".to_owned())));
        assert_eq!(run(&["sleep", "60"]), Err(Refusal::TooSlow));
        assert_eq!(run(&["crewboard-no-such-program"]), Err(Refusal::NoProgram));
    }

    #[test]
    fn whoever_was_started_by_another_descends_from_it() {
        let (own, parent) = (std::process::id(), std::os::unix::process::parent_id());
        assert!(Machine::patient().descends(own, parent));
        assert!(Machine::patient().descends(own, own));
        assert!(!Machine::patient().descends(parent, own));
    }
}

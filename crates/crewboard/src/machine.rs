//! Runs what terminals are told, and asks the kernel about processes.

use crewboard_core::Process;
use crewboard_core::clean;
use crewboard_integrations::terminals::{Command, Refusal, Server, System, TmuxAbove, Unproven};
use crewboard_platform::{
    Deadline, Listener, abstract_listener, ancestors_of, facts_of, is_as_free_as_us, process_of,
    program_name, read_within, runs_terminal, sockets_of, variables_of,
};
use std::io;
use std::path::Path;
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
#[derive(Debug)]
pub(crate) struct Machine {
    answer_within: Duration,
    /// The sockets that were proven, each by the path that names it. Commands name the files held open here.
    proven: Vec<(String, Listener)>,
}

impl Machine {
    /// For somebody who asked for a terminal.
    pub(crate) fn patient() -> Self {
        Self { answer_within: ANSWER_WITHIN, proven: Vec::new() }
    }

    /// For what must not be held up.
    pub(crate) fn prompt() -> Self {
        Self { answer_within: TELL_WITHIN, proven: Vec::new() }
    }

    /// Returns a command as a person may type it: with the paths that name sockets.
    pub(crate) fn to_be_typed(&self, command: &Command) -> Command {
        let mut command = command.clone();
        for (path, listener) in &self.proven {
            for word in &mut command.words {
                *word = word.replace(&*listener.path().to_string_lossy(), path);
            }
        }
        command
    }

    /// Keeps the proven sockets open in the program that this process becomes.
    pub(crate) fn hand_on(&self) -> io::Result<()> {
        self.proven.iter().try_for_each(|(_, listener)| listener.keep_open())
    }

    /// Holds the socket at `path` open if its listener is the one that is wanted.
    fn hold(&mut self, path: &str, is_wanted: impl Fn(u32) -> bool) -> Result<String, Unproven> {
        let listener = Listener::at(Path::new(path)).map_err(|error| unproven(&error))?;
        if !is_wanted(listener.pid()) {
            return Err(Unproven::Other);
        }
        let held = listener.path().display().to_string();
        self.proven.push((path.to_owned(), listener));
        Ok(held)
    }
}

/// A command as the system takes it. No shell is asked.
pub(crate) fn process_for(command: &Command) -> std::process::Command {
    let mut words = command.words.iter();
    let mut process = std::process::Command::new(words.next().map_or("", String::as_str));
    process.args(words);
    process.envs(command.variables.iter().map(|(name, value)| (name, value)));
    process
}

impl System for Machine {
    fn run(&mut self, command: &Command) -> Result<String, Refusal> {
        let deadline = Deadline::after(self.answer_within);
        let child = process_for(command)
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
        descends(pid, ancestor)
    }

    fn prove(
        &mut self,
        server: Server<'_>,
        pid: Option<u32>,
        own: Option<u32>,
    ) -> Result<String, Unproven> {
        let is_proven = |server: u32| {
            own.is_some_and(|own| descends(own, server))
                || pid.is_some_and(|pid| runs_terminal_of(server, pid))
        };
        match server {
            // Nothing shows here who listens, or how a process is confined.
            Server::Socket(name) | Server::Abstract(name) if cfg!(not(target_os = "linux")) => {
                own.map(|_| name.to_owned()).ok_or(Unproven::Other)
            }
            Server::Socket(path) => self.hold(path, is_proven),
            Server::Abstract(name) => {
                let listener = abstract_listener(name).map_err(|error| unproven(&error))?;
                is_proven(listener).then(|| name.to_owned()).ok_or(Unproven::Other)
            }
            Server::Session(name) => {
                let above = own.into_iter().chain(pid).flat_map(line_of);
                let servers = above.map(|process| process.pid).filter(|pid| is_proven(*pid));
                let sockets = servers
                    .flat_map(|pid| sockets_of(pid).into_iter().map(move |socket| (pid, socket)));
                let mut found = sockets.filter(|(_, socket)| {
                    socket
                        .file_name()
                        .is_some_and(|file| file.as_encoded_bytes() == name.as_bytes())
                });
                let (pid, socket) = found.next().ok_or(Unproven::Other)?;
                let socket = socket.to_str().ok_or(Unproven::Other)?;
                let listener = Listener::at(Path::new(socket)).map_err(|error| unproven(&error))?;
                (listener.pid() == pid).then(|| socket.to_owned()).ok_or(Unproven::Other)
            }
        }
    }

    fn tmux_above(&mut self, pid: u32) -> Option<TmuxAbove> {
        let servers = line_of(pid).into_iter().map(|process| process.pid);
        // Any process can take this name, but only a server runs the terminal and listens at the socket too.
        let is_tmux =
            |server: &u32| program_name(*server).is_some_and(|name| name == "tmux: server");
        let server = servers.filter(is_tmux).find(|server| runs_terminal_of(*server, pid))?;
        let socket = sockets_of(server).into_iter().next()?.to_str()?.to_owned();
        let address = self.hold(&socket, |listener| listener == server);
        Some(TmuxAbove { pid: server, socket, address })
    }

    fn variables_of(&self, pid: u32) -> Option<Vec<(String, String)>> {
        variables_of(pid)
    }
}

fn unproven(error: &io::Error) -> Unproven {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Unproven::Gone,
        _ => Unproven::Other,
    }
}

/// Returns a process and those above it, nearest first.
fn line_of(pid: u32) -> Vec<Process> {
    let Some(process) = process_of(pid) else { return Vec::new() };
    let mut line = vec![process];
    line.extend(ancestors_of(process));
    line
}

/// Returns whether `pid` was started by `ancestor`, however far above.
fn descends(pid: u32, ancestor: u32) -> bool {
    line_of(pid).iter().any(|process| process.pid == ancestor)
}

/// Returns whether `server` runs the terminal in which process `pid` is: it is above that process, holds the other
/// end of the terminal of what it started there, and nothing from it to the process is confined more than
/// we are. What is in a sandbox can name a server of its own, and can be started by it.
fn runs_terminal_of(server: u32, pid: u32) -> bool {
    let mut line = line_of(pid);
    let Some(above) = line.iter().position(|process| process.pid == server) else { return false };
    line.truncate(above + 1);
    let [.., started, _] = line[..] else { return false };
    let tty = facts_of(started.pid).and_then(|facts| facts.tty);
    let is_free = line.iter().all(|process| is_as_free_as_us(process.pid));
    // The numbers are still those of the processes that were looked at.
    let is_same = || line.iter().all(|process| process_of(process.pid) == Some(*process));
    is_free && tty.is_some_and(|tty| runs_terminal(server, &tty)) && is_same()
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
        let mut hurried =
            Machine { answer_within: Duration::from_millis(50), ..Machine::patient() };
        let words = ["sleep", "60"].map(str::to_owned).to_vec();
        let hung = hurried.run(&Command { words, ..Command::default() });
        assert_eq!(hung, Err(Refusal::TooSlow));
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

//! Runs the commands of terminals with a time limit, and reads process facts from the kernel.

use crewboard_core::{Process, clean};
use crewboard_platform::{
    Deadline, Listener, OutputLimits, RunError, abstract_listener, ancestors_of, environment_of,
    find_process, is_no_more_confined, process_info, program_name, run_within, runs_terminal,
    sockets_of,
};
use crewboard_terminals::{Command, CommandError, EnclosingTmux, Server, System, Unverified};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::Duration;

/// Time limit of a command when the user waits for its result. `kitty @` (0.26.5), a Python program, takes more
/// than two seconds on a busy machine.
const USER_TIMEOUT: Duration = Duration::from_secs(5);

/// Time limit of a command that delays something else, such as a notification.
const BACKGROUND_TIMEOUT: Duration = Duration::from_secs(2);

/// Bytes read of a command's standard output: a tmux server with thousands of panes prints less.
const MAX_OUTPUT: usize = 1 << 20;

/// Bytes read of a command's error output.
const MAX_ERROR_OUTPUT: usize = 4096;

/// Runs commands on this machine.
#[derive(Debug)]
pub(crate) struct CommandRunner {
    timeout: Duration,
    /// Proven sockets with the path that named each. Commands use the open files, not the paths.
    proven: Vec<(String, Listener)>,
}

impl CommandRunner {
    /// Returns a runner for a command whose result the user waits for.
    pub(crate) fn for_user() -> Self {
        Self { timeout: USER_TIMEOUT, proven: Vec::new() }
    }

    /// Returns a runner with a shorter time limit, for work that must not be delayed.
    pub(crate) fn for_background() -> Self {
        Self { timeout: BACKGROUND_TIMEOUT, proven: Vec::new() }
    }

    /// Returns a command that the user can type: with socket paths in place of open files.
    pub(crate) fn as_typed_by_user(&self, command: &Command) -> Command {
        let mut command = command.clone();
        for (path, listener) in &self.proven {
            for word in &mut command.words {
                *word = word.replace(&*listener.path().to_string_lossy(), path);
            }
        }
        command
    }

    /// Keeps the proven sockets open across `exec`.
    pub(crate) fn keep_sockets_open(&self) -> io::Result<()> {
        self.proven.iter().try_for_each(|(_, listener)| listener.keep_open())
    }

    /// Opens the socket at `path` if its listener is the expected process. Returns the open file's path.
    fn open_proven(
        &mut self,
        path: &str,
        is_expected: impl Fn(u32) -> bool,
    ) -> Result<String, Unverified> {
        let listener = Listener::at(Path::new(path)).map_err(|error| unproven(&error))?;
        if !is_expected(listener.pid()) {
            return Err(Unverified::Mismatch);
        }
        let held = listener.path().display().to_string();
        self.proven.push((path.to_owned(), listener));
        Ok(held)
    }
}

/// Returns true if this process runs in a pane of tmux, even if the variables of tmux are not set.
pub(crate) fn is_in_tmux_pane() -> bool {
    let pid = std::process::id();
    let Some(tty) = process_info(pid).and_then(|process| process.tty) else { return false };
    let is_tmux = |server: u32| program_name(server).is_some_and(|name| name == "tmux: server");
    let mut above = process_and_ancestors(pid).into_iter().map(|process| process.pid);
    above.any(|server| is_tmux(server) && runs_terminal(server, &tty))
}

/// Returns the command as a process to spawn, without a shell.
pub(crate) fn process_for(command: &Command) -> std::process::Command {
    let mut words = command.words.iter();
    let mut process = std::process::Command::new(words.next().map_or("", String::as_str));
    process.args(words);
    process.envs(command.variables.iter().map(|(name, value)| (name, value)));
    process
}

impl System for CommandRunner {
    fn run(&mut self, command: &Command) -> Result<String, CommandError> {
        let limits = OutputLimits { stdout: MAX_OUTPUT, stderr: MAX_ERROR_OUTPUT };
        let deadline = Deadline::after(self.timeout);
        let output = run_within(&mut process_for(command), limits, deadline);
        let output = output.map_err(|error| match error {
            RunError::Start(error) => error.into(),
            RunError::TimedOut => CommandError::TimedOut,
        })?;
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            return Ok(stdout);
        }
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        let message = if stderr.trim().is_empty() { stdout } else { stderr };
        Err(CommandError::Failed(clean(message.trim(), MAX_ERROR_OUTPUT, true)))
    }

    fn tty_of(&self, pid: u32) -> Option<String> {
        process_info(pid)?.tty
    }

    fn descends(&self, pid: u32, ancestor: u32) -> bool {
        descends(pid, ancestor)
    }

    fn verify_server(
        &mut self,
        server: Server<'_>,
        pid: Option<u32>,
        own: Option<u32>,
    ) -> Result<String, Unverified> {
        let is_proven = |server: u32| {
            own.is_some_and(|own| descends(own, server))
                || pid.is_some_and(|pid| runs_terminal_of(server, pid))
        };
        match server {
            // Other systems do not report the listener of a socket or the confinement of a process.
            Server::Socket(name) | Server::Abstract(name) if cfg!(not(target_os = "linux")) => {
                own.map(|_| name.to_owned()).ok_or(Unverified::Mismatch)
            }
            Server::Socket(path) => self.open_proven(path, is_proven),
            Server::Abstract(name) => {
                let listener = abstract_listener(name).map_err(|error| unproven(&error))?;
                is_proven(listener).then(|| name.to_owned()).ok_or(Unverified::Mismatch)
            }
            Server::Session(name) => {
                let above = own.into_iter().chain(pid).flat_map(process_and_ancestors);
                let servers = above.map(|process| process.pid).filter(|pid| is_proven(*pid));
                let sockets = servers
                    .flat_map(|pid| sockets_of(pid).into_iter().map(move |socket| (pid, socket)));
                let mut found = sockets.filter(|(_, socket)| {
                    socket
                        .file_name()
                        .is_some_and(|file| file.as_encoded_bytes() == name.as_bytes())
                });
                let (pid, socket) = found.next().ok_or(Unverified::Mismatch)?;
                let socket = socket.to_str().ok_or(Unverified::Mismatch)?;
                let listener = Listener::at(Path::new(socket)).map_err(|error| unproven(&error))?;
                (listener.pid() == pid).then(|| socket.to_owned()).ok_or(Unverified::Mismatch)
            }
        }
    }

    fn enclosing_tmux(&mut self, pid: u32) -> Option<EnclosingTmux> {
        let servers = process_and_ancestors(pid).into_iter().map(|process| process.pid);
        // Any process can take this name, but only a tmux server also owns the terminal and the socket.
        let is_tmux =
            |server: &u32| program_name(*server).is_some_and(|name| name == "tmux: server");
        let server = servers.filter(is_tmux).find(|server| runs_terminal_of(*server, pid))?;
        let socket = sockets_of(server).into_iter().next()?.to_str()?.to_owned();
        let address = self.open_proven(&socket, |listener| listener == server);
        Some(EnclosingTmux { pid: server, socket, address })
    }

    fn environment_of(&self, pid: u32) -> Option<BTreeMap<String, String>> {
        environment_of(pid)
    }
}

fn unproven(error: &io::Error) -> Unverified {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Unverified::Gone,
        _ => Unverified::Mismatch,
    }
}

/// Returns a process and its ancestors, nearest first.
fn process_and_ancestors(pid: u32) -> Vec<Process> {
    let Some(process) = find_process(pid) else { return Vec::new() };
    let mut processes = vec![process];
    processes.extend(ancestors_of(process));
    processes
}

/// Returns true if `ancestor` is the process `pid` or one of its ancestors.
fn descends(pid: u32, ancestor: u32) -> bool {
    process_and_ancestors(pid).iter().any(|process| process.pid == ancestor)
}

/// Returns true if `server` owns the terminal of process `pid`: it is an ancestor of that process, holds the other
/// end of the terminal, and no process between them is confined more than this program. A confined process could
/// name, and be a child of, a server of its own.
fn runs_terminal_of(server: u32, pid: u32) -> bool {
    let mut processes = process_and_ancestors(pid);
    let Some(above) = processes.iter().position(|process| process.pid == server) else {
        return false;
    };
    processes.truncate(above + 1);
    let [.., started, _] = processes[..] else { return false };
    let tty = process_info(started.pid).and_then(|process| process.tty);
    let is_free = processes.iter().all(|process| is_no_more_confined(process.pid));
    // The process ids have not been reused since the checks.
    let is_same = || processes.iter().all(|process| find_process(process.pid) == Some(*process));
    is_free && tty.is_some_and(|tty| runs_terminal(server, &tty)) && is_same()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(words: &[&str]) -> Result<String, CommandError> {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        CommandRunner::for_user().run(&Command { words, ..Command::default() })
    }

    #[test]
    fn command_succeeds_fails_times_out_or_is_missing() {
        assert_eq!(run(&["printf", "%s", "$(echo x)"]), Ok("$(echo x)".to_owned()));
        let failed = run(&["sh", "-c", "echo lost >&2; printf 'a\\033[31m'; exit 1"]);
        assert_eq!(failed, Err(CommandError::Failed("lost".to_owned())));
        let failed = run(&["sh", "-c", "printf 'a\\033[31m\\nb'; exit 1"]);
        assert_eq!(failed, Err(CommandError::Failed("a\nb".to_owned())));
        let mut impatient =
            CommandRunner { timeout: Duration::from_millis(50), ..CommandRunner::for_user() };
        let words = ["sleep", "60"].map(str::to_owned).to_vec();
        let hung = impatient.run(&Command { words, ..Command::default() });
        assert_eq!(hung, Err(CommandError::TimedOut));
        assert_eq!(run(&["crewboard-no-such-program"]), Err(CommandError::NotFound));
    }

    #[test]
    fn process_descends_from_its_parent_and_itself() {
        let (own, parent) = (std::process::id(), std::os::unix::process::parent_id());
        assert!(CommandRunner::for_user().descends(own, parent));
        assert!(CommandRunner::for_user().descends(own, own));
        assert!(!CommandRunner::for_user().descends(parent, own));
    }
}

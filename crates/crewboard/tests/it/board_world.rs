//! A home, a socket, agents and terminals for one test of the board.

use crewboard_testkit::{Pane, Tmux};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_crewboard");

/// How long anything may take that must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// A process that stands for an agent, until it is killed or the test ends.
pub(crate) struct Agent {
    child: Child,
    pub(crate) id: String,
}

impl Agent {
    pub(crate) fn new(id: &str) -> Self {
        Self::started_in(Path::new("/"), &[], id)
    }

    /// One that was started in a directory, with more variables.
    pub(crate) fn started_in(directory: &Path, variables: &[(&str, &str)], id: &str) -> Self {
        let mut cat = Command::new("cat");
        cat.current_dir(directory).envs(variables.iter().copied());
        let child = cat.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        Self { child, id: id.to_owned() }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) struct BoardWorld {
    // Goes first: its boards would start another daemon.
    pub(crate) tmux: Tmux,
    directory: TempDir,
}

impl BoardWorld {
    /// Makes a new world. Skips the test and returns `None` if there is no tmux.
    pub(crate) fn new() -> Option<Self> {
        let directory = tempfile::Builder::new().prefix("cb-").tempdir_in("/tmp").unwrap();
        let (home, socket) = (directory.path().join("home"), socket(&directory));
        std::fs::create_dir(&home).unwrap();
        let variables = [
            ("HOME", home.to_str().unwrap()),
            ("CREWBOARD_SOCKET", socket.to_str().unwrap()),
            ("PS1", "$ "),
        ];
        let tmux = Tmux::new(directory.path(), &variables)?;
        Some(Self { tmux, directory })
    }

    /// A directory of the world's own.
    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// A further tmux server, whose panes are of this world.
    pub(crate) fn server(&self, name: &str) -> Tmux {
        let directory = self.directory.path().join(name);
        std::fs::create_dir(&directory).unwrap();
        let (home, socket) = (self.directory.path().join("home"), socket(&self.directory));
        let variables = [
            ("HOME", home.to_str().unwrap()),
            ("CREWBOARD_SOCKET", socket.to_str().unwrap()),
            ("PS1", "$ "),
        ];
        Tmux::new(&directory, &variables).unwrap()
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.directory.path().join("home")
    }

    /// `crewboard` with these words.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .args(words)
            .env_clear()
            .env("HOME", self.home())
            .env("PATH", "/usr/bin:/bin")
            .env("LANG", "C.UTF-8")
            .env("CREWBOARD_SOCKET", socket(&self.directory))
            .stdin(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    /// A terminal with the board in it.
    pub(crate) fn board(&self, name: &str, size: (u16, u16)) -> Pane<'_> {
        self.tmux.open(name, size, &[PROGRAM])
    }

    /// A board that is the child of a shell, and its process.
    pub(crate) fn board_in_shell(&self, name: &str, size: (u16, u16)) -> (Pane<'_>, u32) {
        let pane = self.tmux.open(name, size, &["/bin/sh", "-c", &format!("{PROGRAM}; true")]);
        pane.wait_for("the board's own screen", |_| pane.fact("#{alternate_on}") == "1");
        let pid = child_of(pane.pid());
        (pane, pid)
    }

    /// `crewboard watch --json`.
    pub(crate) fn watch(&self) -> Watch {
        let mut child = self.command(&["watch", "--json"]).stdout(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = mpsc::channel();
        let output = child.stdout.take().unwrap();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let _ = sender.send(serde_json::from_str(&line).unwrap());
            }
        });
        Watch { child, lines }
    }

    /// A terminal with the demo in it, as it is at `moment`.
    pub(crate) fn demo(&self, name: &str, moment: &str) -> Pane<'_> {
        self.tmux.open(name, (110, 28), &[PROGRAM, "demo", "--at", moment])
    }

    /// A terminal with a shell in it, and in that the board.
    pub(crate) fn shell_with_board(&self, name: &str, size: (u16, u16)) -> Pane<'_> {
        let pane = self.tmux.open(name, size, &["/bin/sh", "-i"]);
        pane.shows("$");
        pane.type_line(PROGRAM);
        pane.shows("crewboard");
        pane.wait_for("the board's own screen", |_| pane.fact("#{alternate_on}") == "1");
        pane
    }

    /// Says what Claude Code's hook says of `agent` on an event, with more fields.
    pub(crate) fn hook(&self, agent: &Agent, event: &str, more: &Value) {
        self.hook_with(&[], agent, event, more);
    }

    /// The same, with variables of the agent's.
    pub(crate) fn hook_with(
        &self,
        variables: &[(&str, &str)],
        agent: &Agent,
        event: &str,
        more: &Value,
    ) {
        self.hook_of(agent.child.id(), &agent.id, variables, event, more);
    }

    /// The same, of a process that is no child of the test.
    pub(crate) fn hook_of(
        &self,
        pid: u32,
        id: &str,
        variables: &[(&str, &str)],
        event: &str,
        more: &Value,
    ) {
        let mut payload = json!({
            "session_id": id,
            "hook_event_name": event,
            "cwd": format!("/srv/{id}"),
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            payload[name] = value.clone();
        }
        let mut hook = self
            .command(&["hook", "claude"])
            .env("CLAUDE_PID", pid.to_string())
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        hook.stdin.take().unwrap().write_all(payload.to_string().as_bytes()).unwrap();
        assert!(hook.wait().unwrap().success());
    }

    pub(crate) fn prompt(&self, agent: &Agent, text: &str) {
        self.hook(agent, "UserPromptSubmit", &json!({ "prompt": text }));
    }

    pub(crate) fn asks(&self, agent: &Agent, command: &str) {
        let tool = json!({ "tool_name": "Bash", "tool_input": { "command": command } });
        self.hook(agent, "PermissionRequest", &tool);
    }

    /// `crewboard report` for an agent without a process.
    pub(crate) fn report(&self, name: &str, status: &str, text: &str) {
        let mut command = self.command(&["report", "--agent", "other", "--session", name]);
        command.args(["--status", status]);
        command.args(["--text", text, "--cwd", &format!("/srv/{name}")]);
        assert!(command.status().unwrap().success());
    }

    /// `crewboard list --json`.
    pub(crate) fn list(&self) -> Vec<Value> {
        let output = self.command(&["list", "--json"]).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    /// Waits until the list's row `id` is so.
    #[track_caller]
    pub(crate) fn row_where(&self, id: &str, what: &str, is_so: impl Fn(&Value) -> bool) {
        let end = Instant::now() + PATIENCE;
        loop {
            let rows = self.list();
            if rows.iter().any(|row| row["id"] == id && is_so(row)) {
                return;
            }
            assert!(Instant::now() < end, "waited for {id} {what}: {rows:#?}");
        }
    }

    /// The daemon's process, once there is one that is not `other`.
    #[track_caller]
    pub(crate) fn daemon_but(&self, other: Option<u32>) -> u32 {
        let end = Instant::now() + PATIENCE;
        loop {
            let output = self.command(&["daemon", "status", "--json"]).output().unwrap();
            let facts: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
            let pid = facts["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok());
            match pid {
                Some(pid) if Some(pid) != other => return pid,
                _ => assert!(Instant::now() < end, "no daemon: {facts}"),
            }
        }
    }
}

impl Drop for BoardWorld {
    fn drop(&mut self) {
        // The boards first, which would start another: their terminals go with the server.
        self.tmux.end();
        let _ = self.command(&["daemon", "stop"]).stdout(Stdio::null()).status();
    }
}

/// A view that is no board.
pub(crate) struct Watch {
    child: Child,
    lines: mpsc::Receiver<Value>,
}

impl Watch {
    /// Waits for a line that is so.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, is_so: impl Fn(&Value) -> bool) {
        let end = Instant::now() + PATIENCE;
        let mut last = Value::Null;
        while let Ok(line) = self.lines.recv_timeout(end.saturating_duration_since(Instant::now()))
        {
            if is_so(&line) {
                return;
            }
            last = line;
        }
        panic!("`watch` never told of {what}; its last line is {last}");
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // It would start another daemon.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The first child of a process.
pub(crate) fn child_of(pid: u32) -> u32 {
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    children.unwrap().split_whitespace().next().unwrap().parse().unwrap()
}

fn socket(directory: &TempDir) -> PathBuf {
    directory.path().join("s")
}

pub(crate) fn signal(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

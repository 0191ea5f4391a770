//! A private daemon for each measurement, in a private folder.

use crate::wire::Connection;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A running daemon, which is stopped when this value is dropped.
#[derive(Debug)]
pub(crate) struct Daemon {
    program: PathBuf,
    folder: tempfile::TempDir,
    /// The pid of the daemon.
    pub(crate) pid: u32,
}

impl Daemon {
    /// Starts a daemon as users do: with the first command that needs it.
    pub(crate) fn start(program: &Path) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("cbb-").tempdir()?;
        std::fs::create_dir(folder.path().join("home"))?;
        let mut daemon = Self { program: program.to_owned(), folder, pid: 0 };
        let output = daemon.crewboard().args(["list", "--json"]).output()?;
        if !output.status.success() {
            bail!(
                "`crewboard list --json`: {}",
                String::from_utf8_lossy(&output.stderr).trim_end()
            );
        }
        let hello = daemon.connect()?.request(r#"{"type":"hello"}"#, "hello")?;
        daemon.pid = u32::try_from(hello["pid"].as_u64().context("hello has no pid")?)?;
        Ok(daemon)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("s")
    }

    /// Returns a command that runs the program with this daemon, without the environment of the caller.
    pub(crate) fn crewboard(&self) -> Command {
        self.command_of(&self.program)
    }

    /// Returns a command that runs the hook as Claude Code does, in a tmux pane.
    pub(crate) fn hook(&self) -> Command {
        let mut command = self.crewboard();
        command.args(["hook", "claude"]);
        in_agent(&mut command);
        command
    }

    /// Returns a command that runs another program in the same environment.
    pub(crate) fn command_of(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("HOME", self.folder.path().join("home"))
            .env("PATH", "/usr/bin:/bin")
            .env("CREWBOARD_SOCKET", self.socket())
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn connect(&self) -> Result<Connection> {
        Connection::open(&self.socket())
    }

    /// Returns a subscribed connection that has received its snapshot.
    pub(crate) fn subscribe(&self) -> Result<Connection> {
        let mut connection = self.connect()?;
        connection.request(r#"{"type":"subscribe"}"#, "synced")?;
        Ok(connection)
    }
}

/// Adds the variables that an agent in a tmux pane passes to its hooks, with this process as the agent.
pub(crate) fn in_agent(command: &mut Command) {
    command
        .env("CLAUDE_PID", std::process::id().to_string())
        .env("CLAUDECODE", "1")
        .env("CLAUDE_CODE_ENTRYPOINT", "cli")
        .env("CLAUDE_PROJECT_DIR", "/home/dev/project")
        .env("TERM_PROGRAM", "tmux")
        .env("TMUX", "/tmp/tmux-1000/default,27123,0")
        .env("TMUX_PANE", "%0");
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Ok(connection) = self.connect() {
            let _ = connection.stop_daemon();
        }
    }
}

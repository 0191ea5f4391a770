//! The private world of one scenario: home, socket, daemon and watcher.

use crate::dist;
use crate::wire::Connection;
use anyhow::{Context, Result, bail};
use crewboard_testkit::Tmux;
use crewboard_testkit::recording::harness_dir;
use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The timeout for the start of the daemon.
const START_TIMEOUT: Duration = Duration::from_secs(10);

/// The time after the client's last act in which a change may still arrive.
const SETTLE: Duration = Duration::from_secs(1);

/// The home, socket and program of one run.
#[derive(Debug)]
pub(crate) struct World {
    program: PathBuf,
    /// The version of the client.
    client: String,
    setup: Setup,
    /// A folder with a short path, because a socket's path has at most 107 bytes. The harness wipes the run's
    /// folder in it.
    folder: tempfile::TempDir,
}

/// The programs that a run tests: Crewboard, and a version of the client.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    pub(crate) program: PathBuf,
    pub(crate) client: String,
    pub(crate) setup: Setup,
}

/// The way in which Crewboard gets the status of the client. The client's session file is read in each setup.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Setup {
    /// The client has hooks.
    #[default]
    Hooks,
    /// `crewboard run` runs the client, which has hooks too.
    RunWithHooks,
    /// `crewboard run` runs the client, which has no hooks.
    RunWithoutHooks,
}

/// The result of a scenario.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) driven: Driven,
    /// The output of `watch --json`.
    pub(crate) lines: Vec<String>,
    /// Events that hooks could not deliver.
    pub(crate) dropped: u64,
}

/// The result of the harness.
#[derive(Debug)]
pub(crate) enum Driven {
    Done,
    /// The screen or the scripted model did not show the expected text.
    Failed(String),
}

impl Subject {
    /// Returns the title of the table.
    pub(crate) fn title(&self) -> String {
        let client = &self.client;
        match self.setup {
            Setup::Hooks => format!("Claude Code {client}"),
            Setup::RunWithHooks => format!("Claude Code {client} in `crewboard run`, with hooks"),
            Setup::RunWithoutHooks => {
                format!("Claude Code {client} in `crewboard run`, without hooks")
            }
        }
    }
}

impl World {
    /// Creates a world for the program and the client version of `subject`.
    pub(crate) fn new(subject: &Subject) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("cbm-").tempdir()?;
        // As a user installs it: outside of any build directory, and not replaced while it runs.
        let own = folder.path().join("bin").join("crewboard");
        dist::replace(&subject.program, &own)?;
        Ok(Self { program: own, client: subject.client.clone(), setup: subject.setup, folder })
    }

    /// Returns the folder that the harness fills.
    pub(crate) fn run_dir(&self) -> PathBuf {
        self.folder.path().join("r")
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("crewboard.sock")
    }

    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// Starts a private tmux server for boards of this world.
    pub(crate) fn tmux(&self) -> Result<Tmux> {
        let (home, socket) = (self.folder.path().to_string_lossy(), self.socket());
        let variables = [("HOME", home.as_ref()), ("CREWBOARD_SOCKET", &socket.to_string_lossy())];
        Tmux::new(self.folder.path(), &variables).context("cannot start tmux")
    }

    /// Returns what the client's terminal shows; empty without a terminal.
    pub(crate) fn agent_screen(&self) -> Result<String> {
        let output = Command::new("tmux")
            .env_clear()
            .envs([("PATH", "/usr/local/bin:/usr/bin:/bin"), ("LANG", "C.UTF-8")])
            .env("TMUX_TMPDIR", self.run_dir().join("h").join("run"))
            .args(["-L", "h", "capture-pane", "-p", "-t", "main:0.0"])
            .output()?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Keeps the folder and returns its path.
    pub(crate) fn keep(self) -> PathBuf {
        self.folder.keep()
    }

    /// Returns a command that runs the program in the environment of the run's user.
    pub(crate) fn crewboard(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .env_clear()
            .env("HOME", self.run_dir().join("h"))
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("LANG", "C.UTF-8")
            .env("XDG_STATE_HOME", self.folder.path().join("state"))
            .env("CREWBOARD_SOCKET", self.socket())
            .stdin(Stdio::null());
        command
    }

    /// Runs one scenario.
    pub(crate) fn drive(&self, scenario: &str) -> Result<Run> {
        let watcher = Watcher::start(self)?;
        let driven = self.harness(scenario, "");
        // A change that has not arrived by now is missing.
        std::thread::sleep(SETTLE);
        // Stop the watcher first, because it would start another daemon.
        let lines = watcher.stop();
        let dropped = self.stop_daemon();
        Ok(Run { driven: driven?, lines: lines?, dropped: dropped? })
    }

    /// Returns the path of a file of this world, outside of the harness's folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs the client through a scenario. A shell runs `begin` right before.
    pub(crate) fn harness(&self, scenario: &str, begin: &str) -> Result<Driven> {
        let log = self.folder.path().join("driver.log");
        let output = std::fs::File::create(&log)?;
        let program = self.program.to_str().context("the program's path is not UTF-8")?;
        if program.contains('\'') {
            bail!("{program} has a quote in its path");
        }
        let install = match self.setup {
            Setup::Hooks | Setup::RunWithHooks => {
                format!("'{program}' install --yes --config-dir \"$HOME/.claude\" || exit")
            }
            Setup::RunWithoutHooks => String::new(),
        };
        let run_by = match self.setup {
            Setup::Hooks => String::new(),
            Setup::RunWithHooks | Setup::RunWithoutHooks => format!("'{program}' run --"),
        };
        // Most scenarios write settings more than once; `begin` must run only once.
        let after_settings = format!(
            "{install}\n\
             if mkdir \"$HARNESS_RUN_DIR/begun\" 2>/dev/null; then :\n{begin}\nfi"
        );
        let status = Command::new(harness_dir().join("run_claude.sh"))
            .arg(scenario)
            .env("CLAUDE_CODE_TEST_VERSION", &self.client)
            .env("HARNESS_RUN_DIR", self.run_dir())
            .env("HARNESS_RECORD", "0")
            .env("HARNESS_OBSERVE", "1")
            .env("HARNESS_PASS_ENV", "CREWBOARD_SOCKET")
            .env("HARNESS_CREWBOARD", program)
            .env("CREWBOARD_SOCKET", self.socket())
            .env("HARNESS_AFTER_SETTINGS", after_settings)
            .env("HARNESS_RUN_BY", run_by)
            .env("HARNESS_AT_END", format!("'{program}' list --json"))
            .stdin(Stdio::null())
            .stderr(output.try_clone()?)
            .stdout(output)
            .status()
            .context("cannot run the harness")?;
        let text = std::fs::read_to_string(&log)?;
        let failed = text.lines().find(|line| line.starts_with("FAILED"));
        match failed {
            Some(line) => Ok(Driven::Failed(line.to_owned())),
            None if status.success() => Ok(Driven::Done),
            None => {
                let last = text.lines().rev().find(|line| !line.trim().is_empty());
                Ok(Driven::Failed(format!("{status}: {}", last.unwrap_or("no output"))))
            }
        }
    }

    /// Stops the daemon and returns the number of dropped events.
    pub(crate) fn stop_daemon(&self) -> Result<u64> {
        let hello = Connection::open(&self.socket())?.stop_daemon()?;
        hello["dropped"].as_u64().context("hello has no count of dropped events")
    }
}

/// A `crewboard watch --json` that runs from before the client's start until after its end.
struct Watcher {
    child: Child,
    reader: Option<JoinHandle<std::io::Result<Vec<String>>>>,
}

impl Watcher {
    fn start(world: &World) -> Result<Self> {
        let spawn = || world.crewboard().args(["watch", "--json"]).stdout(Stdio::piped()).spawn();
        let mut started = spawn();
        for _ in 0..100 {
            // A child of another job may still hold the new copy of the program open.
            if !matches!(&started, Err(e) if e.kind() == std::io::ErrorKind::ExecutableFileBusy) {
                break;
            }
            // No event announces that the copy is closed.
            std::thread::sleep(Duration::from_millis(10));
            started = spawn();
        }
        let mut child = started.context("cannot start `crewboard watch --json`")?;
        let output = child.stdout.take();
        let mut watcher = Self { child, reader: None };
        let output = output.context("the watcher has no output")?;
        // The pipe must be read all the time: the daemon conflates the changes of a slow reader.
        let read = || std::io::BufReader::new(output).lines().collect();
        watcher.reader = Some(std::thread::spawn(read));
        wait_for_daemon(world)?;
        Ok(watcher)
    }

    fn stop(mut self) -> Result<Vec<String>> {
        // The watcher may wait for another daemon, but it has printed all its lines.
        self.child.kill()?;
        let reader = self.reader.take().context("the watcher was never read")?;
        Ok(reader.join().map_err(|_| anyhow::anyhow!("the watcher's reader panicked"))??)
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until the daemon answers a request.
fn wait_for_daemon(world: &World) -> Result<()> {
    let start = Instant::now();
    loop {
        let output = world.crewboard().args(["list", "--json"]).output()?;
        if output.status.success() {
            return Ok(());
        }
        if start.elapsed() > START_TIMEOUT {
            let text = String::from_utf8_lossy(&output.stderr);
            bail!("`crewboard list --json` fails after `watch`: {}", text.trim_end());
        }
        // No event announces the start of the daemon.
        std::thread::sleep(Duration::from_millis(20));
    }
}

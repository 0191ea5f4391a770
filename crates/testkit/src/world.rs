use crate::fake_agent::FakeAgent;
use crate::line_client::LineClient;
use crate::process::{CommandOutput, is_dead, run_with_input, signal};
use crate::wait::wait_until;
use serde_json::Value;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A variable that each daemon inherits and ignores. It finds a daemon whose `HOME` is another, as in a replay.
const MARK: &str = "LOGNAME";

/// Isolates one test: it has its own home, socket and environment. Kills its daemons when it is dropped.
#[derive(Debug)]
pub struct World {
    program: PathBuf,
    directory: tempfile::TempDir,
    variables: BTreeMap<OsString, OsString>,
}

impl World {
    /// Creates a world for `program`, the Crewboard under test.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        // The path of a socket must be short, and TMPDIR may be long. The directory is in memory, as the
        // runtime directory of a login is, because a busy disk could use up the deadline of a hook.
        let memory = Path::new("/dev/shm");
        let root = if memory.is_dir() { memory } else { Path::new("/tmp") };
        let directory = tempfile::Builder::new().prefix("cb-").tempdir_in(root).unwrap();
        for name in ["home", "run"] {
            DirBuilder::new().mode(0o700).create(directory.path().join(name)).unwrap();
        }
        let mut world = Self { program: program.into(), directory, variables: BTreeMap::new() };
        world.set("HOME", world.home());
        let mark = world.path().to_owned();
        world.set(MARK, mark);
        world.set("PATH", "/usr/local/bin:/usr/bin:/bin");
        world.set("LANG", "C.UTF-8");
        world.set("CREWBOARD_SOCKET", world.socket());
        world
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    pub fn home(&self) -> PathBuf {
        self.path().join("home")
    }

    /// Returns the directory of the socket.
    pub fn socket_directory(&self) -> PathBuf {
        self.path().join("run")
    }

    pub fn socket(&self) -> PathBuf {
        self.socket_directory().join("s")
    }

    /// Sets a variable for each command that is started after this.
    pub fn set(&mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) {
        self.variables.insert(name.as_ref().to_owned(), value.as_ref().to_owned());
    }

    pub fn unset(&mut self, name: impl AsRef<OsStr>) {
        self.variables.remove(name.as_ref());
    }

    /// Returns a `crewboard` command with these arguments, isolated in this world.
    pub fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .env_clear()
            .envs(&self.variables)
            .current_dir(self.home())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs `crewboard` with these arguments and waits for its end.
    pub fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> CommandOutput {
        run_with_input(self.command(arguments), b"")
    }

    /// Returns the hook command that `agent` would run.
    pub fn hook_command(&self, agent: &FakeAgent) -> Command {
        self.hook_command_for(agent.pid())
    }

    /// Returns the hook command that the process `pid` would run.
    pub fn hook_command_for(&self, pid: u32) -> Command {
        let mut command = self.command(["hook", "claude"]);
        command.env("CLAUDE_PID", pid.to_string());
        command
    }

    /// Runs the hook as `agent` would, with `payload` on its standard input.
    #[track_caller]
    pub fn run_hook(&self, agent: &FakeAgent, payload: &str) {
        run_with_input(self.hook_command(agent), payload.as_bytes()).assert_silent();
    }

    /// Runs `crewboard report` for session `session` of an agent that has no hooks.
    pub fn report(&self, session: &str, status: &str) -> CommandOutput {
        self.run(["report", "--agent", "mine", "--session", session, "--status", status])
    }

    /// Returns the rows of `crewboard list --json`.
    #[track_caller]
    pub fn list(&self) -> Vec<Value> {
        serde_json::from_value(self.run(["list", "--json"]).json()).unwrap()
    }

    /// Polls the list until the row of session `id` is as wanted. `what` describes the wanted state.
    #[track_caller]
    pub fn wait_for_row(&self, id: &str, what: &str, is_wanted: impl Fn(&Value) -> bool) {
        wait_until(&format!("{id} {what}"), || {
            self.list().iter().any(|row| row["id"] == id && is_wanted(row))
        });
    }

    /// Starts the daemon if it does not run. Returns a connection to it.
    pub fn start_daemon(&self) -> LineClient {
        let output = self.run(["daemon", "start"]);
        assert!(output.status.success(), "{output:?}");
        self.connect()
    }

    /// Connects to the daemon.
    pub fn connect(&self) -> LineClient {
        LineClient::connect(&self.socket())
    }

    /// Connects to the daemon. Returns `None` if no daemon listens.
    pub fn try_connect(&self) -> Option<LineClient> {
        UnixStream::connect(self.socket()).ok().map(LineClient::new)
    }

    /// Returns the pids of the daemons of this world.
    pub fn daemons(&self) -> Vec<u32> {
        let variable = |name: &str, value: &Path| {
            let mut variable = OsString::from(format!("{name}="));
            variable.push(value);
            variable
        };
        let marks = [variable("HOME", &self.home()), variable(MARK, self.path())];
        let is_ours = |pid: &u32| {
            let environ = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let mut arguments = arguments.split(|byte| *byte == 0).skip(1);
            arguments.next() == Some(b"daemon")
                && arguments.next() == Some(b"run")
                && environ
                    .split(|byte| *byte == 0)
                    .any(|found| marks.iter().any(|mark| mark.as_encoded_bytes() == found))
        };
        let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
        let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter(is_ours).collect()
    }

    /// Returns the pid of the only daemon of this world.
    pub fn daemon(&self) -> u32 {
        let daemons = self.daemons();
        let [daemon] = daemons[..] else { panic!("expected one daemon, got {daemons:?}") };
        daemon
    }

    /// Kills the daemon with SIGKILL and waits for its end.
    pub fn kill_daemon(&self) {
        let killed = self.signal_kill_to_daemon();
        wait_until("the daemon dies", || killed.iter().all(|pid| is_dead(*pid)));
    }

    /// Sends SIGKILL to the daemons without waiting. Returns their pids.
    pub fn signal_kill_to_daemon(&self) -> Vec<u32> {
        let daemons = self.daemons();
        for pid in &daemons {
            signal(*pid, rustix::process::Signal::KILL);
        }
        daemons
    }

    /// Returns the log of the daemons of this world.
    pub fn log(&self) -> String {
        fs::read_to_string(self.socket_directory().join("s.log")).unwrap_or_default()
    }

    /// Returns the names of the files in the directory of the socket.
    pub fn socket_files(&self) -> Vec<String> {
        file_names(&self.socket_directory())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // A hook that the test left running may start another daemon meanwhile.
        for _ in 0..3 {
            for pid in self.daemons() {
                signal(pid, rustix::process::Signal::KILL);
            }
        }
        // A test may have changed the mode, and the directory must be removable.
        let _ = fs::set_permissions(self.socket_directory(), Permissions::from_mode(0o700));
    }
}

/// Returns the names of the files in a directory, sorted. Returns none if there is no such directory.
pub fn file_names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().filter_map(Result::ok);
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

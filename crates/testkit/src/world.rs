use crate::fake_agent::FakeAgent;
use crate::line_client::LineClient;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder, Permissions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// A variable that every daemon keeps, and nothing reads: that of a replay has another home.
const MARK: &str = "LOGNAME";

/// How long a test waits for what must come, before it says that it did not.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Between two looks at what nothing announces (a process that must go, a file that must come).
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// A place of its own for one test: a home, a socket, and nothing of whoever runs the test. When it
/// goes, every daemon that was started in it goes too.
#[derive(Debug)]
pub struct World {
    program: PathBuf,
    directory: tempfile::TempDir,
    variables: BTreeMap<OsString, OsString>,
}

/// What a command did.
#[derive(Debug)]
pub struct Said {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
    /// From its start to its end.
    pub took: Duration,
}

impl World {
    /// A new world for `program`, the Crewboard under test.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        // Short, for a socket's path is; fixed, for TMPDIR may be long.
        // In memory, as a login's runtime directory is: a hook's deadline is no test of how long a
        // busy disk takes to make a file.
        let memory = std::path::Path::new("/dev/shm");
        let root = if memory.is_dir() { memory } else { std::path::Path::new("/tmp") };
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

    /// The directory of the socket.
    pub fn run(&self) -> PathBuf {
        self.path().join("run")
    }

    pub fn socket(&self) -> PathBuf {
        self.run().join("s")
    }

    /// Sets a variable for everything that is started from now on.
    pub fn set(&mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) {
        self.variables.insert(name.as_ref().to_owned(), value.as_ref().to_owned());
    }

    pub fn unset(&mut self, name: impl AsRef<OsStr>) {
        self.variables.remove(name.as_ref());
    }

    /// `crewboard` with these words, in this world only.
    pub fn command<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(words)
            .env_clear()
            .envs(&self.variables)
            .current_dir(self.home())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs `crewboard` with these words to its end.
    pub fn say<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Said {
        finish(self.command(words), b"")
    }

    /// The command an agent runs on an event.
    pub fn hook_command(&self, agent: &FakeAgent) -> Command {
        let mut command = self.command(["hook", "claude"]);
        command.env("CLAUDE_PID", agent.pid().to_string());
        command
    }

    /// Runs the hook as `agent` would. Its event arrives, however busy the machine is.
    #[track_caller]
    pub fn hook(&self, agent: &FakeAgent, payload: &str) {
        finish(self.hook_command(agent), payload.as_bytes()).assert_silent();
    }

    /// Starts the daemon, if it does not run.
    pub fn start(&self) -> LineClient {
        let said = self.say(["daemon", "start"]);
        assert!(said.status.success(), "{said:?}");
        self.connect()
    }

    /// A connection to the daemon that runs.
    pub fn connect(&self) -> LineClient {
        LineClient::connect(&self.socket())
    }

    /// A connection to the daemon if one runs and listens.
    pub fn try_connect(&self) -> Option<LineClient> {
        UnixStream::connect(self.socket()).ok().map(LineClient::new)
    }

    /// The daemons that live in this world.
    pub fn daemons(&self) -> Vec<u32> {
        let variable = |name: &str, value: &Path| {
            let mut variable = OsString::from(format!("{name}="));
            variable.push(value);
            variable
        };
        let marks = [variable("HOME", &self.home()), variable(MARK, self.path())];
        let is_ours = |pid: &u32| {
            let environ = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let mut words = words.split(|byte| *byte == 0).skip(1);
            words.next() == Some(b"daemon")
                && words.next() == Some(b"run")
                && environ
                    .split(|byte| *byte == 0)
                    .any(|found| marks.iter().any(|mark| mark.as_encoded_bytes() == found))
        };
        let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
        let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter(is_ours).collect()
    }

    /// The one daemon of this world.
    pub fn daemon(&self) -> u32 {
        let daemons = self.daemons();
        let [daemon] = daemons[..] else { panic!("not one daemon but {daemons:?}") };
        daemon
    }

    /// Kills the daemon at once, and waits until it is gone.
    pub fn kill_daemon(&self) {
        let killed = self.shoot_daemon();
        eventually("the daemon dies", || killed.iter().all(|pid| is_dead(*pid)));
    }

    /// Kills the daemon and does not wait; which it was.
    pub fn shoot_daemon(&self) -> Vec<u32> {
        let daemons = self.daemons();
        for pid in &daemons {
            signal(*pid, rustix::process::Signal::KILL);
        }
        daemons
    }

    /// What the daemons of this world wrote to their log.
    pub fn log(&self) -> String {
        fs::read_to_string(self.run().join("s.log")).unwrap_or_default()
    }

    /// The names in the directory of the socket.
    pub fn run_files(&self) -> Vec<String> {
        names_in(&self.run())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // A hook that was cut short may have one on its way.
        for _ in 0..3 {
            for pid in self.daemons() {
                signal(pid, rustix::process::Signal::KILL);
            }
        }
        // Whatever a test did to it, it can be removed.
        let _ = fs::set_permissions(self.run(), Permissions::from_mode(0o700));
    }
}

/// The names in a directory, sorted; none if it is not there.
pub fn names_in(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().filter_map(Result::ok);
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Whether a process has given back all it held. Its memory, and with it its name, goes before its
/// descriptors do.
pub fn is_dead(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_none_or(|(_, fields)| fields.starts_with(['Z', 'X']))
}

/// Sends a signal to a process that this test started.
pub fn signal(pid: u32, signal: rustix::process::Signal) {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    let _ = rustix::process::kill_process(pid.unwrap(), signal);
}

/// Runs a command to its end, `input` on its standard input if that is a pipe.
pub fn finish(mut command: Command, input: &[u8]) -> Said {
    if !input.is_empty() {
        command.stdin(Stdio::piped());
    }
    let begun = Instant::now();
    let mut child = command.spawn().unwrap();
    if let Some(mut stdin) = child.stdin.take() {
        // Who does not read to the end is allowed to leave.
        let _ = stdin.write_all(input);
    }
    outcome(child, begun)
}

/// Waits for a child that was started at `begun`.
#[track_caller]
pub fn outcome(child: Child, begun: Instant) -> Said {
    let pid = child.id();
    let (sender, ended) = mpsc::channel();
    std::thread::spawn(move || {
        let output = child.wait_with_output().unwrap();
        let _ = sender.send((output, begun.elapsed()));
    });
    let Ok((output, took)) = ended.recv_timeout(PATIENCE) else {
        signal(pid, rustix::process::Signal::KILL);
        panic!("process {pid} did not end within {PATIENCE:?}");
    };
    Said {
        status: output.status,
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        took,
    }
}

impl Said {
    /// A hook's promise: it succeeded and said nothing.
    #[track_caller]
    pub fn assert_silent(&self) {
        assert!(self.status.success(), "{self:?}");
        assert_eq!((self.stdout.as_str(), self.stderr.as_str()), ("", ""), "{self:?}");
    }

    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }
}

/// Waits for what no event announces: looks until `holds`, and fails the test where it never does.
#[track_caller]
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(LOOK_AGAIN);
    }
}

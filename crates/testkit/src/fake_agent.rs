use crewboard_core::Process;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A process in place of an agent. It is killed when this value is dropped.
#[derive(Debug)]
pub struct FakeAgent {
    child: Child,
}

impl FakeAgent {
    /// Starts an agent without a home, which therefore has no session file.
    pub fn new() -> Self {
        Self::start(Path::new("."), &[])
    }

    /// Starts an agent with this `HOME`.
    pub fn with_home(home: &Path) -> Self {
        Self::start(Path::new("."), &[("HOME", home.to_str().unwrap())])
    }

    /// Starts an agent with this configuration directory.
    pub fn with_profile(profile: &Path) -> Self {
        Self::with_profile_in(Path::new("."), profile)
    }

    /// Starts an agent in `directory`, with this configuration directory.
    pub fn with_profile_in(directory: &Path, profile: &Path) -> Self {
        Self::start(directory, &[("CLAUDE_CONFIG_DIR", profile.to_str().unwrap())])
    }

    /// Starts an agent with these arguments.
    pub fn with_arguments(arguments: &[&str]) -> Self {
        let mut command = Command::new("sh");
        // The shell keeps its arguments while it waits for a line.
        command.args(["-c", "read -r line", "claude"]).args(arguments);
        Self::spawn(&mut command)
    }

    /// Starts an agent in `directory`, with these variables only.
    pub fn start(directory: &Path, variables: &[(&str, &str)]) -> Self {
        let variables = variables.iter().copied();
        Self::spawn(Command::new("cat").env_clear().envs(variables).current_dir(directory))
    }

    fn spawn(command: &mut Command) -> Self {
        // The agent reads a pipe without a writer, so it ends even if the test is killed.
        let child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { child }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Returns the pid with the start time of the process.
    pub fn process(&self) -> Process {
        let line = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap();
        let (_, fields) = line.rsplit_once(") ").unwrap();
        let start = fields.split(' ').nth(19).unwrap().parse().unwrap();
        Process { pid: self.pid(), start }
    }

    /// Kills the process with SIGKILL and waits for its end.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Default for FakeAgent {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for FakeAgent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

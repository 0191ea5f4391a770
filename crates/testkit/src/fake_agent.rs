use crewboard_core::Process;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A process that stands for an agent: it lives until it is told to leave.
#[derive(Debug)]
pub struct FakeAgent {
    child: Child,
}

impl FakeAgent {
    /// One that keeps no files: it has no home.
    pub fn new() -> Self {
        Self::with_variable(None)
    }

    /// One whose home is there.
    pub fn at_home(home: &Path) -> Self {
        Self::with_variable(Some(("HOME", home)))
    }

    /// One that was given a configuration directory.
    pub fn in_profile(profile: &Path) -> Self {
        Self::with_variable(Some(("CLAUDE_CONFIG_DIR", profile)))
    }

    /// One that works in `directory`, and was given a configuration directory.
    pub fn in_profile_from(directory: &Path, profile: &Path) -> Self {
        Self::started(Some(("CLAUDE_CONFIG_DIR", profile)), directory)
    }

    /// One that was started with these words.
    pub fn with_arguments(arguments: &[&str]) -> Self {
        let mut command = Command::new("sh");
        // It keeps its words for as long as it waits for a line.
        command.args(["-c", "read -r line", "claude"]).args(arguments);
        Self::of(&mut command)
    }

    fn with_variable(variable: Option<(&str, &Path)>) -> Self {
        Self::started(variable, Path::new("."))
    }

    fn started(variable: Option<(&str, &Path)>, directory: &Path) -> Self {
        Self::of(Command::new("cat").env_clear().envs(variable).current_dir(directory))
    }

    fn of(command: &mut Command) -> Self {
        // It reads a pipe that nobody writes, so it goes even where a test is killed.
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

    /// Its process, with the time it started.
    pub fn process(&self) -> Process {
        let line = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap();
        let (_, fields) = line.rsplit_once(") ").unwrap();
        let start = fields.split(' ').nth(19).unwrap().parse().unwrap();
        Process { pid: self.pid(), start }
    }

    /// Kills it with signal 9 and waits until it is gone.
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

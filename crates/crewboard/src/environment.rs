//! The environment of the process, read once and passed down.
//!
//! No other module of `install` reads a variable or asks about the terminal, so a test can construct its own.

use crewboard_agents::AGENTS;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, io};

/// The environment of one run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment {
    /// `$HOME`.
    pub(crate) home: Option<PathBuf>,
    /// The working directory.
    pub(crate) directory: Option<PathBuf>,
    /// The configuration directories that variables name, each with its variable, such as `$CLAUDE_CONFIG_DIR`.
    pub(crate) profiles: Vec<(&'static str, PathBuf)>,
    /// `$XDG_CONFIG_HOME`.
    pub(crate) config_home: Option<PathBuf>,
    /// `$XDG_CACHE_HOME`.
    pub(crate) cache_home: Option<PathBuf>,
    /// The directories of `$PATH`.
    pub(crate) path: Vec<PathBuf>,
    /// The file of this program.
    pub(crate) executable: Option<PathBuf>,
    /// True if the user can be asked: standard input and output are terminals.
    pub(crate) interactive: bool,
    /// The directory of Claude Code's managed settings.
    pub(crate) claude_managed: PathBuf,
    /// Pause for another program that is writing a file; zero in tests.
    pub(crate) pause: Duration,
}

/// A program that writes a settings file needs a few milliseconds between truncating and filling it.
const PAUSE: Duration = Duration::from_millis(100);

impl Environment {
    /// Reads the environment of this process.
    pub(crate) fn of_process() -> Self {
        let directory =
            |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        Self {
            home: directory("HOME"),
            directory: env::current_dir().ok(),
            profiles: AGENTS
                .iter()
                .map(|agent| agent.profile.variable)
                .filter_map(|variable| Some((variable, directory(variable)?)))
                .collect(),
            config_home: directory("XDG_CONFIG_HOME"),
            cache_home: directory("XDG_CACHE_HOME"),
            path: env::var_os("PATH")
                .map(|path| env::split_paths(&path).collect())
                .unwrap_or_default(),
            executable: env::current_exe().ok(),
            interactive: io::stdin().is_terminal() && io::stdout().is_terminal(),
            claude_managed: PathBuf::from(if cfg!(target_os = "macos") {
                "/Library/Application Support/ClaudeCode"
            } else {
                "/etc/claude-code"
            }),
            pause: PAUSE,
        }
    }

    /// Finds a program in the directories of `$PATH`, then in `further` directories.
    pub(crate) fn find_program(&self, name: &str, further: &[PathBuf]) -> Option<PathBuf> {
        let directories = self.path.iter().chain(further);
        directories
            .filter(|directory| directory.is_absolute())
            .map(|directory| directory.join(name))
            .find(|candidate| is_executable(candidate))
    }
}

/// Returns true if this is an executable file.
pub(crate) fn is_executable(path: &Path) -> bool {
    path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}

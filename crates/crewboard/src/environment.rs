//! What the process is told by its surroundings, read once and handed down.
//!
//! No other module reads a variable or asks what the terminal is: a test makes its own.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, io};

/// The surroundings of one run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment {
    /// `$HOME`.
    pub(crate) home: Option<PathBuf>,
    /// The working directory.
    pub(crate) directory: Option<PathBuf>,
    /// `$CLAUDE_CONFIG_DIR`, which moves the whole of `~/.claude`.
    pub(crate) claude_config_dir: Option<PathBuf>,
    /// `$XDG_CACHE_HOME`.
    pub(crate) cache_home: Option<PathBuf>,
    /// The directories of `$PATH`.
    pub(crate) path: Vec<PathBuf>,
    /// The running program's own file.
    pub(crate) executable: Option<PathBuf>,
    /// Whether somebody is there to be asked: standard input and output are terminals.
    pub(crate) interactive: bool,
    /// Where Claude Code's managed settings are.
    pub(crate) claude_managed: PathBuf,
    /// How long another program may take to finish a file that it is writing; a test needs none.
    pub(crate) pause: Duration,
}

/// A program that writes a settings file takes a few milliseconds between emptying and filling it.
const PAUSE: Duration = Duration::from_millis(100);

impl Environment {
    /// Reads the process's own surroundings.
    pub(crate) fn of_process() -> Self {
        let directory =
            |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        Self {
            home: directory("HOME"),
            directory: env::current_dir().ok(),
            claude_config_dir: directory("CLAUDE_CONFIG_DIR"),
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

    /// Finds a program by name on the path, or in a directory given besides.
    pub(crate) fn find_program(&self, name: &str, besides: &[PathBuf]) -> Option<PathBuf> {
        let directories = self.path.iter().chain(besides);
        directories
            .filter(|directory| directory.is_absolute())
            .map(|directory| directory.join(name))
            .find(|candidate| is_executable(candidate))
    }
}

/// Returns whether this is a file that may be run.
pub(crate) fn is_executable(path: &Path) -> bool {
    path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}

use std::ffi::OsString;
use std::path::PathBuf;

/// Minimum number of files that the daemon must be able to open: about twenty of its own, and some for its clients and
/// for the processes that it watches.
pub const MIN_DESCRIPTORS: u64 = 64;

/// The environment of Crewboard, which is read once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// The effective user id.
    pub uid: u32,
    /// `CREWBOARD_SOCKET`: the only socket to use, for containers and tests.
    pub socket: Option<PathBuf>,
    /// `XDG_RUNTIME_DIR`.
    pub runtime_dir: Option<PathBuf>,
    /// `/run/user`, which contains the runtime directory of each user.
    pub run_user: PathBuf,
    /// The directory for temporary files. All users share it, except on macOS.
    pub temporary_dir: PathBuf,
    /// `HOME`.
    pub home: Option<PathBuf>,
    /// `XDG_CONFIG_HOME`.
    pub config_home: Option<PathBuf>,
    /// `CREWBOARD_CONFIG`: the path of the configuration file.
    pub config: Option<PathBuf>,
    /// `CREWBOARD_IDLE_EXIT`: how long the daemon runs without clients and live sessions, not parsed.
    pub idle_exit: Option<String>,
    /// True if `NO_COLOR` is set.
    pub no_colour: bool,
}

impl Environment {
    /// Reads the environment of this process.
    pub fn of_process() -> Self {
        Self {
            uid: rustix::process::geteuid().as_raw(),
            socket: path_of("CREWBOARD_SOCKET"),
            runtime_dir: path_of("XDG_RUNTIME_DIR"),
            run_user: PathBuf::from("/run/user"),
            temporary_dir: temporary_dir(),
            home: path_of("HOME"),
            config_home: path_of("XDG_CONFIG_HOME"),
            config: path_of("CREWBOARD_CONFIG"),
            idle_exit: path_of("CREWBOARD_IDLE_EXIT")
                .map(|value| value.to_string_lossy().into_owned()),
            no_colour: path_of("NO_COLOR").is_some(),
        }
    }
}

/// Returns a fixed path. An agent with another `TMPDIR` must find the same daemon.
#[cfg(not(target_os = "macos"))]
fn temporary_dir() -> PathBuf {
    PathBuf::from("/tmp")
}

#[cfg(target_os = "macos")]
fn temporary_dir() -> PathBuf {
    std::env::temp_dir()
}

fn path_of(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).filter(|value: &OsString| !value.is_empty()).map(PathBuf::from)
}

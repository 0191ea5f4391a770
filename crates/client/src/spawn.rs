use crewboard_config::MIN_DESCRIPTORS;
use rustix::process::{Resource, getrlimit};
use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Environment variables that the daemon inherits: paths, and the connection to the desktop. It gets no variable of an
/// agent or a multiplexer, and no secret.
const INHERITED: [&str; 15] = [
    "HOME",
    "USER",
    "LOGNAME",
    "PATH",
    "LANG",
    "LC_ALL",
    "TZ",
    "XDG_RUNTIME_DIR",
    "XDG_CONFIG_HOME",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "DBUS_SESSION_BUS_ADDRESS",
    "CREWBOARD_SOCKET",
    "CREWBOARD_CONFIG",
    "CREWBOARD_IDLE_EXIT",
];

/// Starts `program` as the daemon, with `listener` as its standard input and no other descriptor of this process.
///
/// The daemon calls `setsid` itself, which `process_group` here would prevent.
pub(crate) fn daemon(
    program: &Path,
    socket: &Path,
    listener: UnixListener,
    variables: &[(&'static str, OsString)],
) -> io::Result<Child> {
    let limit = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
    if limit < MIN_DESCRIPTORS {
        return Err(io::Error::other(format!(
            "the daemon needs {MIN_DESCRIPTORS} open files, but the limit is {limit}; raise it with `ulimit -n`"
        )));
    }
    // An agent may have left descriptors open to its children. The daemon would keep them open for ever.
    close_fds::set_fds_cloexec(3, &[]);
    let inherited = INHERITED.iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
    Command::new(program)
        .args(["daemon", "run", "--adopt"])
        .arg(socket)
        .env_clear()
        .envs(inherited)
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .current_dir("/")
        .stdin(Stdio::from(OwnedFd::from(listener)))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}

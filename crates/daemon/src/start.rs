//! Becoming a daemon: what the process is to be before the loop begins.

use crate::listeners::Listeners;
use crate::serve::Server;
use crewboard_config::{Environment, MIN_DESCRIPTORS, Schema, candidates};
use crewboard_platform::may_wait;
use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixListener as StdListener;
use std::path::PathBuf;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// How the daemon is to run.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long to stay with nobody to serve, whatever the configuration says.
    pub idle_exit: Option<Duration>,
    /// The socket whose listener is our standard input.
    pub adopt: Option<PathBuf>,
    /// What is to be said in the log of how it was started.
    pub notes: Vec<String>,
    /// How the configuration is to be read.
    pub schema: Schema,
}

/// What the daemon has changed for itself, and its children get back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Inherited {
    /// The soft limit of open files.
    pub(crate) descriptors: Option<u64>,
    /// The file mode creation mask.
    pub(crate) umask: u32,
}

/// Why the daemon could not run.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    #[error("standard input is no listening socket: {0}")]
    NoListener(io::Error),
    #[error("no socket to listen on (does another daemon run?): {0}")]
    NoSocket(io::Error),
    #[error(
        "this process may open {0} files and the daemon needs {MIN_DESCRIPTORS}; \
         raise the limit (`ulimit -n`)"
    )]
    TooFewDescriptors(u64),
    #[error("starting: {0}")]
    Start(io::Error),
}

/// Runs the daemon until it has nobody to serve, or is told to leave.
pub fn run(options: &Options) -> Result<(), DaemonError> {
    // Leave the agent's session; that fails, rightly, where we lead one already.
    let _ = rustix::process::setsid();
    let umask = rustix::process::umask(Mode::from_raw_mode(0o077)).as_raw_mode();
    std::env::set_current_dir("/").map_err(DaemonError::Start)?;
    let adopted = match &options.adopt {
        Some(path) => Some((take_listener().map_err(DaemonError::NoListener)?, path.as_path())),
        None => None,
    };
    let inherited = Inherited { descriptors: getrlimit(Resource::Nofile).current, umask };
    let descriptors = raise_descriptor_limit();
    if descriptors < MIN_DESCRIPTORS {
        return Err(DaemonError::TooFewDescriptors(descriptors));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(DaemonError::Start)?;
    runtime.block_on(async {
        // A limit on the size of files must cost the log only: with a handler, the write fails
        // instead. Programs that the daemon starts get the default action back.
        drop(signal(SignalKind::from_raw(Signal::XFSZ.as_raw())));
        let environment = Environment::of_process();
        let places = candidates(&environment, may_wait);
        let listeners = Listeners::open(places, environment.uid, adopted, descriptors)
            .map_err(DaemonError::NoSocket)?;
        let server = Server::new(listeners, &environment, descriptors, inherited, options);
        Box::pin(server.serve()).await.map_err(DaemonError::Start)
    })
}

/// Takes the listener from descriptor 0 and puts the null device there: no child of ours may ever
/// hold the socket.
fn take_listener() -> io::Result<StdListener> {
    let stdin = io::stdin();
    if !rustix::net::sockopt::socket_acceptconn(stdin.as_fd())? {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let listener: OwnedFd = rustix::io::fcntl_dupfd_cloexec(stdin.as_fd(), 3)?;
    let null = std::fs::File::open("/dev/null")?;
    rustix::stdio::dup2_stdin(&null)?;
    Ok(StdListener::from(listener))
}

/// Allows as many descriptors as the system lets us; how many that is.
fn raise_descriptor_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let allowed = if setrlimit(Resource::Nofile, raised).is_ok() { raised } else { limit };
    allowed.current.unwrap_or(u64::MAX)
}

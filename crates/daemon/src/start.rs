//! Start of the daemon: prepares the process before the loop begins.

use crate::net::listeners::Listeners;
use crate::options::{Inherited, Options};
use crate::serve::Server;
use crewboard_config::{Environment, MIN_DESCRIPTORS, candidates};
use crewboard_platform::may_block;
use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixListener as StdListener;
use tokio::signal::unix::{SignalKind, signal};

/// The reason why the daemon could not run.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    #[error("standard input is not a listening socket: {0}")]
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

/// Runs the daemon until it is unused or asked to stop.
pub fn run(options: &Options) -> Result<(), DaemonError> {
    // Leave the agent's session. This fails if the process leads one already.
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
        // A limit on the size of files must affect only the log. With a handler, the write fails and the daemon lives.
        // Programs that the daemon starts get the default action back.
        drop(signal(SignalKind::from_raw(Signal::XFSZ.as_raw())));
        let environment = Environment::of_process();
        let places = candidates(&environment, may_block);
        let listeners = Listeners::open(places, environment.uid, adopted, descriptors)
            .map_err(DaemonError::NoSocket)?;
        let server = Server::new(listeners, &environment, descriptors, inherited, options);
        Box::pin(server.serve()).await.map_err(DaemonError::Start)
    })
}

/// Takes the listener from descriptor 0 and puts the null device there. No child of the daemon may hold the socket.
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

/// Raises the limit of open files as far as the system allows. Returns the limit.
fn raise_descriptor_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let allowed = if setrlimit(Resource::Nofile, raised).is_ok() { raised } else { limit };
    allowed.current.unwrap_or(u64::MAX)
}

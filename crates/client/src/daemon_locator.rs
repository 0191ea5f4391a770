use crate::spawn;
use crewboard_config::{Candidate, Environment, Unusable, candidates};
use crewboard_platform::{
    ConnectAttempt, Deadline, Lock, LockAttempt, LockOwner, bind_listener, connect, is_known,
    may_block, wait_within, write_within,
};
use crewboard_protocol::DropReason;
use std::cell::RefCell;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Duration;

/// First pause between two attempts while another process starts or stops a daemon. That takes about a millisecond, and
/// no event reports its end.
const RETRY_AFTER: Duration = Duration::from_millis(1);

/// The longest of these pauses. Fifty clients that retry every millisecond would starve the client that starts the
/// daemon.
const MAX_RETRY_AFTER: Duration = Duration::from_millis(8);

/// The reason why the daemon could not be reached.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The daemon runs but did not accept the connection in time: it is hung, stopped or flooded.
    #[error("the daemon runs but does not answer; `crewboard daemon restart` may help")]
    Unresponsive,
    /// No process listens or holds the lock.
    #[error("no daemon runs")]
    NoDaemon,
    /// The directory of no candidate can be used, for these reasons.
    #[error("cannot use any directory for the socket: {}", reasons(.0))]
    NoPlace(Vec<Unusable>),
    /// A daemon could not be started in time.
    #[error("cannot start the daemon: {0}")]
    Start(io::Error),
}

impl ConnectError {
    /// Returns the reason for which an event is dropped.
    pub fn drop_reason(&self) -> DropReason {
        match self {
            Self::Unresponsive => DropReason::Busy,
            Self::NoPlace(_) => DropReason::NoPlace,
            Self::NoDaemon | Self::Start(_) => DropReason::NotStarted,
        }
    }
}

fn is_dead(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}

fn reasons(unusable: &[Unusable]) -> String {
    let reasons: Vec<String> = unusable.iter().map(ToString::to_string).collect();
    reasons.join("; ")
}

/// A stream to a daemon, which ran already or was started.
#[derive(Debug)]
enum DaemonStream {
    /// The daemon ran already.
    Running(UnixStream),
    /// This process has started the daemon.
    Started(UnixStream),
}

/// Locates the daemon, and starts it if none runs.
#[derive(Debug)]
pub struct DaemonLocator {
    uid: u32,
    candidates: Vec<Candidate>,
    /// The program that is started as the daemon. `None` means this program.
    program: Option<PathBuf>,
    /// Environment variables of the daemon, in addition to those that it inherits.
    variables: Vec<(&'static str, OsString)>,
    /// The daemon that this process started last. It is a child, whose exit status has to be read.
    started: RefCell<Option<Child>>,
}

impl DaemonLocator {
    /// Creates a locator for the socket candidates of `environment`, which starts `program` if no daemon runs.
    pub fn new(environment: &Environment, program: PathBuf) -> Self {
        Self { program: Some(program), ..Self::with_wait_guard(environment, &|| ()) }
    }

    /// Creates a locator that starts this program if no daemon runs. Calls `before_wait` before it accesses a path at
    /// which a file system may block.
    pub fn with_wait_guard(environment: &Environment, before_wait: &dyn Fn()) -> Self {
        let guard = |directory: &Path| {
            let is_known = is_known(directory);
            if !is_known {
                before_wait();
            }
            is_known
        };
        // A socket that the user named is accessed in any case. The kernel always has the root of a mount in its cache,
        // so the directory alone would not show that its file system may block.
        if let Some(socket) = &environment.socket {
            guard(socket);
        }
        let may_block = |directory: &Path| !guard(directory) && may_block(directory);
        let named = environment.socket.as_ref().map(|socket| ("CREWBOARD_SOCKET", socket.into()));
        let idle_exit = environment.idle_exit.as_ref();
        let idle_exit = idle_exit.map(|value| ("CREWBOARD_IDLE_EXIT", value.into()));
        let config = environment.config.as_ref().map(|config| ("CREWBOARD_CONFIG", config.into()));
        // The daemon looks for the agents of this home directory only.
        let home = environment.home.as_ref().map(|home| ("HOME", home.into()));
        let variables = named.into_iter().chain(idle_exit).chain(config).chain(home).collect();
        Self {
            uid: environment.uid,
            candidates: candidates(environment, may_block),
            program: None,
            variables,
            started: RefCell::new(None),
        }
    }

    /// Connects to a daemon that runs already.
    pub fn connect(&self) -> Result<UnixStream, ConnectError> {
        match self.try_connect() {
            ConnectAttempt::Connected(stream) => Ok(stream),
            ConnectAttempt::Busy => Err(ConnectError::Unresponsive),
            ConnectAttempt::NoListener if self.is_lock_held() => Err(ConnectError::Unresponsive),
            ConnectAttempt::NoListener => Err(ConnectError::NoDaemon),
        }
    }

    /// Connects to the daemon. Starts one if none runs.
    ///
    /// The process that starts the daemon binds the socket and passes it on, so a client can connect and write before the
    /// daemon runs.
    pub fn connect_or_start(&self, deadline: Deadline) -> Result<UnixStream, ConnectError> {
        match self.reach(deadline, &|| (), &|_| Ok(()))? {
            DaemonStream::Running(stream) | DaemonStream::Started(stream) => Ok(stream),
        }
    }

    /// Connects to the daemon or starts one. Calls `first` with the stream before it starts the daemon: the start takes
    /// long on a busy machine, and the daemon reads what was written before.
    fn reach(
        &self,
        deadline: Deadline,
        before_start: &dyn Fn(),
        first: &dyn Fn(&UnixStream) -> io::Result<()>,
    ) -> Result<DaemonStream, ConnectError> {
        let mut serving = false;
        let mut pause = RETRY_AFTER;
        let mut in_time = true;
        loop {
            match self.try_connect() {
                ConnectAttempt::Connected(stream) => return Ok(DaemonStream::Running(stream)),
                ConnectAttempt::Busy => serving = true,
                ConnectAttempt::NoListener => {
                    before_start();
                    if let Some(stream) = self.try_start(deadline, &mut serving, first)? {
                        return Ok(stream);
                    }
                }
            }
            if !in_time {
                return Err(if serving {
                    ConnectError::Unresponsive
                } else {
                    ConnectError::Start(io::ErrorKind::TimedOut.into())
                });
            }
            // On a busy machine a pause may end after the deadline, when the daemon runs. Try once more.
            in_time = deadline.pause(pause);
            pause = (pause * 2).min(MAX_RETRY_AFTER);
        }
    }

    /// Writes `line` to the daemon and then calls `delivered`. Calls `before_start` before it starts a daemon, if none
    /// runs. Returns the connection.
    pub fn deliver(
        &self,
        line: &[u8],
        deadline: Deadline,
        before_start: &dyn Fn(),
        delivered: &dyn Fn(),
    ) -> Result<UnixStream, ConnectError> {
        let write =
            |stream: &UnixStream| write_within(stream, line, deadline).map(|()| delivered());
        let mut in_time = true;
        loop {
            let stream = match self.reach(deadline, before_start, &write)? {
                DaemonStream::Started(stream) => return Ok(stream),
                DaemonStream::Running(stream) => stream,
            };
            match write(&stream) {
                Ok(()) => return Ok(stream),
                // The daemon ended after it accepted the connection. Try the next daemon, even once after the deadline,
                // without waiting.
                Err(error) if is_dead(&error) && in_time => in_time = deadline.pause(RETRY_AFTER),
                Err(_) => return Err(ConnectError::Unresponsive),
            }
        }
    }

    /// Counts a dropped event in a file that a daemon reads later, if a directory can be used for the file.
    pub fn count_dropped_event(&self, reason: DropReason) {
        let candidate =
            self.candidates.iter().find(|candidate| candidate.may_count_dropped_events(self.uid));
        if let Some(candidate) = candidate {
            Lock::append_drop_reason_to(&candidate.serve_lock(), reason.byte());
        }
    }

    /// Returns the process of the running daemon, even if it hangs. Returns `None` if the system does not show it.
    pub fn lock_owner(&self) -> Option<LockOwner> {
        self.usable().find_map(|candidate| LockOwner::of(&candidate.serve_lock()))
    }

    /// Returns the existing files of the daemon: its sockets, locks and logs.
    pub fn files(&self) -> Vec<PathBuf> {
        let files = self.usable().flat_map(|place| {
            [place.socket.clone(), place.log(), place.start_lock(), place.serve_lock()]
        });
        // A socket has no content, but it has metadata.
        files.filter(|file| file.symlink_metadata().is_ok()).collect()
    }

    /// Removes the files of a daemon that has exited, and the directories that it created. Returns false if a daemon
    /// runs.
    pub fn remove_files(&self) -> io::Result<bool> {
        if self.is_lock_held() {
            return Ok(false);
        }
        for file in self.files() {
            match fs::remove_file(&file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        for candidate in self.candidates.iter().filter(|candidate| candidate.is_default()) {
            // A directory with other files stays.
            let _ = fs::remove_dir(&candidate.directory);
        }
        Ok(true)
    }

    /// Waits until no daemon runs. Returns false if the deadline passes first.
    pub fn wait_until_free(&self, deadline: Deadline) -> bool {
        while self.is_lock_held() {
            if !deadline.pause(MAX_RETRY_AFTER) {
                return false;
            }
        }
        true
    }

    /// Tries to connect at every candidate.
    fn try_connect(&self) -> ConnectAttempt {
        let mut found = ConnectAttempt::NoListener;
        for candidate in &self.candidates {
            if !matches!(candidate.check_to_connect(self.uid), Ok(true)) {
                continue;
            }
            match connect(&candidate.socket, self.uid) {
                ConnectAttempt::Connected(stream) => return ConnectAttempt::Connected(stream),
                ConnectAttempt::Busy => found = ConnectAttempt::Busy,
                ConnectAttempt::NoListener => {}
            }
        }
        found
    }

    /// Returns true if a daemon runs, reachable or not.
    fn is_lock_held(&self) -> bool {
        self.usable().any(|candidate| Lock::is_held(&candidate.serve_lock()))
    }

    /// Returns the candidates at which a daemon may be, best first.
    fn usable(&self) -> impl Iterator<Item = &Candidate> {
        self.candidates.iter().filter(|candidate| matches!(candidate.check(self.uid), Ok(true)))
    }

    /// Starts a daemon, unless another process starts one, or a daemon runs that cannot be reached now because it
    /// starts, stops or moves.
    fn try_start(
        &self,
        deadline: Deadline,
        serving: &mut bool,
        first: &dyn Fn(&UnixStream) -> io::Result<()>,
    ) -> Result<Option<DaemonStream>, ConnectError> {
        let mut unusable = Vec::new();
        let mut places = Vec::new();
        for candidate in &self.candidates {
            match candidate.prepare(self.uid) {
                Ok(()) => places.push(candidate),
                Err(error) => unusable.push(error),
            }
        }
        if places.is_empty() {
            return Err(ConnectError::NoPlace(unusable));
        }
        let Some(_lock) = try_start_lock(&places)? else { return Ok(None) };
        match self.try_connect() {
            ConnectAttempt::Connected(stream) => return Ok(Some(DaemonStream::Running(stream))),
            ConnectAttempt::Busy => {
                *serving = true;
                return Ok(None);
            }
            ConnectAttempt::NoListener => {}
        }
        if self.is_lock_held() {
            *serving = true;
            return Ok(None);
        }
        // All environments of this user share the last candidate. A client with another first candidate must find the
        // daemon before it has bound all of them.
        let mut failure = io::Error::from(io::ErrorKind::NotFound);
        for place in places.iter().rev() {
            let temporary = place.temporary_socket(std::process::id());
            let listener = match bind_listener(&place.socket, &temporary) {
                Ok(listener) => listener,
                Err(error) => {
                    failure = error;
                    continue;
                }
            };
            let ConnectAttempt::Connected(stream) = connect(&place.socket, self.uid) else {
                continue;
            };
            first(&stream).map_err(ConnectError::Start)?;
            let own = || env::current_exe().unwrap_or_else(|_| PathBuf::from("crewboard"));
            let program = self.program.clone().unwrap_or_else(own);
            let daemon = spawn::daemon(&program, &place.socket, listener, &self.variables)
                .map_err(ConnectError::Start)?;
            if let Some(mut earlier) = self.started.replace(Some(daemon)) {
                // The earlier daemon has released its lock, so it is exiting.
                let _ = wait_within(&mut earlier, deadline);
            }
            return Ok(Some(DaemonStream::Started(stream)));
        }
        Err(ConnectError::Start(failure))
    }
}

/// Acquires the start lock of the last candidate that can have one. Returns `None` if another process holds it.
fn try_start_lock(places: &[&Candidate]) -> Result<Option<Lock>, ConnectError> {
    let mut failure = io::Error::from(io::ErrorKind::NotFound);
    for place in places.iter().rev() {
        match Lock::try_lock(&place.start_lock()) {
            Ok(LockAttempt::Acquired(lock)) => return Ok(Some(lock)),
            Ok(LockAttempt::Held) => return Ok(None),
            // The disk may be full or frozen. Try another candidate.
            Err(error) => failure = error,
        }
    }
    Err(ConnectError::Start(failure))
}

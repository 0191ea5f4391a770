use crate::spawn;
use crewboard_config::{Candidate, Environment, Unusable, candidates};
use crewboard_platform::{
    Connection, Deadline, Holder, Lock, LockAttempt, bind_listener, connect, is_known, may_wait,
    write_within,
};
use crewboard_protocol::Loss;
use std::cell::RefCell;
use std::ffi::OsString;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Duration;

/// Between two looks at a place where another process is starting or stopping a daemon. Nothing
/// announces the end of that, and it takes about a millisecond.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// The longest of these pauses. Fifty that look every millisecond would keep the one that starts
/// the daemon from running.
const LOOK_AGAIN_AT_MOST: Duration = Duration::from_millis(8);

/// Why the daemon could not be reached.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// It runs, but did not take the connection in time: hung, stopped or flooded.
    #[error("the daemon runs but does not answer; `crewboard daemon restart` may help")]
    Unresponsive,
    /// Nobody listens, and nobody holds the lock.
    #[error("no daemon runs")]
    NoDaemon,
    /// No candidate's directory can be used, for these reasons.
    #[error("there is no safe place for the socket: {}", reasons(.0))]
    NoPlace(Vec<Unusable>),
    /// A daemon could not be started, or did not come up in time.
    #[error("cannot start the daemon: {0}")]
    Start(io::Error),
}

impl ConnectError {
    /// Returns what it means for an event.
    pub fn loss(&self) -> Loss {
        match self {
            Self::Unresponsive => Loss::Busy,
            Self::NoPlace(_) => Loss::NoPlace,
            Self::NoDaemon | Self::Start(_) => Loss::NotStarted,
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

/// A connection to the daemon.
#[derive(Debug)]
enum Reached {
    /// It ran already.
    Running(UnixStream),
    /// It was started by us.
    Started(UnixStream),
}

/// Where the daemon and its clients meet.
#[derive(Debug)]
pub struct Rendezvous {
    uid: u32,
    candidates: Vec<Candidate>,
    /// The program to start as the daemon.
    program: PathBuf,
    /// What the daemon is to be told of its surroundings beyond what it inherits.
    told: Vec<(&'static str, OsString)>,
    /// The daemon that we started last: our child, to be buried by us.
    started: RefCell<Option<Child>>,
}

impl Rendezvous {
    /// Looks at the places of `environment`; starts `program` where no daemon runs.
    pub fn new(environment: &Environment, program: PathBuf) -> Self {
        Self::guarded(environment, program, &|| ())
    }

    /// Does the same, and calls `before_wait` before a look at a path that a file system may prolong.
    pub fn guarded(environment: &Environment, program: PathBuf, before_wait: &dyn Fn()) -> Self {
        let guard = |directory: &Path| {
            if !is_known(directory) {
                before_wait();
            }
        };
        // A directory that the user named is looked at in any case.
        if let Some(directory) = environment.socket.as_deref().and_then(Path::parent) {
            guard(directory);
        }
        let may_wait = |directory: &Path| {
            guard(directory);
            may_wait(directory)
        };
        let named = environment.socket.as_ref().map(|socket| ("CREWBOARD_SOCKET", socket.into()));
        let idle_exit = environment.idle_exit.as_ref();
        let idle_exit = idle_exit.map(|value| ("CREWBOARD_IDLE_EXIT", value.into()));
        let config = environment.config.as_ref().map(|config| ("CREWBOARD_CONFIG", config.into()));
        // The agents of this home and of no other are looked for.
        let home = environment.home.as_ref().map(|home| ("HOME", home.into()));
        let told = named.into_iter().chain(idle_exit).chain(config).chain(home).collect();
        Self {
            uid: environment.uid,
            candidates: candidates(environment, may_wait),
            program,
            told,
            started: RefCell::new(None),
        }
    }

    /// Connects to a daemon that runs already.
    pub fn connect(&self) -> Result<UnixStream, ConnectError> {
        match self.look() {
            Connection::Made(stream) => Ok(stream),
            Connection::Busy => Err(ConnectError::Unresponsive),
            Connection::Nobody if self.somebody_serves() => Err(ConnectError::Unresponsive),
            Connection::Nobody => Err(ConnectError::NoDaemon),
        }
    }

    /// Connects to the daemon, or starts one and connects to the socket it will listen on.
    ///
    /// Whoever starts it binds the socket and hands it over, so the connection stands and can be
    /// written to before the daemon runs.
    pub fn connect_or_start(&self, deadline: Deadline) -> Result<UnixStream, ConnectError> {
        match self.reach(deadline, &|| (), &|_| Ok(()))? {
            Reached::Running(stream) | Reached::Started(stream) => Ok(stream),
        }
    }

    /// Reaches the daemon, or starts one. `first` gets the connection to one that is about to be started:
    /// starting a program takes long on a busy machine, and what was written before is safe.
    fn reach(
        &self,
        deadline: Deadline,
        before_start: &dyn Fn(),
        first: &dyn Fn(&UnixStream) -> io::Result<()>,
    ) -> Result<Reached, ConnectError> {
        let mut serving = false;
        let mut pause = LOOK_AGAIN;
        let mut in_time = true;
        loop {
            match self.look() {
                Connection::Made(stream) => return Ok(Reached::Running(stream)),
                Connection::Busy => serving = true,
                Connection::Nobody => {
                    before_start();
                    if let Some(reached) = self.try_start(deadline, &mut serving, first)? {
                        return Ok(reached);
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
            // On a busy machine a pause may last past the deadline, and the daemon be there by
            // then: one more look costs nothing.
            in_time = deadline.pause(pause);
            pause = (pause * 2).min(LOOK_AGAIN_AT_MOST);
        }
    }

    /// Hands `line` to the daemon and calls `delivered` as soon as the daemon will read it. Calls `before_start`
    /// before it starts a daemon, if need be. Returns the connection.
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
                Reached::Started(stream) => return Ok(stream),
                Reached::Running(stream) => stream,
            };
            match write(&stream) {
                Ok(()) => return Ok(stream),
                // It died between taking the connection and the line; there will be another. A deadline
                // that has passed leaves one more try, which does not wait.
                Err(error) if is_dead(&error) && in_time => in_time = deadline.pause(LOOK_AGAIN),
                Err(_) => return Err(ConnectError::Unresponsive),
            }
        }
    }

    /// Notes why an event was lost where a daemon will find it, if any directory may hold the note.
    pub fn count_loss(&self, loss: Loss) {
        let place = self.candidates.iter().find(|candidate| candidate.may_hold_notes(self.uid));
        if let Some(candidate) = place {
            Lock::count_loss(&candidate.serve_lock(), loss.byte());
        }
    }

    /// The process of the daemon that lives, answering or not, where the system tells.
    pub fn holder(&self) -> Option<Holder> {
        let mut usable =
            self.candidates.iter().filter(|place| matches!(place.check(self.uid), Ok(true)));
        usable.find_map(|candidate| Holder::of(&candidate.serve_lock()))
    }

    /// Waits until no daemon lives; false if the deadline came first.
    pub fn is_free_by(&self, deadline: Deadline) -> bool {
        while self.somebody_serves() {
            if !deadline.pause(LOOK_AGAIN_AT_MOST) {
                return false;
            }
        }
        true
    }

    /// Looks for a listener at every candidate.
    fn look(&self) -> Connection {
        let mut found = Connection::Nobody;
        for candidate in &self.candidates {
            if !matches!(candidate.check(self.uid), Ok(true)) {
                continue;
            }
            match connect(&candidate.socket, self.uid) {
                Connection::Made(stream) => return Connection::Made(stream),
                Connection::Busy => found = Connection::Busy,
                Connection::Nobody => {}
            }
        }
        found
    }

    /// Whether a daemon lives, reachable or not.
    fn somebody_serves(&self) -> bool {
        self.candidates.iter().any(|candidate| {
            matches!(candidate.check(self.uid), Ok(true)) && Lock::is_held(&candidate.serve_lock())
        })
    }

    /// Starts a daemon unless another process is about to, or one lives that cannot be reached just
    /// now (it starts, stops or moves).
    fn try_start(
        &self,
        deadline: Deadline,
        serving: &mut bool,
        first: &dyn Fn(&UnixStream) -> io::Result<()>,
    ) -> Result<Option<Reached>, ConnectError> {
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
        let Some(_starting) = take_start_lock(&places)? else { return Ok(None) };
        match self.look() {
            Connection::Made(stream) => return Ok(Some(Reached::Running(stream))),
            Connection::Busy => {
                *serving = true;
                return Ok(None);
            }
            Connection::Nobody => {}
        }
        if self.somebody_serves() {
            *serving = true;
            return Ok(None);
        }
        // The last place is the one that every environment of this user has in common: a client
        // with another first place must find the daemon before it has bound all of them.
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
            let Connection::Made(stream) = connect(&place.socket, self.uid) else { continue };
            first(&stream).map_err(ConnectError::Start)?;
            let daemon = spawn::daemon(&self.program, &place.socket, listener, &self.told)
                .map_err(ConnectError::Start)?;
            if let Some(mut former) = self.started.replace(Some(daemon)) {
                // It has let go of its lock, so it is dead or dying.
                while matches!(former.try_wait(), Ok(None)) && deadline.pause(LOOK_AGAIN) {}
            }
            return Ok(Some(Reached::Started(stream)));
        }
        Err(ConnectError::Start(failure))
    }
}

/// Takes the lock of the last place that can have one; none if somebody holds it.
fn take_start_lock(places: &[&Candidate]) -> Result<Option<Lock>, ConnectError> {
    let mut failure = io::Error::from(io::ErrorKind::NotFound);
    for place in places.iter().rev() {
        match Lock::try_take(&place.start_lock()) {
            Ok(LockAttempt::Taken(lock)) => return Ok(Some(lock)),
            Ok(LockAttempt::Held) => return Ok(None),
            // A full or frozen disk there; another place may do.
            Err(error) => failure = error,
        }
    }
    Err(ConnectError::Start(failure))
}

//! The sockets of the daemon, one at every candidate where a client of this user may look.

use crewboard_config::Candidate;
use crewboard_platform::{
    ConnectAttempt, Deadline, Lock, LockAttempt, bind_listener, connect, move_descriptor_up,
    set_aside,
};
use crewboard_protocol::{DROPPED_EVENTS_SEEN, DropReason, DroppedEvents};
use rustix::io::{Errno, FdFlags};
use rustix::net::Shutdown;
use std::fs::{Metadata, Permissions};
use std::future::poll_fn;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener as StdListener, UnixStream as StdStream};
use std::path::{Path, PathBuf};
use std::task::Poll;
use std::time::Duration;
use tokio::net::{UnixListener, UnixStream};

/// Time for a connection to arrive at a listener that cannot be shut down.
const IN_FLIGHT: Duration = Duration::from_millis(20);

/// Time limit of a wait for a serve lock while the daemon serves clients.
const LOCK_WITHIN: Duration = Duration::from_millis(50);

/// Time limit of a wait for a serve lock at the start. Events wait on the listener that the client passed, and would be
/// lost with it.
const ADOPT_WITHIN: Duration = Duration::from_secs(2);

/// Attempts to listen again while another program removes the directory.
const ATTEMPTS: usize = 5;

/// The lowest descriptor of a listener, if so many are allowed. It is above the descriptors of connections and watches,
/// because the kernel closes the descriptors of a killed process from the highest down, and takes tens of milliseconds
/// for an inotify instance. A listener that is still open then accepts events that no process will read.
const LISTENERS_FROM: u64 = 16384 - 32;

/// The descriptors of the locks come next, so that a new daemon can start before the kernel has closed the others.
const LOCKS_BELOW_LISTENERS: u64 = 16;

/// A socket that the daemon listens on.
#[derive(Debug)]
struct Served {
    candidate: Candidate,
    listener: UnixListener,
    /// The daemon holds this lock while it lives. Clients see by it, and not by an accepted connection, that a daemon
    /// lives.
    lock: Lock,
    /// The device and inode of the socket.
    inode: (u64, u64),
    /// The log has a line that clients refuse this directory.
    is_refused: bool,
    /// The file system keeps modes that are set.
    keeps_modes: bool,
}

/// All sockets that the daemon listens on.
#[derive(Debug)]
pub(crate) struct Listeners {
    uid: u32,
    candidates: Vec<Candidate>,
    served: Vec<Served>,
    /// The lowest descriptor of a listener.
    lowest: u64,
}

/// The outcome of an attempt to remove the sockets.
#[derive(Debug)]
pub(crate) enum LeaveOutcome {
    /// No client connected, and the sockets are gone.
    Left,
    /// Clients connected, and the daemon still listens.
    Stayed(Vec<UnixStream>),
    /// A client is starting or stopping a daemon just now.
    Busy,
}

/// A client holds the start lock, because it is starting or stopping a daemon.
#[derive(Debug)]
struct StartLockHeld;

impl Listeners {
    /// Listens at every usable candidate. `adopted` is a listener that is bound already, and its path. `descriptors` is
    /// the number of descriptors that this process may have.
    pub(crate) fn open(
        candidates: Vec<Candidate>,
        uid: u32,
        adopted: Option<(StdListener, &Path)>,
        descriptors: u64,
    ) -> io::Result<Self> {
        let lowest = LISTENERS_FROM.min(descriptors.saturating_sub(LOCKS_BELOW_LISTENERS));
        let mut listeners = Self { uid, candidates, served: Vec::new(), lowest };
        if let Some((listener, path)) = adopted {
            listeners.adopt(listener, path)?;
        }
        listeners.serve_missing();
        if listeners.served.is_empty() {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        Ok(listeners)
    }

    /// Serves at a listener that a client has bound.
    fn adopt(&mut self, listener: StdListener, path: &Path) -> io::Result<()> {
        let candidate = self.candidates.iter().find(|candidate| candidate.socket == path);
        let candidate = candidate.ok_or(io::ErrorKind::NotFound)?.clone();
        let LockAttempt::Acquired(lock) = take_lock(&candidate, ADOPT_WITHIN)? else {
            return Err(io::ErrorKind::AddrInUse.into());
        };
        self.add(candidate, listener, lock)
    }

    /// Binds sockets at the candidates that are usable and have none yet.
    fn serve_missing(&mut self) {
        for candidate in self.candidates.clone() {
            if self.served.iter().all(|served| served.candidate != candidate) {
                // A candidate that cannot be used does not affect the others.
                let _ = self.bind(candidate);
            }
        }
        let rank = |served: &Served| {
            self.candidates.iter().position(|candidate| *candidate == served.candidate)
        };
        self.served.sort_by_key(rank);
    }

    /// Binds a socket at a candidate.
    fn bind(&mut self, candidate: Candidate) -> io::Result<()> {
        candidate.prepare(self.uid).map_err(io::Error::other)?;
        let LockAttempt::Acquired(lock) = take_lock(&candidate, LOCK_WITHIN)? else {
            return Err(io::ErrorKind::AddrInUse.into());
        };
        self.listen(candidate, lock)
    }

    /// Binds a socket at a candidate whose lock the daemon holds.
    fn listen(&mut self, candidate: Candidate, lock: Lock) -> io::Result<()> {
        let temporary = candidate.temporary_socket(std::process::id());
        let listener = bind_listener(&candidate.socket, &temporary)?;
        self.add(candidate, listener, lock)
    }

    /// Serves at a bound socket.
    fn add(
        &mut self,
        candidate: Candidate,
        listener: StdListener,
        mut lock: Lock,
    ) -> io::Result<()> {
        let listener = StdListener::from(move_descriptor_up(listener.into(), self.lowest));
        lock.move_up(self.lowest.saturating_sub(LOCKS_BELOW_LISTENERS));
        listener.set_nonblocking(true)?;
        let listener = UnixListener::from_std(listener)?;
        // If another program has removed or replaced the socket since it was bound, the next check finds that it is lost
        // and keeps the connections that wait on it.
        let leads_here =
            !matches!(connect(&candidate.socket, self.uid), ConnectAttempt::NoListener);
        let inode = inode_of(&candidate.socket).filter(|_| leads_here).unwrap_or_default();
        let (is_refused, keeps_modes) = (false, true);
        self.served.push(Served { candidate, listener, lock, inode, is_refused, keeps_modes });
        Ok(())
    }

    /// Returns the paths of the sockets, in the order in which clients look.
    pub(crate) fn sockets(&self) -> Vec<PathBuf> {
        self.served.iter().map(|served| served.candidate.socket.clone()).collect()
    }

    /// Returns the directories of the sockets.
    pub(crate) fn directories(&self) -> Vec<PathBuf> {
        self.served.iter().map(|served| served.candidate.directory.clone()).collect()
    }

    /// Returns the path of the log.
    pub(crate) fn log(&self) -> Option<PathBuf> {
        self.served.first().map(|served| served.candidate.log())
    }

    /// Returns the lock files, which count dropped events.
    pub(crate) fn locks(&self) -> Vec<PathBuf> {
        self.served.iter().map(|served| served.candidate.serve_lock()).collect()
    }

    /// Returns the number of dropped events, and of those that no client has shown yet.
    pub(crate) fn dropped_events(&self) -> (DroppedEvents, DroppedEvents) {
        let files: Vec<Vec<u8>> =
            self.served.iter().map(|served| served.lock.drop_reasons()).collect();
        let unseen: Vec<u8> =
            files.iter().flat_map(|file| DroppedEvents::unseen(file)).copied().collect();
        (DroppedEvents::count(&files.concat()), DroppedEvents::count(&unseen))
    }

    /// Counts a dropped event.
    pub(crate) fn count_dropped_event(&self, reason: DropReason) {
        if let Some(served) = self.served.first() {
            served.lock.append_drop_reason(reason.byte());
        }
    }

    /// Notes that a client has shown the dropped events so far.
    pub(crate) fn mark_dropped_events_seen(&self) {
        for served in &self.served {
            let dropped_events = served.lock.drop_reasons();
            if !DroppedEvents::unseen(&dropped_events).is_empty() {
                served.lock.mark_dropped_events(DROPPED_EVENTS_SEEN);
            }
        }
    }

    /// Accepts the next connection.
    pub(crate) async fn accept(&self) -> io::Result<UnixStream> {
        poll_fn(|context| {
            for served in &self.served {
                if let Poll::Ready(accepted) = served.listener.poll_accept(context) {
                    return Poll::Ready(accepted.map(|(stream, _)| stream));
                }
            }
            Poll::Pending
        })
        .await
    }

    /// Restores the modes of directories, sockets and locks that another program has changed. Clients refuse a directory
    /// that is open to others. Returns lines for the log.
    pub(crate) fn restore_modes(&mut self) -> Vec<String> {
        let uid = self.uid;
        self.served.iter_mut().flat_map(|served| served.restore_modes(uid)).collect()
    }

    /// Checks that each socket and its lock still exist and are the daemon's. Listens again in place of those that are
    /// not. If any was lost, returns the connections that waited on it.
    pub(crate) async fn rebind_lost(&mut self) -> Option<Vec<UnixStream>> {
        let (kept, lost): (Vec<_>, Vec<_>) = self.served.drain(..).partition(Served::is_intact);
        self.served = kept;
        if lost.is_empty() {
            return None;
        }
        let mut waiting = Vec::new();
        for served in lost {
            served.move_obstacle();
            served.remove();
            waiting.extend(served.close().await);
        }
        for _ in 0..ATTEMPTS {
            self.serve_missing();
            if !self.served.is_empty() {
                break;
            }
        }
        Some(waiting)
    }

    /// Removes the sockets, so that a client that looks for them starts a new daemon. Listens again if a client connected
    /// at the last moment.
    pub(crate) async fn leave(&mut self) -> LeaveOutcome {
        let Ok(_starting) = self.take_start_lock() else { return LeaveOutcome::Busy };
        let mut connected = Vec::new();
        for served in &self.served {
            served.remove();
            connected.extend(served.close().await);
        }
        let served: Vec<Served> = self.served.drain(..).collect();
        if connected.is_empty() {
            return LeaveOutcome::Left;
        }
        for Served { candidate, lock, .. } in served {
            // A socket that cannot be bound again does not affect the others.
            let _ = self.listen(candidate, lock);
        }
        LeaveOutcome::Stayed(connected)
    }

    /// Takes the lock that clients take before they start a daemon, which is in the last usable candidate. Returns `None`
    /// if no candidate is usable, and an error if a client holds the lock.
    fn take_start_lock(&self) -> Result<Option<Lock>, StartLockHeld> {
        for candidate in self.candidates.iter().rev() {
            if !matches!(candidate.check(self.uid), Ok(true)) {
                continue;
            }
            match Lock::try_lock(&candidate.start_lock()) {
                Ok(LockAttempt::Acquired(lock)) => return Ok(Some(lock)),
                Ok(LockAttempt::Held) => return Err(StartLockHeld),
                Err(_) => {}
            }
        }
        // No client could start a daemon here.
        Ok(None)
    }

    /// Removes the sockets at once.
    pub(crate) fn close(&mut self) {
        for served in self.served.drain(..) {
            served.remove();
        }
    }
}

impl Served {
    /// Restores the modes of this directory, socket and lock. Returns lines for the log.
    fn restore_modes(&mut self, uid: u32) -> Vec<String> {
        let mut lines = Vec::new();
        let directory = self.candidate.directory.display();
        match self.candidate.repair(uid) {
            Ok(None) => self.is_refused = false,
            Ok(Some(mode)) => {
                lines.push(format!("{directory} had mode {mode:o}; it is 0700 again"));
            }
            // The log gets one line, not one for each change in the directory.
            Err(_) if self.is_refused => {}
            Err(error) => {
                self.is_refused = true;
                lines.push(format!("clients refuse the socket: {error}"));
            }
        }
        let is_wrong =
            |path: &Path| path.symlink_metadata().is_ok_and(|found| found.mode() & 0o777 != 0o600);
        let mut restore = |path: &Path| {
            if self.keeps_modes && is_wrong(path) {
                let _ = std::fs::set_permissions(path, Permissions::from_mode(0o600));
                // Each attempt changes the directory, which causes the next check. An attempt without an effect is the last.
                self.keeps_modes = !is_wrong(path);
                lines.push(format!("{} had another mode than 0600", path.display()));
            }
        };
        if inode_of(&self.candidate.socket) == Some(self.inode) {
            restore(&self.candidate.socket);
        }
        let lock = self.candidate.serve_lock();
        if self.lock.is_of(&lock) {
            restore(&lock);
        }
        lines
    }

    /// Returns true if the socket and its lock still exist and are the daemon's.
    fn is_intact(&self) -> bool {
        inode_of(&self.candidate.socket) == Some(self.inode)
            && self.lock.is_of(&self.candidate.serve_lock())
    }

    /// Moves away the file or directory that another program has put in the place of the socket.
    fn move_obstacle(&self) {
        let socket = &self.candidate.socket;
        let is_other = |found: Metadata| !found.file_type().is_socket();
        if socket.symlink_metadata().is_ok_and(is_other) {
            // If that fails, the daemon listens only at the other candidates.
            let _ = set_aside(socket);
        }
    }

    /// Removes the socket, so that no further client connects.
    fn remove(&self) {
        if inode_of(&self.candidate.socket) == Some(self.inode) {
            let _ = std::fs::remove_file(&self.candidate.socket);
        }
    }

    /// Shuts the listener down and returns all connections that wait on it. A client's `connect` fails from then on, so
    /// none is lost.
    async fn close(&self) -> Vec<UnixStream> {
        if rustix::net::shutdown(&self.listener, Shutdown::Read).is_err() {
            tokio::time::sleep(IN_FLIGHT).await;
        }
        let mut waiting = Vec::new();
        loop {
            // tokio may not know of the last connections yet, so its accept is not used.
            match rustix::net::accept(&self.listener) {
                Ok(descriptor) => waiting.extend(stream_of(descriptor)),
                Err(Errno::INTR | Errno::CONNABORTED) => {}
                Err(_) => return waiting,
            }
        }
    }
}

fn stream_of(descriptor: OwnedFd) -> io::Result<UnixStream> {
    rustix::io::fcntl_setfd(&descriptor, FdFlags::CLOEXEC)?;
    let stream = StdStream::from(descriptor);
    stream.set_nonblocking(true)?;
    UnixStream::from_std(stream)
}

/// Takes the serve lock. A client that checks whether the daemon lives may hold the lock for a moment, which is long on a
/// busy machine.
fn take_lock(candidate: &Candidate, timeout: Duration) -> io::Result<LockAttempt> {
    let deadline = Deadline::after(timeout);
    loop {
        if let LockAttempt::Acquired(lock) = Lock::try_lock(&candidate.serve_lock())? {
            return Ok(LockAttempt::Acquired(lock));
        }
        if !deadline.pause(Duration::from_millis(1)) {
            break;
        }
    }
    Ok(LockAttempt::Held)
}

/// Returns the device and inode of a file, without following a link.
fn inode_of(path: &Path) -> Option<(u64, u64)> {
    let metadata = path.symlink_metadata().ok()?;
    Some((metadata.dev(), metadata.ino()))
}

//! The sockets: one at every place where a client of this user may look.

use crewboard_config::Candidate;
use crewboard_platform::{
    ConnectAttempt, Deadline, Lock, LockAttempt, bind_listener, connect, move_descriptor_up,
    set_aside,
};
use crewboard_protocol::{LOSSES_SEEN, Loss, Losses};
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

/// How long a connection may be on its way into a listener that cannot be told to take no more.
const IN_FLIGHT: Duration = Duration::from_millis(20);

/// How long to wait for a serve lock while serving others.
const PATIENCE: Duration = Duration::from_millis(50);

/// How long to wait for it at the start: events wait on the listener that was handed to us, and
/// would be lost with it.
const PATIENCE_TO_ADOPT: Duration = Duration::from_secs(2);

/// How often to try to listen again where a directory is being taken away under our hands.
const ATTEMPTS: usize = 5;

/// Where the numbers of the listeners' descriptors begin, if so many are allowed. They are above all
/// others (connections, watches of processes and of files): the kernel closes the descriptors of a
/// killed process from the highest down, and it takes tens of milliseconds over a watch of files. A
/// listener that is still open then accepts events that no process will read.
const LISTENERS_FROM: u64 = 16384 - 32;

/// The locks come next, so that a new daemon can start while the old one is still being taken down.
const LOCKS_BELOW_LISTENERS: u64 = 16;

/// A socket we listen on.
#[derive(Debug)]
struct Served {
    candidate: Candidate,
    listener: UnixListener,
    /// Held for life: it, and not an answered connection, says that a daemon is alive.
    lock: Lock,
    /// Which file is ours.
    inode: (u64, u64),
    /// The log has a line that clients refuse this place.
    is_refused: bool,
    /// The file system keeps the modes that it is given.
    keeps_modes: bool,
}

/// All sockets we listen on.
#[derive(Debug)]
pub(crate) struct Listeners {
    uid: u32,
    candidates: Vec<Candidate>,
    served: Vec<Served>,
    /// Where the numbers of the listeners' descriptors begin.
    from: u64,
}

/// What became of an attempt to leave.
#[derive(Debug)]
pub(crate) enum Leaving {
    /// Nobody came: the sockets are gone.
    Left,
    /// Somebody came: we stay.
    Stayed(Vec<UnixStream>),
    /// Somebody is starting or stopping a daemon just now.
    Busy,
}

/// Somebody is starting or stopping a daemon.
#[derive(Debug)]
struct Starting;

impl Listeners {
    /// Serves at every usable candidate. `adopted` is a listener bound already, and where;
    /// `descriptors` is how many this process may have.
    pub(crate) fn open(
        candidates: Vec<Candidate>,
        uid: u32,
        adopted: Option<(StdListener, &Path)>,
        descriptors: u64,
    ) -> io::Result<Self> {
        let from = LISTENERS_FROM.min(descriptors.saturating_sub(LOCKS_BELOW_LISTENERS));
        let mut listeners = Self { uid, candidates, served: Vec::new(), from };
        if let Some((listener, path)) = adopted {
            listeners.adopt(listener, path)?;
        }
        listeners.serve_missing();
        if listeners.served.is_empty() {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        Ok(listeners)
    }

    fn adopt(&mut self, listener: StdListener, path: &Path) -> io::Result<()> {
        let candidate = self.candidates.iter().find(|candidate| candidate.socket == path);
        let candidate = candidate.ok_or(io::ErrorKind::NotFound)?.clone();
        let LockAttempt::Acquired(lock) = take_lock(&candidate, PATIENCE_TO_ADOPT)? else {
            return Err(io::ErrorKind::AddrInUse.into());
        };
        self.add(candidate, listener, lock)
    }

    /// Binds at the candidates that are usable and not served yet.
    fn serve_missing(&mut self) {
        for candidate in self.candidates.clone() {
            if self.served.iter().all(|served| served.candidate != candidate) {
                // One place less is no reason to be nowhere.
                let _ = self.bind(candidate);
            }
        }
        let rank = |served: &Served| {
            self.candidates.iter().position(|candidate| *candidate == served.candidate)
        };
        self.served.sort_by_key(rank);
    }

    fn bind(&mut self, candidate: Candidate) -> io::Result<()> {
        candidate.prepare(self.uid).map_err(io::Error::other)?;
        let LockAttempt::Acquired(lock) = take_lock(&candidate, PATIENCE)? else {
            return Err(io::ErrorKind::AddrInUse.into());
        };
        self.listen(candidate, lock)
    }

    fn listen(&mut self, candidate: Candidate, lock: Lock) -> io::Result<()> {
        let temporary = candidate.temporary_socket(std::process::id());
        let listener = bind_listener(&candidate.socket, &temporary)?;
        self.add(candidate, listener, lock)
    }

    fn add(
        &mut self,
        candidate: Candidate,
        listener: StdListener,
        mut lock: Lock,
    ) -> io::Result<()> {
        let listener = StdListener::from(move_descriptor_up(listener.into(), self.from));
        lock.move_up(self.from.saturating_sub(LOCKS_BELOW_LISTENERS));
        listener.set_nonblocking(true)?;
        let listener = UnixListener::from_std(listener)?;
        // If the socket was taken away or replaced since it was bound, the next look finds it lost and
        // keeps what waits on it.
        let leads_here =
            !matches!(connect(&candidate.socket, self.uid), ConnectAttempt::NoListener);
        let inode = inode_of(&candidate.socket).filter(|_| leads_here).unwrap_or_default();
        let (is_refused, keeps_modes) = (false, true);
        self.served.push(Served { candidate, listener, lock, inode, is_refused, keeps_modes });
        Ok(())
    }

    /// Where we listen, the first being home.
    pub(crate) fn sockets(&self) -> Vec<PathBuf> {
        self.served.iter().map(|served| served.candidate.socket.clone()).collect()
    }

    pub(crate) fn directories(&self) -> Vec<PathBuf> {
        self.served.iter().map(|served| served.candidate.directory.clone()).collect()
    }

    pub(crate) fn log(&self) -> Option<PathBuf> {
        self.served.first().map(|served| served.candidate.log())
    }

    /// Returns the files that count lost events.
    pub(crate) fn locks(&self) -> Vec<PathBuf> {
        self.served.iter().map(|served| served.candidate.serve_lock()).collect()
    }

    /// Returns how many events were lost, and how many of them no client has shown yet.
    pub(crate) fn losses(&self) -> (Losses, Losses) {
        let files: Vec<Vec<u8>> = self.served.iter().map(|served| served.lock.losses()).collect();
        let unseen: Vec<u8> = files.iter().flat_map(|file| Losses::unseen(file)).copied().collect();
        (Losses::count(&files.concat()), Losses::count(&unseen))
    }

    /// Notes a lost event.
    pub(crate) fn note_loss(&self, loss: Loss) {
        if let Some(served) = self.served.first() {
            served.lock.note_loss(loss.byte());
        }
    }

    /// Notes that a client has shown the losses so far.
    pub(crate) fn mark_losses_seen(&self) {
        for served in &self.served {
            let losses = served.lock.losses();
            if !Losses::unseen(&losses).is_empty() {
                served.lock.mark_losses(LOSSES_SEEN);
            }
        }
    }

    /// The next connection.
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

    /// Gives directories, sockets and locks their modes back, where they are another program's work:
    /// clients refuse a directory that is open to others. Returns lines for the log.
    pub(crate) fn mend_modes(&mut self) -> Vec<String> {
        let uid = self.uid;
        self.served.iter_mut().flat_map(|served| served.mend_modes(uid)).collect()
    }

    /// Looks whether each socket and its lock are still there and ours; listens anew where they
    /// are not. The connections that waited on a lost one are returned, if any was lost.
    pub(crate) async fn verify(&mut self) -> Option<Vec<UnixStream>> {
        let (kept, lost): (Vec<_>, Vec<_>) = self.served.drain(..).partition(Served::is_whole);
        self.served = kept;
        if lost.is_empty() {
            return None;
        }
        let mut waiting = Vec::new();
        for served in lost {
            served.make_room();
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

    /// Takes the sockets away, so that a client that comes now starts a new daemon; stays if one
    /// came in the last moment.
    pub(crate) async fn leave(&mut self) -> Leaving {
        let Ok(_starting) = self.take_start_lock() else { return Leaving::Busy };
        let mut came = Vec::new();
        for served in &self.served {
            served.remove();
            came.extend(served.close().await);
        }
        let served: Vec<Served> = self.served.drain(..).collect();
        if came.is_empty() {
            return Leaving::Left;
        }
        for Served { candidate, lock, .. } in served {
            // A place that is lost in this moment is lost; the others remain.
            let _ = self.listen(candidate, lock);
        }
        Leaving::Stayed(came)
    }

    /// Takes the lock that clients take before they start a daemon: that of the last place which
    /// has one, if any has. An error if somebody holds it.
    fn take_start_lock(&self) -> Result<Option<Lock>, Starting> {
        for candidate in self.candidates.iter().rev() {
            if !matches!(candidate.check(self.uid), Ok(true)) {
                continue;
            }
            match Lock::try_lock(&candidate.start_lock()) {
                Ok(LockAttempt::Acquired(lock)) => return Ok(Some(lock)),
                Ok(LockAttempt::Held) => return Err(Starting),
                Err(_) => {}
            }
        }
        // There is no place left where a client could start one.
        Ok(None)
    }

    /// Takes the sockets away at once.
    pub(crate) fn close(&mut self) {
        for served in self.served.drain(..) {
            served.remove();
        }
    }
}

impl Served {
    fn mend_modes(&mut self, uid: u32) -> Vec<String> {
        let mut lines = Vec::new();
        let directory = self.candidate.directory.display();
        match self.candidate.repair(uid) {
            Ok(None) => self.is_refused = false,
            Ok(Some(mode)) => {
                lines.push(format!("{directory} had mode {mode:o}; it is 0700 again"));
            }
            // A new log line for each change of some file there would be too many.
            Err(_) if self.is_refused => {}
            Err(error) => {
                self.is_refused = true;
                lines.push(format!("clients refuse the socket: {error}"));
            }
        }
        let is_wrong =
            |path: &Path| path.symlink_metadata().is_ok_and(|found| found.mode() & 0o777 != 0o600);
        let mut mend = |path: &Path| {
            if self.keeps_modes && is_wrong(path) {
                let _ = std::fs::set_permissions(path, Permissions::from_mode(0o600));
                // Each attempt is news of the directory: one that changes nothing is the last.
                self.keeps_modes = !is_wrong(path);
                lines.push(format!("{} had another mode than 0600", path.display()));
            }
        };
        if inode_of(&self.candidate.socket) == Some(self.inode) {
            mend(&self.candidate.socket);
        }
        let lock = self.candidate.serve_lock();
        if self.lock.is_of(&lock) {
            mend(&lock);
        }
        lines
    }

    fn is_whole(&self) -> bool {
        inode_of(&self.candidate.socket) == Some(self.inode)
            && self.lock.is_of(&self.candidate.serve_lock())
    }

    /// Moves away what another program put in the socket's place: the socket was here first.
    fn make_room(&self) {
        let socket = &self.candidate.socket;
        let is_other = |found: Metadata| !found.file_type().is_socket();
        if socket.symlink_metadata().is_ok_and(is_other) {
            // Where it stays, the place is lost and the daemon listens at another.
            let _ = set_aside(socket);
        }
    }

    /// Takes the socket's name away, so that nobody new finds it.
    fn remove(&self) {
        if inode_of(&self.candidate.socket) == Some(self.inode) {
            let _ = std::fs::remove_file(&self.candidate.socket);
        }
    }

    /// Takes no connection any more, and returns those that had been made by then: every one, for
    /// a client's `connect` fails from this moment on.
    async fn close(&self) -> Vec<UnixStream> {
        if rustix::net::shutdown(&self.listener, Shutdown::Read).is_err() {
            tokio::time::sleep(IN_FLIGHT).await;
        }
        let mut waiting = Vec::new();
        loop {
            // Not tokio's accept: it may not have heard yet of the last ones.
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

/// Takes the serve lock, which a client that looks whether we live may hold for an instant: as long
/// as the machine takes to let it run.
fn take_lock(candidate: &Candidate, patience: Duration) -> io::Result<LockAttempt> {
    let deadline = Deadline::after(patience);
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

fn inode_of(path: &Path) -> Option<(u64, u64)> {
    let metadata = path.symlink_metadata().ok()?;
    Some((metadata.dev(), metadata.ino()))
}

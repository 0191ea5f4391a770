use crate::Environment;
use crate::parents::Parents;
use std::fs::{DirBuilder, Metadata, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Bytes of the longest path a Unix socket can have (`sun_path` less its final zero).
const MAX_SOCKET_PATH: usize = 107;

/// Bytes of the name a socket is bound under before it is renamed into place.
const MAX_TEMPORARY_NAME: usize = 16;

/// The mode of a directory of Crewboard's own.
const PRIVATE: u32 = 0o700;

/// A place where the socket may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The directory of the socket, its locks and the log.
    pub directory: PathBuf,
    /// The socket itself.
    pub socket: PathBuf,
    /// What the directories above must be like. A directory that the user named may be readable by others.
    parents: Parents,
}

/// Why a candidate is not used.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    #[error("{0} is a symbolic link")]
    Symlink(PathBuf),
    #[error("{0} is no directory")]
    NotADirectory(PathBuf),
    #[error("{0} belongs to user {1}")]
    Foreign(PathBuf, u32),
    #[error("{0} is open to others (mode {1:o}); it must be 0700")]
    Open(PathBuf, u32),
    #[error("other users may write to {0} (mode {1:o}), which is above the socket's directory")]
    OpenParent(PathBuf, u32),
    #[error("{0} is no absolute path of a file")]
    Relative(PathBuf),
    #[error("{0} is too long for a socket (its directory may have 90 bytes, it itself 107)")]
    TooLong(PathBuf),
    #[error("{0} is there and is no socket")]
    NotASocket(PathBuf),
    #[error("{0}: {1}")]
    Io(PathBuf, io::Error),
}

/// The places to look for the daemon, best first. One too long for a socket is left out.
///
/// A `CREWBOARD_SOCKET` stands alone: a container or a private world must not meet the user's own. Other
/// places are left out where `may_block` says that a look at them may take for ever, as at a file system
/// of another machine, which no runtime directory may be on.
pub fn candidates(environment: &Environment, may_block: impl Fn(&Path) -> bool) -> Vec<Candidate> {
    if let Some(Ok(named)) = environment.socket.as_deref().map(Candidate::named) {
        return vec![named];
    }
    let uid = environment.uid.to_string();
    let of_login = environment.run_user.join(&uid);
    let runtime = environment.runtime_dir.as_ref().filter(|path| path.is_absolute());
    let mut found: Vec<Candidate> = Vec::new();
    for (directory, parents) in runtime
        .into_iter()
        .chain([&of_login])
        .map(|path| (path.join("crewboard"), Parents::Own))
        .chain([(environment.temporary_dir.join(format!("crewboard-{uid}")), Parents::Safe)])
    {
        let socket = directory.join("crewboard.sock");
        let is_new = found.iter().all(|other| other.directory != directory);
        if fits(&directory, &socket) && is_new && !may_block(&directory) {
            found.push(Candidate { directory, socket, parents });
        }
    }
    found
}

/// Tells what is wrong with a `CREWBOARD_SOCKET` that would be passed over, or cannot be used.
///
/// A hook passes it over: better an event at the usual place than none. A person is to know.
pub fn check_named(environment: &Environment) -> Result<(), Unusable> {
    match &environment.socket {
        Some(socket) => Candidate::named(socket)?.check(environment.uid).map(drop),
        None => Ok(()),
    }
}

fn fits(directory: &Path, socket: &Path) -> bool {
    socket.as_os_str().as_bytes().len() <= MAX_SOCKET_PATH
        && directory.as_os_str().as_bytes().len() + 1 + MAX_TEMPORARY_NAME <= MAX_SOCKET_PATH
}

impl Candidate {
    fn named(socket: &Path) -> Result<Self, Unusable> {
        match socket.parent() {
            Some(directory) if socket.is_absolute() => {
                if !fits(directory, socket) {
                    return Err(Unusable::TooLong(socket.to_owned()));
                }
                let (directory, socket) = (directory.to_owned(), socket.to_owned());
                Ok(Self { directory, socket, parents: Parents::Named })
            }
            _ => Err(Unusable::Relative(socket.to_owned())),
        }
    }

    /// The file whose lock says that a daemon serves this socket. Its bytes count lost events.
    pub fn serve_lock(&self) -> PathBuf {
        self.beside("lock")
    }

    /// The file whose lock is held by whoever starts or stops a daemon.
    pub fn start_lock(&self) -> PathBuf {
        self.beside("start")
    }

    /// The daemon's log.
    pub fn log(&self) -> PathBuf {
        self.beside("log")
    }

    /// Where process `pid` binds the socket before it renames it into place.
    pub fn temporary_socket(&self, pid: u32) -> PathBuf {
        self.directory.join(format!(".new-{pid}"))
    }

    fn beside(&self, ending: &str) -> PathBuf {
        let mut path = self.socket.clone().into_os_string();
        path.push(".");
        path.push(ending);
        PathBuf::from(path)
    }

    /// Checks that the directory is the user's, private and no link, and that no other user can exchange
    /// it. False if it does not exist.
    pub fn check(&self, uid: u32) -> Result<bool, Unusable> {
        if let Some(parent) = self.directory.parent()
            && !self.parents.check(parent, uid)?
        {
            return Ok(false);
        }
        match self.directory.symlink_metadata() {
            Ok(metadata) => self.check_metadata(&metadata, uid).map(|()| true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(Unusable::Io(self.directory.clone(), error)),
        }
    }

    /// Whether a note of a lost event may be written beside the socket, also where the socket itself may not
    /// be used: the directory is the user's and no other user may write to it.
    pub fn may_hold_notes(&self, uid: u32) -> bool {
        match self.check(uid) {
            Ok(exists) => exists,
            Err(Unusable::Open(_, mode)) => mode & 0o022 == 0,
            Err(Unusable::NotASocket(_)) => true,
            Err(_) => false,
        }
    }

    /// Gives a directory of Crewboard's own that another program opened to others its mode back, and
    /// returns the mode it had. A directory that the user named is left as it is.
    pub fn mend(&self, uid: u32) -> Result<Option<u32>, Unusable> {
        let is_own = self.parents != Parents::Named;
        let mode = match self.check(uid) {
            Err(Unusable::Open(_, mode)) if is_own => mode,
            Err(error) => return Err(error),
            Ok(_) => match self.directory.symlink_metadata() {
                Ok(found) if is_own && found.mode() & 0o777 != PRIVATE => found.mode() & 0o777,
                _ => return Ok(None),
            },
        };
        // No other user can exchange it for a link: the check is of the directories above it too.
        std::fs::set_permissions(&self.directory, Permissions::from_mode(PRIVATE))
            .map_err(|error| Unusable::Io(self.directory.clone(), error))?;
        self.check(uid).map(|_| Some(mode))
    }

    /// Makes the directory if it is not there (its parent must be) and checks it.
    pub fn prepare(&self, uid: u32) -> Result<(), Unusable> {
        if self.check(uid)? {
            return Ok(());
        }
        match DirBuilder::new().mode(PRIVATE).create(&self.directory) {
            Ok(()) => {}
            // Another of ours was faster.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(Unusable::Io(self.directory.clone(), error)),
        }
        if self.check(uid)? {
            Ok(())
        } else {
            Err(Unusable::Io(self.directory.clone(), io::ErrorKind::NotFound.into()))
        }
    }

    /// Whether something that is no socket is where the socket is to be.
    fn is_taken(&self) -> bool {
        self.socket.metadata().is_ok_and(|file| !file.file_type().is_socket())
    }

    fn check_metadata(&self, metadata: &Metadata, uid: u32) -> Result<(), Unusable> {
        let path = || self.directory.clone();
        let mode = metadata.mode() & 0o777;
        let is_named = self.parents == Parents::Named;
        let forbidden = if is_named { 0o022 } else { 0o077 };
        if metadata.is_symlink() {
            Err(Unusable::Symlink(path()))
        } else if !metadata.is_dir() {
            Err(Unusable::NotADirectory(path()))
        } else if metadata.uid() != uid {
            Err(Unusable::Foreign(path(), metadata.uid()))
        } else if mode & forbidden != 0 {
            Err(Unusable::Open(path(), mode))
        } else if is_named && self.is_taken() {
            // A listener is renamed into place: it would replace a file of the user's.
            Err(Unusable::NotASocket(self.socket.clone()))
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn environment() -> Environment {
        Environment {
            uid: 1000,
            run_user: "/run/user".into(),
            temporary_dir: "/tmp".into(),
            ..Environment::default()
        }
    }

    fn sockets(environment: &Environment) -> Vec<String> {
        let of = |candidate: Candidate| candidate.socket.to_string_lossy().into_owned();
        candidates(environment, |_| false).into_iter().map(of).collect()
    }

    #[test]
    fn the_order_of_places() {
        let login = "/run/user/1000/crewboard/crewboard.sock";
        let shared = "/tmp/crewboard-1000/crewboard.sock";
        assert_eq!(sockets(&environment()), [login, shared]);
        let same = Environment { runtime_dir: Some("/run/user/1000".into()), ..environment() };
        assert_eq!(sockets(&same), [login, shared]);
        let other = Environment { runtime_dir: Some("/home/dev/run".into()), ..environment() };
        assert_eq!(sockets(&other), ["/home/dev/run/crewboard/crewboard.sock", login, shared]);
        let relative = Environment { runtime_dir: Some("run".into()), ..environment() };
        assert_eq!(sockets(&relative), [login, shared]);
        let long = Environment {
            runtime_dir: Some(format!("/home/{}", "x".repeat(80)).into()),
            ..environment()
        };
        assert_eq!(sockets(&long), [login, shared]);
    }

    #[test]
    fn a_place_that_may_keep_a_client_waiting_is_left_out() {
        let is_hung = |path: &Path| path.starts_with("/run/user");
        let found = candidates(&environment(), is_hung);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].directory, Path::new("/tmp/crewboard-1000"));
        let named = Environment { socket: Some("/run/user/s".into()), ..environment() };
        assert_eq!(candidates(&named, is_hung).len(), 1);
    }

    #[test]
    fn a_named_socket_stands_alone_unless_it_cannot_be_one() {
        let named = Environment { socket: Some("/srv/c.sock".into()), ..environment() };
        assert_eq!(sockets(&named), ["/srv/c.sock"]);
        for unfit in ["c.sock".to_owned(), format!("/{}/c", "x".repeat(120))] {
            let named = Environment { socket: Some(unfit.into()), ..environment() };
            assert_eq!(sockets(&named).len(), 2);
        }
    }

    #[test]
    fn what_is_wrong_with_a_named_socket_is_told() {
        let world = tempfile::tempdir().unwrap();
        let at = |path: &str| world.path().join(path);
        let uid = rustix::process::geteuid().as_raw();
        let told = |socket: PathBuf| {
            let named = Environment { uid, socket: Some(socket), ..environment() };
            check_named(&named).map_err(|error| error.to_string()).err().unwrap_or_default()
        };
        for fine in ["s", "not/there/yet"] {
            assert_eq!(told(at(fine)), "");
        }
        fs::write(at("notes"), "mine").unwrap();
        fs::create_dir(at("open")).unwrap();
        fs::set_permissions(at("open"), Permissions::from_mode(0o777)).unwrap();
        for (socket, what) in [
            ("run/s".into(), "no absolute path"),
            ("/".into(), "no absolute path"),
            (at(&"x".repeat(108)), "too long"),
            (at("notes"), "no socket"),
            (at("open"), "no socket"),
            (at("notes/s"), "no directory"),
            (at("open/s"), "open to others"),
        ] {
            let said = told(socket);
            assert!(said.contains(what), "{what}: {said}");
        }
        let strange = Environment { uid: uid + 1, socket: Some(at("s")), ..environment() };
        assert!(matches!(check_named(&strange), Err(Unusable::Foreign(..))));
    }

    #[test]
    fn only_a_private_directory_of_ours_is_used() {
        let world = tempfile::tempdir().unwrap();
        let uid = rustix::process::geteuid().as_raw();
        let candidate = |name: &str, named_by_user| Candidate {
            directory: world.path().join(name),
            socket: world.path().join(name).join("s"),
            parents: if named_by_user { Parents::Named } else { Parents::Safe },
        };
        let fresh = candidate("fresh", false);
        assert!(matches!(fresh.check(uid), Ok(false)));
        fresh.prepare(uid).unwrap();
        assert_eq!(fs::metadata(&fresh.directory).unwrap().mode() & 0o777, 0o700);
        assert!(matches!(fresh.check(uid), Ok(true)));
        assert!(matches!(fresh.check(uid + 1), Err(Unusable::Foreign(..))));

        symlink(&fresh.directory, world.path().join("link")).unwrap();
        assert!(matches!(candidate("link", false).prepare(uid), Err(Unusable::Symlink(_))));

        fs::create_dir(world.path().join("open")).unwrap();
        fs::set_permissions(world.path().join("open"), Permissions::from_mode(0o755)).unwrap();
        assert!(matches!(candidate("open", false).prepare(uid), Err(Unusable::Open(_, 0o755))));
        assert!(candidate("open", true).prepare(uid).is_ok());
        fs::set_permissions(world.path().join("open"), Permissions::from_mode(0o777)).unwrap();
        assert!(matches!(candidate("open", true).prepare(uid), Err(Unusable::Open(..))));

        fs::write(world.path().join("file"), "").unwrap();
        assert!(matches!(candidate("file", false).prepare(uid), Err(Unusable::NotADirectory(_))));
        assert!(matches!(candidate("no/parent", false).prepare(uid), Err(Unusable::Io(..))));
    }
}

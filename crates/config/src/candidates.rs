use crate::Environment;
use crate::parents::Parents;
use crate::unusable::Unusable;
use std::fs::{DirBuilder, Metadata, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Maximum bytes of the path of a Unix socket (`sun_path` without its final zero).
const MAX_SOCKET_PATH: usize = 107;

/// Maximum bytes of the temporary name to which a socket is bound.
const MAX_TEMPORARY_NAME: usize = 16;

/// The mode of a directory that Crewboard creates.
const PRIVATE: u32 = 0o700;

/// A path at which the daemon's socket may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The directory of the socket, its locks and the log.
    pub directory: PathBuf,
    pub socket: PathBuf,
    /// The requirements for the directories above. Other users may read a directory that the user named.
    parents: Parents,
}

/// Returns the candidates for the daemon's socket, best first. Leaves out paths that are too long for a socket.
///
/// `CREWBOARD_SOCKET` is the only candidate if it is set, because a container or a test must not reach the user's own
/// daemon. Otherwise leaves out paths for which `may_block` is true. They are on a network file system, which a runtime
/// directory must not be.
pub fn candidates(environment: &Environment, may_block: impl Fn(&Path) -> bool) -> Vec<Candidate> {
    if let Some(Ok(named)) = environment.socket.as_deref().map(Candidate::named) {
        return vec![named];
    }
    let uid = environment.uid.to_string();
    let login = environment.run_user.join(&uid);
    let runtime = environment.runtime_dir.as_ref().filter(|path| path.is_absolute());
    let mut found: Vec<Candidate> = Vec::new();
    for (directory, parents) in runtime
        .into_iter()
        .chain([&login])
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

/// Checks `CREWBOARD_SOCKET`, for the user.
///
/// A hook ignores an invalid `CREWBOARD_SOCKET` and uses the default candidates, so that no event is dropped.
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

    /// Returns true if the directory is Crewboard's own, and not one that the user named.
    pub fn is_default(&self) -> bool {
        !matches!(self.parents, Parents::Named)
    }

    /// Returns the file that the daemon of this socket keeps locked. Its bytes count dropped events.
    pub fn serve_lock(&self) -> PathBuf {
        self.with_suffix("lock")
    }

    /// Returns the file that a process keeps locked while it starts or stops a daemon.
    pub fn start_lock(&self) -> PathBuf {
        self.with_suffix("start")
    }

    /// Returns the path of the daemon's log.
    pub fn log(&self) -> PathBuf {
        self.with_suffix("log")
    }

    /// Returns the path to which process `pid` binds the socket before it renames the socket.
    pub fn temporary_socket(&self, pid: u32) -> PathBuf {
        self.directory.join(format!(".new-{pid}"))
    }

    fn with_suffix(&self, suffix: &str) -> PathBuf {
        let mut path = self.socket.clone().into_os_string();
        path.push(".");
        path.push(suffix);
        PathBuf::from(path)
    }

    /// Checks that the directory is private, belongs to the user and is not a link, that no other user can replace it,
    /// and that no file of the user has the path of the socket. Returns false if the directory does not exist.
    pub fn check(&self, uid: u32) -> Result<bool, Unusable> {
        let exists = self.check_to_connect(uid)?;
        if exists && self.parents == Parents::Named && self.is_occupied() {
            // The daemon renames its socket to this path, and would replace a file of the user.
            return Err(Unusable::NotASocket(self.socket.clone()));
        }
        Ok(exists)
    }

    /// Checks that a daemon of the user may be at this candidate. Returns false if the directory does not exist.
    ///
    /// Unlike [`Candidate::check`] it does not look at the socket, because connecting shows whether it is one.
    pub fn check_to_connect(&self, uid: u32) -> Result<bool, Unusable> {
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

    /// Returns true if dropped events may be counted in a file next to the socket: the directory belongs to the user and
    /// no other user may write to it. The socket itself may be unusable.
    pub fn may_count_dropped_events(&self, uid: u32) -> bool {
        match self.check(uid) {
            Ok(exists) => exists,
            Err(Unusable::Open(_, mode)) => mode & 0o022 == 0,
            Err(Unusable::NotASocket(_)) => true,
            Err(_) => false,
        }
    }

    /// Restores the mode of Crewboard's own directory if another program has changed it, and returns the changed mode.
    /// Does not change a directory that the user named.
    pub fn repair(&self, uid: u32) -> Result<Option<u32>, Unusable> {
        let is_own = self.parents != Parents::Named;
        let mode = match self.check(uid) {
            Err(Unusable::Open(_, mode)) if is_own => mode,
            Err(error) => return Err(error),
            Ok(_) => match self.directory.symlink_metadata() {
                Ok(found) if is_own && found.mode() & 0o777 != PRIVATE => found.mode() & 0o777,
                _ => return Ok(None),
            },
        };
        // No other user can replace the directory with a link, because the directories above it are checked too.
        std::fs::set_permissions(&self.directory, Permissions::from_mode(PRIVATE))
            .map_err(|error| Unusable::Io(self.directory.clone(), error))?;
        self.check(uid).map(|_| Some(mode))
    }

    /// Creates the directory if it does not exist, and checks it. Its parent must exist.
    pub fn prepare(&self, uid: u32) -> Result<(), Unusable> {
        if self.check(uid)? {
            return Ok(());
        }
        match DirBuilder::new().mode(PRIVATE).create(&self.directory) {
            Ok(()) => {}
            // Another process of this user has created it.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(Unusable::Io(self.directory.clone(), error)),
        }
        if self.check(uid)? {
            Ok(())
        } else {
            Err(Unusable::Io(self.directory.clone(), io::ErrorKind::NotFound.into()))
        }
    }

    /// Returns true if the path of the socket exists and is not a socket.
    fn is_occupied(&self) -> bool {
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
        let path = |candidate: Candidate| candidate.socket.to_string_lossy().into_owned();
        candidates(environment, |_| false).into_iter().map(path).collect()
    }

    #[test]
    fn candidates_are_in_order() {
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
    fn candidate_that_may_block_is_left_out() {
        let is_hung = |path: &Path| path.starts_with("/run/user");
        let found = candidates(&environment(), is_hung);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].directory, Path::new("/tmp/crewboard-1000"));
        let named = Environment { socket: Some("/run/user/s".into()), ..environment() };
        assert_eq!(candidates(&named, is_hung).len(), 1);
    }

    #[test]
    fn valid_named_socket_is_the_only_candidate() {
        let named = Environment { socket: Some("/srv/c.sock".into()), ..environment() };
        assert_eq!(sockets(&named), ["/srv/c.sock"]);
        for invalid in ["c.sock".to_owned(), format!("/{}/c", "x".repeat(120))] {
            let named = Environment { socket: Some(invalid.into()), ..environment() };
            assert_eq!(sockets(&named).len(), 2);
        }
    }

    #[test]
    fn problem_of_a_named_socket_is_reported() {
        let world = tempfile::tempdir().unwrap();
        let at = |path: &str| world.path().join(path);
        let uid = rustix::process::geteuid().as_raw();
        let problem = |socket: PathBuf| {
            let named = Environment { uid, socket: Some(socket), ..environment() };
            check_named(&named).map_err(|error| error.to_string()).err().unwrap_or_default()
        };
        for fine in ["s", "not/there/yet"] {
            assert_eq!(problem(at(fine)), "");
        }
        fs::write(at("notes"), "mine").unwrap();
        fs::create_dir(at("open")).unwrap();
        fs::set_permissions(at("open"), Permissions::from_mode(0o777)).unwrap();
        for (socket, expected) in [
            ("run/s".into(), "not an absolute path"),
            ("/".into(), "not an absolute path"),
            (at(&"x".repeat(108)), "too long"),
            (at("notes"), "not a socket"),
            (at("open"), "not a socket"),
            (at("notes/s"), "not a directory"),
            (at("open/s"), "open to others"),
        ] {
            let problem = problem(socket);
            assert!(problem.contains(expected), "{expected}: {problem}");
        }
        let foreign = Environment { uid: uid + 1, socket: Some(at("s")), ..environment() };
        assert!(matches!(check_named(&foreign), Err(Unusable::Foreign(..))));
    }

    #[test]
    fn only_a_private_directory_of_the_user_is_used() {
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

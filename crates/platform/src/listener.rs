//! Finds the process that listens at a socket, and the process that runs a terminal.

use std::fs::{read_dir, read_link, read_to_string};
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};

/// Maximum number of open files of a process that are examined. A tmux server with thousands of panes has fewer.
const MAX_FILES: usize = 16_384;

/// The open file of a socket, and the process that listens at it. [`Listener::path`] leads to this file even if
/// another program moves or replaces it.
#[derive(Debug)]
pub struct Listener {
    file: OwnedFd,
    pid: u32,
}

impl Listener {
    /// Finds the process that listens at the socket `path`. Sends nothing to it.
    #[cfg(target_os = "linux")]
    pub fn at(path: &Path) -> io::Result<Self> {
        use crate::local_directory;
        use rustix::fs::{FileType, Mode, OFlags, fstat, open};
        // Opening a file on a network file system may block for ever.
        let real = local_directory(path).ok_or(io::ErrorKind::InvalidInput)?;
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = open(&real, flags, Mode::empty())?;
        if FileType::from_raw_mode(fstat(&file)?.st_mode) != FileType::Socket {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let address = rustix::net::SocketAddrUnix::new(path_of(&file))?;
        let pid = listening_process(crate::socket::connect_to(&address))?;
        Ok(Self { file, pid })
    }

    /// Returns an error: this system has no path to an open file.
    #[cfg(not(target_os = "linux"))]
    pub fn at(_path: &Path) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Returns the pid of the process that listens.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Returns a path that leads to the file as long as this process has it open.
    pub fn path(&self) -> PathBuf {
        path_of(&self.file)
    }

    /// Keeps the file open when this process executes another program.
    pub fn keep_open(&self) -> io::Result<()> {
        Ok(rustix::io::fcntl_setfd(&self.file, rustix::io::FdFlags::empty())?)
    }
}

fn path_of(file: &OwnedFd) -> PathBuf {
    PathBuf::from(format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd()))
}

/// Returns the pid of the process that listens at the abstract socket `name` (without the leading zero byte). No
/// other process can bind the name as long as this one listens.
#[cfg(target_os = "linux")]
pub fn abstract_listener(name: &str) -> io::Result<u32> {
    let address = rustix::net::SocketAddrUnix::new_abstract_name(name.as_bytes())?;
    listening_process(crate::socket::connect_to(&address))
}

/// Returns an error: this system has no abstract sockets.
#[cfg(not(target_os = "linux"))]
pub fn abstract_listener(_name: &str) -> io::Result<u32> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(target_os = "linux")]
fn listening_process(connection: crate::ConnectAttempt) -> io::Result<u32> {
    let stream = match connection {
        crate::ConnectAttempt::Connected(stream) => stream,
        crate::ConnectAttempt::Busy => return Err(io::ErrorKind::WouldBlock.into()),
        crate::ConnectAttempt::NoListener => return Err(io::ErrorKind::ConnectionRefused.into()),
    };
    let peer = nix::sys::socket::getsockopt(&stream, nix::sys::socket::sockopt::PeerCredentials)?;
    if peer.uid() != rustix::process::geteuid().as_raw() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    // The kernel reports 0 for a process of another pid namespace.
    match u32::try_from(peer.pid()) {
        Ok(pid) if pid > 0 => Ok(pid),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// Returns true if `pid` has the other end of the pseudo-terminal `tty` (`/dev/pts/3`) open, as the program does that
/// shows the terminal in a window or pane.
pub fn runs_terminal(pid: u32, tty: &str) -> bool {
    let Some(index) = tty.strip_prefix("/dev/pts/") else { return false };
    let is_same = |number: &str| {
        let text = read_to_string(format!("/proc/{pid}/fdinfo/{number}")).unwrap_or_default();
        text.lines()
            .filter_map(|line| line.strip_prefix("tty-index:"))
            .any(|found| found.trim() == index)
    };
    open_files(pid).any(|(number, file)| file.ends_with("ptmx") && is_same(&number))
}

/// Returns the paths of the Unix sockets at which `pid` listens, as `pid` bound them.
pub fn sockets_of(pid: u32) -> Vec<PathBuf> {
    let inode = |(_, file): (String, PathBuf)| {
        let inode = file.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
        Some(inode.to_owned())
    };
    let open: Vec<String> = open_files(pid).filter_map(inode).collect();
    // Num RefCount Protocol Flags Type St Inode Path; the flag 00010000 means that the socket listens.
    let table = read_to_string("/proc/net/unix").unwrap_or_default();
    let listening = table.lines().filter_map(|line| {
        let (fields, path) = line.split_once(" /")?;
        let [_, _, _, "00010000", _, _, inode] = fields.split_whitespace().collect::<Vec<_>>()[..]
        else {
            return None;
        };
        open.iter().any(|open| open == inode).then(|| PathBuf::from(format!("/{path}")))
    });
    listening.collect()
}

/// Returns the open files of a process: each descriptor number with the target of its link. Returns nothing if the
/// process is not the user's.
fn open_files(pid: u32) -> impl Iterator<Item = (String, PathBuf)> {
    let entries = read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().filter_map(Result::ok);
    entries.take(MAX_FILES).filter_map(|entry| {
        let file = read_link(entry.path()).ok()?;
        Some((entry.file_name().into_string().ok()?, file))
    })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::os::unix::net::{UnixListener, UnixStream};

    #[test]
    fn listener_stays_the_same_when_its_path_is_replaced() {
        let world = tempfile::tempdir().unwrap();
        let at = |name: &str| world.path().join(name);
        let first = UnixListener::bind(at("first")).unwrap();
        let found = Listener::at(&at("first")).unwrap();
        assert_eq!(found.pid(), std::process::id());
        // The check sent nothing.
        let mut bytes = Vec::new();
        first.accept().unwrap().0.read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, b"");
        // Another socket takes its name.
        let second = UnixListener::bind(at("second")).unwrap();
        second.set_nonblocking(true).unwrap();
        std::fs::rename(at("second"), at("first")).unwrap();
        let mut stream = UnixStream::connect(found.path()).unwrap();
        stream.write_all(b"x").unwrap();
        drop(stream);
        first.accept().unwrap().0.read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, b"x");
        assert_eq!(second.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn file_without_a_listening_socket_has_no_listener() {
        let world = tempfile::tempdir().unwrap();
        let at = |name: &str| world.path().join(name);
        std::fs::write(at("file"), "").unwrap();
        drop(UnixListener::bind(at("left")).unwrap());
        for name in ["file", "left", "missing"] {
            assert!(Listener::at(&at(name)).is_err(), "{name}");
        }
    }

    #[test]
    fn abstract_socket_has_a_listener() {
        use std::os::linux::net::SocketAddrExt as _;
        let name = format!("crewboard-test-{}", std::process::id());
        let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).unwrap();
        let _listener = UnixListener::bind_addr(&address).unwrap();
        assert_eq!(abstract_listener(&name).unwrap(), std::process::id());
        assert!(abstract_listener(&format!("{name}-other")).is_err());
    }

    #[test]
    fn sockets_of_a_process_are_those_at_which_it_listens() {
        let world = tempfile::tempdir().unwrap();
        let path = world.path().join("a b");
        let listener = UnixListener::bind(&path).unwrap();
        let _stream = UnixStream::connect(&path).unwrap();
        let count =
            || sockets_of(std::process::id()).into_iter().filter(|found| *found == path).count();
        assert_eq!(count(), 1);
        assert!(!sockets_of(std::os::unix::process::parent_id()).contains(&path));
        drop(listener);
        assert_eq!(count(), 0);
    }
}

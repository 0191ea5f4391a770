use nix::sys::socket::{getsockopt, sockopt};
use rustix::fs::Mode;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

/// Maximum number of connections that wait to be accepted. The kernel reduces it to its own limit
/// (`net.core.somaxconn`, 4096 by default).
const BACKLOG: i32 = 4096;

/// The result of an attempt to connect.
#[derive(Debug)]
pub enum ConnectAttempt {
    /// The socket is connected, in non-blocking mode.
    Connected(UnixStream),
    /// A process listens, and its backlog is full.
    Busy,
    /// No process of the user's listens there.
    NoListener,
}

/// Connects to the socket at `path` without blocking. The function of `std` waits while the backlog is full.
///
/// Sends no byte to a server of a user other than `uid`. A check of the path is not enough, because the path may lead
/// to another file by now; the kernel's credentials of the peer are reliable.
pub fn connect(path: &Path, uid: u32) -> ConnectAttempt {
    let Ok(address) = SocketAddrUnix::new(path) else { return ConnectAttempt::NoListener };
    match connect_to(&address) {
        ConnectAttempt::Connected(stream) if !is_served_by(&stream, uid) => {
            ConnectAttempt::NoListener
        }
        connection => connection,
    }
}

/// Connects to the socket at `address` without blocking.
pub(crate) fn connect_to(address: &SocketAddrUnix) -> ConnectAttempt {
    let Ok(socket) = non_blocking_socket() else { return ConnectAttempt::Busy };
    loop {
        match rustix::net::connect(&socket, address) {
            Ok(()) => return ConnectAttempt::Connected(UnixStream::from(socket)),
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => return ConnectAttempt::Busy,
            Err(_) => return ConnectAttempt::NoListener,
        }
    }
}

/// Returns true if a process of `uid` listens at the other end, according to the kernel.
#[cfg(target_os = "linux")]
fn is_served_by(socket: &UnixStream, uid: u32) -> bool {
    // A server outside the client's pid namespace has the pid 0, which the type of rustix cannot represent.
    getsockopt(socket, sockopt::PeerCredentials).is_ok_and(|peer| peer.uid() == uid)
}

#[cfg(target_os = "macos")]
fn is_served_by(socket: &UnixStream, uid: u32) -> bool {
    getsockopt(socket, sockopt::LocalPeerCred).is_ok_and(|peer| peer.uid() == uid)
}

/// Listens at `path`. Binds the socket as `temporary` and renames it once it listens, so that every client that finds
/// the path can connect.
pub fn bind_listener(path: &Path, temporary: &Path) -> io::Result<UnixListener> {
    match std::fs::remove_file(temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let address = SocketAddrUnix::new(temporary)?;
    let socket = socket()?;
    // With a later chmod the socket would be open to other users for a moment.
    let previous = rustix::process::umask(Mode::from_raw_mode(0o177));
    let bound = rustix::net::bind(&socket, &address);
    rustix::process::umask(previous);
    bound?;
    let listening = rustix::net::listen(&socket, BACKLOG)
        .map_err(io::Error::from)
        .and_then(|()| replace(path, temporary));
    if let Err(error) = listening {
        let _ = std::fs::remove_file(temporary);
        return Err(error);
    }
    Ok(UnixListener::from(socket))
}

/// Renames `temporary` to `path`. Moves away a directory at `path`.
fn replace(path: &Path, temporary: &Path) -> io::Result<()> {
    let Err(error) = std::fs::rename(temporary, path) else { return Ok(()) };
    if !path.symlink_metadata().is_ok_and(|found| found.is_dir()) {
        return Err(error);
    }
    set_aside(path)?;
    std::fs::rename(temporary, path)
}

/// Frees `path`: removes an empty directory, and renames anything else to the next free name (`PATH.moved-1` to
/// `PATH.moved-9`).
pub fn set_aside(path: &Path) -> io::Result<()> {
    if std::fs::remove_dir(path).is_ok() {
        return Ok(());
    }
    for number in 1..=9 {
        let mut aside = path.to_owned().into_os_string();
        aside.push(format!(".moved-{number}"));
        if Path::new(&aside).symlink_metadata().is_err() {
            return std::fs::rename(path, aside);
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

#[cfg(target_os = "linux")]
fn socket() -> io::Result<OwnedFd> {
    use rustix::net::{SocketFlags, socket_with};
    Ok(socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?)
}

#[cfg(target_os = "linux")]
fn non_blocking_socket() -> io::Result<OwnedFd> {
    use rustix::net::{SocketFlags, socket_with};
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    Ok(socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?)
}

#[cfg(not(target_os = "linux"))]
fn non_blocking_socket() -> io::Result<OwnedFd> {
    let socket = socket()?;
    rustix::io::ioctl_fionbio(&socket, true)?;
    Ok(socket)
}

#[cfg(not(target_os = "linux"))]
fn socket() -> io::Result<OwnedFd> {
    let socket = rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
    rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    fn own() -> u32 {
        rustix::process::geteuid().as_raw()
    }

    #[test]
    fn server_of_another_user_gets_no_byte() {
        use std::io::Read;
        let world = tempfile::tempdir().unwrap();
        let path = world.path().join("s");
        let listener = bind_listener(&path, &world.path().join(".new")).unwrap();
        assert!(matches!(connect(&path, own() + 1), ConnectAttempt::NoListener));
        let (mut accepted, _) = listener.accept().unwrap();
        let mut sent = Vec::new();
        accepted.read_to_end(&mut sent).unwrap();
        assert_eq!(sent, b"");
    }

    #[test]
    fn listener_is_private_and_accepts_at_once() {
        let world = tempfile::tempdir().unwrap();
        let (path, temporary) = (world.path().join("s"), world.path().join(".new"));
        assert!(matches!(connect(&path, own()), ConnectAttempt::NoListener));
        let listener = bind_listener(&path, &temporary).unwrap();
        assert_eq!(path.symlink_metadata().unwrap().mode() & 0o777, 0o600);
        assert!(!temporary.exists());
        assert!(matches!(connect(&path, own()), ConnectAttempt::Connected(_)));
        drop(listener);
        assert!(matches!(connect(&path, own()), ConnectAttempt::NoListener));
        // The socket of a dead daemon is replaced.
        let _listener = bind_listener(&path, &temporary).unwrap();
        assert!(matches!(connect(&path, own()), ConnectAttempt::Connected(_)));
    }

    #[test]
    fn full_backlog_is_busy_and_does_not_block() {
        let world = tempfile::tempdir().unwrap();
        let path = world.path().join("s");
        let socket = socket().unwrap();
        rustix::net::bind(&socket, &SocketAddrUnix::new(&path).unwrap()).unwrap();
        rustix::net::listen(&socket, 0).unwrap();
        let mut held = Vec::new();
        loop {
            match connect(&path, own()) {
                ConnectAttempt::Connected(stream) => held.push(stream),
                ConnectAttempt::Busy => break,
                ConnectAttempt::NoListener => panic!("no process listens"),
            }
            assert!(held.len() < 100, "the backlog never fills");
        }
    }
}

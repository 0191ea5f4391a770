use nix::sys::socket::{getsockopt, sockopt};
use rustix::fs::Mode;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

/// Connections that may wait to be accepted. The kernel cuts it to its own bound
/// (`net.core.somaxconn`, 4096 by default).
const BACKLOG: i32 = 4096;

/// What became of connecting.
#[derive(Debug)]
pub enum ConnectAttempt {
    /// Connected, in non-blocking mode.
    Connected(UnixStream),
    /// A listener is there and its backlog is full.
    Busy,
    /// No process of the user's listens there.
    NoListener,
}

/// Connects to the socket at `path` without ever blocking: std's waits while the backlog is full.
///
/// A server of another user than `uid` is left before a byte is sent to it. Whatever was checked about the
/// path before, the path may lead elsewhere by now; the kernel's word about the peer cannot.
pub fn connect(path: &Path, uid: u32) -> ConnectAttempt {
    let Ok(address) = SocketAddrUnix::new(path) else { return ConnectAttempt::NoListener };
    match connect_to(&address) {
        ConnectAttempt::Connected(stream) if !is_served_by(&stream, uid) => {
            ConnectAttempt::NoListener
        }
        connection => connection,
    }
}

/// Connects to the socket at `address` without ever blocking.
pub(crate) fn connect_to(address: &SocketAddrUnix) -> ConnectAttempt {
    let Ok(socket) = socket() else { return ConnectAttempt::Busy };
    if rustix::io::ioctl_fionbio(&socket, true).is_err() {
        return ConnectAttempt::Busy;
    }
    loop {
        match rustix::net::connect(&socket, address) {
            Ok(()) => return ConnectAttempt::Connected(UnixStream::from(socket)),
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => return ConnectAttempt::Busy,
            Err(_) => return ConnectAttempt::NoListener,
        }
    }
}

/// Returns whether a process of `uid` listens at the other end, by the kernel's word.
#[cfg(target_os = "linux")]
fn is_served_by(socket: &UnixStream, uid: u32) -> bool {
    // Not rustix: a server outside the client's pid namespace has the number 0, which its type cannot hold.
    getsockopt(socket, sockopt::PeerCredentials).is_ok_and(|peer| peer.uid() == uid)
}

#[cfg(target_os = "macos")]
fn is_served_by(socket: &UnixStream, uid: u32) -> bool {
    getsockopt(socket, sockopt::LocalPeerCred).is_ok_and(|peer| peer.uid() == uid)
}

/// Listens at `path`. The socket is bound as `temporary` and renamed into place once it listens, so
/// that whoever finds it can connect.
pub fn bind_listener(path: &Path, temporary: &Path) -> io::Result<UnixListener> {
    match std::fs::remove_file(temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let address = SocketAddrUnix::new(temporary)?;
    let socket = socket()?;
    // The mode must be right from the first moment, not after a chmod.
    let former = rustix::process::umask(Mode::from_raw_mode(0o177));
    let bound = rustix::net::bind(&socket, &address);
    rustix::process::umask(former);
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

/// Renames `temporary` to `path`, where a directory may be in the way.
fn replace(path: &Path, temporary: &Path) -> io::Result<()> {
    let Err(error) = std::fs::rename(temporary, path) else { return Ok(()) };
    if !path.symlink_metadata().is_ok_and(|found| found.is_dir()) {
        return Err(error);
    }
    set_aside(path)?;
    std::fs::rename(temporary, path)
}

/// Makes room at `path`: removes an empty directory and gives anything else the next free name
/// (`PATH.moved-1`, at most 9).
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
    fn a_server_of_another_user_gets_no_byte() {
        use std::io::Read;
        let world = tempfile::tempdir().unwrap();
        let path = world.path().join("s");
        let listener = bind_listener(&path, &world.path().join(".new")).unwrap();
        assert!(matches!(connect(&path, own() + 1), ConnectAttempt::NoListener));
        let (mut stranger, _) = listener.accept().unwrap();
        let mut sent = Vec::new();
        stranger.read_to_end(&mut sent).unwrap();
        assert_eq!(sent, b"");
    }

    #[test]
    fn a_listener_is_private_and_found_at_once() {
        let world = tempfile::tempdir().unwrap();
        let (path, temporary) = (world.path().join("s"), world.path().join(".new"));
        assert!(matches!(connect(&path, own()), ConnectAttempt::NoListener));
        let listener = bind_listener(&path, &temporary).unwrap();
        assert_eq!(path.symlink_metadata().unwrap().mode() & 0o777, 0o600);
        assert!(!temporary.exists());
        assert!(matches!(connect(&path, own()), ConnectAttempt::Connected(_)));
        drop(listener);
        assert!(matches!(connect(&path, own()), ConnectAttempt::NoListener));
        // A dead daemon's socket is in nobody's way.
        let _listener = bind_listener(&path, &temporary).unwrap();
        assert!(matches!(connect(&path, own()), ConnectAttempt::Connected(_)));
    }

    #[test]
    fn a_full_backlog_is_busy_and_does_not_block() {
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
                ConnectAttempt::NoListener => panic!("nobody listens"),
            }
            assert!(held.len() < 100, "a backlog of none never fills");
        }
    }
}

//! A private daemon in a private directory for a replay, apart from the user's own daemon.

use crate::daemon_stop::ask_to_stop;
use crate::failure::Failure;
use crewboard_client::DaemonLocator;
use crewboard_config::{Environment, candidates};
use crewboard_platform::{Lock, LockAttempt, may_block};
use rustix::process::getuid;
use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::{env, fs, io};
use tempfile::TempDir;

/// Time after which the private daemon exits if the replay was killed.
const IDLE_EXIT: &str = "2s";

/// Prefix of the directory names.
const PREFIX: &str = "crewboard-sandbox-";

/// The file that is locked while the sandbox is in use.
const IN_USE: &str = "in-use";

/// The file that the private daemon locks while it runs.
const DAEMON_LOCK: &str = "s.lock";

/// A private daemon for a recording. Dropping it stops the daemon and removes the directory.
#[derive(Debug)]
pub(crate) struct Sandbox {
    daemon_locator: DaemonLocator,
    _in_use: Lock,
    /// Declared last, so that it is dropped last.
    _directory: TempDir,
}

impl Sandbox {
    /// Creates an empty sandbox. Its daemon starts at the first connection.
    pub(crate) fn start() -> Result<Self, Failure> {
        let surroundings = Environment::of_process();
        let private = Permissions::from_mode(0o700);
        // `TMPDIR` may be too long for a socket path.
        remove_stale(&surroundings.temporary_dir);
        let failed = |error: io::Error| {
            let parent = surroundings.temporary_dir.display();
            Failure::new(format!("cannot create a private directory in {parent}: {error}"))
        };
        let directory = tempfile::Builder::new()
            .prefix(PREFIX)
            .permissions(private.clone())
            .tempdir_in(&surroundings.temporary_dir)
            .map_err(|error| failed(error.kind().into()))?;
        // The umask may have removed bits.
        fs::set_permissions(directory.path(), private).map_err(failed)?;
        // Lock the file before it gets its name: a file without a lock belongs to a replay that was killed.
        let fresh = directory.path().join("fresh");
        let LockAttempt::Acquired(in_use) = Lock::try_lock(&fresh).map_err(failed)? else {
            return Err(Failure::new(format!("{} is locked by another process", fresh.display())));
        };
        fs::rename(&fresh, directory.path().join(IN_USE)).map_err(failed)?;
        // Recorded sessions must not notify the user.
        let config = directory.path().join("config.toml");
        fs::write(&config, "[notify]\nstatuses = []\n").map_err(failed)?;
        let environment = Environment {
            socket: Some(directory.path().join("s")),
            config: Some(config),
            idle_exit: Some(IDLE_EXIT.to_owned()),
            // Keep the user's own sessions out of the sandbox.
            home: Some(directory.path().to_owned()),
            ..surroundings.clone()
        };
        // If this socket cannot be used, the client would fall back to the user's own daemon.
        let places = candidates(&environment, may_block);
        if places.len() != 1 || places.iter().any(|place| place.directory != directory.path()) {
            let path = directory.path().display();
            return Err(Failure::new(format!("{path} is not private; cannot put a socket there")));
        }
        let program = env::current_exe().unwrap_or_else(|_| PathBuf::from("crewboard"));
        Ok(Self {
            daemon_locator: DaemonLocator::new(&environment, program),
            _in_use: in_use,
            _directory: directory,
        })
    }

    /// Returns the locator of the private daemon.
    pub(crate) fn daemon_locator(&self) -> &DaemonLocator {
        &self.daemon_locator
    }
}

/// Removes the directories of replays that were killed. Ignores errors.
fn remove_stale(temporary: &Path) {
    for entry in fs::read_dir(temporary).into_iter().flatten().filter_map(Result::ok) {
        let is_sandbox = entry.file_name().to_string_lossy().starts_with(PREFIX)
            && entry
                .metadata()
                .is_ok_and(|found| found.is_dir() && found.uid() == getuid().as_raw());
        let (lock, daemon) = (entry.path().join(IN_USE), entry.path().join(DAEMON_LOCK));
        // A directory without the file is just being created. A daemon that still runs would recreate its
        // directory; the next replay removes it.
        if is_sandbox && lock.exists() && !Lock::is_held(&lock) && !Lock::is_held(&daemon) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // A daemon that does not reply exits by itself once the directory is removed.
        let _ = ask_to_stop(&self.daemon_locator);
    }
}

//! A daemon of its own for a replay, in a directory of its own: the user's own is never met.

use crate::commands::daemon::ask_to_leave;
use crate::failure::Failure;
use crewboard_client::Rendezvous;
use crewboard_config::{Environment, candidates};
use crewboard_platform::{Lock, LockAttempt, may_wait};
use rustix::process::getuid;
use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::{env, fs};
use tempfile::TempDir;

/// How long the private daemon outlives a replay that was killed.
const IDLE_EXIT: &str = "2s";

/// How the names of their directories begin.
const PREFIX: &str = "crewboard-stage-";

/// The file in each that is locked while it is in use.
const IN_USE: &str = "in-use";

/// What the daemon of a stage holds while it lives.
const DAEMON_LOCK: &str = "s.lock";

/// Where a recording is played. When it goes, all that it held goes.
#[derive(Debug)]
pub(crate) struct Stage {
    rendezvous: Rendezvous,
    _in_use: Lock,
    /// Emptied and removed last.
    _directory: TempDir,
}

impl Stage {
    /// An empty one; its daemon starts with the first who connects.
    pub(crate) fn set_up() -> Result<Self, Failure> {
        let surroundings = Environment::of_process();
        let private = Permissions::from_mode(0o700);
        // Not `TMPDIR`: it may be too long for a socket.
        sweep(&surroundings.temporary_dir);
        let directory = tempfile::Builder::new()
            .prefix(PREFIX)
            .permissions(private.clone())
            .tempdir_in(&surroundings.temporary_dir)?;
        // The umask may have taken more away.
        fs::set_permissions(directory.path(), private)?;
        // Locked before it has its name: what is found without a lock is of one that was killed.
        let fresh = directory.path().join("fresh");
        let LockAttempt::Taken(in_use) = Lock::try_take(&fresh)? else {
            return Err(Failure::new(format!("{}: somebody else has it", fresh.display())));
        };
        fs::rename(&fresh, directory.path().join(IN_USE))?;
        // Nobody is to be told of what was, or never happened.
        let config = directory.path().join("config.toml");
        fs::write(&config, "[notify]\nstatuses = []\n")?;
        let environment = Environment {
            socket: Some(directory.path().join("s")),
            config: Some(config),
            idle_exit: Some(IDLE_EXIT.to_owned()),
            // The user's own sessions are none of a recording's.
            home: Some(directory.path().to_owned()),
            ..surroundings
        };
        // A socket that cannot be one would be passed over for the user's own.
        let places = candidates(&environment, may_wait);
        if places.len() != 1 || places.iter().any(|place| place.directory != directory.path()) {
            let path = directory.path().display();
            return Err(Failure::new(format!("{path} is no place for a private socket")));
        }
        let program = env::current_exe().unwrap_or_else(|_| PathBuf::from("crewboard"));
        Ok(Self {
            rendezvous: Rendezvous::new(&environment, program),
            _in_use: in_use,
            _directory: directory,
        })
    }

    /// Where its daemon is met.
    pub(crate) fn rendezvous(&self) -> &Rendezvous {
        &self.rendezvous
    }
}

/// Removes what replays left behind that were killed. Best effort: it is somebody else's rubbish.
fn sweep(temporary: &Path) {
    for entry in fs::read_dir(temporary).into_iter().flatten().filter_map(Result::ok) {
        let is_stage = entry.file_name().to_string_lossy().starts_with(PREFIX)
            && entry
                .metadata()
                .is_ok_and(|found| found.is_dir() && found.uid() == getuid().as_raw());
        let (lock, daemon) = (entry.path().join(IN_USE), entry.path().join(DAEMON_LOCK));
        // One without the file has only just been made. And a daemon that still lives would make its
        // directory anew; it is left to the next replay.
        if is_stage && lock.exists() && !Lock::is_held(&lock) && !Lock::is_held(&daemon) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // One that does not hear leaves by itself when the directory is gone.
        let _ = ask_to_leave(&self.rendezvous);
    }
}

//! A daemon of its own for a replay, in a directory of its own: the user's own is never met.

use crate::commands::daemon::ask_to_leave;
use crate::failure::Failure;
use crewboard_client::Rendezvous;
use crewboard_config::{Environment, candidates};
use std::env;
use std::path::PathBuf;
use tempfile::TempDir;

/// How long the private daemon outlives a replay that was killed.
const IDLE_EXIT: &str = "2s";

/// Where a recording is played. When it goes, all that it held goes.
#[derive(Debug)]
pub(crate) struct Stage {
    rendezvous: Rendezvous,
    /// Emptied and removed last.
    _directory: TempDir,
}

impl Stage {
    /// An empty one; its daemon starts with the first who connects.
    pub(crate) fn set_up() -> Result<Self, Failure> {
        let surroundings = Environment::of_process();
        // Not `TMPDIR`: it may be too long for a socket.
        let directory = tempfile::Builder::new()
            .prefix("crewboard-")
            .tempdir_in(&surroundings.temporary_dir)?;
        let environment = Environment {
            socket: Some(directory.path().join("s")),
            idle_exit: Some(IDLE_EXIT.to_owned()),
            ..surroundings
        };
        // A socket that cannot be one would be passed over for the user's own.
        let places = candidates(&environment);
        if places.len() != 1 || places.iter().any(|place| place.directory != directory.path()) {
            let path = directory.path().display();
            return Err(Failure::new(format!("{path} is no place for a private socket")));
        }
        let program = env::current_exe().unwrap_or_else(|_| PathBuf::from("crewboard"));
        Ok(Self { rendezvous: Rendezvous::new(&environment, program), _directory: directory })
    }

    /// Where its daemon is met.
    pub(crate) fn rendezvous(&self) -> &Rendezvous {
        &self.rendezvous
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // One that does not hear leaves by itself when the directory is gone.
        let _ = ask_to_leave(&self.rendezvous);
    }
}

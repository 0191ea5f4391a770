//! Holds signals back while files are written.
//!
//! Half a change would leave temporary files and a backup without its install. The change takes well under a second, so
//! it is finished first.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::{SigId, flag, low_level};

/// Beyond the limit of a file's size: without a handler it ends the process in the middle of a write.
const SIGXFSZ: i32 = rustix::process::Signal::XFSZ.as_raw();

/// While this lives, the signals that end a process are only noted.
#[derive(Debug)]
pub(super) struct HeldSignals(Vec<SigId>);

impl HeldSignals {
    pub(super) fn hold() -> Self {
        let note = Arc::new(AtomicBool::new(false));
        let signals = [SIGINT, SIGTERM, SIGHUP, SIGXFSZ];
        // Where one cannot be held, it ends the process as before.
        let held =
            signals.iter().filter_map(|signal| flag::register(*signal, Arc::clone(&note)).ok());
        Self(held.collect())
    }
}

impl Drop for HeldSignals {
    fn drop(&mut self) {
        for id in &self.0 {
            low_level::unregister(*id);
        }
    }
}

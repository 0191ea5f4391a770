//! Ignores signals while files are written.
//!
//! A partial change would leave temporary files and a backup without an install. A change takes less than a second, so
//! it is always completed.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::{SigId, flag, low_level};

/// Raised at the file size limit. Without a handler it kills the process during a write.
const SIGXFSZ: i32 = rustix::process::Signal::XFSZ.as_raw();

/// Ignores the signals that end a process until it is dropped.
#[derive(Debug)]
pub(super) struct IgnoredSignals(Vec<SigId>);

impl IgnoredSignals {
    pub(super) fn ignore() -> Self {
        let note = Arc::new(AtomicBool::new(false));
        let signals = [SIGINT, SIGTERM, SIGHUP, SIGXFSZ];
        // A signal that cannot be caught still ends the process.
        let held =
            signals.iter().filter_map(|signal| flag::register(*signal, Arc::clone(&note)).ok());
        Self(held.collect())
    }
}

impl Drop for IgnoredSignals {
    fn drop(&mut self) {
        for id in &self.0 {
            low_level::unregister(*id);
        }
    }
}

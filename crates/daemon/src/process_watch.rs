//! Processes' ends, told by the kernel: no polling, and no mistake when a number is used again.

use crate::actor::Input;
use crewboard_core::Process;
use crewboard_platform::{ancestors_of, process_of};
use tokio::sync::mpsc;

/// What became of watching a process.
#[derive(Debug)]
pub(crate) enum Watching {
    /// Its end will come as an input. Who it descends from, nearest first.
    Begun { ancestors: Vec<Process> },
    /// It has ended already, or its number is another process's now.
    Gone,
    /// The system does not let us, for this reason.
    Impossible(String),
}

/// Watches `process` in a task of its own.
#[cfg(target_os = "linux")]
pub(crate) fn watch(process: Process, inputs: mpsc::Sender<Input>) -> Watching {
    use rustix::io::Errno;
    use rustix::process::{Pid, PidfdFlags, pidfd_open};

    let Some(pid) = i32::try_from(process.pid).ok().and_then(Pid::from_raw) else {
        return Watching::Gone;
    };
    let descriptor = match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(descriptor) => descriptor,
        Err(Errno::SRCH | Errno::INVAL) => return Watching::Gone,
        Err(error) => return Watching::Impossible(error.to_string()),
    };
    // Only now does the number stand for one process, so only now can it be compared.
    if process_of(process.pid) != Some(process) {
        return match is_gone(process) {
            Some(false) | None => Watching::Impossible("/proc cannot be read".to_owned()),
            Some(true) => Watching::Gone,
        };
    }
    let descriptor = match readable_descriptor(descriptor) {
        Ok(descriptor) => descriptor,
        Err(error) => return Watching::Impossible(error.to_string()),
    };
    let ancestors = ancestors_of(process);
    tokio::spawn(async move {
        if descriptor.readable().await.is_ok() {
            let _ = inputs.send(Input::ProcessExited(process)).await;
        }
    });
    Watching::Begun { ancestors }
}

/// Returns whether a process has ended, as far as it can be told now; `None` where that cannot be told.
pub(crate) fn is_gone(process: Process) -> Option<bool> {
    use rustix::io::Errno;
    use rustix::process::{Pid, test_kill_process};

    if let Some(present) = process_of(process.pid) {
        return Some(present != process);
    }
    // Where the system tells nothing of ourselves either, it is no news that it tells nothing of another.
    if process_of(std::process::id()).is_some() {
        return Some(true);
    }
    let pid = i32::try_from(process.pid).ok().and_then(Pid::from_raw)?;
    (test_kill_process(pid) == Err(Errno::SRCH)).then_some(true)
}

/// A descriptor to wait for until it can be read.
#[expect(
    deprecated,
    reason = "the new constructors are unsafe, and an OwnedFd is what they ask for"
)]
pub(crate) fn readable_descriptor(
    descriptor: std::os::fd::OwnedFd,
) -> std::io::Result<tokio::io::unix::AsyncFd<std::os::fd::OwnedFd>> {
    tokio::io::unix::AsyncFd::with_interest(descriptor, tokio::io::Interest::READABLE)
}

/// Watches `process` in a task of its own, by a kernel queue.
#[cfg(target_os = "macos")]
pub(crate) fn watch(process: Process, inputs: mpsc::Sender<Input>) -> Watching {
    use kqueue::{EventFilter, FilterFlag, Watcher};
    use std::os::fd::AsRawFd;

    let Ok(pid) = i32::try_from(process.pid) else { return Watching::Gone };
    let mut watcher = match Watcher::new() {
        Ok(watcher) => watcher,
        Err(error) => return Watching::Impossible(error.to_string()),
    };
    let added = watcher.add_pid(pid, EventFilter::EVFILT_PROC, FilterFlag::NOTE_EXIT);
    if added.is_err() || watcher.watch().is_err() || process_of(process.pid) != Some(process) {
        return Watching::Gone;
    }
    let Ok(descriptor) = tokio::io::unix::AsyncFd::new(watcher.as_raw_fd()) else {
        return Watching::Impossible("its kernel queue cannot be waited for".to_owned());
    };
    let ancestors = ancestors_of(process);
    tokio::spawn(async move {
        // The queue lives as long as the wait for it.
        let _watcher = watcher;
        if descriptor.readable().await.is_ok() {
            let _ = inputs.send(Input::ProcessExited(process)).await;
        }
    });
    Watching::Begun { ancestors }
}

//! Ends of processes, reported by the kernel. There is no polling, and a reused pid causes no mistake.

use crate::messages::Input;
use crewboard_core::Process;
use crewboard_platform::{ancestors_of, find_process};
use tokio::sync::mpsc;

/// The result of watching a process.
#[derive(Debug)]
pub(crate) enum Watching {
    /// The end of the process will be an input. The ancestors are the nearest first.
    Begun { ancestors: Vec<Process> },
    /// The process has ended, or its pid belongs to another process.
    Gone,
    /// The system does not allow it, for this reason.
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
    // The pid can be compared only now, when the descriptor pins the process.
    if find_process(process.pid) != Some(process) {
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

/// Returns true if a process has ended, and `None` if the system does not reveal it.
pub(crate) fn is_gone(process: Process) -> Option<bool> {
    use rustix::io::Errno;
    use rustix::process::{Pid, test_kill_process};

    if let Some(present) = find_process(process.pid) {
        return Some(present != process);
    }
    // The absence of a process means nothing if the daemon cannot read its own process either.
    if find_process(std::process::id()).is_some() {
        return Some(true);
    }
    let pid = i32::try_from(process.pid).ok().and_then(Pid::from_raw)?;
    (test_kill_process(pid) == Err(Errno::SRCH)).then_some(true)
}

/// Registers a descriptor with the runtime, to await that it becomes readable.
#[cfg(target_os = "linux")]
#[expect(deprecated, reason = "the new constructors are unsafe")]
fn readable_descriptor(
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
    if added.is_err() || watcher.watch().is_err() || find_process(process.pid) != Some(process) {
        return Watching::Gone;
    }
    let Ok(descriptor) = tokio::io::unix::AsyncFd::new(watcher.as_raw_fd()) else {
        return Watching::Impossible("the kernel queue cannot be awaited".to_owned());
    };
    let ancestors = ancestors_of(process);
    tokio::spawn(async move {
        // The queue must live as long as the wait.
        let _watcher = watcher;
        if descriptor.readable().await.is_ok() {
            let _ = inputs.send(Input::ProcessExited(process)).await;
        }
    });
    Watching::Begun { ancestors }
}

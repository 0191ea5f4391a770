//! Ends a hook that is blocked by a file system. A thread cannot leave its own blocked system call, but the exit of the
//! process ends the system calls of all its threads.

use crewboard_platform::{Deadline, is_waiting};
use std::cell::OnceCell;
use std::process;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

/// Pause between two checks of the watched thread after the deadline.
const CHECK_INTERVAL: Duration = Duration::from_millis(4);

/// Checks that must find the watched thread in the same wait before the process exits, once the event is delivered.
const CHECKS_AFTER_DELIVERY: u32 = 2;

/// Checks before delivery. A slow disk may take this long to create a file, and exiting would drop the event.
const CHECKS_BEFORE_DELIVERY: u32 = 25;

/// Time limit for the last action of the watchdog, which a file system may block too.
const LAST_ACTION_TIMEOUT: Duration = Duration::from_millis(20);

/// Stack size of the thread, which reads one small file.
const STACK: usize = 64 << 10;

/// Watches the thread that starts it, until the process exits.
#[derive(Debug)]
pub(crate) struct Watchdog {
    state: Arc<State>,
    on_dropped_event: fn(),
    started: OnceCell<()>,
}

#[derive(Debug)]
struct State {
    deadline: Deadline,
    /// Microseconds by which the deadline is extended.
    extension: AtomicU64,
    is_delivered: AtomicBool,
}

impl Watchdog {
    /// Creates a watchdog without a thread. It calls `on_dropped_event` before it exits a process whose event is not
    /// delivered.
    pub(crate) fn new(deadline: Deadline, on_dropped_event: fn()) -> Self {
        let extension = AtomicU64::new(0);
        let is_delivered = AtomicBool::new(false);
        let state = Arc::new(State { deadline, extension, is_delivered });
        Self { state, on_dropped_event, started: OnceCell::new() }
    }

    /// Starts the thread. It exits this process with success if the calling thread waits after the deadline, but leaves
    /// a thread alone that runs or is ready to run.
    ///
    /// Most hooks never wait, so the thread is started only before a wait that a file system may prolong.
    pub(crate) fn start(&self) {
        self.started.get_or_init(|| {
            let (watched, on_dropped_event) =
                (crewboard_platform::this_thread(), self.on_dropped_event);
            let state = Arc::clone(&self.state);
            // If the thread cannot start, the hook runs without a watchdog.
            let _ = thread::Builder::new()
                .stack_size(STACK)
                .spawn(move || state.watch(watched, on_dropped_event));
        });
    }

    /// Extends the deadline so that at least `least` remains, and returns it.
    pub(crate) fn ensure_remaining(&self, least: Duration) -> Deadline {
        let lacking = least.saturating_sub(self.state.deadline.remaining());
        self.state
            .extension
            .store(u64::try_from(lacking.as_micros()).unwrap_or(0), Ordering::Relaxed);
        self.state.deadline()
    }

    /// Notes that the event is delivered, so that an exit drops nothing.
    pub(crate) fn note_delivery(&self) {
        self.state.is_delivered.store(true, Ordering::Relaxed);
    }
}

impl State {
    fn is_delivered(&self) -> bool {
        self.is_delivered.load(Ordering::Relaxed)
    }

    fn deadline(&self) -> Deadline {
        let extension = self.extension.load(Ordering::Relaxed);
        self.deadline.later_by(Duration::from_micros(extension))
    }

    fn watch(&self, watched: u32, on_dropped_event: fn()) {
        let mut before = None;
        let mut checks = 0;
        loop {
            let remaining = self.deadline().remaining();
            if !remaining.is_zero() {
                thread::sleep(remaining);
                continue;
            }
            let wait = is_waiting(watched);
            checks = if wait.is_some() && wait == before { checks + 1 } else { 1 };
            before = wait;
            let enough =
                if self.is_delivered() { CHECKS_AFTER_DELIVERY } else { CHECKS_BEFORE_DELIVERY };
            if wait.is_some() && checks >= enough {
                break;
            }
            thread::sleep(CHECK_INTERVAL);
        }
        if !self.is_delivered() {
            let (sender, is_over) = mpsc::channel();
            let _ = thread::Builder::new().spawn(move || {
                on_dropped_event();
                let _ = sender.send(());
            });
            let _ = is_over.recv_timeout(LAST_ACTION_TIMEOUT);
        }
        process::exit(0);
    }
}

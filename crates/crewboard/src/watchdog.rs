//! Ends a hook that a file system keeps waiting: a process cannot end a system call of its own thread,
//! but the end of a process ends the waits of all its threads.

use crewboard_platform::{Deadline, is_waiting};
use std::cell::OnceCell;
use std::process;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

/// After the deadline: between two looks at whether the watched thread still waits.
const LOOK_AGAIN: Duration = Duration::from_millis(4);

/// Looks that find the watched thread in one and the same wait before it is ended, once the event is
/// delivered.
const LOOKS: u32 = 2;

/// The same before that: a slow disk may take this long over a new file, and the event is lost with it.
const LOOKS_UNDELIVERED: u32 = 25;

/// How long the watchdog waits for its own last action, which a file system may keep waiting too.
const LAST_ACTION: Duration = Duration::from_millis(20);

/// A stack for a thread that reads one small file.
const STACK: usize = 64 << 10;

/// Watches over the thread that made it, from its start until the process ends.
#[derive(Debug)]
pub(crate) struct Watchdog {
    state: Arc<State>,
    lost: fn(),
    started: OnceCell<()>,
}

#[derive(Debug)]
struct State {
    deadline: Deadline,
    /// Microseconds by which the deadline is put off.
    put_off: AtomicU64,
    is_delivered: AtomicBool,
}

impl Watchdog {
    /// Makes a watchdog that does nothing yet. It calls `lost` before it ends a process that has delivered nothing.
    pub(crate) fn new(deadline: Deadline, lost: fn()) -> Self {
        let put_off = AtomicU64::new(0);
        let is_delivered = AtomicBool::new(false);
        let state = Arc::new(State { deadline, put_off, is_delivered });
        Self { state, lost, started: OnceCell::new() }
    }

    /// Ends this process from now on, with success, if the calling thread waits for something after the deadline. A
    /// thread that runs, or would if the machine had a processor for it, is left alone.
    ///
    /// Most hooks never wait, so the thread is started only before a wait that a file system may prolong.
    pub(crate) fn start(&self) {
        self.started.get_or_init(|| {
            let (watched, lost) = (crewboard_platform::this_thread(), self.lost);
            let state = Arc::clone(&self.state);
            // Without the thread, the hook is what it would be without a watchdog.
            let _ =
                thread::Builder::new().stack_size(STACK).spawn(move || state.watch(watched, lost));
        });
    }

    /// Returns the deadline, put off if less than `least` of it remains.
    pub(crate) fn leave(&self, least: Duration) -> Deadline {
        let lacking = least.saturating_sub(self.state.deadline.remaining());
        self.state
            .put_off
            .store(u64::try_from(lacking.as_micros()).unwrap_or(0), Ordering::Relaxed);
        self.state.deadline()
    }

    /// Notes that the event is delivered: what is cut off from now on costs nothing.
    pub(crate) fn delivered(&self) {
        self.state.is_delivered.store(true, Ordering::Relaxed);
    }
}

impl State {
    fn is_delivered(&self) -> bool {
        self.is_delivered.load(Ordering::Relaxed)
    }

    fn deadline(&self) -> Deadline {
        let put_off = self.put_off.load(Ordering::Relaxed);
        self.deadline.later_by(Duration::from_micros(put_off))
    }

    fn watch(&self, watched: u32, lost: fn()) {
        let mut before = None;
        let mut looks = 0;
        loop {
            let remaining = self.deadline().remaining();
            if !remaining.is_zero() {
                thread::sleep(remaining);
                continue;
            }
            let wait = is_waiting(watched);
            looks = if wait.is_some() && wait == before { looks + 1 } else { 1 };
            before = wait;
            let enough = if self.is_delivered() { LOOKS } else { LOOKS_UNDELIVERED };
            if wait.is_some() && looks >= enough {
                break;
            }
            thread::sleep(LOOK_AGAIN);
        }
        if !self.is_delivered() {
            let (sender, is_over) = mpsc::channel();
            let _ = thread::Builder::new().spawn(move || {
                lost();
                let _ = sender.send(());
            });
            let _ = is_over.recv_timeout(LAST_ACTION);
        }
        process::exit(0);
    }
}

//! Ends a hook that a file system keeps waiting: a process cannot end a system call of its own thread,
//! but the end of a process ends the waits of all its threads.

use crewboard_platform::{Deadline, is_waiting};
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

/// Watches over the thread that made it, from then on until the process ends.
#[derive(Debug, Clone)]
pub(crate) struct Watchdog {
    deadline: Deadline,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Microseconds by which the deadline is put off.
    put_off: AtomicU64,
    is_delivered: AtomicBool,
}

impl Watchdog {
    /// Ends this process, with success, if the calling thread waits for something after `deadline`. A
    /// thread that runs, or would if the machine had a processor for it, is left alone. `lost` is called
    /// before that if nothing was delivered.
    pub(crate) fn start(deadline: Deadline, lost: fn()) -> Self {
        let watchdog = Self { deadline, state: Arc::default() };
        let (watched, watching) = (crewboard_platform::this_thread(), watchdog.clone());
        // Without the thread, the hook is what it would be without a watchdog.
        let _ =
            thread::Builder::new().stack_size(STACK).spawn(move || watching.watch(watched, lost));
        watchdog
    }

    /// Returns the deadline, put off if less than `least` of it remains.
    pub(crate) fn leave(&self, least: Duration) -> Deadline {
        let lacking = least.saturating_sub(self.deadline.remaining());
        self.state
            .put_off
            .store(u64::try_from(lacking.as_micros()).unwrap_or(0), Ordering::Relaxed);
        self.deadline()
    }

    /// Notes that the event is delivered: what is cut off from now on costs nothing.
    pub(crate) fn delivered(&self) {
        self.state.is_delivered.store(true, Ordering::Relaxed);
    }

    fn is_delivered(&self) -> bool {
        self.state.is_delivered.load(Ordering::Relaxed)
    }

    fn deadline(&self) -> Deadline {
        let put_off = self.state.put_off.load(Ordering::Relaxed);
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

//! Clears the status of a terminal (OSC 7501) when `crewboard counts --follow` ends.

use crewboard_board::outside::CLEAR_STATUS;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::write;
use rustix::stdio::stdout;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;
use std::io;
use std::thread;

/// The time that a reader gets to make room for the last sequence. A reader that reads needs no more.
const ROOM_TIMEOUT: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };

/// Clears the status when it is dropped, and at the signals that end the process. A reader that is gone needs no clear.
/// SIGHUP is left alone: the terminal is gone then, and `nohup` ignores the signal.
pub(super) struct ClearAtEnd;

impl ClearAtEnd {
    pub(super) fn register() -> io::Result<Self> {
        let mut signals = Signals::new([SIGTERM, SIGINT])?;
        thread::Builder::new().spawn(move || {
            for signal in signals.forever() {
                send_clear();
                // The process ends by the signal, as its parent expects.
                let _ = emulate_default_handler(signal);
            }
        })?;
        Ok(Self)
    }
}

impl Drop for ClearAtEnd {
    fn drop(&mut self) {
        send_clear();
    }
}

/// Sends the sequence without the lock of standard output: a reader that does not read may hold up the other thread, which
/// has the lock then.
fn send_clear() {
    let mut descriptors = [PollFd::from_borrowed_fd(stdout(), PollFlags::OUT)];
    if poll(&mut descriptors, Some(&ROOM_TIMEOUT)).is_ok_and(|count| count > 0) {
        let _ = write(stdout(), CLEAR_STATUS.as_bytes());
    }
}

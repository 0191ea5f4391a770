//! Runs a program on a pseudo-terminal of its own, and reads the status that the program reports to its terminal (OSC
//! 7501, the Program Status Protocol).
//!
//! Three processes take part: the relay, which the user started; the monitor, which leads the session of the
//! pseudo-terminal; and the program, which the monitor starts in the foreground. Without the monitor the kernel would
//! discard Ctrl-Z, because no process of the session could continue the program.
//!
//! Never: guesses from output, answers to other queries, unsafe code. Start at [`run`].
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail by panicking"))]

mod base64;
mod buffer;
mod handshake;
mod monitor;
mod monitor_message;
mod outbox;
mod outer_terminal;
mod record;
mod relay;
mod reporter;
mod retry_delay;
mod scanner;
mod signals;

pub use monitor::run_monitor;
pub use record::{Sequence, parse};
pub use relay::{MONITOR_COMMAND, Outcome, Run, RunError, has_terminal, run};
pub use scanner::{MAX_SEQUENCE, Piece, Scanner};

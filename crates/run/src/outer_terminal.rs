//! The user's terminal: its modes, its size, and the descriptor for output.

use rustix::fs::{Mode, OFlags, open};
use rustix::process::getpgrp;
use rustix::termios::{
    OptionalActions, Termios, Winsize, tcgetattr, tcgetpgrp, tcgetwinsize, tcsetattr, ttyname,
};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// The user's terminal. Its modes are restored when this is dropped, in a panic too.
#[derive(Debug)]
pub(crate) struct OuterTerminal {
    input: OwnedFd,
    output: OwnedFd,
    /// The modes before this program changed them, while they are changed.
    saved: Option<Termios>,
}

impl OuterTerminal {
    /// Opens the terminal of standard input and standard output.
    pub(crate) fn open() -> io::Result<Self> {
        let (input, output) = (io::stdin(), io::stdout());
        let output =
            reopen(output.as_fd()).map_or_else(|| output.as_fd().try_clone_to_owned(), Ok)?;
        Ok(Self { input: input.as_fd().try_clone_to_owned()?, output, saved: None })
    }

    pub(crate) fn input(&self) -> BorrowedFd<'_> {
        self.input.as_fd()
    }

    pub(crate) fn output(&self) -> BorrowedFd<'_> {
        self.output.as_fd()
    }

    pub(crate) fn modes(&self) -> io::Result<Termios> {
        Ok(tcgetattr(&self.input)?)
    }

    pub(crate) fn size(&self) -> io::Result<Winsize> {
        Ok(tcgetwinsize(&self.input)?)
    }

    /// Returns true if every key reaches this program now.
    pub(crate) fn is_raw(&self) -> bool {
        self.saved.is_some()
    }

    /// Makes every key reach this program, if it is in the foreground. The pseudo-terminal gives keys their meaning.
    pub(crate) fn enter_raw_mode(&mut self) {
        if self.is_raw() || !tcgetpgrp(&self.input).is_ok_and(|group| group == getpgrp()) {
            return;
        }
        let Ok(modes) = tcgetattr(&self.input) else { return };
        let mut raw = modes.clone();
        raw.make_raw();
        if tcsetattr(&self.input, OptionalActions::Now, &raw).is_ok() {
            self.saved = Some(modes);
        }
    }

    pub(crate) fn restore(&mut self) {
        if let Some(modes) = self.saved.take() {
            let _ = tcsetattr(&self.input, OptionalActions::Now, &modes);
        }
    }
}

impl Drop for OuterTerminal {
    fn drop(&mut self) {
        self.restore();
    }
}

/// Opens a terminal once more, so that writing does not block. The flag would change the descriptor of other programs
/// too. Returns `None` if the terminal has no path here.
fn reopen(terminal: BorrowedFd<'_>) -> Option<OwnedFd> {
    let path = ttyname(terminal, Vec::new()).ok()?;
    let flags = OFlags::WRONLY | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    open(path, flags, Mode::empty()).ok()
}

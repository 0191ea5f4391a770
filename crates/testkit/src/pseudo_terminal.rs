//! A pseudo-terminal whose bytes a test can read and write. It stands for the user's terminal.

use crate::wait::TIMEOUT;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcgetattr, tcsetwinsize};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Instant;

/// The user's terminal, in which one program runs.
#[derive(Debug)]
pub struct PseudoTerminal {
    terminal: OwnedFd,
    program: Child,
    output: Vec<u8>,
    /// The output before this was awaited already.
    awaited: usize,
    ended: bool,
}

impl PseudoTerminal {
    /// Starts a program as the leader of a terminal's session, as a terminal emulator does.
    pub fn start(command: &Command, (columns, rows): (u16, u16)) -> Self {
        let terminal =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&terminal).unwrap();
        unlockpt(&terminal).unwrap();
        let path = ptsname(&terminal, Vec::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let inner = open(path, flags, Mode::empty()).unwrap();
        set_size(&terminal, columns, rows);
        // A terminal emulator ignores no signal. The tests may, for example under `nohup`, and children inherit that.
        let emulator = ["setsid", "-c", "env", "--default-signal=HUP,INT,QUIT,TERM"];
        let mut leader = crate::wrap_command(&emulator, command);
        leader
            .env("TERM", "xterm")
            .stdin(Stdio::from(inner.try_clone().unwrap()))
            .stdout(Stdio::from(inner.try_clone().unwrap()))
            .stderr(Stdio::from(inner));
        let program = leader.spawn().unwrap();
        Self { terminal, program, output: Vec::new(), awaited: 0, ended: false }
    }

    /// Returns the pid of the program.
    pub fn pid(&self) -> u32 {
        self.program.id()
    }

    pub fn write(&self, bytes: &[u8]) {
        assert_eq!(rustix::io::write(&self.terminal, bytes), Ok(bytes.len()));
    }

    pub fn resize(&self, columns: u16, rows: u16) {
        set_size(&self.terminal, columns, rows);
    }

    /// Returns true if every key reaches the program.
    pub fn is_raw(&self) -> bool {
        !tcgetattr(&self.terminal)
            .unwrap()
            .local_modes
            .contains(rustix::termios::LocalModes::ICANON)
    }

    /// Waits for `text` in the output after what was awaited before.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let rest = &self.output[self.awaited..];
            let found = rest.windows(text.len()).position(|part| part == text.as_bytes());
            if let Some(at) = found {
                self.awaited += at + text.len();
                return;
            }
            let is_late = Instant::now() > deadline;
            assert!(
                !self.ended && !is_late,
                "waited for {text:?}; the output is:\n{}",
                self.output.escape_ascii()
            );
            self.read();
        }
    }

    /// Waits for the end of the program. Returns all of its output, and how it ended.
    #[track_caller]
    pub fn finish(mut self) -> (Vec<u8>, ExitStatus) {
        let deadline = Instant::now() + TIMEOUT;
        while !self.ended {
            assert!(Instant::now() < deadline, "the output is:\n{}", self.output.escape_ascii());
            self.read();
        }
        let status = self.program.wait().unwrap();
        (std::mem::take(&mut self.output), status)
    }

    /// Reads what is there, or waits a moment for more.
    fn read(&mut self) {
        let moment = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
        let mut polled = [PollFd::new(&self.terminal, PollFlags::IN)];
        if poll(&mut polled, Some(&moment)).unwrap() == 0 {
            return;
        }
        let mut bytes = vec![0; 1 << 16];
        match rustix::io::read(&self.terminal, &mut bytes) {
            Ok(count) if count > 0 => self.output.extend_from_slice(&bytes[..count]),
            // The session has ended.
            _ => self.ended = true,
        }
    }
}

impl Drop for PseudoTerminal {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

fn set_size(terminal: &OwnedFd, columns: u16, rows: u16) {
    let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(terminal, size).unwrap();
}

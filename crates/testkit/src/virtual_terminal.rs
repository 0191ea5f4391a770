//! A pseudo-terminal whose other end is the test: it answers the questions of a program, and records its output.

use crate::wait::TIMEOUT;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::io::{Errno, read, write};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use std::fs::OpenOptions;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Instant;

/// The beginning of a sequence of the Program Status Protocol.
const STATUS: &str = "\x1b]7501;";

/// The questions that every terminal answers, with the answers of a dark xterm.
const ANSWERS: [(&str, &str); 2] =
    [("\x1b[c", "\x1b[?62;22c"), ("\x1b]11;?\x1b\\", "\x1b]11;rgb:0000/0000/0000\x1b\\")];

/// A terminal with one program, which is killed when this value is dropped.
#[derive(Debug)]
pub struct VirtualTerminal {
    child: Child,
    controller: OwnedFd,
    /// The output so far.
    output: Vec<u8>,
    /// The length of the output whose questions have been answered.
    answered: usize,
    knows_status: bool,
}

impl VirtualTerminal {
    /// Starts a program, with this terminal as its controlling terminal. The terminal answers the question of the Program
    /// Status Protocol if it `knows_status`.
    pub fn start(command: &Command, (columns, rows): (u16, u16), knows_status: bool) -> Self {
        let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&controller).unwrap();
        unlockpt(&controller).unwrap();
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&controller, size).unwrap();
        let name = ptsname(&controller, Vec::new()).unwrap();
        let path = Path::new(std::ffi::OsStr::from_bytes(name.as_bytes()));
        let noctty = i32::try_from(OFlags::NOCTTY.bits()).unwrap();
        let device =
            OpenOptions::new().read(true).write(true).custom_flags(noctty).open(path).unwrap();
        let end = || Stdio::from(device.try_clone().unwrap());
        // A new session is needed for a controlling terminal. `setsid` keeps the process id.
        let mut wrapped = Command::new("setsid");
        wrapped.arg("--ctty").arg(command.get_program()).args(command.get_args()).env_clear();
        wrapped.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        if let Some(directory) = command.get_current_dir() {
            wrapped.current_dir(directory);
        }
        let child = wrapped.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
        fcntl_setfl(&controller, OFlags::NONBLOCK).unwrap();
        Self { child, controller, output: Vec::new(), answered: 0, knows_status }
    }

    /// Returns the pid of the program.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Types a text.
    pub fn type_text(&self, text: &str) {
        assert_eq!(write(&self.controller, text.as_bytes()), Ok(text.len()), "typing {text:?}");
    }

    /// Waits until `is_wanted` accepts the terminal.
    #[track_caller]
    pub fn wait_for(&mut self, what: &str, is_wanted: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + TIMEOUT;
        while !is_wanted(self) {
            let is_open = self.read_output(deadline);
            assert!(
                is_open && Instant::now() < deadline || is_wanted(self),
                "waited for {what}; the output is:\n{}",
                self.output().escape_debug()
            );
        }
    }

    /// Waits for the end of the program. Its whole output has been read then.
    #[track_caller]
    pub fn wait_for_end(&mut self) -> ExitStatus {
        let deadline = Instant::now() + TIMEOUT;
        while self.read_output(deadline) {
            assert!(Instant::now() < deadline, "the program has not ended");
        }
        self.child.wait().unwrap()
    }

    /// Returns the output so far.
    pub fn output(&self) -> String {
        String::from_utf8_lossy(&self.output).into_owned()
    }

    /// Returns the reports of the Program Status Protocol in the output, without the question.
    pub fn status_reports(&self) -> Vec<String> {
        let output = self.output();
        let parts = output.split(STATUS).skip(1);
        let bodies = parts.filter_map(|part| part.split_once("\x1b\\")).map(|(body, _)| body);
        bodies.filter(|body| *body != "?").map(str::to_owned).collect()
    }

    /// Returns the last report of the Program Status Protocol.
    pub fn last_status(&self) -> String {
        self.status_reports().pop().unwrap_or_default()
    }

    /// Returns the title of the terminal, whose own title is `before`, after the sequences that set, save and restore it.
    pub fn title(&self, before: &str) -> String {
        let (mut title, mut saved) = (before.to_owned(), Vec::new());
        for part in self.output().split('\u{1b}') {
            if let Some(text) = part.strip_prefix("]2;") {
                text.clone_into(&mut title);
            } else if part.starts_with("[22;2t") {
                saved.push(title.clone());
            } else if part.starts_with("[23;2t") {
                title = saved.pop().unwrap_or(title);
            }
        }
        title
    }

    /// Reads output and answers its questions, or waits for output until `deadline`. Returns false if no program has the
    /// terminal open.
    fn read_output(&mut self, deadline: Instant) -> bool {
        let rest = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(rest).unwrap();
        let mut descriptors = [PollFd::new(&self.controller, PollFlags::IN)];
        match poll(&mut descriptors, Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => panic!("cannot wait for output: {error}"),
        }
        let mut buffer = [0; 4096];
        match read(&self.controller, &mut buffer) {
            Ok(0) | Err(Errno::IO) => return false,
            Ok(count) => self.output.extend_from_slice(&buffer[..count]),
            Err(Errno::AGAIN | Errno::INTR) => return true,
            Err(error) => panic!("cannot read output: {error}"),
        }
        self.answer_questions();
        true
    }

    fn answer_questions(&mut self) {
        let question = format!("{STATUS}?\x1b\\");
        let status = self.knows_status.then_some((&*question, &*question));
        let mut found: Vec<(usize, &str, &str)> = Vec::new();
        for (question, answer) in ANSWERS.into_iter().chain(status) {
            let windows = self.output.windows(question.len()).enumerate().skip(self.answered);
            let places = windows.filter(|(_, window)| *window == question.as_bytes());
            found.extend(places.map(|(at, _)| (at, question, answer)));
        }
        found.sort_unstable();
        for (at, question, answer) in found {
            self.type_text(answer);
            self.answered = at + question.len();
        }
    }
}

impl Drop for VirtualTerminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

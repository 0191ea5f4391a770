//! Why a command failed, in words for its user, and with which exit code.

use crate::commands::install::InstallError;
use crewboard_client::{ConnectError, FollowError, TalkError};
use crewboard_core::clean;
use std::io::{self, Write as _};
use std::process::ExitCode;

/// Exit codes, besides 0 for success. `--help` and the README tell them.
pub(crate) mod exit_code {
    /// The command failed.
    pub(crate) const FAILED: u8 = 1;
    /// The command was not understood.
    pub(crate) const USAGE: u8 = 2;
    /// `wait`: a row waits for you instead.
    pub(crate) const BLOCKED: u8 = 3;
    /// `wait`: a row closed instead.
    pub(crate) const CLOSED: u8 = 4;
    /// Told to leave before the end: what a shell says of Ctrl-C.
    pub(crate) const INTERRUPTED: u8 = 130;
    /// `next`: nobody needs you.
    pub(crate) const NOBODY: u8 = 5;
    /// `wait`: it took too long.
    pub(crate) const TIMED_OUT: u8 = 124;
}

/// What went wrong and what to do about it.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    hint: Option<String>,
    code: u8,
}

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, code: exit_code::FAILED }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { code: exit_code::USAGE, ..Self::new(message) }
    }

    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    pub(crate) fn code(self, code: u8) -> Self {
        Self { code, ..self }
    }

    /// The whole of it, for where there is one line.
    pub(crate) fn in_a_line(self) -> String {
        match self.hint {
            Some(hint) => format!("{}; {hint}", self.message),
            None => self.message,
        }
    }

    /// Success, where all that failed is that nobody reads on.
    fn reader_gone() -> Self {
        Self { message: String::new(), hint: None, code: 0 }
    }

    /// Tells the user, and gives the process's exit code.
    pub(crate) fn report(self) -> ExitCode {
        if self.code != 0 {
            // Nobody is left to be told where this fails.
            let mut stderr = io::stderr().lock();
            // A message may quote a file or another program, and the terminal must not obey that.
            let _ = writeln!(stderr, "crewboard: {}", clean(&self.message, usize::MAX, true));
            if let Some(hint) = self.hint {
                let _ = writeln!(stderr, "  {}", clean(&hint, usize::MAX, true));
            }
        }
        ExitCode::from(self.code)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::reader_gone(),
            _ => Self::new(error.to_string()),
        }
    }
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        let hint = match &error {
            ConnectError::NoDaemon => Some("`crewboard daemon start` starts one"),
            ConnectError::NoPlace(_) => Some(
                "make one of these directories yours and private (chmod 700), \
                 or name a socket in CREWBOARD_SOCKET",
            ),
            ConnectError::Unresponsive | ConnectError::Start(_) => None,
        };
        let failure = Self::new(error.to_string());
        match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

impl From<TalkError> for Failure {
    fn from(error: TalkError) -> Self {
        let failure = Self::new(error.to_string());
        match error {
            TalkError::Silent(_) => failure
                .hint("if it stays so, `crewboard daemon restart` ends it and starts another"),
            _ => failure,
        }
    }
}

impl From<FollowError> for Failure {
    fn from(error: FollowError) -> Self {
        match error {
            FollowError::Connect(error) => error.into(),
            FollowError::Talk(error) => error.into(),
            FollowError::ReaderGone => Self::reader_gone(),
        }
    }
}

impl From<InstallError> for Failure {
    fn from(error: InstallError) -> Self {
        Self { message: error.to_string(), hint: None, code: error.exit_code() }
    }
}

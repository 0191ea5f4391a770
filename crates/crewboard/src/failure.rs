//! Failures of commands: the message, the hint and the exit code.

use crewboard_client::{ConnectError, ConnectionError, SubscriptionError};
use crewboard_core::clean;
use crewboard_terminals::TerminalError;
use std::io::{self, Write as _};
use std::process::ExitCode;

/// Exit codes other than 0 for success. `--help` and docs/commands.md list them.
pub(crate) mod exit_code {
    /// The command failed.
    pub(crate) const FAILED: u8 = 1;
    /// The arguments are wrong.
    pub(crate) const USAGE: u8 = 2;
    /// `wait`: a session needs the user instead.
    pub(crate) const BLOCKED: u8 = 3;
    /// `wait`: a session closed instead.
    pub(crate) const CLOSED: u8 = 4;
    /// Interrupted by a signal; the exit code that shells use for Ctrl-C.
    pub(crate) const INTERRUPTED: u8 = 130;
    /// `next`: no session needs the user.
    pub(crate) const NO_SESSION: u8 = 5;
    /// `wait`: timed out.
    pub(crate) const TIMED_OUT: u8 = 124;
}

/// Returns the text of a system error without its number: `No such file or directory`, not `… (os error 2)`.
pub(crate) fn without_error_number(error: &io::Error) -> String {
    without_error_numbers(&error.to_string())
}

/// Removes every ` (os error N)` from a text.
pub(crate) fn without_error_numbers(text: &str) -> String {
    let mut parts = text.split(" (os error ");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once(')') {
            Some((number, rest)) if number.parse::<i32>().is_ok() => plain.push_str(rest),
            _ => {
                plain.push_str(" (os error ");
                plain.push_str(part);
            }
        }
    }
    plain
}

/// An error message, and a hint that says what to do.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    hint: Option<String>,
    code: u8,
    is_disconnect: bool,
}

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, code: exit_code::FAILED, is_disconnect: false }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { code: exit_code::USAGE, ..Self::new(message) }
    }

    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// Returns the failure of an action in a terminal.
    pub(crate) fn of_terminal(action: &str, error: TerminalError) -> Self {
        let TerminalError { reason, hint } = error;
        Self { hint, ..Self::new(format!("{action}: {reason}")) }
    }

    pub(crate) fn code(self, code: u8) -> Self {
        Self { code, ..self }
    }

    /// Returns true if the daemon closed the connection before it had replied.
    pub(crate) fn is_disconnect(&self) -> bool {
        self.is_disconnect
    }

    /// Returns the message and the hint in one line.
    pub(crate) fn in_one_line(self) -> String {
        match self.hint {
            Some(hint) => format!("{}; {hint}", without_error_numbers(&self.message)),
            None => without_error_numbers(&self.message),
        }
    }

    /// Returns a silent success: the reader of the output has closed it.
    fn output_closed() -> Self {
        Self { code: 0, ..Self::new("") }
    }

    /// Prints the message and the hint. Returns the exit code.
    pub(crate) fn report(self) -> ExitCode {
        if self.code != 0 {
            let mut stderr = io::stderr().lock();
            // A message may quote a file or another program; remove its control sequences.
            let message = without_error_numbers(&self.message);
            let _ = writeln!(stderr, "crewboard: {}", clean(&message, usize::MAX, true));
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
            io::ErrorKind::BrokenPipe => Self::output_closed(),
            _ => Self::new(error.to_string()),
        }
    }
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        let hint = match &error {
            ConnectError::NoDaemon => Some("run `crewboard daemon start` to start it"),
            ConnectError::NoPlace(_) => Some(
                "make one of these directories your own and private (chmod 700), \
                 or name a socket in CREWBOARD_SOCKET",
            ),
            ConnectError::Unresponsive | ConnectError::Start(_) => None,
        };
        Self { hint: hint.map(str::to_owned), ..Self::new(error.to_string()) }
    }
}

impl From<ConnectionError> for Failure {
    fn from(error: ConnectionError) -> Self {
        let failure = Self::new(error.to_string());
        match error {
            ConnectionError::TimedOut(_) => {
                failure.hint("if this persists, run `crewboard daemon restart`")
            }
            ConnectionError::Closed => Self { is_disconnect: true, ..failure },
            _ => failure,
        }
    }
}

impl From<SubscriptionError> for Failure {
    fn from(error: SubscriptionError) -> Self {
        match error {
            SubscriptionError::Connect(error) => error.into(),
            SubscriptionError::Connection(error) => error.into(),
            SubscriptionError::ReaderGone => Self::output_closed(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_numbers_are_removed() {
        let error = io::Error::from_raw_os_error(17);
        assert_eq!(without_error_number(&error), "File exists");
        let text = "a: No such file or directory (os error 2); b (os error x) c (os error 13)";
        let plain = "a: No such file or directory; b (os error x) c";
        assert_eq!(without_error_numbers(text), plain);
        assert_eq!(Failure::new(text).hint("d").in_one_line(), format!("{plain}; d"));
    }
}

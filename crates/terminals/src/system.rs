use crate::Variables;
use crewboard_core::{MAX_LINE, excerpt};
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::Path;

/// A command to run: the program and its arguments, and additional environment variables.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Command {
    pub words: Vec<String>,
    pub variables: Vec<(String, String)>,
}

impl Command {
    /// Creates a command of these words.
    pub fn new<W: Into<String>>(words: impl IntoIterator<Item = W>) -> Self {
        Self { words: words.into_iter().map(Into::into).collect(), variables: Vec::new() }
    }

    /// Adds an environment variable, if it has a value.
    pub(crate) fn with<'a>(mut self, name: &str, value: impl Into<Option<&'a str>>) -> Self {
        self.variables.extend(value.into().map(|value| (name.to_owned(), value.to_owned())));
        self
    }

    /// Returns a path, quoted for a shell.
    pub fn quoted(path: &Path) -> String {
        quote(&path.display().to_string())
    }

    pub(crate) fn and<W: Into<String>>(mut self, words: impl IntoIterator<Item = W>) -> Self {
        self.words.extend(words.into_iter().map(Into::into));
        self
    }
}

/// Writes the command, quoted for a shell. This is for display; the command is never run like this.
impl fmt::Display for Command {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let variables = self.variables.iter();
        let variables = variables.map(|(name, value)| format!("{name}={}", quote(value)));
        let words = self.words.iter().map(String::as_str).map(quote);
        formatter.write_str(&variables.chain(words).collect::<Vec<_>>().join(" "))
    }
}

fn quote(word: &str) -> String {
    let is_plain =
        |character: char| character.is_ascii_alphanumeric() || "%+,-./:=@_".contains(character);
    if word.chars().all(is_plain) && !word.is_empty() {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// The reason why a command failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandError {
    /// The program does not exist.
    NotFound,
    /// The command did not end in time, and was killed.
    TimedOut,
    /// The command failed with this output, which may have several lines.
    Failed(String),
}

impl From<io::Error> for CommandError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::NotFound,
            _ => Self::Failed(error.to_string()),
        }
    }
}

/// The name of a terminal server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server<'a> {
    /// The path of its socket.
    Socket(&'a str),
    /// The name of its abstract socket, which has no file.
    Abstract(&'a str),
    /// The file name of its socket, in a directory that the terminal chooses.
    Session(&'a str),
}

/// The reason why a server may not be contacted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unverified {
    /// No process listens there.
    Gone,
    /// No evidence shows that the server runs the terminal of the process.
    Mismatch,
}

/// The tmux server that runs the terminal of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnclosingTmux {
    pub pid: u32,
    /// The path to which the server bound its socket.
    pub socket: String,
    /// A verified address of that socket, or the reason why there is none.
    pub address: Result<String, Unverified>,
}

/// Runs commands, and reads facts about processes from the kernel.
pub trait System {
    /// Runs a command with a time limit. Returns its output.
    fn run(&mut self, command: &Command) -> Result<String, CommandError>;
    /// Returns the controlling terminal of a process.
    fn tty_of(&self, pid: u32) -> Option<String>;
    /// Returns true if `ancestor` is the process `pid` or one of its ancestors.
    fn descends(&self, pid: u32, ancestor: u32) -> bool;
    /// Verifies the process that listens at `server`. It must be an ancestor of `own`, or run the terminal of `pid`
    /// with no process from it to `pid` confined more than the caller. Returns an address that leads to the verified
    /// socket; for a session, the path of its socket.
    fn verify_server(
        &mut self,
        server: Server<'_>,
        pid: Option<u32>,
        own: Option<u32>,
    ) -> Result<String, Unverified>;
    /// Finds the tmux server that runs the terminal of `pid`, without its variables: an ancestor that has the other
    /// end of the terminal open, with no process between them confined more than the caller.
    fn enclosing_tmux(&mut self, pid: u32) -> Option<EnclosingTmux>;
    /// Returns the environment with which a process was started.
    fn environment_of(&self, pid: u32) -> Option<BTreeMap<String, String>>;
}

/// The process of the board or of the command.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'a> {
    pub pid: u32,
    pub environment: &'a dyn Variables,
}

impl Caller<'_> {
    /// Returns the socket of the tmux server in which the caller runs, and its session. An inherited variable does not
    /// count: every process in a tmux server descends from it.
    pub(crate) fn tmux(&self, system: &dyn System) -> Option<(String, String)> {
        let variable = self.environment.get("TMUX")?;
        // TMUX has the socket, the pid of the server and the session. The path may contain commas.
        let mut fields = variable.rsplitn(3, ',');
        let (session, pid, socket) = (fields.next()?, fields.next()?, fields.next()?);
        let is_inside = system.descends(self.pid, pid.parse().ok()?);
        is_inside.then(|| (socket.to_owned(), format!("${session}")))
    }
}

/// The reason why a pane cannot be shown, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TerminalError {
    pub reason: String,
    pub hint: Option<String>,
}

impl TerminalError {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), hint: None }
    }

    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// Returns the error for a pane that is gone, or that exists and belongs to another process.
    pub(crate) fn missing_pane(terminal: &str, pane: &str, id: &str, exists: bool) -> Self {
        Self::new(if exists {
            format!("its variables name {pane} {id} of {terminal}, but it does not run there")
        } else {
            format!("its {pane} {id} is gone from {terminal}")
        })
    }

    /// Returns the error for a command of `program` that failed.
    pub fn from_command(program: &str, error: CommandError) -> Self {
        match error {
            CommandError::NotFound => {
                let install = match program {
                    "notify-send" => "Debian: install libnotify-bin",
                    _ => "install it, or add its directory to PATH",
                };
                Self::new(format!("cannot find {program} on the PATH")).hint(install)
            }
            CommandError::TimedOut => Self::new(format!("{program} does not answer")),
            CommandError::Failed(output) => match excerpt(&output, MAX_LINE).as_str() {
                "" => Self::new(format!("{program} failed without a message")),
                message => Self::new(format!("{program} failed: {message}")),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_is_displayed_with_shell_quotes() {
        let command = Command::new(["tmux", "-S", "/tmp/a b", "it's", "$(touch x)", ""]);
        let command = command.with("TMUX", "");
        assert_eq!(command.to_string(), r"TMUX='' tmux -S '/tmp/a b' 'it'\''s' '$(touch x)' ''");
    }
}

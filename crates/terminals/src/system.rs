use crate::Variables;
use crewboard_core::{MAX_LINE, excerpt};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

/// A command as data: the program, its words, and variables that it gets besides.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Command {
    pub words: Vec<String>,
    pub variables: Vec<(String, String)>,
}

impl Command {
    pub(crate) fn new<W: Into<String>>(words: impl IntoIterator<Item = W>) -> Self {
        Self { words: words.into_iter().map(Into::into).collect(), variables: Vec::new() }
    }

    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A path as a person would type it into a shell.
    pub fn quoted(path: &Path) -> String {
        quoted(&path.display().to_string())
    }

    pub(super) fn and<W: Into<String>>(mut self, words: impl IntoIterator<Item = W>) -> Self {
        self.words.extend(words.into_iter().map(Into::into));
        self
    }
}

/// As a person would type it into a shell. To be shown; it is never run like this.
impl fmt::Display for Command {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let variables = self.variables.iter();
        let variables = variables.map(|(name, value)| format!("{name}={}", quoted(value)));
        let words = self.words.iter().map(String::as_str).map(quoted);
        formatter.write_str(&variables.chain(words).collect::<Vec<_>>().join(" "))
    }
}

fn quoted(word: &str) -> String {
    let is_plain =
        |character: char| character.is_ascii_alphanumeric() || "%+,-./:=@_".contains(character);
    if word.chars().all(is_plain) && !word.is_empty() {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Why a command gave no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandError {
    /// There is no such program.
    NotFound,
    /// It took too long, and was ended.
    TimedOut,
    /// It failed, and said this, in however many lines.
    Failed(String),
}

/// How the server of a terminal is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server<'a> {
    /// By the file of its socket.
    Socket(&'a str),
    /// By the name of a socket that has no file.
    Abstract(&'a str),
    /// By the name of its socket's file, in a directory that the terminal chooses.
    Session(&'a str),
}

/// Why a server may not be contacted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unverified {
    /// No process listens there.
    Gone,
    /// Nothing shows that it runs the terminal of the process, or that is known not to.
    Mismatch,
}

/// The tmux server that runs the terminal of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnclosingTmux {
    pub pid: u32,
    /// The path to which it bound its socket.
    pub socket: String,
    /// What leads to that socket, or why nothing does.
    pub address: Result<String, Unverified>,
}

/// What terminals are asked through, and what the kernel says of processes.
pub trait System {
    /// Runs a command to its end, in bounded time: what it printed.
    fn run(&mut self, command: &Command) -> Result<String, CommandError>;
    /// The controlling terminal of a process.
    fn tty_of(&self, pid: u32) -> Option<String>;
    /// Whether `pid` was started by `ancestor`, however far above.
    fn descends(&self, pid: u32, ancestor: u32) -> bool;
    /// Checks who listens at `server`: the process in whose pane or window `pid` runs, with nothing between them
    /// or itself confined more than the asker; or an ancestor of `own`. Returns an address that leads to the
    /// very socket that was checked; of a session its socket's file.
    fn verify_server(
        &mut self,
        server: Server<'_>,
        pid: Option<u32>,
        own: Option<u32>,
    ) -> Result<String, Unverified>;
    /// Finds the tmux server that runs the terminal of `pid`, whatever variables say: an ancestor that holds the
    /// other end of that terminal, with nothing between them confined more than the asker.
    fn enclosing_tmux(&mut self, pid: u32) -> Option<EnclosingTmux>;
    /// The variables a process was started with.
    fn environment_of(&self, pid: u32) -> Option<BTreeMap<String, String>>;
}

/// Who asks: the process of the board or the command.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'a> {
    pub pid: u32,
    pub environment: &'a dyn Variables,
}

impl Caller<'_> {
    /// The tmux server and the session of it in which the asker runs. A variable left over from elsewhere is
    /// none: whoever runs in a server was started by it.
    pub(super) fn tmux(&self, system: &dyn System) -> Option<(String, String)> {
        let variable = self.environment.get("TMUX")?;
        // Socket, server's pid, session; a path may hold commas.
        let mut fields = variable.rsplitn(3, ',');
        let (session, pid, socket) = (fields.next()?, fields.next()?, fields.next()?);
        let is_inside = system.descends(self.pid, pid.parse().ok()?);
        is_inside.then(|| (socket.to_owned(), format!("${session}")))
    }
}

/// Why a pane cannot be shown, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TerminalError {
    pub why: String,
    pub hint: Option<String>,
}

impl TerminalError {
    pub(super) fn new(why: impl Into<String>) -> Self {
        Self { why: why.into(), hint: None }
    }

    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// A pane that is not there, or is there and is another's.
    pub(super) fn gone(terminal: &str, pane: &str, id: &str, is_there: bool) -> Self {
        Self::new(if is_there {
            format!("its variables name {pane} {id} of {terminal}, but it does not run in that")
        } else {
            format!("its {pane} {id} is gone from {terminal}")
        })
    }

    /// A refusal of `program`, where nothing more is known of what it means.
    pub fn of(program: &str, refusal: CommandError) -> Self {
        match refusal {
            CommandError::NotFound => Self::new(format!("there is no {program} to be found"))
                .hint(format!("{program} must be on the PATH of whoever asks")),
            CommandError::TimedOut => Self::new(format!("{program} does not answer")),
            CommandError::Failed(said) => match excerpt(&said, MAX_LINE).as_str() {
                "" => Self::new(format!("{program} refused without a word")),
                said => Self::new(format!("{program} says: {said}")),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_a_shell_would_take_it() {
        let command = Command::new(["tmux", "-S", "/tmp/a b", "it's", "$(touch x)", ""]);
        let command = command.with("TMUX", "");
        assert_eq!(command.to_string(), r"TMUX='' tmux -S '/tmp/a b' 'it'\''s' '$(touch x)' ''");
    }
}

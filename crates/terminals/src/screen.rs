//! GNU screen. Tested with 4.9.0.

use crate::contact::{directory_above, verify_address};
use crate::new_pane::NewPane;
use crate::system::{Caller, Command, CommandError, Server, System, TerminalError};
use crate::target::{PaneOutcome, Target};
use crewboard_core::Pane;

pub(crate) fn focus(
    pane: &Pane,
    target: Target<'_>,
    caller: Caller<'_>,
    system: &mut dyn System,
) -> Result<PaneOutcome, TerminalError> {
    let Pane { server: Some(session), pane: Some(window), .. } = pane else {
        return Err(TerminalError::new("its variables name a screen window, but no session"));
    };
    // The process of a session is an ancestor of every process in the session.
    if target.pid.zip(pid(session)).is_some_and(|(own, pid)| !system.descends(own, pid)) {
        return Err(TerminalError::new(format!("it does not run in the screen session {session}")));
    }
    if window.is_empty() || !window.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(TerminalError::new(format!("{window:?} is not a screen window")));
    }
    // A process within the session finds the session by its own variables, as screen does.
    let is_own = caller.environment.get("STY").as_deref() == Some(session)
        && pid(session).is_some_and(|pid| system.descends(caller.pid, pid));
    let directory = if is_own {
        None
    } else {
        let server = Server::Session(session);
        let socket = verify_address(("screen", session), server, target.pid, caller, system)?;
        directory_above(&socket, 1)
    };
    let screen = |words: &[&str]| {
        let command = Command::new(["screen"]).and(words.iter().copied());
        match &directory {
            Some(directory) => command.with("SCREENDIR", directory),
            None => command,
        }
    };
    // In a detached session `select` succeeds and shows nothing. Only the list says that a session is detached, and
    // the exit code of the list says nothing.
    let list = match system.run(&screen(&["-ls", session])) {
        Ok(list) | Err(CommandError::Failed(list)) => list,
        Err(error) => return Err(command_error(error)),
    };
    let line = list.lines().find(|line| line.split_whitespace().next() == Some(session));
    let Some(line) = line else {
        return Err(TerminalError::new(format!("the screen session {session} no longer exists")));
    };
    if line.contains("etached)") {
        return Ok(PaneOutcome::Detached(screen(&["-r", session, "-p", window])));
    }
    let select = screen(&["-S", session, "-X", "select", window]);
    system.run(&select).map_err(command_error)?;
    Ok(PaneOutcome::Shown)
}

/// Opens a new window. Returns `None` if the variables are inherited from another terminal.
pub(crate) fn open(
    new_pane: &NewPane<'_>,
    pane: &Pane,
    caller: Caller<'_>,
    system: &mut dyn System,
) -> Option<Result<(), TerminalError>> {
    let session = pane.server.as_deref()?;
    if !system.descends(caller.pid, pid(session)?) {
        return None;
    }
    // screen cannot set the directory of a single window.
    let words = new_pane.shell_words().map(escape_word);
    let command = Command::new(["screen", "-S", session, "-X", "screen"]).and(words);
    Some(system.run(&command).map(|_| ()).map_err(command_error))
}

/// Escapes a word for screen, which replaces `$NAME` with a variable, and `^X` and `\101` with a control character.
fn escape_word(word: &str) -> String {
    let mut escaped = String::new();
    for character in word.chars() {
        if matches!(character, '$' | '^' | '\\') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// Returns the pid at the beginning of a session's name: `1234.pts-0.host`.
fn pid(session: &str) -> Option<u32> {
    session.split('.').next()?.parse().ok()
}

fn command_error(error: CommandError) -> TerminalError {
    TerminalError::from_command("screen", error)
}

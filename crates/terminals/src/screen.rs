//! GNU screen. Tested with 4.9.0.

use crate::contact::{directory_above, verify_address};
use crate::new_pane::NewPane;
use crate::system::{Command, CommandError, Server, TerminalError};
use crate::target::{Context, PaneOutcome};
use crewboard_core::Pane;

pub(crate) fn focus(pane: &Pane, context: &mut Context<'_>) -> Result<PaneOutcome, TerminalError> {
    let Pane { server: Some(session), pane: Some(window), .. } = pane else {
        return Err(TerminalError::new("its variables name a screen window, but no session"));
    };
    // The process of a session is an ancestor of every process in the session.
    let is_outside = |(own, pid)| !context.system.descends(own, pid);
    if context.target.pid.zip(pid(session)).is_some_and(is_outside) {
        return Err(TerminalError::new(format!("it does not run in the screen session {session}")));
    }
    if window.is_empty() || !window.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(TerminalError::new(format!("{window:?} is not a screen window")));
    }
    // A process within the session finds the session by its own variables, as screen does.
    let caller = context.caller;
    let is_own = caller.environment.get("STY").as_deref() == Some(session)
        && pid(session).is_some_and(|pid| context.system.descends(caller.pid, pid));
    let directory = if is_own {
        None
    } else {
        directory_above(&verify_address(("screen", session), Server::Session(session), context)?, 1)
    };
    let screen = |words: &[&str]| {
        let command = Command::new(["screen"]).and(words.iter().copied());
        command.with("SCREENDIR", directory.as_deref())
    };
    // In a detached session `select` succeeds and shows nothing. Only the list says that a session is detached, and
    // the exit code of the list says nothing.
    let list = match context.system.run(&screen(&["-ls", session])) {
        Ok(list) | Err(CommandError::Failed(list)) => list,
        Err(error) => return Err(TerminalError::from_command("screen", error)),
    };
    let line = list.lines().find(|line| line.split_whitespace().next() == Some(session));
    let Some(line) = line else {
        return Err(TerminalError::new(format!("the screen session {session} no longer exists")));
    };
    if line.contains("etached)") {
        return Ok(PaneOutcome::Detached(screen(&["-r", session, "-p", window])));
    }
    let select = screen(&["-S", session, "-X", "select", window]);
    context.run("screen", &select)?;
    Ok(PaneOutcome::Shown)
}

/// Opens a new window. Returns false if the variables are inherited from another terminal.
pub(crate) fn open(
    new_pane: &NewPane<'_>,
    pane: &Pane,
    context: &mut Context<'_>,
) -> Result<bool, TerminalError> {
    let Some((session, pid)) = pane.server.as_deref().and_then(|name| Some((name, pid(name)?)))
    else {
        return Ok(false);
    };
    if !context.system.descends(context.caller.pid, pid) {
        return Ok(false);
    }
    // screen cannot set the directory of a single window.
    let words = new_pane.shell_words().map(escape_word);
    let command = Command::new(["screen", "-S", session, "-X", "screen"]).and(words);
    context.run("screen", &command).map(|_| true)
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

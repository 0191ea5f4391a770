//! GNU screen. Seen on 4.9.0.

use super::contact::{contact, directory_above};
use super::focus::{Found, Target};
use super::new_pane::NewPane;
use super::system::{Caller, Command, CommandError, Server, System, TerminalError};
use crewboard_core::Pane;

pub(super) fn focus(
    pane: &Pane,
    target: Target<'_>,
    asker: Caller<'_>,
    system: &mut dyn System,
) -> Result<Found, TerminalError> {
    let Pane { server: Some(session), pane: Some(window), .. } = pane else {
        return Err(TerminalError::new("its variables name a window of screen, but no session"));
    };
    // What runs in a session was started by its process.
    if target.pid.zip(pid(session)).is_some_and(|(own, pid)| !system.descends(own, pid)) {
        return Err(TerminalError::new(format!("it does not run in screen's session {session}")));
    }
    if window.is_empty() || !window.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(TerminalError::new(format!("{window:?} is no window of screen")));
    }
    // What runs in a session finds it by its own variables, as screen does.
    let is_own = asker.environment.get("STY").as_deref() == Some(session)
        && pid(session).is_some_and(|pid| system.descends(asker.pid, pid));
    let directory = if is_own {
        None
    } else {
        let server = Server::Session(session);
        let socket = contact(("screen", session), server, target.pid, asker, system)?;
        directory_above(&socket, 1)
    };
    let screen = |words: &[&str]| {
        let command = Command::new(["screen"]).and(words.iter().copied());
        match &directory {
            Some(directory) => command.with("SCREENDIR", directory),
            None => command,
        }
    };
    // Where it is on no terminal, `select` would be done and be seen by nobody. screen says so only in a
    // list, whose exit code tells nothing.
    let list = match system.run(&screen(&["-ls", session])) {
        Ok(list) | Err(CommandError::Failed(list)) => list,
        Err(refusal) => return Err(TerminalError::of("screen", refusal)),
    };
    let line = list.lines().find(|line| line.split_whitespace().next() == Some(session));
    let Some(line) = line else {
        return Err(TerminalError::new(format!("screen lists no session {session} any more")));
    };
    if line.contains("etached)") {
        return Ok(Found::Detached(screen(&["-r", session, "-p", window])));
    }
    let select = screen(&["-S", session, "-X", "select", window]);
    system.run(&select).map_err(|refusal| TerminalError::of("screen", refusal))?;
    Ok(Found::Shown)
}

/// `None` where the variables are left over from elsewhere.
pub(super) fn open(
    opening: &NewPane<'_>,
    pane: &Pane,
    asker: Caller<'_>,
    system: &mut dyn System,
) -> Option<Result<(), TerminalError>> {
    let session = pane.server.as_deref()?;
    if !system.descends(asker.pid, pid(session)?) {
        return None;
    }
    // screen has no directory for one window.
    let words = opening.words_that_go_there().map(unexpanded);
    let command = Command::new(["screen", "-S", session, "-X", "screen"]).and(words);
    Some(system.run(&command).map(|_| ()).map_err(|refusal| TerminalError::of("screen", refusal)))
}

/// A word as screen takes it: it puts variables in place of `$NAME`, and control characters of `^X` and `\101`.
fn unexpanded(word: &str) -> String {
    let mut escaped = String::new();
    for character in word.chars() {
        if matches!(character, '$' | '^' | '\\') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// A session's name begins with its process: `1234.pts-0.host`.
fn pid(session: &str) -> Option<u32> {
    session.split('.').next()?.parse().ok()
}

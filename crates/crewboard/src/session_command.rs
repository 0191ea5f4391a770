//! Runs the user's own commands for a session. Session data is passed in variables and on standard input, never in the
//! command line.

use crewboard_core::Session;
use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::thread;

/// Returns the process of a shell command, with the session in its variables. It runs in the home directory.
pub(crate) fn session_command(line: &str, row: &Session) -> Command {
    let or_empty = |text: &Option<String>| text.clone().unwrap_or_default();
    // An agent reports these paths. A program would take one that begins with `-` for an option.
    let path = |path: &Option<String>| {
        path.as_deref().filter(|path| path.starts_with('/')).unwrap_or_default().to_owned()
    };
    let prompt = row.open_prompt.as_ref().map(|prompt| prompt.text.clone());
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", line])
        .env("CREWBOARD_KEY", row.key.as_str())
        .env("CREWBOARD_STATUS", row.status.word())
        .env("CREWBOARD_NAME", &row.name)
        .env("CREWBOARD_AGENT", row.agent.as_str())
        .env("CREWBOARD_ID", row.id.as_str())
        .env("CREWBOARD_CWD", path(&row.cwd))
        .env("CREWBOARD_PANE", or_empty(&row.place.pane))
        .env("CREWBOARD_TTY", path(&row.place.tty))
        .env("CREWBOARD_PID", row.pid.map(|pid| pid.to_string()).unwrap_or_default())
        .env("CREWBOARD_TEXT", prompt.or_else(|| row.activity.clone()).unwrap_or_default())
        // A process group, so that a timeout also kills its children.
        .process_group(0);
    if let Some(home) = std::env::var_os("HOME") {
        command.current_dir(home);
    }
    command
}

/// Starts a session's command, with the session as JSON on standard input.
pub(crate) fn spawn_with_session(mut command: Command, row: &Session) -> io::Result<Child> {
    let mut child = command.stdin(Stdio::piped()).spawn()?;
    let mut json = serde_json::to_vec(row)?;
    json.push(b'\n');
    if let Some(mut stdin) = child.stdin.take() {
        // The session may exceed the pipe buffer, and the command need not read it.
        thread::spawn(move || stdin.write_all(&json));
    }
    Ok(child)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crewboard_core::Place;

    #[test]
    fn only_absolute_paths_become_variables() {
        for (path, expected) in [
            ("/home/dev/my shop", "/home/dev/my shop"),
            ("--install-extension=/tmp/x", ""),
            ("shop", ""),
        ] {
            let place = Place { tty: Some(path.to_owned()), ..Place::default() };
            let row = Session { cwd: Some(path.to_owned()), place, ..Session::default() };
            let command = session_command("true", &row);
            for name in ["CREWBOARD_CWD", "CREWBOARD_TTY"] {
                let value = command.get_envs().find(|(found, _)| *found == name).unwrap().1;
                assert_eq!(value.unwrap(), expected, "{name}");
            }
        }
    }
}

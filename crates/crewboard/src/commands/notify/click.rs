//! Clickable notifications: shows one, waits for the click, and jumps to the session's pane.

use super::message::Message;
use super::{bus_variable, to_desktop};
use crate::command_runner::process_for;
use crate::daemon_client::{connect_if_running, daemon_locator, fetch_rows};
use crate::failure::Failure;
use crewboard_config::Environment;
use crewboard_core::Session;
use crewboard_platform::{Deadline, wait_within};
use crewboard_terminals::CommandError;
use crewboard_terminals::desktop::{CLICK, clickable_notifier};
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

/// Time limit for the notifier to show a notification, as for a notification that cannot be clicked.
const SHOW_TIMEOUT: Duration = Duration::from_secs(2);

/// Time limit of the wait for a click. A desktop may keep a notification for days, and a process would wait as long.
const CLICK_TIMEOUT: Duration = Duration::from_secs(600);

/// Time limit of the notifier's exit after a click.
const EXIT_TIMEOUT: Duration = Duration::from_secs(1);

/// Time limit of the jump. Each command that it runs has a shorter limit.
const JUMP_TIMEOUT: Duration = Duration::from_secs(30);

/// Bytes of a line of the notifier. An id and the name of the action are shorter.
const MAX_LINE: u64 = 64;

/// Lines that are read ahead. The notifier prints two.
const MAX_LINES: usize = 2;

/// A notification that is shown and that the user can click. Dropping it ends its notifier.
#[derive(Debug)]
pub(super) struct Clickable {
    notifier: Child,
    lines: Receiver<String>,
}

/// Shows a notification that the user can click. If the notifier or the desktop supports no clicks, shows a plain
/// notification and returns `None`.
pub(super) fn show(
    message: &Message,
    environment: &Environment,
) -> Result<Option<Clickable>, CommandError> {
    let plain = || to_desktop(message, environment).map(|()| None);
    let Some(mut command) = clickable_notifier(&message.title, &message.text) else {
        return plain();
    };
    command.variables.extend(bus_variable(environment));
    match start(process_for(&command), SHOW_TIMEOUT) {
        Ok(Shown::Clickable(clickable)) => Ok(Some(clickable)),
        Ok(Shown::Plain) => Ok(None),
        Ok(Shown::Failed) => plain(),
        Err(error) => Err(error),
    }
}

/// The result of a notifier that was asked for a clickable notification.
#[derive(Debug)]
enum Shown {
    /// The notification is shown. If the desktop supports no actions, the notifier exits soon.
    Clickable(Clickable),
    /// The notifier has exited with success, and supports no clicks.
    Plain,
    /// Nothing is shown.
    Failed,
}

/// Starts the notifier, and waits until it has shown the notification or failed.
fn start(mut command: Command, timeout: Duration) -> Result<Shown, CommandError> {
    let end = Instant::now() + timeout;
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut notifier = command.spawn()?;
    let (sender, lines) = sync_channel(MAX_LINES);
    if let Some(stdout) = notifier.stdout.take() {
        // A thread blocks in the read, so that the wait for a line needs no polling.
        thread::spawn(move || send_lines(stdout, &sender));
    }
    let mut clickable = Clickable { notifier, lines };
    loop {
        match clickable.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
            // A notification that is not shown has the id 0.
            Ok(line) if line.parse::<u32>().is_ok_and(|id| id > 0) => {
                return Ok(Shown::Clickable(clickable));
            }
            Ok(_) => {}
            Err(RecvTimeoutError::Timeout) => return Err(CommandError::TimedOut),
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    match wait_within(&mut clickable.notifier, Deadline::after(EXIT_TIMEOUT)) {
        Ok(Some(status)) if status.success() => Ok(Shown::Plain),
        Ok(Some(_)) => Ok(Shown::Failed),
        _ => Err(CommandError::TimedOut),
    }
}

/// Sends the lines of the notifier until it closes its output.
fn send_lines(stdout: ChildStdout, sender: &SyncSender<String>) {
    let mut stdout = BufReader::new(stdout);
    let mut line = Vec::new();
    // A longer line comes in parts.
    while let Ok(1..) = stdout.by_ref().take(MAX_LINE).read_until(b'\n', &mut line) {
        let text = String::from_utf8_lossy(&line).trim().to_owned();
        line.clear();
        if sender.send(text).is_err() {
            return;
        }
    }
}

impl Clickable {
    /// Waits until the user clicks on the notification. Returns false if it is closed or the time limit passes first.
    pub(super) fn wait_for_click(self) -> bool {
        self.wait_for_click_within(CLICK_TIMEOUT)
    }

    fn wait_for_click_within(self, timeout: Duration) -> bool {
        let end = Instant::now() + timeout;
        loop {
            match self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) if line == CLICK => return true,
                Ok(_) => {}
                Err(_) => return false,
            }
        }
    }
}

impl Drop for Clickable {
    fn drop(&mut self) {
        let _ = self.notifier.kill();
        let _ = self.notifier.wait();
    }
}

/// Shows the pane of a session, as `crewboard jump` does for the user. Does nothing if the daemon does not have the session
/// any more: another session may have the key as its name by now, and `jump` would show that one.
pub(super) fn jump(session: &Session) {
    if !is_known(session).unwrap_or(false) {
        return;
    }
    let key = &session.key;
    // This is the running program, even if its file has been replaced by a newer one.
    let running = Path::new("/proc/self/exe");
    let program = if running.exists() { Ok(running.to_owned()) } else { std::env::current_exe() };
    let Ok(program) = program else { return };
    let mut command = Command::new(program);
    command.args(["jump", "--", key.as_str()]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let Ok(mut child) = command.spawn() else { return };
    if !matches!(wait_within(&mut child, Deadline::after(JUMP_TIMEOUT)), Ok(Some(_))) {
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// Returns true if the daemon that runs has this session.
fn is_known(session: &Session) -> Result<bool, Failure> {
    let Some(mut connection) = connect_if_running(&daemon_locator()?)? else { return Ok(false) };
    Ok(fetch_rows(&mut connection)?.iter().any(|row| is_same(row, session)))
}

/// Returns true if both are the same session, which may have another conversation or another process by now.
fn is_same(row: &Session, session: &Session) -> bool {
    let has_same_process = row.process().is_some() && row.process() == session.process();
    row.key == session.key
        && row.agent == session.agent
        && (has_same_process || row.id == session.id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crewboard_core::{AgentName, ConversationId, RowKey};

    #[test]
    fn session_is_the_same_by_its_process_or_conversation() {
        let row = |key: &str, agent: &str, id: &str, pid| Session {
            key: RowKey::new(key),
            agent: AgentName::new(agent),
            id: ConversationId::new(id),
            pid,
            pid_start: pid.map(u64::from),
            ..Session::default()
        };
        let known = row("kaaaa", "claude", "id-1", Some(7));
        for (other, expected) in [
            (row("kaaaa", "claude", "id-1", Some(7)), true),
            // After `/clear`, and after a resume.
            (row("kaaaa", "claude", "id-2", Some(7)), true),
            (row("kaaaa", "claude", "id-1", Some(8)), true),
            (row("kaaaa", "claude", "id-2", Some(8)), false),
            (row("kaaaa", "claude", "id-2", None), false),
            (row("kaaaa", "codex", "id-1", Some(7)), false),
            (row("kbbbb", "claude", "id-1", Some(7)), false),
        ] {
            assert_eq!(is_same(&other, &known), expected, "{other:?}");
        }
    }

    const LONG: Duration = Duration::from_secs(60);

    /// Starts a notifier that runs this script.
    fn notifier(script: &str) -> Result<Shown, CommandError> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        start(command, LONG)
    }

    fn clickable(script: &str) -> Clickable {
        match notifier(script) {
            Ok(Shown::Clickable(clickable)) => clickable,
            other => panic!("{script}: {other:?}"),
        }
    }

    #[test]
    fn click_is_the_name_of_the_action_only() {
        for (script, expected) in [
            ("echo 7; echo default", true),
            ("echo 7; echo; echo default", true),
            ("echo 7", false),
            // Without actions, notify-send shows the notification, prints its id and fails.
            ("echo 7; exit 1", false),
            ("echo 7; echo closed; echo 'default; touch x'", false),
            ("echo 7; head -c 300000 /dev/zero", false),
        ] {
            assert_eq!(clickable(script).wait_for_click_within(LONG), expected, "{script}");
        }
    }

    #[test]
    fn notifier_without_clicks_is_recognised() {
        assert!(matches!(notifier("true"), Ok(Shown::Plain)));
        // An old notify-send rejects the options, and one without a bus shows nothing.
        assert!(matches!(notifier("exit 1"), Ok(Shown::Failed)));
        assert!(matches!(notifier("echo 0; exit 1"), Ok(Shown::Failed)));
        let missing = start(Command::new("crewboard-no-such-program"), LONG);
        assert!(matches!(missing, Err(CommandError::NotFound)));
    }

    #[test]
    fn wait_for_the_notifier_and_the_click_is_bounded() {
        let short = Duration::from_millis(20);
        let mut hung = Command::new("sleep");
        hung.arg("60");
        assert!(matches!(start(hung, short), Err(CommandError::TimedOut)));
        let shown = clickable("echo 7; exec sleep 60");
        let pid = shown.notifier.id();
        assert!(!shown.wait_for_click_within(short));
        assert!(!Path::new(&format!("/proc/{pid}")).exists());
    }
}

//! The notifier of the desktop.

use crate::Command;

/// Returns the command that shows a notification on the desktop: `notify-send`, or `osascript` on macOS (not tried).
///
/// Both accept any text as an argument. The body for `notify-send` is markup (Desktop Notifications Specification 1.2)
/// and is escaped. `notify-send` also decodes the body, but not the title, as a C string (seen on 0.8.1: `\74` becomes
/// `<`, and `\377`, which is not UTF-8, makes it crash).
pub fn notifier(title: &str, text: &str) -> Command {
    if cfg!(target_os = "macos") {
        return Command::new([
            "osascript",
            "-e",
            "on run argv",
            "-e",
            "display notification (item 2 of argv) with title (item 1 of argv)",
            "-e",
            "end run",
            "--",
            title,
            text,
        ]);
    }
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let text = text.replace('\\', r"\\");
    Command::new(["notify-send", "--app-name=Crewboard", "--", title, &text])
}

/// The name of the action of a click on the notification itself (Desktop Notifications Specification 1.2).
pub const CLICK: &str = "default";

/// Returns the command that shows a notification and waits until the user clicks on it or it is closed. It prints the id
/// of the notification once it is shown, and [`CLICK`] at a click. Returns `None` if the system has no such command.
///
/// `notify-send` knows both options since 0.7.10; an older one fails and shows nothing. If the server of the desktop has
/// no actions, `notify-send` prints the id and fails at once, but shows the notification (seen on 0.8.1).
pub fn clickable_notifier(title: &str, text: &str) -> Option<Command> {
    if cfg!(target_os = "macos") {
        return None;
    }
    let mut command = notifier(title, text);
    let options = ["--print-id".to_owned(), format!("--action={CLICK}=Show the session")];
    command.words.splice(2..2, options);
    Some(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(not(target_os = "macos"))]
    #[test]
    fn notification_text_is_escaped() {
        let command = notifier(r"-n\74: done", r"<b>$(touch x)</b> & more \74 \");
        assert_eq!(
            command.words,
            [
                "notify-send",
                "--app-name=Crewboard",
                "--",
                r"-n\74: done",
                r"&lt;b&gt;$(touch x)&lt;/b&gt; &amp; more \\74 \\"
            ]
        );
        let clickable = clickable_notifier("--x", "-y").unwrap();
        let options = ["--print-id", "--action=default=Show the session", "--", "--x", "-y"];
        assert_eq!(clickable.words[2..], options);
    }
}

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
    }
}

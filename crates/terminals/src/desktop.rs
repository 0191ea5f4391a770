//! The desktop's own notifier.

use crate::Command;

/// What shows a notification on this system's desktop: `notify-send`, of every free desktop, or
/// `AppleScript` (untried).
///
/// Both take the text as words of the command, whatever it begins with or holds. The body of the former
/// is markup (Desktop Notifications Specification 1.2), and is escaped; before that `notify-send` decodes
/// it as a C string (seen on 0.8.1: `\74` becomes `<`, and of `\377`, which is no UTF-8, it dies), but not
/// the title.
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
    fn a_text_stays_a_text() {
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

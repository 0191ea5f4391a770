//! The desktop's own notifier.

use crate::terminals::Command;

/// What shows a notification on this system's desktop: `notify-send`, of every free desktop, or
/// `AppleScript` (untried).
///
/// Both take the text as words of the command, whatever it begins with or holds; the body of the former
/// is markup (Desktop Notifications Specification 1.2), and is escaped.
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
    Command::new(["notify-send", "--app-name=Crewboard", "--", title, &text])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(not(target_os = "macos"))]
    #[test]
    fn a_text_stays_a_text() {
        let command = notifier("-n: done", "<b>$(touch x)</b> & more");
        assert_eq!(
            command.words,
            [
                "notify-send",
                "--app-name=Crewboard",
                "--",
                "-n: done",
                "&lt;b&gt;$(touch x)&lt;/b&gt; &amp; more"
            ]
        );
    }
}

//! What Claude Code runs for its status line: tells the daemon what the client says it has used, and is
//! then the user's own command, or prints a line.
//!
//! The command is not a child but takes this process's place, and its input was looked at and not read: so
//! output, exit code, signals and descriptors are its own, and nothing stands between it and the client.

use crate::hook::{settle_paths, surroundings};
use crate::render::locale_is_utf8;
use crewboard_board::text::until;
use crewboard_client::Rendezvous;
use crewboard_config::Environment;
use crewboard_core::{Timestamp, UsageTold, WindowTold};
use crewboard_integrations::agents::claude::{NAME, status_line::StatusLine};
use crewboard_platform::{Clock, Deadline, peek_within, read_within, write_within};
use crewboard_protocol::{EventLine, Request};
use std::env;
use std::ffi::OsString;
use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::panic;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Duration;
use unicode_width::UnicodeWidthStr as _;

/// How long the user's command may be held up by an input that has not come to its end. Claude Code writes
/// 2 KB and closes, before this process has even begun: only a broken client meets it.
const PAYLOAD_WITHIN: Duration = Duration::from_millis(20);

/// How long to read for a line of our own.
const READ_WITHIN: Duration = Duration::from_millis(200);

/// Bytes that are looked at; what is told here takes 2 KB.
const MAX_PAYLOAD: usize = 64 << 10;

/// From here on a figure is worth a colour.
const MUCH: u8 = 80;
/// From here on it is worth another.
const VERY_MUCH: u8 = 95;

/// Runs the status line: `command` in our place, or a line of our own where there is none.
pub(crate) fn run(command: &[OsString]) -> ExitCode {
    // A bug here must not cost the user the line.
    panic::set_hook(Box::new(|_| {}));
    let Some((program, arguments)) = command.split_first() else {
        let _ = panic::catch_unwind(print_line);
        return ExitCode::SUCCESS;
    };
    let _ = panic::catch_unwind(|| {
        let deadline = Deadline::after(PAYLOAD_WITHIN);
        tell(&StatusLine::read(&peek_within(&io::stdin(), MAX_PAYLOAD, deadline)));
    });
    let error = if arguments.is_empty() {
        // One word is a command line, run as Claude Code runs it (2.1.330: `/bin/sh -c COMMAND`).
        Command::new("/bin/sh").arg("-c").arg(program).exec()
    } else {
        Command::new(program).args(arguments).exec()
    };
    let _ = writeln!(io::stderr(), "crewboard: cannot run {}: {error}", program.display());
    // What a shell says of a program that it cannot run.
    ExitCode::from(127)
}

/// Tells a daemon that is there, and waits for nothing: what is not told now is told with the next update,
/// and starting a daemon is for hooks.
fn tell(line: &StatusLine) -> Option<()> {
    let mut report = Box::new(line.report(&surroundings(NAME, Clock::new().stamp()))?);
    settle_paths(&mut report);
    report.sanitise();
    let request = Request::Event(EventLine { hook_pid: std::process::id(), report }).encode();
    let program = env::current_exe().unwrap_or_else(|_| PathBuf::from("crewboard"));
    let daemon = Rendezvous::new(&Environment::of_process(), program).connect().ok()?;
    write_within(&daemon, &request, Deadline::after(Duration::ZERO)).ok()
}

fn print_line() {
    let payload = read_within(&io::stdin(), MAX_PAYLOAD, Deadline::after(READ_WITHIN));
    let line = StatusLine::read(&payload);
    tell(&line);
    let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    let columns = env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let style = Style {
        colour: !is_set("NO_COLOR"),
        unicode: locale_is_utf8(),
        columns: columns.unwrap_or(usize::MAX),
    };
    let text = describe(line.model_name.as_deref(), line.told, Clock::new().now().wall, style);
    // Whoever does not listen any more is told nothing.
    let _ = writeln!(io::stdout(), "{text}");
}

/// How the line is to look.
#[derive(Debug, Clone, Copy)]
struct Style {
    colour: bool,
    /// The locale can show more than ASCII.
    unicode: bool,
    columns: usize,
}

/// Model, context, cost and limits: those of them that are known.
fn describe(model: Option<&str>, told: UsageTold, now: Timestamp, style: Style) -> String {
    let (separator, reset) = if style.unicode { (" · ", "↻") } else { (", ", "resets in") };
    let window = |name: &str, window: Option<WindowTold>| {
        let WindowTold { used_percent, resets_at } =
            window.filter(|window| window.is_to_come(now))?;
        let text = format!("{name} {used_percent}% {reset} {}", until(resets_at, now));
        Some((text, used_percent))
    };
    let model = model.map(|name| crewboard_core::clean(name, 40, false));
    let parts = [
        model.map(|name| (name, 0)),
        told.context_percent.map(|percent| (format!("{percent}% context"), percent)),
        told.cost_cents.map(|cents| (format!("${}.{:02}", cents / 100, cents % 100), 0)),
        window("5h", told.five_hour),
        window("7d", told.seven_day),
    ];
    let (mut text, mut columns) = (String::new(), 0);
    for (part, percent) in parts.into_iter().flatten() {
        let before = if text.is_empty() { "" } else { separator };
        columns += before.width() + part.width();
        if columns > style.columns {
            break;
        }
        text.push_str(before);
        match percent {
            MUCH.. if style.colour => {
                let colour = if percent >= VERY_MUCH { "\x1b[31m" } else { "\x1b[33m" };
                text.extend([colour, &part, "\x1b[0m"]);
            }
            _ => text.push_str(&part),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_795_331_980_546);
    const PLAIN: Style = Style { colour: false, unicode: true, columns: usize::MAX };

    fn told() -> UsageTold {
        let window = |used_percent, seconds: u64| {
            let resets_at = Timestamp(NOW.0 + seconds * 1000);
            Some(WindowTold { used_percent, resets_at })
        };
        UsageTold {
            context_percent: Some(42),
            cost_cents: Some(1205),
            five_hour: window(82, 4320),
            seven_day: window(96, 7200),
        }
    }

    #[test]
    fn the_line_says_what_is_known() {
        let opus = |told, now, style| describe(Some("Opus 5.5"), told, now, style);
        insta::assert_snapshot!(opus(told(), NOW, PLAIN), @"Opus 5.5 · 42% context · $12.05 · 5h 82% ↻ 1h12 · 7d 96% ↻ 2h00");
        let ascii = Style { unicode: false, ..PLAIN };
        insta::assert_snapshot!(opus(told(), NOW, ascii), @"Opus 5.5, 42% context, $12.05, 5h 82% resets in 1h12, 7d 96% resets in 2h00");
        let colour = Style { colour: true, columns: 52, ..PLAIN };
        insta::assert_snapshot!(opus(told(), NOW, colour).escape_debug(), @r"Opus 5.5 · 42% context · $12.05 · \u{1b}[33m5h 82% ↻ 1h12\u{1b}[0m");
        // Of a window that is over nothing is known.
        let later = Timestamp(NOW.0 + 4_320_000);
        let some = UsageTold { seven_day: None, cost_cents: None, ..told() };
        insta::assert_snapshot!(opus(some, later, PLAIN), @"Opus 5.5 · 42% context");
        // Nor of one that ends when none does.
        let seven_day =
            Some(WindowTold { used_percent: 62, resets_at: Timestamp(9_999_999_999_000) });
        let never = UsageTold { seven_day, five_hour: None, ..told() };
        insta::assert_snapshot!(opus(never, NOW, PLAIN), @"Opus 5.5 · 42% context · $12.05");
        assert_eq!(describe(None, UsageTold::default(), NOW, PLAIN), "");
        let hostile = describe(Some("a\u{1b}[31m\nb"), UsageTold::default(), NOW, PLAIN);
        assert!(!hostile.contains(['\u{1b}', '\n']), "{hostile}");
    }
}

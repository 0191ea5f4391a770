//! The status-line command of Claude Code: forwards usage to the daemon, then runs the user's own command or prints
//! a line.
//!
//! The user's command replaces this process (`exec`), and its input is peeked at but not consumed. So its output, exit
//! code, signals and descriptors are its own.

use crate::failure::without_error_number;
use crate::hook::{normalise_paths, surroundings};
use crate::render::locale_is_utf8;
use crewboard_agents::claude::{NAME, status_line::StatusLine};
use crewboard_board::format::cells::dollars;
use crewboard_board::format::text::until;
use crewboard_client::DaemonLocator;
use crewboard_config::Environment;
use crewboard_core::{Timestamp, UsageReport, WindowReport};
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

/// Longest delay of the user's command by an input that does not end. Claude Code writes 2 KB and closes the pipe
/// before this process starts, so only a broken client reaches it.
const PEEK_TIMEOUT: Duration = Duration::from_millis(20);

/// Time limit for reading the input of the built-in line.
const READ_TIMEOUT: Duration = Duration::from_millis(200);

/// Bytes read of the input; Claude Code writes 2 KB.
const MAX_PAYLOAD: usize = 64 << 10;

/// Percentage from which a figure is yellow.
const WARNING_PERCENT: u8 = 80;
/// Percentage from which a figure is red.
const CRITICAL_PERCENT: u8 = 95;

/// Runs `command` in place of this process, or prints the built-in line if `command` is empty.
pub(crate) fn run(command: &[OsString]) -> ExitCode {
    // A panic here must not suppress the status line.
    panic::set_hook(Box::new(|_| {}));
    let Some((program, arguments)) = command.split_first() else {
        let _ = panic::catch_unwind(print_line);
        return ExitCode::SUCCESS;
    };
    let _ = panic::catch_unwind(|| {
        let deadline = Deadline::after(PEEK_TIMEOUT);
        send_usage(&StatusLine::read(&peek_within(&io::stdin(), MAX_PAYLOAD, deadline)));
    });
    let error = if arguments.is_empty() {
        // A single word is a command line, run as Claude Code runs it (2.1.330: `/bin/sh -c COMMAND`).
        Command::new("/bin/sh").arg("-c").arg(program).exec()
    } else {
        Command::new(program).args(arguments).exec()
    };
    let _ = writeln!(
        io::stderr(),
        "crewboard: cannot run {}: {}",
        program.display(),
        without_error_number(&error)
    );
    // The exit code that shells use for a program that they cannot run.
    ExitCode::from(127)
}

/// Sends the usage to a running daemon without waiting. The next update repairs a report that did not arrive, and only hooks
/// start a daemon.
fn send_usage(line: &StatusLine) -> Option<()> {
    let mut report =
        Box::new(line.report(&surroundings(NAME, Clock::new().stamp(), &|_| Vec::new()))?);
    normalise_paths(&mut report, || ());
    report.sanitise();
    let request = Request::Event(EventLine { hook_pid: std::process::id(), report }).encode();
    let program = env::current_exe().unwrap_or_else(|_| PathBuf::from("crewboard"));
    let daemon = DaemonLocator::new(&Environment::of_process(), program).connect().ok()?;
    write_within(&daemon, &request, Deadline::after(Duration::ZERO)).ok()
}

fn print_line() {
    let payload = read_within(&io::stdin(), MAX_PAYLOAD, Deadline::after(READ_TIMEOUT));
    let line = StatusLine::read(&payload);
    send_usage(&line);
    let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    let columns = env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let style = Style {
        colour: !is_set("NO_COLOR"),
        unicode: locale_is_utf8(),
        columns: columns.unwrap_or(usize::MAX),
    };
    let text = format_line(line.model_name.as_deref(), line.usage, Clock::new().now().wall, style);
    // Ignore a closed output.
    let _ = writeln!(io::stdout(), "{text}");
}

/// The style of the line.
#[derive(Debug, Clone, Copy)]
struct Style {
    colour: bool,
    /// The locale can show more than ASCII.
    unicode: bool,
    columns: usize,
}

/// Returns model, context, cost and rate limits, as far as they are known.
fn format_line(model: Option<&str>, usage: UsageReport, now: Timestamp, style: Style) -> String {
    let (separator, reset) = if style.unicode { (" · ", "→") } else { (", ", "resets in") };
    let window = |name: &str, window: Option<WindowReport>| {
        let WindowReport { used_percent, resets_at } =
            window.filter(|window| window.is_plausible(now))?;
        let text = format!("{name} {used_percent}% {reset} {}", until(resets_at, now));
        Some((text, used_percent))
    };
    let model = model.map(|name| crewboard_core::clean(name, 40, false));
    let parts = [
        model.map(|name| (name, 0)),
        usage.context_percent.map(|percent| (format!("{percent}% context"), percent)),
        usage.cost_cents.map(|cents| (dollars(cents), 0)),
        window("5h", usage.five_hour),
        window("7d", usage.seven_day),
    ];
    let (mut text, mut columns) = (String::new(), 0);
    for (part, percent) in parts.into_iter().flatten() {
        let prefix = if text.is_empty() { "" } else { separator };
        columns += prefix.width() + part.width();
        if columns > style.columns {
            break;
        }
        text.push_str(prefix);
        match percent {
            WARNING_PERCENT.. if style.colour => {
                let colour = if percent >= CRITICAL_PERCENT { "\x1b[31m" } else { "\x1b[33m" };
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

    fn usage() -> UsageReport {
        let window = |used_percent, seconds: u64| {
            let resets_at = Timestamp(NOW.0 + seconds * 1000);
            Some(WindowReport { used_percent, resets_at })
        };
        UsageReport {
            context_percent: Some(42),
            cost_cents: Some(1205),
            five_hour: window(82, 4320),
            seven_day: window(96, 7200),
        }
    }

    #[test]
    fn line_shows_what_is_known() {
        let opus = |usage, now, style| format_line(Some("Opus 5.5"), usage, now, style);
        insta::assert_snapshot!(opus(usage(), NOW, PLAIN), @"Opus 5.5 · 42% context · $12.05 · 5h 82% → 1h 12m · 7d 96% → 2h");
        let ascii = Style { unicode: false, ..PLAIN };
        insta::assert_snapshot!(opus(usage(), NOW, ascii), @"Opus 5.5, 42% context, $12.05, 5h 82% resets in 1h 12m, 7d 96% resets in 2h");
        let colour = Style { colour: true, columns: 52, ..PLAIN };
        insta::assert_snapshot!(opus(usage(), NOW, colour).escape_debug(), @r"Opus 5.5 · 42% context · $12.05 · \u{1b}[33m5h 82% → 1h 12m\u{1b}[0m");
        // A window that has ended is left out.
        let later = Timestamp(NOW.0 + 4_320_000);
        let some = UsageReport { seven_day: None, cost_cents: None, ..usage() };
        insta::assert_snapshot!(opus(some, later, PLAIN), @"Opus 5.5 · 42% context");
        // So is a window with an impossible end.
        let seven_day =
            Some(WindowReport { used_percent: 62, resets_at: Timestamp(9_999_999_999_000) });
        let never = UsageReport { seven_day, five_hour: None, ..usage() };
        insta::assert_snapshot!(opus(never, NOW, PLAIN), @"Opus 5.5 · 42% context · $12.05");
        assert_eq!(format_line(None, UsageReport::default(), NOW, PLAIN), "");
        let hostile = format_line(Some("a\u{1b}[31m\nb"), UsageReport::default(), NOW, PLAIN);
        assert!(!hostile.contains(['\u{1b}', '\n']), "{hostile}");
    }
}

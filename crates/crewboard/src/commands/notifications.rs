//! `crewboard notifications`: prints the last notifications and the result of each.

use crate::daemon_client::{REPLY_TIMEOUT, connect, daemon_locator, retry_once, unexpected_reply};
use crate::failure::Failure;
use crate::render::{Style, write_json};
use crewboard_board::format::text::{age, clock_time, cut, fit};
use crewboard_board::theme::{TERMINAL, Theme};
use crewboard_platform::Clock;
use crewboard_protocol::{NotificationRecord, Notifier, Reply, Request, Suppressed};
use std::io::{self, Write as _};
use std::process::ExitCode;
use unicode_width::UnicodeWidthStr as _;

/// Milliseconds after which the time of day is ambiguous.
const DAY: u64 = 24 * 60 * 60 * 1000;

/// The greatest width of a name and of a result on a terminal. In a pipe nothing is cut.
const MAX_NAME_WIDTH: usize = 16;
const MAX_RESULT_WIDTH: usize = 17;

/// Prints the notifications that the daemon remembers.
pub(crate) fn run(json: bool) -> Result<ExitCode, Failure> {
    let daemon_locator = daemon_locator()?;
    let reply = retry_once(|| {
        let mut connection = connect(&daemon_locator)?;
        Ok(connection.ask(&Request::Notifications, REPLY_TIMEOUT)?)
    })?;
    let Reply::Notifications { notifications } = reply else { return Err(unexpected_reply()) };
    let mut out = io::stdout().lock();
    if json {
        write_json(&mut out, &notifications)?;
        return Ok(ExitCode::SUCCESS);
    }
    let (style, now) = (Style::of_stdout(), Clock::new().now().wall);
    let widths = Widths::of(&notifications, style);
    for record in &notifications {
        let elapsed = now.since(record.at);
        let time = if elapsed < DAY {
            clock_time(record.at)
        } else {
            format!("{} ago", age(record.at, now))
        };
        writeln!(out, "{}", line(record, &time, &widths, style))?;
    }
    if notifications.is_empty() {
        // Standard output has one line for each notification. A closed standard error is no reason to fail.
        let _ = writeln!(io::stderr(), "No notifications since the daemon started.");
    }
    Ok(ExitCode::SUCCESS)
}

/// The widths of the columns.
struct Widths {
    name: usize,
    result: usize,
}

impl Widths {
    /// Returns the widths that these notifications need.
    fn of(records: &[NotificationRecord], style: Style) -> Self {
        let widest = |texts: &mut dyn Iterator<Item = usize>, max: usize| {
            let widest = texts.max().unwrap_or(0);
            if style.width == 0 { widest } else { widest.min(max) }
        };
        let mut names = records.iter().map(|record| record.report.name.width());
        let mut results = records.iter().map(|record| result(record).width());
        Self {
            name: widest(&mut names, MAX_NAME_WIDTH),
            result: widest(&mut results, MAX_RESULT_WIDTH),
        }
    }
}

/// Formats a notification as a line.
fn line(record: &NotificationRecord, time: &str, widths: &Widths, style: Style) -> String {
    let report = &record.report;
    let theme = Theme { palette: &TERMINAL, unicode: style.unicode };
    let line = format!(
        "{time:>8} {} {:<10} {} {} {} {}",
        theme.shape(report.status),
        report.status.word(),
        fit(&report.name, widths.name, style.unicode),
        report.key,
        fit(&result(record), widths.result, style.unicode),
        cut(&report.text, usize::MAX, style.unicode),
    );
    let line = line.trim_end();
    if style.width == 0 { line.to_owned() } else { cut(line, style.width, style.unicode) }
}

/// Returns the result of a notification as words.
fn result(record: &NotificationRecord) -> String {
    let report = &record.report;
    match report.suppressed {
        Some(Suppressed::InFront) => return "in front of you".to_owned(),
        Some(Suppressed::QuietHours) => return "quiet hours".to_owned(),
        Some(Suppressed::Other) => return "suppressed".to_owned(),
        None => {}
    }
    let sent = report.notifiers.iter().map(|notifier| word(*notifier).to_owned());
    let failed = report.failed.iter().map(|notifier| format!("{} failed", word(*notifier)));
    // A failure comes first, because a terminal may cut the end.
    let all: Vec<String> = failed.chain(sent).collect();
    if all.is_empty() { "no notifier".to_owned() } else { all.join(", ") }
}

fn word(notifier: Notifier) -> &'static str {
    match notifier {
        Notifier::Desktop => "desktop",
        Notifier::Terminal => "terminal",
        Notifier::Other => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crewboard_core::{RowKey, Status, Timestamp};
    use crewboard_protocol::NotificationReport;

    fn record(name: &str, notifiers: &[Notifier], failed: &[Notifier]) -> NotificationRecord {
        NotificationRecord {
            at: Timestamp(0),
            report: NotificationReport {
                key: RowKey::new("kaaaa"),
                name: name.to_owned(),
                status: Status::Permission,
                text: "It is waiting for your permission to use a tool.".to_owned(),
                notifiers: notifiers.to_vec(),
                failed: failed.to_vec(),
                suppressed: None,
            },
        }
    }

    #[test]
    fn line_shows_the_result_of_a_notification() {
        let (desktop, terminal) = (Notifier::Desktop, Notifier::Terminal);
        let suppressed = |why| {
            let mut record = record("shop", &[], &[]);
            record.report.suppressed = Some(why);
            record
        };
        let records = [
            record("shop", &[desktop, terminal], &[]),
            record("a-very-long-project-name", &[terminal], &[desktop]),
            record("shop", &[], &[]),
            suppressed(Suppressed::InFront),
            suppressed(Suppressed::QuietHours),
        ];
        let lines = |width| {
            let style = Style { colour: false, unicode: true, width };
            let widths = Widths::of(&records, style);
            records.each_ref().map(|record| line(record, "14:03:22", &widths, style)).join("\n")
        };
        insta::assert_snapshot!(lines(0), @"
        14:03:22 ! permission shop                     kaaaa desktop, terminal        It is waiting for your permission to use a tool.
        14:03:22 ! permission a-very-long-project-name kaaaa desktop failed, terminal It is waiting for your permission to use a tool.
        14:03:22 ! permission shop                     kaaaa no notifier              It is waiting for your permission to use a tool.
        14:03:22 ! permission shop                     kaaaa in front of you          It is waiting for your permission to use a tool.
        14:03:22 ! permission shop                     kaaaa quiet hours              It is waiting for your permission to use a tool.
        ");
        insta::assert_snapshot!(lines(80), @"
        14:03:22 ! permission shop             kaaaa desktop, terminal It is waiting fo…
        14:03:22 ! permission a-very-long-pro… kaaaa desktop failed, … It is waiting fo…
        14:03:22 ! permission shop             kaaaa no notifier       It is waiting fo…
        14:03:22 ! permission shop             kaaaa in front of you   It is waiting fo…
        14:03:22 ! permission shop             kaaaa quiet hours       It is waiting fo…
        ");
    }
}

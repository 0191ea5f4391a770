//! `crewboard explain`: shows why a session has its status.

use crate::daemon_client::{
    REPLY_TIMEOUT, connect, daemon_locator, fetch_rows, retry_once, unexpected_reply,
};
use crate::failure::Failure;
use crate::render::{Style, write_json};
use crate::select;
use crewboard_agents::describe_version;
use crewboard_board::format::cells::source_name;
use crewboard_board::format::text::{clock_time, cut, exact, fit, span, wrap, wrap_exact};
use crewboard_core::{Effect, MAX_TRAIL, Origin, Prompt, PromptKind, Session, Status, TrailEntry};
use crewboard_platform::Clock;
use crewboard_protocol::{ExplainRequest, Explanation, Reply, Request};
use std::io::{self, Write};
use std::process::ExitCode;
use unicode_width::UnicodeWidthStr as _;

/// Explains the status of the session that `word` names.
pub(crate) fn run(word: &str, json: bool) -> Result<ExitCode, Failure> {
    let daemon_locator = daemon_locator()?;
    let reply = retry_once(|| {
        let mut connection = connect(&daemon_locator)?;
        let key = select::row(&fetch_rows(&mut connection)?, word)?.key.clone();
        let explain = Request::Explain(ExplainRequest { row: key });
        Ok(connection.ask(&explain, REPLY_TIMEOUT)?)
    })?;
    let Reply::Explanation(explanation) = reply else { return Err(unexpected_reply()) };
    let mut out = io::stdout().lock();
    if json {
        write_json(&mut out, &explanation)?;
    } else {
        print(&explanation, Style::of_stdout(), &mut out)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn print(explanation: &Explanation, style: Style, out: &mut impl Write) -> io::Result<()> {
    let unicode = style.unicode;
    let plain = |text: &str| cut(text, usize::MAX, unicode);
    let row = &explanation.row;
    let now = Clock::new().now().wall;
    let mut print =
        |text: &str| paragraph(text, 0, style).iter().try_for_each(|line| writeln!(out, "{line}"));
    let unconfirmed = match &row.unconfirmed {
        _ if row.confirmed => String::new(),
        Some(why) => format!("; unconfirmed: {}", plain(why)),
        None => "; unconfirmed: no hook or file would report a change".to_owned(),
    };
    print(&format!(
        "{} ({}) has been {} for {} (source: {}{unconfirmed})",
        plain(&row.name),
        row.key,
        status_phrase(row.status),
        span(now.since(row.since)),
        source_name(&row.source),
    ))?;
    if let Some(prompt) = &row.open_prompt {
        let indent = "\n  ";
        let is_permission = prompt.kind == PromptKind::Permission;
        let text = match (is_permission, style.width) {
            // A script gets the lines as they are.
            (true, 0) => exact(&permission(prompt), unicode).replace('\n', indent),
            (true, width) => {
                wrap_exact(&permission(prompt), width.saturating_sub(2), usize::MAX, unicode)
                    .join(indent)
            }
            (false, _) => {
                let lines: Vec<String> =
                    prompt.text.lines().map(|line| plain(&exact(line, true))).collect();
                let lines = lines.iter().flat_map(|line| paragraph(line, 2, style));
                lines.collect::<Vec<_>>().join("\n").trim_start().to_owned()
            }
        };
        let start = if style.width == 0 { " " } else { indent };
        writeln!(out, "It is waiting for you:{start}{text}")?;
    }
    let mut print =
        |text: &str| paragraph(text, 0, style).iter().try_for_each(|line| writeln!(out, "{line}"));
    if let Some(version) = &row.agent_version {
        print(&format!("It runs {}.", plain(&describe_version(row.agent.as_str(), version))))?;
    }
    if let Some(parent) = &row.parent {
        print(&format!("It was started by session {parent}."))?;
    }
    print(&plain(&origin(row)))?;
    writeln!(out, "\nEvents, in order of arrival:")?;
    event_lines(&explanation.trail, style).iter().try_for_each(|line| writeln!(out, "{line}"))
}

/// Returns the tool and the whole input that the user approves.
fn permission(request: &Prompt) -> String {
    let tool = request.tool.as_deref().map(|tool| format!("{tool} ")).unwrap_or_default();
    format!("{tool}{}", request.text)
}

/// Returns a text as lines that fit the terminal, each indented. Output that is not a terminal has one long line.
fn paragraph(text: &str, indent: usize, style: Style) -> Vec<String> {
    let start = " ".repeat(indent);
    if style.width == 0 {
        return vec![format!("{start}{}", cut(text, usize::MAX, style.unicode))];
    }
    let width = style.width.saturating_sub(indent).max(1);
    let lines = wrap(text, width, usize::MAX, style.unicode);
    lines.into_iter().map(|line| format!("{start}{line}")).collect()
}

/// Returns the status as the complement of "has been".
fn status_phrase(status: Status) -> &'static str {
    match status {
        Status::Working => "working",
        Status::Permission => "waiting for permission",
        Status::Question => "waiting for an answer",
        Status::Plan => "waiting for plan approval",
        Status::Failed => "stopped by an error",
        Status::Done => "done",
        Status::Idle => "idle",
        Status::Closed => "closed",
    }
}

/// Returns a sentence about where a session's process was started, and the evidence for it.
fn origin(row: &Session) -> String {
    let known = |text: &Option<String>| text.clone().unwrap_or_else(|| "unknown".to_owned());
    match &row.origin {
        Some(Origin { profile, cwd }) => format!(
            "Its process was started in the directory {} with the profile {} (confirmed by the kernel).",
            known(cwd),
            known(profile)
        ),
        None => format!(
            "Its events claim the directory {} and the profile {} (not confirmed by the kernel).",
            known(&row.cwd),
            known(&row.profile)
        ),
    }
}

/// The columns in front of an event's summary, if it has a line of its own: the time and the gaps.
const SUMMARY_INDENT: usize = 12;

/// Returns the events as a table. If the table is wider than the terminal, each event has its summary below it.
fn event_lines(trail: &[TrailEntry], style: Style) -> Vec<String> {
    // A full trail may have no first event any more.
    let is_whole = trail.len() < MAX_TRAIL;
    let plain = |text: &str| cut(text, usize::MAX, style.unicode);
    let events: Vec<[String; 4]> = trail
        .iter()
        .enumerate()
        .map(|(index, entry)| {
            let effect = effect(entry, is_whole && index == 0);
            [clock_time(entry.at), plain(&entry.source), plain(&entry.summary), plain(&effect)]
        })
        .collect();
    let width = |column: usize| {
        events
            .iter()
            .filter_map(|event| event.get(column))
            .map(|text| text.width())
            .max()
            .unwrap_or(0)
    };
    let (source_width, summary_width) = (width(1), width(2));
    let total = 2 + width(0) + 2 + source_width + 2 + summary_width + 2 + width(3);
    let is_table = style.width == 0 || total <= style.width;
    let lines = |[time, source, summary, effect]: &[String; 4]| {
        let source = fit(source, source_width, style.unicode);
        if is_table {
            let summary = fit(summary, summary_width, style.unicode);
            return vec![format!("  {time}  {source}  {summary}  {effect}")];
        }
        let mut lines = paragraph(&format!("{time}  {source}  {effect}"), 2, style);
        if !summary.is_empty() {
            lines.extend(paragraph(summary, SUMMARY_INDENT, style));
        }
        lines
    };
    events.iter().flat_map(lines).collect()
}

/// Returns what an event changed. Before the first event, the session had no status.
fn effect(entry: &TrailEntry, is_first: bool) -> String {
    let effect = match &entry.effect {
        Effect::Set { to, .. } if is_first => format!("started as {to}"),
        Effect::Set { from, to } => format!("{from} -> {to}"),
        Effect::Unchanged => "no change".to_owned(),
        Effect::Ignored { why } => format!("ignored: {why}"),
    };
    let late =
        if entry.delay >= 100 { format!(" ({} ms late)", entry.delay) } else { String::new() };
    format!("{effect}{late}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crewboard_core::{AgentName, Stamp, Timestamp};

    const PIPE: Style = Style { colour: false, unicode: true, width: 0 };

    #[test]
    fn text_fits_the_terminal_and_keeps_the_key() {
        let row = Box::new(Session {
            key: crewboard_core::RowKey::new("kaaaa"),
            name: "a-project-with-a-very-long-name-that-takes-the-whole-line".into(),
            open_prompt: serde_json::from_value(serde_json::json!({
                "kind": "permission", "tool": "Bash", "text": "word ".repeat(40),
            }))
            .unwrap(),
            ..Session::default()
        });
        let trail = vec![entry(&"0 in background, ".repeat(6), Status::Idle, Status::Working); 2];
        for width in [40, 80, 120] {
            let mut out = Vec::new();
            let style = Style { width, ..PIPE };
            print(&Explanation { row: row.clone(), trail: trail.clone() }, style, &mut out)
                .unwrap();
            let text = String::from_utf8(out).unwrap();
            assert!(text.lines().all(|line| line.width() <= width), "{width}: {text}");
            assert!(text.contains("(kaaaa)") && text.matches("word").count() == 40, "{text}");
        }
    }

    fn entry(text: &str, from: Status, to: Status) -> TrailEntry {
        TrailEntry {
            source: "report".to_owned(),
            summary: text.to_owned(),
            at: Timestamp::default(),
            stamp: Stamp::default(),
            delay: 0,
            effect: Effect::Set { from, to },
        }
    }

    #[test]
    fn unconfirmed_origin_is_shown_as_a_claim() {
        let row = Session { cwd: Some("/srv/trap".to_owned()), ..Session::default() };
        let claim = "Its events claim the directory /srv/trap and the profile unknown \
                     (not confirmed by the kernel).";
        assert_eq!(origin(&row), claim);
        let known = Origin { profile: None, cwd: Some("/srv/shop".to_owned()) };
        let fact = "Its process was started in the directory /srv/shop with the profile unknown \
                    (confirmed by the kernel).";
        assert_eq!(origin(&Session { origin: Some(known), ..row }), fact);
    }

    #[test]
    fn agent_version_is_shown_if_known() {
        let text_for = |agent_version: Option<&str>| {
            let row = Box::new(Session {
                agent: AgentName::new("claude"),
                agent_version: agent_version.map(str::to_owned),
                ..Session::default()
            });
            let mut out = Vec::new();
            print(&Explanation { row, trail: Vec::new() }, PIPE, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert!(!text_for(None).contains("It runs"), "{}", text_for(None));
        assert!(text_for(Some("2.1.330")).contains("\nIt runs claude 2.1.330.\n"));
        let newer = text_for(Some("99.0.0"));
        assert!(newer.contains("\nIt runs claude 99.0.0 (newer than "), "{newer}");
    }

    #[test]
    fn first_event_starts_from_no_status() {
        let trail = vec![
            entry("first", Status::Idle, Status::Idle),
            entry("second", Status::Idle, Status::Working),
        ];
        let full = vec![entry("later", Status::Working, Status::Done); MAX_TRAIL];
        for (trail, expected) in [
            (trail, &["started as idle", "idle -> working"][..]),
            (full, &["working -> done"; MAX_TRAIL][..]),
        ] {
            let mut out = Vec::new();
            let row = Box::new(Session::default());
            print(&Explanation { row, trail }, PIPE, &mut out).unwrap();
            let text = String::from_utf8(out).unwrap();
            let lines: Vec<&str> = text
                .lines()
                .skip(4)
                .filter_map(|line| Some(line.rsplit_once("  ")?.1.trim()))
                .collect();
            assert_eq!(lines, expected, "{text}");
        }
    }
}

//! `crewboard explain`: shows why a session has its status.

use crate::daemon_client::{REPLY_TIMEOUT, connect, daemon_locator, fetch_rows, unexpected_reply};
use crate::failure::Failure;
use crate::render::Style;
use crate::select;
use crewboard_agents::describe_version;
use crewboard_board::format::text::{Grain, age, clock_time, cut, exact};
use crewboard_core::{Effect, MAX_TRAIL, Origin, PromptKind, Session, Status, TrailEntry};
use crewboard_platform::Clock;
use crewboard_protocol::{Explanation, Reply, Request};
use std::io::{self, Write};
use std::process::ExitCode;

/// Explains the status of the session that `word` names.
pub(crate) fn run(word: &str, json: bool) -> Result<ExitCode, Failure> {
    let mut connection = connect(&daemon_locator()?)?;
    let key = select::row(&fetch_rows(&mut connection)?, word)?.key.clone();
    let reply = connection.ask(&Request::Explain { row: key }, REPLY_TIMEOUT)?;
    let Reply::Explanation(explanation) = reply else { return Err(unexpected_reply()) };
    let mut out = io::stdout().lock();
    if json {
        let text = serde_json::to_string_pretty(&explanation).map_err(io::Error::from)?;
        writeln!(out, "{text}")?;
    } else {
        print(&explanation, &mut out)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn print(explanation: &Explanation, out: &mut impl Write) -> io::Result<()> {
    let unicode = Style::of_stdout().unicode;
    let plain = |text: &str| cut(text, usize::MAX, unicode);
    let row = &explanation.row;
    let now = Clock::new().now().wall;
    writeln!(
        out,
        "{} ({}) has been {} for {} (source: {}{})",
        plain(&row.name),
        row.key,
        status_phrase(row.status),
        age(row.since, now, Grain::Seconds),
        source_name(&row.source),
        match &row.unconfirmed {
            _ if row.confirmed => String::new(),
            Some(why) => format!("; unconfirmed: {}", plain(why)),
            None => "; unconfirmed: no hook or file would report a change".to_owned(),
        }
    )?;
    if let Some(request) = &row.request {
        let text = if request.kind == PromptKind::Permission {
            let tool = request.tool.as_deref().map(|tool| format!("{tool} ")).unwrap_or_default();
            exact(&format!("{tool}{}", request.text), unicode).replace('\n', "\n  ")
        } else {
            let lines: Vec<String> =
                request.text.lines().map(|line| plain(&exact(line, true))).collect();
            lines.join("\n  ")
        };
        writeln!(out, "It is waiting for you: {text}")?;
    }
    if let Some(version) = &row.agent_version {
        writeln!(out, "It runs {}.", plain(&describe_version(row.agent.as_str(), version)))?;
    }
    if let Some(parent) = &row.parent {
        writeln!(out, "It was started by session {parent}.")?;
    }
    writeln!(out, "{}", plain(&origin(row)))?;
    writeln!(out, "\nEvents, in order of arrival:")?;
    // A full trail may have lost its first event.
    let is_whole = explanation.trail.len() < MAX_TRAIL;
    for (index, entry) in explanation.trail.iter().enumerate() {
        writeln!(out, "  {}", plain(&event_line(entry, is_whole && index == 0)))?;
    }
    Ok(())
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

/// Returns a source such as `hook:Stop` in words.
fn source_name(source: &str) -> String {
    match source.strip_prefix("hook:") {
        Some(hook) => format!("{hook} hook"),
        None => source.to_owned(),
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

/// Formats an event of the trail. Before the first event, the session had no status.
fn event_line(entry: &TrailEntry, is_first: bool) -> String {
    let effect = match &entry.effect {
        Effect::Set { to, .. } if is_first => format!("started as {to}"),
        Effect::Set { from, to } => format!("{from} -> {to}"),
        Effect::Unchanged => "no change".to_owned(),
        Effect::Ignored { why } => format!("ignored: {why}"),
    };
    let late =
        if entry.delay >= 100 { format!(" ({} ms late)", entry.delay) } else { String::new() };
    format!("{}  {:<24} {:<32} {effect}{late}", clock_time(entry.at), entry.source, entry.summary)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crewboard_core::{AgentName, Stamp, Timestamp};

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
            print(&Explanation { row, trail: Vec::new() }, &mut out).unwrap();
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
            print(&Explanation { row, trail }, &mut out).unwrap();
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

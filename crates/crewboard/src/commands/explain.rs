//! `crewboard explain`: why a row has its status.

use crate::commands::{ANSWER_WITHIN, connect, rendezvous, rows, unexpected};
use crate::failure::Failure;
use crate::render::Style;
use crate::select;
use crewboard_board::text::{Grain, age, clock_time, cut, exact};
use crewboard_core::{Effect, MAX_TRAIL, Origin, RequestKind, Session, TrailEntry};
use crewboard_integrations::agents::describe_version;
use crewboard_platform::Clock;
use crewboard_protocol::{Explanation, Reply, Request};
use std::io::{self, Write};
use std::process::ExitCode;

/// Prints the explanation of the row that `word` names.
pub(crate) fn run(word: &str, json: bool) -> Result<ExitCode, Failure> {
    let mut conversation = connect(&rendezvous()?)?;
    let key = select::row(&rows(&mut conversation)?, word)?.key.clone();
    let reply = conversation.ask(&Request::Explain { row: key }, ANSWER_WITHIN)?;
    let Reply::Explanation(explanation) = reply else { return Err(unexpected()) };
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
        "{} ({}) is {} for {}, because of {}{}",
        plain(&row.name),
        row.key,
        row.status,
        age(row.since, now, Grain::Seconds),
        row.source,
        match &row.unconfirmed {
            _ if row.confirmed => String::new(),
            Some(why) => format!("; unconfirmed: {}", plain(why)),
            None => "; unconfirmed: nothing would tell us if it changed".to_owned(),
        }
    )?;
    if let Some(request) = &row.request {
        let text = if request.kind == RequestKind::Permission {
            let tool = request.tool.as_deref().map(|tool| format!("{tool} ")).unwrap_or_default();
            exact(&format!("{tool}{}", request.text), unicode).replace('\n', "\n  ")
        } else {
            let lines: Vec<String> =
                request.text.lines().map(|line| plain(&exact(line, true))).collect();
            lines.join("\n  ")
        };
        writeln!(out, "It waits for you: {text}")?;
    }
    if let Some(version) = &row.agent_version {
        writeln!(out, "It runs {}.", plain(&describe_version(row.agent.as_str(), version)))?;
    }
    if let Some(parent) = &row.parent {
        writeln!(out, "It was started by {parent}.")?;
    }
    writeln!(out, "{}", plain(&origin(row)))?;
    writeln!(out, "\nWhat it was told, as it arrived, and when it happened:")?;
    // Where the trail is full, what the row began with may be forgotten.
    let is_whole = explanation.trail.len() < MAX_TRAIL;
    for (index, entry) in explanation.trail.iter().enumerate() {
        writeln!(out, "  {}", plain(&line(entry, is_whole && index == 0)))?;
    }
    Ok(())
}

/// Where a row's process was started, and how sure that is.
fn origin(row: &Session) -> String {
    let known = |text: &Option<String>| text.clone().unwrap_or_else(|| "unknown".to_owned());
    match &row.origin {
        Some(Origin { profile, cwd }) => format!(
            "Its process was started in the directory {} with the profile {}, as the kernel says.",
            known(cwd),
            known(profile)
        ),
        None => format!(
            "Its events claim the directory {} and the profile {}; the kernel does not confirm that.",
            known(&row.cwd),
            known(&row.profile)
        ),
    }
}

/// One thing it was told. Before what began it, a row had no status.
fn line(entry: &TrailEntry, began_it: bool) -> String {
    let effect = match &entry.effect {
        Effect::Set { to, .. } if began_it => format!("began as {to}"),
        Effect::Set { from, to } => format!("{from} -> {to}"),
        Effect::Kept => "no other status".to_owned(),
        Effect::Ignored { why } => format!("ignored: {why}"),
    };
    let late =
        if entry.delay >= 100 { format!(" ({} ms late)", entry.delay) } else { String::new() };
    format!("{}  {:<24} {:<32} {effect}{late}", clock_time(entry.at), entry.source, entry.said)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crewboard_core::{AgentName, Stamp, Status, Timestamp};

    fn told(said: &str, from: Status, to: Status) -> TrailEntry {
        TrailEntry {
            source: "report".to_owned(),
            said: said.to_owned(),
            at: Timestamp::default(),
            stamp: Stamp::default(),
            delay: 0,
            effect: Effect::Set { from, to },
        }
    }

    #[test]
    fn what_only_events_say_is_shown_as_a_claim() {
        let row = Session { cwd: Some("/srv/trap".to_owned()), ..Session::default() };
        let claim = "Its events claim the directory /srv/trap and the profile unknown; \
                     the kernel does not confirm that.";
        assert_eq!(origin(&row), claim);
        let known = Origin { profile: None, cwd: Some("/srv/shop".to_owned()) };
        let fact = "Its process was started in the directory /srv/shop with the profile unknown, \
                    as the kernel says.";
        assert_eq!(origin(&Session { origin: Some(known), ..row }), fact);
    }

    #[test]
    fn agent_version_is_named_where_it_is_known() {
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
    fn what_began_it_came_from_no_status() {
        let trail = vec![
            told("first", Status::Idle, Status::Idle),
            told("second", Status::Idle, Status::Working),
        ];
        let full = vec![told("later", Status::Working, Status::Done); MAX_TRAIL];
        for (trail, expected) in [
            (trail, &["began as idle", "idle -> working"][..]),
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

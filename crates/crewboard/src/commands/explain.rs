//! `crewboard explain`: why a row has its status.

use crate::commands::{ANSWER_WITHIN, connect, rendezvous, rows, unexpected};
use crate::failure::Failure;
use crate::render::Style;
use crate::select;
use crewboard_board::text::{Grain, age, clock_time, cut};
use crewboard_core::{Effect, TrailEntry};
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
        if row.confirmed { "" } else { "; unconfirmed: nothing would tell us if it changed" }
    )?;
    if let Some(request) = &row.request {
        let lines: Vec<String> = request.text.lines().map(plain).collect();
        writeln!(out, "It waits for you: {}", lines.join("\n  "))?;
    }
    if let Some(parent) = &row.parent {
        writeln!(out, "It was started by {parent}.")?;
    }
    writeln!(out, "\nWhat it was told, oldest first:")?;
    for entry in &explanation.trail {
        writeln!(out, "  {}", plain(&line(entry)))?;
    }
    Ok(())
}

fn line(entry: &TrailEntry) -> String {
    let effect = match &entry.effect {
        Effect::Set { from, to } => format!("{from} -> {to}"),
        Effect::Kept => "no other status".to_owned(),
        Effect::Ignored { why } => format!("ignored: {why}"),
    };
    let late =
        if entry.delay >= 100 { format!(" ({} ms late)", entry.delay) } else { String::new() };
    format!("{}  {:<24} {:<32} {effect}{late}", clock_time(entry.at), entry.source, entry.said)
}

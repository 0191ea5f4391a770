//! Generates the recording of `crewboard demo`: events of the real agent with other names, texts and times.

mod scenes;

use crate::workspace::root;
use anyhow::{Context, Result, ensure};
use crewboard_agents::{ProcessArguments, Surroundings, read_event};
use crewboard_core::{
    ConversationId, Event, InputDigest, Place, Process, PromptKind, PullRequest, Report, Stamp,
    Timestamp, UsageReport, WindowReport,
};
use crewboard_testkit::recording::{CLIENTS, HookLine, Recording};
use scenes::{FIVE_HOUR_RESETS, Part, ROWS, Row, SEVEN_DAY_PERCENT, SEVEN_DAY_RESETS, Used};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;

/// Writes the recording into the program's assets.
pub(crate) fn run() -> Result<()> {
    let path = path();
    fs::write(&path, generate()?).with_context(|| path.display().to_string())?;
    println!("{}", path.display());
    Ok(())
}

fn path() -> PathBuf {
    root().join("crates/crewboard/assets/demo.jsonl")
}

/// Returns the whole recording.
fn generate() -> Result<String> {
    let mut lines: Vec<(i64, Value)> = Vec::new();
    for (index, row) in ROWS.iter().enumerate() {
        let number = index + 1;
        let process = format!("p{number}");
        for part in row.parts {
            let events = events_of(row, part, number)
                .with_context(|| format!("{} of {}", part.recording, row.name))?;
            for (at, report) in events {
                lines.push((at, json!({ "at": at, "report": to_recorded(report, &process)? })));
            }
        }
        for used in row.used {
            let at = used.seconds * 1000;
            lines.push((at, json!({ "at": at, "report": usage(row, used, number, &process)? })));
        }
        if let Some(at) = row.exits {
            lines.push((at, json!({ "at": at, "exited": process })));
        }
    }
    lines.sort_by_key(|(at, _)| *at);
    let mut text = json!({ "crewboard": "record", "version": 1 }).to_string();
    text.push('\n');
    for (_, line) in lines {
        text.push_str(&line.to_string());
        text.push('\n');
    }
    Ok(text)
}

/// Returns the events of one part with their times.
fn events_of(row: &Row, part: &Part, number: usize) -> Result<Vec<(i64, Report)>> {
    let recording = Recording::load(CLIENTS[0], part.recording)?;
    let mut all = Vec::new();
    for hook in &recording.hooks {
        if let Some(report) = read_report(hook)
            && report.event != Event::Unknown
        {
            all.push((hook.mono_ns / 1_000_000, report));
        }
    }
    let chosen = all.get(part.events.0..part.events.1).context("the recording has fewer events")?;
    let (Some((first, _)), Some((last, _))) = (chosen.first(), chosen.last()) else {
        return Ok(Vec::new());
    };
    let (begins, ends) = (part.seconds.0 * 1000, part.seconds.1 * 1000);
    let mut texts = part.texts.iter();
    let mut inputs = HashMap::new();
    let mut events = Vec::new();
    for (at, report) in chosen {
        let mut report = report.clone();
        rename(&mut report, row, number);
        replace_texts(&mut report.event, &mut texts, &mut inputs)?;
        report.sanitise();
        let at = begins + (at - first) * (ends - begins) / (last - first).max(1);
        events.push((at, report));
    }
    ensure!(texts.next().is_none(), "there are more texts than events with a text");
    Ok(events)
}

/// Returns the usage event of a row's status line. In a recording, a reset time is relative, in milliseconds.
fn usage(row: &Row, used: &Used, number: usize, process: &str) -> Result<Value> {
    let window = |used_percent, resets: i64| WindowReport {
        used_percent,
        resets_at: Timestamp((resets - used.seconds).unsigned_abs() * 1000),
    };
    let event = Event::UsageReport(UsageReport {
        context_percent: Some(used.context_percent),
        cost_cents: Some(used.cost_cents),
        five_hour: Some(window(used.five_hour_percent, FIVE_HOUR_RESETS)),
        seven_day: Some(window(SEVEN_DAY_PERCENT, SEVEN_DAY_RESETS)),
    });
    let mut report = Report::new("claude", "", "statusline", Stamp::default(), event);
    rename(&mut report, row, number);
    let repository = format!("github.com/acme/{}", row.name);
    report.pull_request = row.pull_request.map(|(number, review)| PullRequest {
        number,
        url: Some(format!("https://{repository}/pull/{number}")),
        review: Some(review.to_owned()),
        merge_request: false,
    });
    // The notebooks are in no repository.
    report.repository = (!row.branch.is_empty()).then_some(repository);
    to_recorded(report, process)
}

/// Returns a report in the form of a recording.
fn to_recorded(report: Report, process: &str) -> Result<Value> {
    let mut report = serde_json::to_value(report)?;
    if let Value::Object(fields) = &mut report {
        fields.remove("stamp");
        fields.insert("process".to_owned(), json!(process));
    }
    Ok(report)
}

/// Returns the event that the hook reads from a recorded payload.
fn read_report(hook: &HookLine) -> Option<Report> {
    let surroundings = Surroundings {
        stamp: Stamp::default(),
        host: String::new(),
        process: Some(Process { pid: 1, start: 1 }),
        tty: None,
        environment: &hook.env,
        arguments: ProcessArguments::Known(hook.client_argv.clone()),
        find_programs: &|_| Vec::new(),
    };
    hook.event()?;
    read_event("claude", hook.stdin.get().as_bytes(), &surroundings)
}

/// Gives a report the names of a row of the demo.
fn rename(report: &mut Report, row: &Row, number: usize) {
    let folder = format!("/home/dev/{}", row.name);
    report.session = ConversationId::new(&format!("{number:08x}-0c0d-4e00-8a00-000000000000"));
    report.branch =
        matches!(report.event, Event::SessionStarted { .. } | Event::PromptSubmitted { .. })
            .then(|| row.branch.to_owned());
    report.cwd = Some(folder.clone());
    report.project = Some(folder);
    report.profile = Some("/home/dev/.claude".to_owned());
    report.transcript = None;
    report.place = Place {
        host: "box".to_owned(),
        terminal: Some("tmux".to_owned()),
        // This server does not exist: a jump from the demo must not show a pane of the user.
        server: Some("/demo/tmux".to_owned()),
        pane: Some(format!("%{number}")),
        target: None,
        tty: Some(format!("/dev/pts/{number}")),
        others: Vec::new(),
    };
}

/// Replaces the scripted texts by the next ones. The text of a permission is that of its tool.
fn replace_texts<'a>(
    event: &mut Event,
    texts: &mut impl Iterator<Item = &'a &'a str>,
    inputs: &mut HashMap<InputDigest, String>,
) -> Result<()> {
    let mut next = || texts.next().map(|text| (*text).to_owned()).context("texts are missing");
    match event {
        Event::PromptSubmitted { prompt, automatic: false, .. } => *prompt = next()?,
        Event::ToolStarted { text, input, .. } => {
            let input_text = next()?;
            input_text.lines().next().unwrap_or_default().clone_into(text);
            inputs.insert(*input, input_text);
        }
        Event::PromptOpened { prompt_kind, text, line, input, .. } => {
            line.clear();
            *text = inputs.get(input).cloned().unwrap_or_default();
            ensure!(!text.is_empty() || *prompt_kind == PromptKind::Plan, "the prompt has no text");
        }
        Event::TurnEnded { message, .. } => *message = next()?,
        Event::TurnFailed { detail, .. } => *detail = next()?,
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn demo_recording_matches_its_scenes() {
        let stored = fs::read_to_string(path()).unwrap();
        assert!(stored == generate().unwrap(), "run `cargo xtask demo`");
    }
}

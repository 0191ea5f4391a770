//! Makes the recording that `crewboard demo` plays: what the real agent's hooks were told, under other
//! names, with other words and at other times.

mod scenes;

use crate::workspace::root;
use anyhow::{Context, Result, ensure};
use crewboard_core::{
    Event, InputDigest, Place, Process, Report, RequestKind, SessionId, Stamp, Timestamp,
    UsageTold, WindowTold,
};
use crewboard_integrations::agents::{Lookup, Surroundings, read_event};
use crewboard_testkit::recording::{CLIENTS, HookLine, Recording};
use scenes::{FIVE_HOUR_RESETS, Part, ROWS, Row, SEVEN_DAY_PERCENT, SEVEN_DAY_RESETS, Used};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::PathBuf;

/// Writes the recording into the program's assets.
pub(crate) fn run() -> Result<()> {
    let path = path();
    fs::write(&path, make()?).with_context(|| path.display().to_string())?;
    println!("{}", path.display());
    Ok(())
}

fn path() -> PathBuf {
    root().join("crates/crewboard/assets/demo.jsonl")
}

/// The whole recording.
fn make() -> Result<String> {
    let mut lines: Vec<(i64, Value)> = Vec::new();
    for (index, row) in ROWS.iter().enumerate() {
        let number = index + 1;
        let process = format!("p{number}");
        for part in row.parts {
            let events = part_of(row, part, number)
                .with_context(|| format!("{} of {}", part.recording, row.name))?;
            for (at, report) in events {
                lines.push((at, json!({ "at": at, "report": recorded(report, &process)? })));
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

/// The events of one part, at their times.
fn part_of(row: &Row, part: &Part, number: usize) -> Result<Vec<(i64, Report)>> {
    let recording = Recording::load(CLIENTS[0], part.recording)?;
    let mut all = Vec::new();
    for hook in &recording.hooks {
        if let Some(report) = report(hook)
            && report.event != Event::Unknown
        {
            all.push((hook.mono_ns / 1_000_000, report));
        }
    }
    let chosen = all.get(part.events.0..part.events.1).context("has fewer events")?;
    let (Some((first, _)), Some((last, _))) = (chosen.first(), chosen.last()) else {
        return Ok(Vec::new());
    };
    let (begins, ends) = (part.seconds.0 * 1000, part.seconds.1 * 1000);
    let mut words = part.words.iter();
    let mut asked = HashMap::new();
    let mut events = Vec::new();
    for (at, report) in chosen {
        let mut report = report.clone();
        rename(&mut report, row, number);
        reword(&mut report.event, &mut words, &mut asked)?;
        report.sanitise();
        let at = begins + (at - first) * (ends - begins) / (last - first).max(1);
        events.push((at, report));
    }
    ensure!(words.next().is_none(), "there are more words than events that have any");
    Ok(events)
}

/// What the status line of a row told. A recording tells in how many milliseconds a limit begins anew.
fn usage(row: &Row, used: &Used, number: usize, process: &str) -> Result<Value> {
    let window = |used_percent, resets: i64| WindowTold {
        used_percent,
        resets_at: Timestamp((resets - used.seconds).unsigned_abs() * 1000),
    };
    let event = Event::UsageTold(UsageTold {
        context_percent: Some(used.context_percent),
        cost_cents: Some(used.cost_cents),
        five_hour: Some(window(used.five_hour_percent, FIVE_HOUR_RESETS)),
        seven_day: Some(window(SEVEN_DAY_PERCENT, SEVEN_DAY_RESETS)),
    });
    let mut report = Report::new("claude", "", "statusline", Stamp::default(), event);
    rename(&mut report, row, number);
    recorded(report, process)
}

/// A report as a recording has it.
fn recorded(report: Report, process: &str) -> Result<Value> {
    let mut report = serde_json::to_value(report)?;
    if let Value::Object(fields) = &mut report {
        fields.remove("stamp");
        fields.insert("process".to_owned(), json!(process));
    }
    Ok(report)
}

/// What the hook made of it.
fn report(hook: &HookLine) -> Option<Report> {
    let surroundings = Surroundings {
        stamp: Stamp::default(),
        host: String::new(),
        process: Some(Process { pid: 1, start: 1 }),
        tty: None,
        environment: &Variables(&hook.env),
        arguments: hook.client_argv.clone(),
    };
    hook.event()?;
    read_event("claude", hook.stdin.get().as_bytes(), &surroundings)
}

#[derive(Debug)]
struct Variables<'a>(&'a BTreeMap<String, String>);

impl Lookup for Variables<'_> {
    fn get(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned().filter(|value| !value.is_empty())
    }
}

fn rename(report: &mut Report, row: &Row, number: usize) {
    let folder = format!("/home/dev/{}", row.name);
    report.session = SessionId::new(&format!("{number:08x}-0c0d-4e00-8a00-000000000000"));
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
        // Nobody's: a jump from the demo must not land in a pane of the user's.
        server: Some("/demo/tmux".to_owned()),
        pane: Some(format!("%{number}")),
        target: None,
        tty: Some(format!("/dev/pts/{number}")),
        others: Vec::new(),
    };
}

/// Puts the next words in place of the scripted ones. A permission is asked for what its tool is.
fn reword<'a>(
    event: &mut Event,
    words: &mut impl Iterator<Item = &'a &'a str>,
    asked: &mut HashMap<InputDigest, String>,
) -> Result<()> {
    let mut next = || words.next().map(|text| (*text).to_owned()).context("lacks words");
    match event {
        Event::PromptSubmitted { prompt, automatic: false, .. } => *prompt = next()?,
        Event::ToolStarted { text, input, .. } => {
            let word = next()?;
            word.lines().next().unwrap_or_default().clone_into(text);
            asked.insert(*input, word);
        }
        Event::RequestOpened { request, text, line, input, .. } => {
            line.clear();
            *text = asked.get(input).cloned().unwrap_or_default();
            ensure!(!text.is_empty() || *request == RequestKind::Plan, "nothing is asked");
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
    fn the_demo_is_what_its_scenes_make() {
        let kept = fs::read_to_string(path()).unwrap();
        assert!(kept == make().unwrap(), "run `cargo xtask demo`");
    }
}

//! What an event says besides what happened, and what `explain` says of it.

use crate::evidence::event::{EndReason, Event, Report, StartOrigin};
use crate::evidence::observation::{FileFinding, FileStatus, Observation, TurnEnd};
use crate::session::place::Place;
use crate::state::row::Row;
use crate::state::trail::{Effect, TrailEntry};
use crate::time::Now;

/// Takes over what an event says about the session besides what happened.
pub(crate) fn describe(row: &mut Row, report: &Report) {
    let set = |field: &mut Option<String>, value: &Option<String>| {
        if value.is_some() {
            field.clone_from(value);
        }
    };
    set(&mut row.transcript, &report.transcript);
    if row.origin.as_ref().is_none_or(|origin| origin.profile.is_none()) {
        set(&mut row.profile, &report.profile);
    }
    set(&mut row.model, &report.model);
    if report.subagent.is_none() {
        set(&mut row.mode, &report.mode);
        set(&mut row.cwd, &report.cwd);
        if let Some(branch) = &report.branch {
            row.branch = (!branch.is_empty()).then(|| branch.clone());
        }
    }
    if report.job.is_some() {
        row.job.clone_from(&report.job);
    }
    let of_a_process = report.process.is_some() || row.pid.is_none();
    if of_a_process && report.place != Place::default() {
        row.place = report.place.clone();
        if row.facts.nested || row.job.is_some() {
            row.place = std::mem::take(&mut row.place).without_pane();
        }
    }
    let folder = report.project.as_deref().or(report.cwd.as_deref());
    if let Some(name) = folder.and_then(|path| path.trim_end_matches('/').rsplit('/').next())
        && (row.name.is_empty() || report.project.is_some())
    {
        name.clone_into(&mut row.name);
    }
    if let Some(teammate) = &report.teammate {
        row.name.clone_from(&teammate.name);
        row.teammate = Some(teammate.name.clone());
        row.facts.lead = Some(teammate.lead.clone());
    }
    if row.name.is_empty() {
        row.name = report.agent.to_string();
    }
}

pub(crate) fn remember(row: &mut Row, report: &Report, now: Now, effect: Effect) {
    row.facts.trail.push(TrailEntry {
        source: report.source.clone(),
        said: summary(report),
        at: now.wall_of(report.stamp),
        stamp: report.stamp,
        delay: now.wall.since(now.wall_of(report.stamp)),
        effect,
    });
}

/// What an event said, in a few words, without the agent's own text where it may be long.
fn summary(report: &Report) -> String {
    let said = match &report.event {
        Event::SessionStarted { origin } => match origin {
            StartOrigin::Startup => "session started".to_owned(),
            StartOrigin::Resume => "conversation resumed".to_owned(),
            StartOrigin::Fork => "conversation forked".to_owned(),
            StartOrigin::Clear => "conversation cleared".to_owned(),
            StartOrigin::Compact => "context compacted".to_owned(),
            StartOrigin::Unknown => "session started in a way we do not know".to_owned(),
        },
        Event::SessionEnded { reason: EndReason::Switch } => "conversation left".to_owned(),
        Event::SessionEnded { reason: EndReason::Exit } => "goodbye".to_owned(),
        Event::PromptSubmitted { automatic: false, .. } => "prompt".to_owned(),
        Event::PromptSubmitted { automatic: true, .. } => "woken by background work".to_owned(),
        Event::ToolStarted { tool, .. } => format!("{tool} starts"),
        Event::ToolEnded { tool, .. } => format!("{tool} ended"),
        Event::ToolsEnded => "all tools ended".to_owned(),
        Event::RequestOpened { request, tool, .. } => {
            format!("asks for {} for {tool}", request.status())
        }
        Event::RequestClosed { tool, .. } => format!("no longer asks for {tool}"),
        Event::AttentionCalled { request, .. } => format!("still waits for {}", request.status()),
        Event::Rested => "at its prompt for a while".to_owned(),
        Event::TurnEnded { background, scheduled, .. } => {
            format!("turn over, {} in background, {scheduled} scheduled", background.len())
        }
        Event::TurnFailed { error, .. } => format!("turn failed: {error}"),
        Event::SubagentStarted => "subagent started".to_owned(),
        Event::SubagentEnded => "subagent ended".to_owned(),
        Event::UsageReport(_) => "what it uses".to_owned(),
        Event::BranchRead => "its branch".to_owned(),
        Event::StatusReported { status, .. } => format!("reported {status}"),
        Event::Unknown => "an event this daemon does not know".to_owned(),
    };
    match &report.subagent {
        Some(subagent) => format!("{said} (subagent {subagent})"),
        None => said,
    }
}

pub(crate) fn remember_observation(
    row: &mut Row,
    observation: &Observation,
    now: Now,
    effect: Effect,
) {
    let said = match &observation.finding {
        FileFinding::FileStatus { condition, .. } | FileFinding::Glimpse { condition, .. } => {
            match condition {
                FileStatus::Unknown => "says nothing yet".to_owned(),
                FileStatus::Busy => "busy".to_owned(),
                FileStatus::Resting { shells: false } => "at its prompt".to_owned(),
                FileStatus::Resting { shells: true } => "at its prompt, shells run".to_owned(),
                FileStatus::Asking { request } => format!("a dialog asks for {}", request.status()),
                FileStatus::Dialog => "a dialog is open".to_owned(),
                FileStatus::Parked => "its conversation went to the background".to_owned(),
            }
        }
        FileFinding::Left => "took its file away".to_owned(),
        FileFinding::Blind => "no file tells of it".to_owned(),
        FileFinding::TurnEnd { how: TurnEnd::Finished { .. }, .. } => "turn over".to_owned(),
        FileFinding::TurnEnd { how: TurnEnd::Interrupted, .. } => "turn interrupted".to_owned(),
        FileFinding::TurnEnd { how: TurnEnd::Failed { error, .. }, .. } => {
            format!("turn failed: {error}")
        }
        FileFinding::NothingOver => "says nothing of the turn's end".to_owned(),
    };
    let stamp = match observation.finding {
        FileFinding::FileStatus { since, .. } | FileFinding::Glimpse { since, .. } => since,
        FileFinding::TurnEnd { at, .. } => at,
        FileFinding::Left | FileFinding::Blind | FileFinding::NothingOver => observation.seen,
    };
    let at = now.wall_of(stamp);
    let source = observation.source.clone();
    let delay = now.wall.since(now.wall_of(observation.seen));
    row.facts.trail.push(TrailEntry { source, said, at, stamp, delay, effect });
}

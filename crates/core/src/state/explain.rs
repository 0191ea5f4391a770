//! The texts of `explain`: a summary of each event and observation.

use crate::evidence::event::{EndReason, Event, Report, StartOrigin};
use crate::evidence::observation::{FileFinding, FileStatus, Observation, TurnEnd};
use crate::state::row::Row;
use crate::state::trail::{Effect, TrailEntry};
use crate::time::Now;

/// Records an event in the trail of its session.
pub(crate) fn record_event(row: &mut Row, report: &Report, now: Now, effect: Effect) {
    row.state.trail.push(TrailEntry {
        source: report.source.clone(),
        summary: summarize_event(report),
        at: now.wall_of(report.stamp),
        stamp: report.stamp,
        delay: now.wall.since(now.wall_of(report.stamp)),
        effect,
    });
}

/// Summarises an event in a few words, without the agent's own text where it may be long.
fn summarize_event(report: &Report) -> String {
    let summary = match &report.event {
        Event::SessionStarted { origin } => match origin {
            StartOrigin::Startup => "session started".to_owned(),
            StartOrigin::Resume => "conversation resumed".to_owned(),
            StartOrigin::Fork => "conversation forked".to_owned(),
            StartOrigin::Clear => "conversation cleared".to_owned(),
            StartOrigin::Compact => "context compacted".to_owned(),
            StartOrigin::Unknown => "session started in an unknown way".to_owned(),
        },
        Event::SessionEnded { reason: EndReason::Switch } => "conversation left".to_owned(),
        Event::SessionEnded { reason: EndReason::Exit } => "session ended".to_owned(),
        Event::PromptSubmitted { automatic: false, .. } => "prompt".to_owned(),
        Event::PromptSubmitted { automatic: true, .. } => "woken by background work".to_owned(),
        Event::ToolStarted { tool, .. } => format!("{tool} started"),
        Event::ToolEnded { tool, .. } => format!("{tool} ended"),
        Event::ToolsEnded => "all tools ended".to_owned(),
        Event::PromptOpened { prompt_kind, tool, .. } => {
            format!("{} prompt for {tool}", prompt_kind.status())
        }
        Event::PromptClosed { tool, .. } => format!("prompt for {tool} closed"),
        Event::AttentionRequested { prompt_kind, .. } => {
            format!("still shows a {} prompt", prompt_kind.status())
        }
        Event::IdleReported => "at its prompt for a while".to_owned(),
        Event::TurnEnded { background, scheduled, .. } => {
            format!("turn over, {} in background, {scheduled} scheduled", background.len())
        }
        Event::TurnInterrupted => "turn interrupted".to_owned(),
        Event::TurnFailed { error, .. } => format!("turn failed: {error}"),
        Event::SubagentStarted => "subagent started".to_owned(),
        Event::SubagentEnded => "subagent ended".to_owned(),
        Event::UsageReport(_) => "usage".to_owned(),
        Event::BranchRead => "branch".to_owned(),
        Event::StatusReported { status, .. } => format!("reported {status}"),
        Event::ProgramStarted => "program started".to_owned(),
        Event::ProgramReported(record) => match record.id.as_str() {
            "" => format!("the program reported {}", record.state),
            id => format!("the program reported {} ({id})", record.state),
        },
        Event::ProgramExited(end) => format!("the program ended: {end}"),
        Event::Unknown => "an event that this daemon does not know".to_owned(),
    };
    match &report.subagent {
        Some(subagent) => format!("{summary} (subagent {subagent})"),
        None => summary,
    }
}

/// Records an observation in the trail of its session.
pub(crate) fn record_observation(
    row: &mut Row,
    observation: &Observation,
    now: Now,
    effect: Effect,
) {
    let summary = match &observation.finding {
        FileFinding::FileStatus { status, .. } | FileFinding::UnwatchedStatus { status, .. } => {
            match status {
                FileStatus::Unknown => "no status yet".to_owned(),
                FileStatus::Busy => "busy".to_owned(),
                FileStatus::Idle { shells: false } => "at its prompt".to_owned(),
                FileStatus::Idle { shells: true } => {
                    "at its prompt, background shells run".to_owned()
                }
                FileStatus::Prompt { prompt_kind } => {
                    format!("a {} prompt is open", prompt_kind.status())
                }
                FileStatus::Dialog => "a dialog is open".to_owned(),
                FileStatus::MovedToBackground => {
                    "its conversation moved to the background".to_owned()
                }
            }
        }
        FileFinding::Removed => "removed its file".to_owned(),
        FileFinding::Unreadable => "its file cannot be read".to_owned(),
        FileFinding::NoSessionFile => "its agent keeps no session file".to_owned(),
        FileFinding::TurnEnd { how: TurnEnd::Finished { .. }, .. } => "turn over".to_owned(),
        FileFinding::TurnEnd { how: TurnEnd::PlanOffered { .. }, .. } => {
            "turn over, with a plan".to_owned()
        }
        FileFinding::TurnEnd { how: TurnEnd::Interrupted, .. } => "turn interrupted".to_owned(),
        FileFinding::TurnEnd { how: TurnEnd::Failed { error, .. }, .. } => {
            format!("turn failed: {error}")
        }
        FileFinding::EndNotFound => "does not show the turn's end".to_owned(),
    };
    let stamp = match observation.finding {
        FileFinding::FileStatus { since, .. } | FileFinding::UnwatchedStatus { since, .. } => since,
        FileFinding::TurnEnd { at, .. } => at,
        FileFinding::Removed
        | FileFinding::Unreadable
        | FileFinding::NoSessionFile
        | FileFinding::EndNotFound => observation.seen,
    };
    let at = now.wall_of(stamp);
    let source = observation.source.clone();
    let delay = now.wall.since(now.wall_of(observation.seen));
    row.state.trail.push(TrailEntry { source, summary, at, stamp, delay, effect });
}

//! The rate limits of the accounts, in the first line.

use super::canvas::Piece;
use crate::format::text::{Grain, age, age_changes_in, until, until_changes_in};
use crate::model::Model;
use crewboard_core::{FRESH_MS, RateLimits, RateWindow, Status, Timestamp};
use ratatui::style::Style;
use std::cmp::Reverse;

/// The number of sets that are shown, and their detail. If there is no room for all, the fullest are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) sets: usize,
    pub(super) detail: Detail,
}

/// The detail of each limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// A bar, the percentage and the time until the reset.
    Bars,
    /// The percentage and the time until the reset.
    Resets,
    /// The percentage.
    Percentages,
}

/// The width of a bar between its ends.
const BAR: usize = 6;

/// The least percentage that is shown as a warning.
const WARNING: u8 = 80;
/// The least percentage that is shown as an error.
const CRITICAL: u8 = 95;

/// Returns the windows of an account that have not been reset yet. After a reset nothing is known of a window.
fn windows(limits: &RateLimits, now: Timestamp) -> Vec<(&'static str, RateWindow)> {
    let named = [("5h", limits.five_hour), ("7d", limits.seven_day)];
    let known = named.into_iter().filter_map(|(name, window)| Some((name, window?)));
    known.filter(|(_, window)| window.resets_at > now).collect()
}

/// An account with its known windows.
type Set<'a> = (&'a RateLimits, Vec<(&'static str, RateWindow)>);

/// Returns a set for each account with known windows, in the order of the profiles.
fn sets(model: &Model) -> Vec<Set<'_>> {
    let now = model.display_time();
    let sets = model.limits.iter().map(|limits| (limits, windows(limits, now)));
    sets.filter(|(_, windows)| !windows.is_empty()).collect()
}

/// Returns the number of sets.
pub(super) fn count(model: &Model) -> usize {
    sets(model).len()
}

/// Returns the sets that are shown, at most `max`, and the sets that are only counted.
fn split_sets(model: &Model, max: usize) -> (Vec<Set<'_>>, Vec<Set<'_>>) {
    let mut shown = sets(model);
    if shown.len() > max {
        shown.sort_by_key(|(_, windows)| {
            Reverse(windows.iter().map(|(_, window)| window.used_percent).max())
        });
    }
    let rest = shown.split_off(max.min(shown.len()));
    (shown, rest)
}

/// Returns when the oldest window was reported, if that is long ago.
fn stale_since(windows: &[(&'static str, RateWindow)], now: Timestamp) -> Option<Timestamp> {
    let oldest = windows.iter().map(|(_, window)| window.at).min()?;
    (now.since(oldest) >= FRESH_MS).then_some(oldest)
}

/// Returns the text of the sets. If there are several, each has the name of its profile.
pub(super) fn pieces(model: &Model, Extent { sets, detail }: Extent) -> Vec<Piece> {
    let (theme, now) = (model.theme, model.display_time());
    let (sets, rest) = split_sets(model, sets);
    let mut pieces: Vec<Piece> = Vec::new();
    for (limits, windows) in &sets {
        if !pieces.is_empty() {
            pieces.push(("   ".to_owned(), Style::new()));
        }
        if sets.len() + rest.len() > 1 {
            pieces.push((format!("{} ", short_name(&limits.profile)), theme.dim()));
        }
        let report_time = stale_since(windows, now);
        for (index, (name, window)) in windows.iter().enumerate() {
            let gap = if index > 0 { "  " } else { "" };
            let style = match window.used_percent {
                _ if report_time.is_some() => theme.dim(),
                CRITICAL.. => theme.status(Status::Failed),
                WARNING.. => theme.status(Status::Permission),
                _ => Style::new(),
            };
            pieces.push((format!("{gap}{name} "), theme.dim()));
            if detail == Detail::Bars {
                pieces.push((bar(window.used_percent, theme.unicode), style));
            }
            pieces.push((format!("{}%", window.used_percent), style));
            if detail != Detail::Percentages {
                let sign = if theme.unicode { "→" } else { "->" };
                pieces.push((format!(" {sign} {}", until(window.resets_at, now)), theme.dim()));
            }
        }
        if let Some(since) = report_time {
            pieces.push((format!(" ({} ago)", age(since, now, Grain::Minutes)), theme.dim()));
        }
    }
    if !rest.is_empty() {
        pieces.push((format!("   +{}", rest.len()), theme.dim()));
    }
    pieces
}

/// Returns the short name of a profile: that of its directory, without a leading dot.
fn short_name(profile: &str) -> &str {
    let name = profile.trim_end_matches('/').rsplit('/').next().unwrap_or(profile);
    name.trim_start_matches('.')
}

fn bar(percent: u8, unicode: bool) -> String {
    let eighths = usize::from(percent.min(100)) * BAR * 8 / 100;
    let (full, part) = (eighths / 8, eighths % 8);
    if !unicode {
        return format!("[{:<BAR$}] ", "#".repeat(full));
    }
    let part = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][part];
    format!("▕{:<BAR$}▏ ", format!("{}{part}", "█".repeat(full)))
}

/// Returns the milliseconds until each time in the limits changes.
pub(super) fn clocks(model: &Model, Extent { sets, detail }: Extent) -> Vec<u64> {
    let now = model.display_time();
    let mut clocks = Vec::new();
    let (sets, rest) = split_sets(model, sets);
    for (_, windows) in &sets {
        for (_, window) in windows {
            clocks.push(window.resets_at.since(now));
            if detail != Detail::Percentages {
                clocks.push(until_changes_in(window.resets_at, now));
            }
            if now.since(window.at) < FRESH_MS {
                clocks.push(FRESH_MS - now.since(window.at));
            }
        }
        clocks.extend(
            stale_since(windows, now).map(|since| age_changes_in(since, now, Grain::Minutes)),
        );
    }
    let rest = rest.iter().flat_map(|(_, windows)| windows);
    clocks.extend(rest.map(|(_, window)| window.resets_at.since(now)));
    clocks
}

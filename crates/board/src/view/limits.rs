//! The rate limits of the accounts, in the first line.

use super::canvas::{MINUTE, Piece};
use crate::format::text::{age, age_changes_in, until, until_changes_in};
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

/// The detail of each limit, from the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Detail {
    /// The percentage.
    Percentages,
    /// A bar and the percentage.
    Bars,
    /// A bar, the percentage and the time until the reset.
    Resets,
    /// A bar, the percentage, the pace and the time until the reset.
    Pace,
}

impl Detail {
    /// All details, from the most.
    pub(super) const ALL: [Self; 4] = [Self::Pace, Self::Resets, Self::Bars, Self::Percentages];
}

/// The width of a bar between its ends.
const BAR: usize = 6;

/// The least percentage that is shown as a warning.
const WARNING: u8 = 80;
/// The least percentage that is shown as an error.
const CRITICAL: u8 = 95;

/// The share of a window that must have passed before its pace is shown: a pace from less says nothing.
const MIN_ELAPSED_PERCENT: u64 = 5;

/// The windows: their names and lengths.
const WINDOWS: [(&str, u64); 2] = [("5h", 5 * 60 * MINUTE), ("7d", 7 * 24 * 60 * MINUTE)];

/// Returns the used share in per cent of the share of the window that had passed at the report. At more than 100, the
/// limit will be reached before the reset if the use goes on like this.
fn pace(name: &str, window: RateWindow) -> Option<u64> {
    let (_, length) = WINDOWS.into_iter().find(|(known, _)| *known == name)?;
    let elapsed = length.checked_sub(window.resets_at.since(window.at))?;
    let is_early = elapsed * 100 < length * MIN_ELAPSED_PERCENT;
    (!is_early).then(|| (u64::from(window.used_percent) * length + elapsed / 2) / elapsed)
}

/// Returns the windows of an account that have not been reset yet. After a reset nothing is known of a window.
fn windows(limits: &RateLimits, now: Timestamp) -> Vec<(&'static str, RateWindow)> {
    let named = WINDOWS.into_iter().zip([limits.five_hour, limits.seven_day]);
    let known = named.filter_map(|((name, _), window)| Some((name, window?)));
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
            if detail >= Detail::Bars {
                pieces.push((bar(window.used_percent, theme.unicode), style));
            }
            pieces.push((format!("{}%", window.used_percent), style));
            if detail == Detail::Pace
                && let Some(pace) = pace(name, *window)
            {
                let fast = report_time.is_none() && pace > 100;
                let style = if fast { theme.status(Status::Permission) } else { theme.dim() };
                pieces.push((format!(" pace {pace}%"), style));
            }
            if detail >= Detail::Resets {
                let sign = if theme.unicode { "→" } else { "->" };
                pieces.push((format!(" {sign} {}", until(window.resets_at, now)), theme.dim()));
            }
        }
        if let Some(since) = report_time {
            pieces.push((format!(" ({} ago)", age(since, now)), theme.dim()));
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
            if detail >= Detail::Resets {
                clocks.push(until_changes_in(window.resets_at, now));
            }
            if now.since(window.at) < FRESH_MS {
                clocks.push(FRESH_MS - now.since(window.at));
            }
        }
        clocks.extend(stale_since(windows, now).map(|since| age_changes_in(since, now)));
    }
    let rest = rest.iter().flat_map(|(_, windows)| windows);
    clocks.extend(rest.map(|(_, window)| window.resets_at.since(now)));
    clocks
}

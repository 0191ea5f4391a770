//! The accounts' limits, in the first line.

use super::canvas::Piece;
use crate::format::text::{Grain, age, age_changes_in, until, until_changes_in};
use crate::model::Model;
use crewboard_core::{FRESH_MS, RateLimits, RateWindow, Status, Timestamp};
use ratatui::style::Style;
use std::cmp::Reverse;

/// How many sets are told, and how fully. Where not all are, those that are fullest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) sets: usize,
    pub(super) detail: Detail,
}

/// How fully each is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    Bars,
    Resets,
    Figures,
}

/// Columns of a bar between its ends.
const BAR: usize = 6;

/// From here on a limit is worth a colour.
const MUCH: u8 = 80;
/// From here on it is worth another.
const VERY_MUCH: u8 = 95;

/// The limits of an account of which something is known now: after its end nothing is known of one.
fn windows(limits: &RateLimits, now: Timestamp) -> Vec<(&'static str, RateWindow)> {
    let named = [("5h", limits.five_hour), ("7d", limits.seven_day)];
    let known = named.into_iter().filter_map(|(name, window)| Some((name, window?)));
    known.filter(|(_, window)| window.resets_at > now).collect()
}

/// An account with what is known of it now.
type Set<'a> = (&'a RateLimits, Vec<(&'static str, RateWindow)>);

/// One set for each account of which something is known, in the order of their profiles.
fn sets(model: &Model) -> Vec<Set<'_>> {
    let now = model.display_time();
    let sets = model.limits.iter().map(|limits| (limits, windows(limits, now)));
    sets.filter(|(_, windows)| !windows.is_empty()).collect()
}

/// How many sets there are to tell.
pub(super) fn count(model: &Model) -> usize {
    sets(model).len()
}

/// The sets that are told, and those that are only counted.
fn told(model: &Model, most: usize) -> (Vec<Set<'_>>, Vec<Set<'_>>) {
    let mut told = sets(model);
    if told.len() > most {
        told.sort_by_key(|(_, windows)| {
            Reverse(windows.iter().map(|(_, window)| window.used_percent).max())
        });
    }
    let rest = told.split_off(most.min(told.len()));
    (told, rest)
}

/// When the oldest of them was told, where that is long ago.
fn told_long_ago(windows: &[(&'static str, RateWindow)], now: Timestamp) -> Option<Timestamp> {
    let oldest = windows.iter().map(|(_, window)| window.at).min()?;
    (now.since(oldest) >= FRESH_MS).then_some(oldest)
}

/// The sets, with the names of profiles where there are several.
pub(super) fn pieces(model: &Model, Extent { sets, detail }: Extent) -> Vec<Piece> {
    let (theme, now) = (model.theme, model.display_time());
    let (sets, rest) = told(model, sets);
    let mut pieces: Vec<Piece> = Vec::new();
    for (limits, windows) in &sets {
        if !pieces.is_empty() {
            pieces.push(("   ".to_owned(), Style::new()));
        }
        if sets.len() + rest.len() > 1 {
            pieces.push((format!("{} ", short_name(&limits.profile)), theme.dim()));
        }
        let old = told_long_ago(windows, now);
        for (index, (name, window)) in windows.iter().enumerate() {
            let gap = if index > 0 { "  " } else { "" };
            let style = match window.used_percent {
                _ if old.is_some() => theme.dim(),
                VERY_MUCH.. => theme.status(Status::Failed),
                MUCH.. => theme.status(Status::Permission),
                _ => Style::new(),
            };
            pieces.push((format!("{gap}{name} "), theme.dim()));
            if detail == Detail::Bars {
                pieces.push((bar(window.used_percent, theme.unicode), style));
            }
            pieces.push((format!("{}%", window.used_percent), style));
            if detail != Detail::Figures {
                let sign = if theme.unicode { "↻" } else { "->" };
                pieces.push((format!(" {sign} {}", until(window.resets_at, now)), theme.dim()));
            }
        }
        if let Some(old) = old {
            pieces.push((format!(" ({} ago)", age(old, now, Grain::Minutes)), theme.dim()));
        }
    }
    if !rest.is_empty() {
        pieces.push((format!("   +{}", rest.len()), theme.dim()));
    }
    pieces
}

/// A profile's name as people know it: the directory's, without the dot that hides it.
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

/// Milliseconds until something of them is another.
pub(super) fn clocks(model: &Model, Extent { sets, detail }: Extent) -> Vec<u64> {
    let now = model.display_time();
    let mut clocks = Vec::new();
    let (sets, rest) = told(model, sets);
    for (_, windows) in &sets {
        for (_, window) in windows {
            clocks.push(window.resets_at.since(now));
            if detail != Detail::Figures {
                clocks.push(until_changes_in(window.resets_at, now));
            }
            if now.since(window.at) < FRESH_MS {
                clocks.push(FRESH_MS - now.since(window.at));
            }
        }
        clocks.extend(
            told_long_ago(windows, now).map(|old| age_changes_in(old, now, Grain::Minutes)),
        );
    }
    let rest = rest.iter().flat_map(|(_, windows)| windows);
    clocks.extend(rest.map(|(_, window)| window.resets_at.since(now)));
    clocks
}

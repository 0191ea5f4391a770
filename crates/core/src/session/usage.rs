//! The usage of a conversation and the rate limits of an account.

use crate::session::Usage;
use crate::session::identity::AgentName;
use crate::session::place::normalise_path;
use crate::text::clean;
use crate::time::{Now, Timestamp};
use crate::{FRESH_MS, MAX_LIMIT_MS, MAX_PATH};
use serde::{Deserialize, Serialize};

/// The usage that an agent's status line reports, rounded for display.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct UsageReport {
    /// The share of the model's context that is used, 0 to 100 per cent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_percent: Option<u8>,
    /// The cost of the conversation, in hundredths of a US dollar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_cents: Option<u64>,
    /// The account's five-hour window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub five_hour: Option<WindowReport>,
    /// The account's seven-day window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seven_day: Option<WindowReport>,
}

/// The reported use of one rate limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowReport {
    /// The used part in per cent, more than 100 over the limit.
    pub used_percent: u8,
    /// The time at which the window resets.
    pub resets_at: Timestamp,
}

/// The rate limits of one account, identified by the profile that is signed in to it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RateLimits {
    /// The agent.
    pub agent: AgentName,
    /// The agent's configuration directory.
    pub profile: String,
    /// The five-hour window, if it is known.
    #[serde(default)]
    pub five_hour: Option<RateWindow>,
    /// The seven-day window, if it is known.
    #[serde(default)]
    pub seven_day: Option<RateWindow>,
}

/// One rate limit of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateWindow {
    /// The used part in per cent, more than 100 over the limit.
    pub used_percent: u8,
    /// The time at which the window resets. After that its use is not known.
    pub resets_at: Timestamp,
    /// The time at which the agent reported this, to the minute.
    pub at: Timestamp,
}

/// Milliseconds by which two reports of one window's reset may differ.
const SAME_WINDOW_MS: u64 = 60_000;

/// Milliseconds after which the same figure counts as new, because clients show its age.
const AGE_MS: u64 = 60_000;

/// The greatest plausible cost in hundredths of a US dollar: ten million dollars.
pub(crate) const MAX_COST_CENTS: u64 = 1_000_000_000;

/// Returns a cost in US dollars.
#[expect(clippy::cast_precision_loss, reason = "exact below `MAX_COST_CENTS`")]
pub(crate) fn to_usd(cents: u64) -> f64 {
    cents as f64 / 100.0
}

/// Returns a cost in whole cents, at most [`MAX_COST_CENTS`].
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "never negative")]
pub(crate) fn to_cents(usd: f64) -> u64 {
    ((usd * 100.0).round() as u64).min(MAX_COST_CENTS)
}

impl UsageReport {
    /// Returns the reset time of each reported window.
    pub fn resets(&mut self) -> impl Iterator<Item = &mut Timestamp> {
        let windows = [&mut self.five_hour, &mut self.seven_day];
        windows.into_iter().flatten().map(|window| &mut window.resets_at)
    }

    /// Bounds a report that came over the socket.
    pub(crate) fn sanitise(&mut self) {
        self.context_percent = self.context_percent.map(|percent| percent.min(100));
        self.cost_cents = self.cost_cents.filter(|cents| *cents <= MAX_COST_CENTS);
    }

    /// Returns the session's usage, or `None` if the report has none.
    pub(crate) fn session_usage(self, at: Timestamp) -> Option<Usage> {
        let context_percent = self.context_percent.map(f64::from);
        let cost_usd = self.cost_cents.map(to_usd);
        (context_percent.is_some() || cost_usd.is_some()).then_some(Usage {
            context_percent,
            cost_usd,
            at,
        })
    }
}

impl Usage {
    /// Returns the cost of the conversation in whole cents, at most ten million dollars.
    pub(crate) fn cost_cents(&self) -> Option<u64> {
        self.cost_usd.map(to_cents)
    }

    /// Returns true if the reported usage replaces the known one: it differs, or it is the same a while later.
    pub(crate) fn is_new(reported: Option<&Self>, known: Option<&Self>) -> bool {
        match (reported, known) {
            (Some(reported), Some(known)) => {
                let figures = |usage: &Self| (usage.context_percent, usage.cost_usd);
                figures(reported) != figures(known) || reported.at.since(known.at) >= AGE_MS
            }
            (reported, known) => reported.is_some() || known.is_some(),
        }
    }

    /// Bounds the usage that a client restored.
    pub(crate) fn sanitise(&mut self, now: Now) {
        let within = |most: f64| move |value: &f64| (0.0..=most).contains(value);
        self.context_percent = self.context_percent.filter(within(100.0));
        self.cost_usd = self.cost_usd.filter(within(to_usd(MAX_COST_CENTS)));
        self.at = self.at.min(now.wall);
    }
}

impl RateLimits {
    /// Applies a report. Returns true if the rate limits have changed.
    pub(crate) fn apply(&mut self, report: &UsageReport, now: Now, at: Timestamp) -> bool {
        let pairs =
            [(&mut self.five_hour, report.five_hour), (&mut self.seven_day, report.seven_day)];
        let mut changed = false;
        for (window, report) in pairs {
            let plausible = report.filter(|report| report.is_plausible(now.wall));
            let Some(report) = plausible else { continue };
            if window.is_none_or(|known| known.is_replaced_by(report, at)) {
                let WindowReport { used_percent, resets_at } = report;
                *window = Some(RateWindow { used_percent, resets_at, at });
                changed = true;
            }
        }
        changed
    }

    /// Applies restored rate limits if they are newer than the known ones.
    pub(crate) fn restore(&mut self, restored: &Self) -> bool {
        let mut changed = false;
        for (window, restored) in
            [(&mut self.five_hour, restored.five_hour), (&mut self.seven_day, restored.seven_day)]
        {
            let at = |window: Option<RateWindow>| window.map(|window| window.at);
            if at(restored) > at(*window) {
                *window = restored;
                changed = true;
            }
        }
        changed
    }

    /// Cleans and bounds rate limits that came over the socket.
    pub(crate) fn sanitise(&mut self, now: Now) {
        self.agent.sanitise();
        self.profile = normalise_path(&clean(&self.profile, MAX_PATH, false));
        for window in [&mut self.five_hour, &mut self.seven_day] {
            *window = window.filter(|window| is_plausible_reset(window.resets_at, now.wall));
            if let Some(window) = window {
                window.at = window.at.min(now.wall);
            }
        }
    }
}

impl RateWindow {
    /// Returns true if a report from the time `at` replaces the known use.
    ///
    /// Each session reports the figure of its own last answer, which may be old. Within a window the use only grows,
    /// so the lower figure of two sessions is the older one. But if no session repeats the higher figure for a while,
    /// the account's use may have been reset.
    fn is_replaced_by(&self, report: WindowReport, at: Timestamp) -> bool {
        let (known, new) = (self.resets_at.0, report.resets_at.0);
        let is_same_window = known.abs_diff(new) <= SAME_WINDOW_MS;
        if is_same_window && report.used_percent == self.used_percent {
            return at.since(self.at) >= AGE_MS;
        }
        let is_newer =
            if is_same_window { report.used_percent > self.used_percent } else { new > known };
        is_newer || at.since(self.at) >= FRESH_MS
    }
}

impl WindowReport {
    /// Returns true if the reset time lies ahead and is plausible.
    pub fn is_plausible(&self, now: Timestamp) -> bool {
        is_plausible_reset(self.resets_at, now)
    }
}

fn is_plausible_reset(resets_at: Timestamp, now: Timestamp) -> bool {
    resets_at > now && resets_at.since(now) <= MAX_LIMIT_MS
}

//! What agents use: how full a conversation's context is, what it cost, and how much of an account's
//! limits is gone.

use crate::session::Usage;
use crate::session::identity::AgentName;
use crate::session::place::one_spelling;
use crate::text::clean;
use crate::time::{Now, Stamp, Timestamp};
use crate::{FRESH_MS, MAX_LIMIT_MS, MAX_PATH};
use serde::{Deserialize, Serialize};

/// What an agent told of it, rounded as it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct UsageReport {
    /// How full the model's context is, 0 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_percent: Option<u8>,
    /// What the conversation has cost, in hundredths of a US dollar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_cents: Option<u64>,
    /// The account's limit over five hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub five_hour: Option<WindowReport>,
    /// The account's limit over seven days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seven_day: Option<WindowReport>,
}

/// What was told of one of an account's limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowReport {
    /// How much of it is gone, 0 to 100.
    pub used_percent: u8,
    /// When it begins anew.
    pub resets_at: Timestamp,
}

/// The limits of one account, by the profile that is signed in to it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RateLimits {
    /// Whose account.
    pub agent: AgentName,
    /// The agent's configuration directory.
    pub profile: String,
    /// The limit over five hours, where it is known.
    #[serde(default)]
    pub five_hour: Option<RateWindow>,
    /// The limit over seven days, where it is known.
    #[serde(default)]
    pub seven_day: Option<RateWindow>,
}

/// One of an account's limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateWindow {
    /// How much of it is gone, 0 to 100.
    pub used_percent: u8,
    /// When it begins anew. After that nothing is known of it.
    pub resets_at: Timestamp,
    /// When that was told, to the minute.
    pub at: Timestamp,
}

/// Milliseconds by which two tellings of one window's end may differ.
const SAME_WINDOW_MS: u64 = 60_000;

/// Milliseconds after which the same figure told again is worth a word: views tell when that was.
const AGE_MS: u64 = 60_000;

/// Hundredths of a US dollar beyond which a cost is no cost: ten million dollars.
const MAX_COST_CENTS: u64 = 1_000_000_000;

impl UsageReport {
    /// When each of the limits told of begins anew.
    pub fn resets(&mut self) -> impl Iterator<Item = &mut Timestamp> {
        let windows = [&mut self.five_hour, &mut self.seven_day];
        windows.into_iter().flatten().map(|window| &mut window.resets_at)
    }

    /// Brings what came over a socket into its bounds.
    pub(crate) fn sanitise(&mut self) {
        self.context_percent = self.context_percent.map(|percent| percent.min(100));
        self.cost_cents = self.cost_cents.filter(|cents| *cents <= MAX_COST_CENTS);
        for window in [&mut self.five_hour, &mut self.seven_day].into_iter().flatten() {
            window.used_percent = window.used_percent.min(100);
        }
    }

    /// What of it is a row's; nothing where nothing is known.
    pub(crate) fn of_row(self, at: Timestamp) -> Option<Usage> {
        let context_percent = self.context_percent.map(f64::from);
        #[expect(clippy::cast_precision_loss, reason = "exact below `MAX_COST_CENTS`")]
        let cost_usd = self.cost_cents.map(|cents| cents as f64 / 100.0);
        (context_percent.is_some() || cost_usd.is_some()).then_some(Usage {
            context_percent,
            cost_usd,
            at,
        })
    }
}

impl Usage {
    /// Whether what was told takes the place of what is known: it says something else, or the same a while later.
    pub(crate) fn is_news(told: Option<&Self>, known: Option<&Self>) -> bool {
        match (told, known) {
            (Some(told), Some(known)) => {
                let said = |usage: &Self| (usage.context_percent, usage.cost_usd);
                said(told) != said(known) || told.at.since(known.at) >= AGE_MS
            }
            (told, known) => told.is_some() || known.is_some(),
        }
    }

    /// Brings what a view gave back into its bounds.
    pub(crate) fn sanitise(&mut self, now: Now) {
        let within = |most: f64| move |value: &f64| (0.0..=most).contains(value);
        self.context_percent = self.context_percent.filter(within(100.0));
        self.cost_usd = self.cost_usd.filter(within(1e7));
        self.at = self.at.min(now.wall);
    }
}

impl RateLimits {
    /// Takes over what was told. True if views show another picture then.
    fn take(&mut self, told: &UsageReport, now: Now, at: Timestamp) -> bool {
        let pairs = [(&mut self.five_hour, told.five_hour), (&mut self.seven_day, told.seven_day)];
        let mut changed = false;
        for (window, told) in pairs {
            let Some(told) = told.filter(|told| told.is_to_come(now.wall)) else { continue };
            if window.is_none_or(|known| known.yields_to(told, at)) {
                let WindowReport { used_percent, resets_at } = told;
                *window = Some(RateWindow { used_percent, resets_at, at });
                changed = true;
            }
        }
        changed
    }

    /// Takes over what a view remembers, where it is newer than what is known.
    fn take_back(&mut self, restored: &Self) -> bool {
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

    /// Cleans and bounds what came over the socket.
    fn sanitise(&mut self, now: Now) {
        self.agent.sanitise();
        self.profile = one_spelling(&clean(&self.profile, MAX_PATH, false));
        for window in [&mut self.five_hour, &mut self.seven_day] {
            *window = window.filter(|window| is_to_come(window.resets_at, now.wall));
            if let Some(window) = window {
                window.used_percent = window.used_percent.min(100);
                window.at = window.at.min(now.wall);
            }
        }
    }
}

impl RateWindow {
    /// Whether what was told at `at` takes its place.
    ///
    /// Each session tells what its own last answer said, whenever that was. Within a window the use only
    /// grows: of two sessions the lower figure is the older one. But not for ever: if nobody has repeated
    /// the higher one for a while, it may have been taken back.
    fn yields_to(&self, told: WindowReport, at: Timestamp) -> bool {
        let (known, new) = (self.resets_at.0, told.resets_at.0);
        let is_same_window = known.abs_diff(new) <= SAME_WINDOW_MS;
        if is_same_window && told.used_percent == self.used_percent {
            return at.since(self.at) >= AGE_MS;
        }
        let is_newer =
            if is_same_window { told.used_percent > self.used_percent } else { new > known };
        is_newer || at.since(self.at) >= FRESH_MS
    }
}

impl WindowReport {
    /// Whether it can be a limit's: not over, nor of an end that no limit has.
    pub fn is_to_come(&self, now: Timestamp) -> bool {
        is_to_come(self.resets_at, now)
    }
}

fn is_to_come(resets_at: Timestamp, now: Timestamp) -> bool {
    resets_at > now && resets_at.since(now) <= MAX_LIMIT_MS
}

/// The limits of one account, and when something was last told of them.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) limits: RateLimits,
    told: Stamp,
}

/// All accounts, in the order of their profiles.
#[derive(Debug, Clone, Default)]
pub(crate) struct Accounts(Vec<Account>);

impl Accounts {
    /// All limits of which anything is known.
    pub(crate) fn limits(&self) -> impl Iterator<Item = &RateLimits> {
        let knows = |limits: &&RateLimits| limits.five_hour.or(limits.seven_day).is_some();
        self.0.iter().map(|account| &account.limits).filter(knows)
    }

    /// Takes in what an agent of `profile` told. True if views show another picture then.
    pub(crate) fn take(
        &mut self,
        agent: &AgentName,
        profile: &str,
        told: &UsageReport,
        stamp: Stamp,
        now: Now,
    ) -> bool {
        if told.five_hour.or(told.seven_day).is_none() {
            return false;
        }
        let account = self.account(agent, profile);
        if stamp.is_before(account.told) {
            return false;
        }
        account.told = stamp;
        account.limits.take(told, now, now.wall_of(stamp))
    }

    /// Takes in what a view remembers of an earlier daemon's word.
    pub(crate) fn take_back(&mut self, mut restored: RateLimits, now: Now) -> bool {
        restored.sanitise(now);
        let is_worth_it = !restored.profile.is_empty()
            && !restored.agent.is_empty()
            && restored.five_hour.or(restored.seven_day).is_some();
        is_worth_it && self.account(&restored.agent, &restored.profile).limits.take_back(&restored)
    }

    /// When the first of all limits begins anew.
    pub(crate) fn next_reset(&self) -> Option<Timestamp> {
        let windows = self.limits().flat_map(|limits| [limits.five_hour, limits.seven_day]);
        windows.flatten().map(|window| window.resets_at).min()
    }

    /// Forgets what has begun anew: nothing is known of it. True if there was any.
    pub(crate) fn begin_anew(&mut self, now: Now) -> bool {
        let mut changed = false;
        for account in &mut self.0 {
            for window in [&mut account.limits.five_hour, &mut account.limits.seven_day] {
                changed |= window.take_if(|window| window.resets_at <= now.wall).is_some();
            }
        }
        changed
    }

    /// The account of a profile, made where there is none in place of the one told of longest ago.
    fn account(&mut self, agent: &AgentName, profile: &str) -> &mut Account {
        let name =
            |account: &Account| (account.limits.agent.clone(), account.limits.profile.clone());
        let wanted = (agent.clone(), profile.to_owned());
        let index = match self.0.binary_search_by_key(&wanted, name) {
            Ok(index) => index,
            Err(mut index) => {
                if self.0.len() >= crate::MAX_PROFILES {
                    let newest = |account: &Account| {
                        let at = |window: Option<RateWindow>| window.map(|window| window.at);
                        at(account.limits.five_hour).max(at(account.limits.seven_day))
                    };
                    let oldest = (0..self.0.len()).min_by_key(|index| newest(&self.0[*index]));
                    let oldest = oldest.unwrap_or(0);
                    self.0.remove(oldest);
                    index -= usize::from(oldest < index);
                }
                let limits =
                    RateLimits { agent: wanted.0, profile: wanted.1, ..RateLimits::default() };
                self.0.insert(index, Account { limits, told: Stamp::default() });
                index
            }
        };
        &mut self.0[index]
    }
}

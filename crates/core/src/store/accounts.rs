//! The accounts whose rate limits are known.

use crate::MAX_PROFILES;
use crate::session::identity::AgentName;
use crate::session::usage::{RateLimits, RateWindow, UsageReport};
use crate::time::{Now, Stamp, Timestamp};

/// The rate limits of one account, and the stamp of their newest report.
#[derive(Debug, Clone)]
pub(super) struct Account {
    pub(super) limits: RateLimits,
    reported: Stamp,
}

/// All accounts, in the order of their profiles.
#[derive(Debug, Clone, Default)]
pub(super) struct Accounts(Vec<Account>);

impl Accounts {
    /// Returns all known rate limits.
    pub(super) fn limits(&self) -> impl Iterator<Item = &RateLimits> {
        let is_known = |limits: &&RateLimits| limits.five_hour.or(limits.seven_day).is_some();
        self.0.iter().map(|account| &account.limits).filter(is_known)
    }

    /// Applies the report of an agent of `profile`. Returns true if the rate limits have changed.
    pub(super) fn apply(
        &mut self,
        agent: &AgentName,
        profile: &str,
        usage: &UsageReport,
        stamp: Stamp,
        now: Now,
    ) -> bool {
        if usage.five_hour.or(usage.seven_day).is_none() {
            return false;
        }
        let account = self.get_or_insert(agent, profile);
        if stamp.is_before(account.reported) {
            return false;
        }
        account.reported = stamp;
        account.limits.apply(usage, now, now.wall_of(stamp))
    }

    /// Applies the rate limits that a client restored. Returns true if they have changed anything.
    pub(super) fn restore(&mut self, mut restored: RateLimits, now: Now) -> bool {
        restored.sanitise(now);
        let is_complete = !restored.profile.is_empty()
            && !restored.agent.is_empty()
            && restored.five_hour.or(restored.seven_day).is_some();
        is_complete
            && self.get_or_insert(&restored.agent, &restored.profile).limits.restore(&restored)
    }

    /// Returns the time of the next reset.
    pub(super) fn next_reset(&self) -> Option<Timestamp> {
        let windows = self.limits().flat_map(|limits| [limits.five_hour, limits.seven_day]);
        windows.flatten().map(|window| window.resets_at).min()
    }

    /// Removes the windows that have been reset. Returns true if there were any.
    pub(super) fn expire(&mut self, now: Now) -> bool {
        let mut changed = false;
        for account in &mut self.0 {
            for window in [&mut account.limits.five_hour, &mut account.limits.seven_day] {
                changed |= window.take_if(|window| window.resets_at <= now.wall).is_some();
            }
        }
        changed
    }

    /// Returns the account of a profile, or inserts it. Evicts the stalest account if the table is full.
    fn get_or_insert(&mut self, agent: &AgentName, profile: &str) -> &mut Account {
        let name =
            |account: &Account| (account.limits.agent.clone(), account.limits.profile.clone());
        let wanted = (agent.clone(), profile.to_owned());
        let index = match self.0.binary_search_by_key(&wanted, name) {
            Ok(index) => index,
            Err(mut index) => {
                if self.0.len() >= MAX_PROFILES {
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
                self.0.insert(index, Account { limits, reported: Stamp::default() });
                index
            }
        };
        &mut self.0[index]
    }
}

//! The cost of a session on one day.

use crate::session::Session;
use crate::session::usage::{to_cents, to_usd};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A day in the user's time zone. The daemon looks it up, because core knows no time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    /// The first millisecond of the day.
    pub start: Timestamp,
    /// The first millisecond of the next day.
    pub end: Timestamp,
}

impl Day {
    /// Returns true if `at` is on this day.
    pub fn contains(self, at: Timestamp) -> bool {
        (self.start..self.end).contains(&at)
    }
}

/// The cost of a session since the start of a day.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DayCost {
    /// The cost in US dollars.
    pub usd: f64,
    /// The start of the day.
    pub since: Timestamp,
}

impl DayCost {
    /// Returns the cost in whole cents, at most ten million dollars.
    pub fn cents(&self) -> u64 {
        to_cents(self.usd)
    }

    /// Returns the cost of a day, from whole cents.
    pub(crate) fn from_cents(cents: u64, since: Timestamp) -> Self {
        Self { usd: to_usd(cents), since }
    }
}

/// The cost of several sessions in cents: of all, and by [project](Session::project).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Costs {
    pub cents: u64,
    pub by_project: BTreeMap<String, u64>,
}

impl Costs {
    /// Returns the costs of the conversations that sessions have now.
    pub fn of_conversations<'a>(rows: impl IntoIterator<Item = &'a Session>) -> Self {
        Self::sum(rows, |row| row.usage.and_then(|usage| usage.cost_cents()))
    }

    /// Returns what sessions have cost today.
    pub fn of_today<'a>(rows: impl IntoIterator<Item = &'a Session>) -> Self {
        Self::sum(rows, |row| row.cost_today.as_ref().map(DayCost::cents))
    }

    fn sum<'a>(
        rows: impl IntoIterator<Item = &'a Session>,
        cost: impl Fn(&Session) -> Option<u64>,
    ) -> Self {
        let mut costs = Self::default();
        for row in rows {
            if let Some(cents) = cost(row) {
                costs.cents += cents;
                *costs.by_project.entry(row.project().to_owned()).or_default() += cents;
            }
        }
        costs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Usage;

    #[test]
    fn costs_are_summed_by_project() {
        let row = |name: &str, cost_usd, today| Session {
            name: name.to_owned(),
            usage: Some(Usage { context_percent: None, cost_usd, at: Timestamp(0) }),
            cost_today: today,
            ..Session::default()
        };
        let today = |cents| Some(DayCost::from_cents(cents, Timestamp(1)));
        let worktree = Session {
            repository_root: Some("/u/shop".to_owned()),
            ..row("tf-12", Some(2.0), today(50))
        };
        let rows = [
            worktree.clone(),
            Session { name: "tf-13".to_owned(), ..worktree },
            row("shop", Some(0.1), today(4)),
            row("shop", Some(0.2), None),
            row("docs", Some(1.0), today(100)),
            row("new", None, today(7)),
        ];
        let named = |parts: &[(&str, u64)]| -> BTreeMap<String, u64> {
            parts.iter().map(|(name, cents)| ((*name).to_owned(), *cents)).collect()
        };
        let by_project = named(&[("/u/shop", 400), ("docs", 100), ("shop", 30)]);
        assert_eq!(Costs::of_conversations(&rows), Costs { cents: 530, by_project });
        let by_project = named(&[("/u/shop", 100), ("docs", 100), ("new", 7), ("shop", 4)]);
        assert_eq!(Costs::of_today(&rows), Costs { cents: 211, by_project });
    }
}

//! What status lines tell: a row's usage and its account's limits. It is never news of what a session does.

use super::{Outcome, SessionStore};
use crate::Status;
use crate::evidence::event::Report;
use crate::session::Usage;
use crate::session::identity::RowKey;
use crate::session::usage::{RateLimits, UsageReport};
use crate::time::Now;

impl SessionStore {
    /// The limits of every account of which anything is known, in the order of their profiles.
    pub fn limits(&self) -> impl Iterator<Item = &RateLimits> {
        self.accounts.limits()
    }

    /// Takes in what an agent told of what it uses. Of a session nobody told of before there is no row,
    /// and this makes none.
    pub(super) fn take_usage(
        &mut self,
        report: &Report,
        told: UsageReport,
        now: Now,
        outcome: &mut Outcome,
    ) {
        if let Some(profile) = report.profile.as_deref().filter(|profile| !profile.is_empty()) {
            outcome.limits_changed |=
                self.accounts.take(&report.agent, profile, &told, report.stamp, now);
        }
        let Some(key) = self.row_told_of(report) else { return };
        let Some(row) = self.rows.get_mut(&key) else { return };
        if report.stamp.is_before(row.facts.usage_told) {
            return;
        }
        row.facts.usage_told = report.stamp;
        let usage = told.of_row(now.wall_of(report.stamp));
        let is_news = Usage::is_news(usage.as_ref(), row.usage.as_ref());
        if is_news {
            row.usage = usage;
        }
        let has_another_model = report.model.is_some() && report.model != row.model;
        if has_another_model {
            row.model.clone_from(&report.model);
        }
        if is_news || has_another_model {
            self.count(&key, None, outcome);
        }
    }

    /// Takes in the branch that a hook read after its event. Only the row of that event has it.
    pub(super) fn take_branch(&mut self, report: &Report, outcome: &mut Outcome) {
        let Some(key) = self.row_told_of(report) else { return };
        let Some(row) = self.rows.get_mut(&key) else { return };
        let Some(branch) = &report.branch else { return };
        // The session may have gone elsewhere since.
        if report.stamp.is_before(row.facts.branch_read) || report.cwd != row.cwd {
            return;
        }
        row.facts.branch_read = report.stamp;
        let branch = (!branch.is_empty()).then(|| branch.clone());
        if row.branch != branch {
            row.branch = branch;
            self.count(&key, None, outcome);
        }
    }

    /// The open row whose present conversation it is.
    fn row_told_of(&self, report: &Report) -> Option<RowKey> {
        let is_told_of = |key: &&RowKey| {
            self.rows.get(key).is_some_and(|row| {
                row.id == report.session
                    && row.agent == report.agent
                    && row.status != Status::Closed
                    && report.process.is_none_or(|process| row.process() == Some(process))
            })
        };
        match report.process {
            Some(process) => self.owners.of(process, &report.agent).filter(is_told_of).cloned(),
            None => self.rows.keys().filter(is_told_of).min().cloned(),
        }
    }

    /// Takes in the limits that a view remembers.
    pub(super) fn take_restored_limits(
        &mut self,
        limits: Vec<RateLimits>,
        now: Now,
        outcome: &mut Outcome,
    ) {
        for limits in limits.into_iter().take(crate::MAX_PROFILES) {
            outcome.limits_changed |= self.accounts.take_back(limits, now);
        }
    }
}

//! Applies the reports of status lines: a session's usage and its account's rate limits. They change no status.

use super::{Outcome, SessionStore};
use crate::Status;
use crate::evidence::event::Report;
use crate::session::Usage;
use crate::session::identity::RowKey;
use crate::session::usage::{RateLimits, UsageReport};
use crate::time::Now;

impl SessionStore {
    /// Returns the known rate limits of all accounts, in the order of their profiles.
    pub fn limits(&self) -> impl Iterator<Item = &RateLimits> {
        self.accounts.limits()
    }

    /// Applies a usage report. A usage report creates no session.
    pub(super) fn apply_usage(
        &mut self,
        report: &Report,
        usage: UsageReport,
        now: Now,
        outcome: &mut Outcome,
    ) {
        if let Some(profile) = report.profile.as_deref().filter(|profile| !profile.is_empty()) {
            outcome.limits_changed |=
                self.accounts.apply(&report.agent, profile, &usage, report.stamp, now);
        }
        let Some(key) = self.find_open(report) else { return };
        if self.rows.get(&key).is_none_or(|row| report.stamp.is_before(row.state.usage_stamp)) {
            return;
        }
        let has_cost = usage.cost_cents.is_some_and(|cents| self.apply_cost(&key, cents, now));
        let Some(row) = self.rows.get_mut(&key) else { return };
        row.state.usage_stamp = report.stamp;
        let usage = usage.session_usage(now.wall_of(report.stamp));
        let is_new = Usage::is_new(usage.as_ref(), row.session.usage.as_ref());
        if is_new {
            row.session.usage = usage;
        }
        let has_another_model = report.model.is_some() && report.model != row.session.model;
        if has_another_model {
            row.session.model.clone_from(&report.model);
        }
        // A status line reports all that it knows, so an absent repository or pull request does not exist any more.
        let is_elsewhere = row.session.repository != report.repository
            || row.session.pull_request != report.pull_request;
        if is_elsewhere {
            row.session.repository.clone_from(&report.repository);
            row.session.pull_request.clone_from(&report.pull_request);
        }
        if is_new || has_cost || has_another_model || is_elsewhere {
            self.record_revision(&key, None, outcome);
        }
    }

    /// Applies the branch and repository that a hook read after its event, to the session of that event.
    pub(super) fn apply_branch(&mut self, report: &Report, outcome: &mut Outcome) {
        let Some(key) = self.find_open(report) else { return };
        let Some(row) = self.rows.get_mut(&key) else { return };
        let Some(branch) = &report.branch else { return };
        // The session may have changed its directory since.
        if report.stamp.is_before(row.state.branch_stamp) || report.cwd != row.session.cwd {
            return;
        }
        row.state.branch_stamp = report.stamp;
        let branch = (!branch.is_empty()).then(|| branch.clone());
        if row.session.branch != branch || row.session.repository_root != report.repository_root {
            row.session.branch = branch;
            row.session.repository_root.clone_from(&report.repository_root);
            self.record_revision(&key, None, outcome);
        }
    }

    /// Finds the open session of a report by its present conversation.
    fn find_open(&self, report: &Report) -> Option<RowKey> {
        let is_match = |key: &&RowKey| {
            self.rows.get(key).is_some_and(|row| {
                row.session.id == report.session
                    && row.session.agent == report.agent
                    && row.session.status != Status::Closed
                    && report.process.is_none_or(|process| row.session.process() == Some(process))
            })
        };
        match report.process {
            Some(process) => {
                self.process_index.get(process, &report.agent).filter(is_match).cloned()
            }
            None => self.rows.keys().filter(is_match).min().cloned(),
        }
    }

    /// Restores the rate limits that a client remembers.
    pub(super) fn restore_rate_limits(
        &mut self,
        limits: Vec<RateLimits>,
        now: Now,
        outcome: &mut Outcome,
    ) {
        for limits in limits.into_iter().take(crate::MAX_PROFILES) {
            outcome.limits_changed |= self.accounts.restore(limits, now);
        }
    }
}

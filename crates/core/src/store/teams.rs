//! Keeps the sessions of an agent team consistent with each other.

use super::{ChangeKind, Outcome, SessionStore};
use crate::session::identity::RowKey;
use crate::state::derive_session;
use crate::state::row::Row;
use crate::time::Now;
use std::collections::BTreeSet;

impl SessionStore {
    /// Updates leads with the state of their teammates, and teammates with the prompts of their leads, after the
    /// changes in `outcome`.
    pub(super) fn update_teams(&mut self, now: Now, outcome: &mut Outcome) {
        let changed: BTreeSet<(RowKey, bool)> = outcome
            .changes
            .iter()
            .map(|change| (change.key.clone(), change.kind == ChangeKind::Updated))
            .collect();
        let mut leads = BTreeSet::new();
        for (key, present) in changed {
            if present {
                leads.extend(self.update_lead(&key, now, outcome));
                leads.insert(key);
            } else {
                self.remove_teammate(&key, now, outcome);
            }
        }
        for lead in leads {
            self.relay_prompts(&lead, now, outcome);
        }
    }

    /// Updates a teammate's lead with the teammate's state. Returns the lead's key.
    fn update_lead(&mut self, key: &RowKey, now: Now, outcome: &mut Outcome) -> Option<RowKey> {
        let name = self.rows.get(key)?.session.teammate.clone()?;
        let lead = self.find_lead(key)?;
        let mate = self.rows.get(key)?.state.as_teammate(key, &name);
        let at = self.rows.get(key)?.state.latest;
        if let Some(row) = self.rows.get_mut(key)
            && row.session.parent.as_ref() != Some(&lead)
        {
            row.session.parent = Some(lead.clone());
            self.record_change(key, None, now, outcome);
        }
        let row = self.rows.get_mut(&lead)?;
        let before = row.session.clone();
        row.state.update_teammate(mate);
        let derived = derive_session(row, now, at, "teammate");
        if derived.transition.is_some() || row.session != before {
            self.record_change(&lead, derived.transition, now, outcome);
        } else {
            self.schedule(&lead, now, outcome);
        }
        Some(lead)
    }

    /// Finds the lead of a teammate: its parent, or else the session of the conversation that the teammate names.
    fn find_lead(&self, key: &RowKey) -> Option<RowKey> {
        let row = self.rows.get(key)?;
        if let Some(parent) =
            row.session.parent.as_ref().filter(|parent| self.rows.contains_key(*parent))
        {
            return Some(parent.clone());
        }
        let conversation = row.state.lead.as_ref()?;
        let leads = self.rows.values().filter(|other| {
            other.session.key != *key
                && other.session.agent == row.session.agent
                && (other.session.id == *conversation
                    || other.session.lineage.contains(conversation))
        });
        leads
            .max_by_key(|other| {
                (other.session.end.is_none(), other.session.started, &other.session.key)
            })
            .map(|other| other.session.key.clone())
    }

    /// Removes a teammate from its lead after the teammate's session was removed.
    fn remove_teammate(&mut self, key: &RowKey, now: Now, outcome: &mut Outcome) {
        let is_lead = |row: &&mut Box<Row>| row.state.has_teammates();
        let mut changed = Vec::new();
        for row in self.rows.values_mut().filter(is_lead) {
            let before = row.session.clone();
            row.state.remove_teammate(key);
            derive_session(row, now, now.stamp, "teammate");
            if row.session != before {
                changed.push(row.session.key.clone());
            }
        }
        for key in changed {
            self.record_change(&key, None, now, outcome);
        }
    }

    /// Sets on each teammate the prompt that its lead's client shows for it.
    fn relay_prompts(&mut self, lead: &RowKey, now: Now, outcome: &mut Outcome) {
        let Some(row) = self.rows.get(lead).filter(|row| row.state.has_teammates()) else { return };
        let source = row.session.source.clone();
        let at = row.state.latest;
        let state = &row.state;
        let prompts: Vec<_> = state
            .teammates()
            .map(|mate| (mate.row.clone(), state.prompt_of_teammate(&mate.row)))
            .collect();
        for (key, prompt) in prompts {
            let mate = self.rows.get_mut(&key).filter(|row| row.session.teammate.is_some());
            let Some(mate) = mate else { continue };
            if !mate.state.set_relayed_prompt(prompt) {
                continue;
            }
            let derived = derive_session(mate, now, at, &source);
            self.record_change(&key, derived.transition, now, outcome);
        }
    }
}

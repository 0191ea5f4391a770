//! Carries between the rows of an agent team what each must know of the others.

use super::{ChangeKind, Outcome, SessionStore};
use crate::session::identity::RowKey;
use crate::state::settle;
use crate::time::Now;
use std::collections::BTreeSet;

impl SessionStore {
    /// Tells leads what became of their teammates, and teammates what their leads' clients ask for them, after the
    /// changes of `outcome`.
    pub(super) fn keep_teams_together(&mut self, now: Now, outcome: &mut Outcome) {
        let changed: BTreeSet<(RowKey, bool)> = outcome
            .changes
            .iter()
            .map(|change| (change.key.clone(), change.kind == ChangeKind::Updated))
            .collect();
        let mut leads = BTreeSet::new();
        for (key, present) in changed {
            if present {
                leads.extend(self.tell_lead_of(&key, now, outcome));
                leads.insert(key);
            } else {
                self.forget_mate(&key, now, outcome);
            }
        }
        for lead in leads {
            self.tell_mates_of(&lead, now, outcome);
        }
    }

    /// Tells the lead of a teammate what the teammate is by now; returns the lead's row.
    fn tell_lead_of(&mut self, key: &RowKey, now: Now, outcome: &mut Outcome) -> Option<RowKey> {
        let name = self.rows.get(key)?.teammate.clone()?;
        let lead = self.lead_of(key)?;
        let mate = self.rows.get(key)?.facts.as_mate(key, &name);
        let at = self.rows.get(key)?.facts.latest;
        if let Some(row) = self.rows.get_mut(key)
            && row.parent.as_ref() != Some(&lead)
        {
            row.parent = Some(lead.clone());
            self.changed(key, None, now, outcome);
        }
        let row = self.rows.get_mut(&lead)?;
        let before = row.session.clone();
        row.facts.know_mate(mate);
        let settled = settle(row, now, at, "teammate");
        if settled.transition.is_some() || row.session != before {
            self.changed(&lead, settled.transition, now, outcome);
        } else {
            self.schedule(&lead, now, outcome);
        }
        Some(lead)
    }

    /// Returns the row of a teammate's lead: the one that is known already, or that of the conversation which
    /// the teammate names.
    fn lead_of(&self, key: &RowKey) -> Option<RowKey> {
        let row = self.rows.get(key)?;
        if let Some(parent) = row.parent.as_ref().filter(|parent| self.rows.contains_key(*parent)) {
            return Some(parent.clone());
        }
        let conversation = row.facts.lead.as_ref()?;
        let leads = self.rows.values().filter(|other| {
            other.key != *key
                && other.agent == row.agent
                && (other.id == *conversation || other.lineage.contains(conversation))
        });
        leads
            .max_by_key(|other| (other.end.is_none(), other.started, &other.key))
            .map(|other| other.key.clone())
    }

    /// Tells a lead that a teammate's row is gone.
    fn forget_mate(&mut self, key: &RowKey, now: Now, outcome: &mut Outcome) {
        let has_it = |row: &&mut crate::state::row::Row| row.facts.has_mates();
        let mut changed = Vec::new();
        for row in self.rows.values_mut().filter(has_it) {
            let before = row.session.clone();
            row.facts.forget_mate(key);
            settle(row, now, now.stamp, "teammate");
            if row.session != before {
                changed.push(row.key.clone());
            }
        }
        for key in changed {
            self.changed(&key, None, now, outcome);
        }
    }

    /// Tells the teammates of a lead what its client asks for them.
    fn tell_mates_of(&mut self, lead: &RowKey, now: Now, outcome: &mut Outcome) {
        let Some(row) = self.rows.get(lead).filter(|row| row.facts.has_mates()) else { return };
        let source = row.source.clone();
        let at = row.facts.latest;
        let facts = &row.facts;
        let asked: Vec<_> =
            facts.mates().map(|mate| (mate.row.clone(), facts.asked_for(&mate.row))).collect();
        for (key, asked) in asked {
            let mate = self.rows.get_mut(&key).filter(|row| row.teammate.is_some());
            let Some(mate) = mate else { continue };
            if !mate.facts.relay(asked) {
                continue;
            }
            let settled = settle(mate, now, at, &source);
            self.changed(&key, settled.transition, now, outcome);
        }
    }
}

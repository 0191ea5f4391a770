//! What the kernel says of agents' processes.

use super::{Outcome, SessionStore};
use crate::session::identity::{Process, RowKey};
use crate::session::{End, Origin};
use crate::state::trail::TrailEntry;
use crate::state::{Ended, settle};
use crate::time::Now;

impl SessionStore {
    pub(super) fn take_watched(
        &mut self,
        process: Process,
        ancestors: &[Process],
        now: Now,
        outcome: &mut Outcome,
    ) {
        for key in self.rows_of(process) {
            // The process of a second row may be watched already: the first row learns nothing from that.
            let is_watched = self.rows.get(&key).is_some_and(|row| row.facts.watched);
            if !is_watched || !self.ancestors.contains_key(&key) {
                self.take_watched_of(&key, process, ancestors, now, outcome);
            }
        }
    }

    /// Notes how a process was started, once: it may go elsewhere later.
    pub(super) fn take_origin(
        &mut self,
        process: Process,
        origin: &Origin,
        now: Now,
        outcome: &mut Outcome,
    ) {
        for key in self.rows_of(process) {
            let Some(row) = self.rows.get_mut(&key) else { continue };
            if row.process() == Some(process) && row.origin.is_none() {
                row.set_origin(origin.clone());
                self.changed(&key, None, now, outcome);
            }
        }
    }

    /// The rows of a process, always in the same order.
    fn rows_of(&self, process: Process) -> Vec<RowKey> {
        let mut rows: Vec<RowKey> = self.owners.all_of(process).cloned().collect();
        rows.sort();
        rows
    }

    fn take_watched_of(
        &mut self,
        key: &RowKey,
        process: Process,
        ancestors: &[Process],
        now: Now,
        outcome: &mut Outcome,
    ) {
        let mut children: Vec<RowKey> = Vec::new();
        for (child, its_ancestors) in &self.ancestors {
            let orphan = self.rows.get(child).is_some_and(|row| row.parent.is_none());
            if child != key && orphan && its_ancestors.contains(&process) {
                children.push(child.clone());
            }
        }
        children.sort();
        let parent = ancestors
            .iter()
            .flat_map(|ancestor| self.rows_of(*ancestor))
            .find(|parent| parent != key);
        self.ancestors.insert(key.clone(), ancestors.to_vec());
        if let Some(row) = self.rows.get_mut(key) {
            row.facts.watched = true;
            let settled = settle(row, now, now.stamp, "process:watched");
            self.changed(key, settled.transition, now, outcome);
        }
        if let Some(parent) = parent {
            self.adopt(key, &parent, now, outcome);
        }
        for child in children {
            self.adopt(&child, key, now, outcome);
        }
    }

    /// Marks `child` as run by `parent`: it never claims its parent's pane.
    pub(super) fn adopt(
        &mut self,
        child: &RowKey,
        parent: &RowKey,
        now: Now,
        outcome: &mut Outcome,
    ) {
        let Some(row) = self.rows.get_mut(child) else { return };
        // A background session belongs to the agent's own service, whoever started that first.
        // A teammate belongs to its lead, whoever started the terminal in which it runs.
        if row.job.is_some() || row.parent.is_some() || row.teammate.is_some() {
            return;
        }
        row.parent = Some(parent.clone());
        row.facts.nested = true;
        row.place = std::mem::take(&mut row.place).without_pane();
        self.changed(child, None, now, outcome);
    }

    pub(super) fn take_exit(&mut self, process: Process, now: Now, outcome: &mut Outcome) {
        for key in self.rows_of(process) {
            self.take_exit_of(&key, process, now, outcome);
        }
    }

    fn take_exit_of(&mut self, key: &RowKey, process: Process, now: Now, outcome: &mut Outcome) {
        let Some(row) = self.rows.get_mut(key) else { return };
        if row.process() != Some(process) {
            return;
        }
        let source = "process:exited";
        let from = row.status;
        if let Some(ended) = &mut row.facts.ended {
            ended.dead = true;
        } else {
            // Who takes its file away before it ends says goodbye by that.
            let how = if row.facts.files.has_left() { End::Exit } else { End::Killed };
            row.facts.ended = Some(Ended { how, stamp: now.stamp, dead: true });
            row.facts.clear_for_end();
        }
        let settled = settle(row, now, now.stamp, source);
        row.facts.trail.push(TrailEntry {
            source: source.to_owned(),
            said: format!("process {} ended", process.pid),
            at: now.wall,
            stamp: now.stamp,
            delay: 0,
            effect: settled.effect(from),
        });
        if settled.transition.is_some() {
            self.changed(key, settled.transition, now, outcome);
            self.prune_closed(outcome);
        } else {
            self.schedule(key, now, outcome);
        }
    }

    pub(super) fn take_suspension(
        &mut self,
        process: Process,
        on: bool,
        now: Now,
        outcome: &mut Outcome,
    ) {
        for key in self.rows_of(process) {
            let Some(row) = self.rows.get_mut(&key) else { continue };
            if row.process() == Some(process) && row.stopped != on {
                row.stopped = on;
                self.changed(&key, None, now, outcome);
            }
        }
    }
}

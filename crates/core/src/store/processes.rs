//! Applies the kernel's reports about processes.

use super::{Outcome, SessionStore};
use crate::session::identity::{Process, RowKey};
use crate::session::{End, Origin};
use crate::state::trail::TrailEntry;
use crate::state::{Ended, derive_session};
use crate::time::Now;

impl SessionStore {
    pub(super) fn apply_watched(
        &mut self,
        process: Process,
        ancestors: &[Process],
        now: Now,
        outcome: &mut Outcome,
    ) {
        for key in self.rows_of(process) {
            // The process of a second session may be watched already. That changes nothing for the first session.
            let is_watched = self.rows.get(&key).is_some_and(|row| row.state.watched);
            if !is_watched || !self.ancestors.contains_key(&key) {
                self.apply_watched_to(&key, process, ancestors, now, outcome);
            }
        }
    }

    /// Sets how a process was started. Only the first report counts, because a process may change its directory.
    pub(super) fn apply_origin(
        &mut self,
        process: Process,
        origin: &Origin,
        now: Now,
        outcome: &mut Outcome,
    ) {
        for key in self.rows_of(process) {
            let Some(row) = self.rows.get_mut(&key) else { continue };
            if row.session.process() == Some(process) && row.session.origin.is_none() {
                row.set_origin(origin.clone());
                self.record_change(&key, None, now, outcome);
            }
        }
    }

    /// Returns true if a session of the process is shown as suspended and the process is not, or the reverse.
    pub fn has_other_suspension(&self, process: Process, on: bool) -> bool {
        let mut rows = self.process_index.get_all(process).filter_map(|key| self.rows.get(key));
        rows.any(|row| row.session.process() == Some(process) && row.session.stopped != on)
    }

    /// Returns the sessions of a process, always in the same order.
    pub(super) fn rows_of(&self, process: Process) -> Vec<RowKey> {
        let mut rows: Vec<RowKey> = self.process_index.get_all(process).cloned().collect();
        rows.sort();
        rows
    }

    fn apply_watched_to(
        &mut self,
        key: &RowKey,
        process: Process,
        ancestors: &[Process],
        now: Now,
        outcome: &mut Outcome,
    ) {
        let mut children: Vec<RowKey> = Vec::new();
        let may_have_children = !self.is_only_a_program(key);
        for (child, its_ancestors) in self.ancestors.iter().filter(|_| may_have_children) {
            let has_no_parent =
                self.rows.get(child).is_some_and(|row| row.session.parent.is_none());
            if child != key && has_no_parent && its_ancestors.contains(&process) {
                children.push(child.clone());
            }
        }
        children.sort();
        let parent = ancestors
            .iter()
            .flat_map(|ancestor| self.rows_of(*ancestor))
            // A shell in `crewboard run` is no agent, so it has no child sessions.
            .find(|parent| parent != key && !self.is_only_a_program(parent));
        self.ancestors.insert(key.clone(), ancestors.to_vec());
        self.tie_program(key, process, now, outcome);
        if let Some(row) = self.rows.get_mut(key) {
            row.state.watched = true;
            let derived = derive_session(row, now, now.stamp, "process:watched");
            self.record_change(key, derived.transition, now, outcome);
        }
        if let Some(parent) = parent {
            self.set_parent(key, &parent, now, outcome);
        }
        for child in children {
            self.set_parent(&child, key, now, outcome);
        }
    }

    pub(super) fn is_only_a_program(&self, key: &RowKey) -> bool {
        self.rows.get(key).is_some_and(|row| row.state.is_only_a_program())
    }

    /// Sets the parent of a session, which never claims its parent's pane.
    pub(super) fn set_parent(
        &mut self,
        child: &RowKey,
        parent: &RowKey,
        now: Now,
        outcome: &mut Outcome,
    ) {
        let Some(row) = self.rows.get_mut(child) else { return };
        // The agent's own service runs a background session, and a teammate belongs to its lead.
        if row.session.job.is_some()
            || row.session.parent.is_some()
            || row.session.teammate.is_some()
        {
            return;
        }
        row.session.parent = Some(parent.clone());
        row.state.nested = true;
        row.session.place = std::mem::take(&mut row.session.place).without_pane();
        self.record_change(child, None, now, outcome);
    }

    pub(super) fn apply_exit(&mut self, process: Process, now: Now, outcome: &mut Outcome) {
        for key in self.rows_of(process) {
            self.apply_exit_to(&key, process, now, outcome);
        }
    }

    fn apply_exit_to(&mut self, key: &RowKey, process: Process, now: Now, outcome: &mut Outcome) {
        let Some(row) = self.rows.get_mut(key) else { return };
        if row.session.process() != Some(process) {
            return;
        }
        let source = "process:exited";
        let from = row.session.status;
        if let Some(ended) = &mut row.state.ended {
            ended.dead = true;
        } else {
            // An agent that removes its file before it ends has exited in good order. One without a file and at its
            // prompt may have.
            let is_orderly = row.state.files.is_removed()
                || row.state.files.is_transcript_only() && !row.state.is_in_turn();
            let how = if is_orderly { End::Exit } else { End::Killed };
            row.state.ended = Some(Ended { how, stamp: now.stamp, dead: true });
            row.state.clear_open_work();
        }
        let derived = derive_session(row, now, now.stamp, source);
        row.state.trail.push(TrailEntry {
            source: source.to_owned(),
            summary: format!("process {} ended", process.pid),
            at: now.wall,
            stamp: now.stamp,
            delay: 0,
            effect: derived.effect(from),
        });
        if derived.transition.is_some() {
            self.record_change(key, derived.transition, now, outcome);
            self.prune_closed(outcome);
        } else {
            self.schedule(key, now, outcome);
        }
    }

    pub(super) fn apply_suspension(
        &mut self,
        process: Process,
        on: bool,
        now: Now,
        outcome: &mut Outcome,
    ) {
        for key in self.rows_of(process) {
            let Some(row) = self.rows.get_mut(&key) else { continue };
            if row.session.process() == Some(process) && row.session.stopped != on {
                row.session.stopped = on;
                self.record_change(&key, None, now, outcome);
            }
        }
    }
}

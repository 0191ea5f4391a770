//! Finds the sessions of a process.

use crate::MAX_AGENTS_OF_PROCESS;
use crate::session::identity::{AgentName, Process, RowKey};
use std::collections::HashMap;

/// The former processes of a session that are remembered, so that their late events create no new session. Hooks are
/// late by seconds, and only a script resumes a session eight times in that time.
const MAX_FORMER: usize = 8;

/// The sessions of each process, one for each agent: a wrapper may report itself under the process of the agent that
/// it runs.
#[derive(Debug, Clone, Default)]
pub(super) struct ProcessIndex(HashMap<Process, Vec<(AgentName, RowKey)>>);

impl ProcessIndex {
    /// Returns the session of `agent` in a process.
    pub(super) fn get(&self, process: Process, agent: &AgentName) -> Option<&RowKey> {
        let rows = self.0.get(&process)?;
        rows.iter().find(|(own, _)| own == agent).map(|(_, row)| row)
    }

    /// Returns the sessions of all agents in a process.
    pub(super) fn get_all(&self, process: Process) -> impl Iterator<Item = &RowKey> {
        self.0.get(&process).into_iter().flatten().map(|(_, row)| row)
    }

    /// Returns true if `process` has a session of `agent`, or room for one.
    pub(super) fn has_room(&self, process: Process, agent: &AgentName) -> bool {
        let rows = self.0.get(&process).map_or(0, Vec::len);
        rows < MAX_AGENTS_OF_PROCESS || self.get(process, agent).is_some()
    }

    /// Assigns the first process to a new session. Unlike [`ProcessIndex::insert`], it checks no other process.
    pub(super) fn insert_first(&mut self, process: Process, agent: &AgentName, row: &RowKey) {
        self.assign(process, agent, row);
    }

    /// Assigns `process` to a session that may have had others. Returns false if the process had a session of that agent
    /// already.
    pub(super) fn insert(&mut self, process: Process, agent: &AgentName, row: &RowKey) -> bool {
        let is_new = self.assign(process, agent, row);
        let has_row = |rows: &Vec<(AgentName, RowKey)>| rows.iter().any(|(_, key)| key == row);
        let processes =
            || self.0.iter().filter(|(_, rows)| has_row(rows)).map(|(process, _)| *process);
        if processes().count() > MAX_FORMER + 1
            && let Some(oldest) = processes()
                .filter(|other| *other != process)
                .min_by_key(|process| (process.start, process.pid))
        {
            self.remove_process(oldest, row);
        }
        is_new
    }

    fn assign(&mut self, process: Process, agent: &AgentName, row: &RowKey) -> bool {
        let rows = self.0.entry(process).or_default();
        if let Some((_, known)) = rows.iter_mut().find(|(name, _)| name == agent) {
            *known = row.clone();
            return false;
        }
        // Nearly every process has one session.
        rows.reserve_exact(1);
        rows.push((agent.clone(), row.clone()));
        true
    }

    fn remove_process(&mut self, process: Process, row: &RowKey) {
        if let Some(rows) = self.0.get_mut(&process) {
            rows.retain(|(_, own)| own != row);
            if rows.is_empty() {
                self.0.remove(&process);
            }
        }
    }

    /// Removes a session with all its processes.
    pub(super) fn remove(&mut self, row: &RowKey) {
        self.0.retain(|_, rows| {
            rows.retain(|(_, own)| own != row);
            !rows.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_remembers_its_last_processes() {
        let mut process_index = ProcessIndex::default();
        let (agent, row) = (AgentName::new("claude"), RowKey::new("kaaaa"));
        let process = |number: u32| Process { pid: number, start: number.into() };
        for number in 1..=100 {
            assert!(process_index.insert(process(number), &agent, &row));
        }
        assert_eq!(process_index.0.len(), MAX_FORMER + 1);
        assert_eq!(process_index.get(process(100), &agent), Some(&row));
        assert_eq!(process_index.get(process(92), &agent), Some(&row));
        assert_eq!(process_index.get(process(91), &agent), None);
        assert!(!process_index.insert(process(100), &agent, &row));
        process_index.remove(&row);
        assert!(process_index.0.is_empty());
    }

    #[test]
    fn each_agent_of_a_process_has_its_own_session() {
        let mut process_index = ProcessIndex::default();
        let process = Process { pid: 1, start: 1 };
        let [claude, mine] = ["claude", "mine"].map(AgentName::new);
        let [one, other] = ["kaaaa", "kbbbb"].map(RowKey::new);
        process_index.insert(process, &claude, &one);
        process_index.insert(process, &mine, &other);
        assert_eq!(process_index.get(process, &claude), Some(&one));
        assert_eq!(process_index.get(process, &mine), Some(&other));
        assert_eq!(process_index.get_all(process).count(), 2);
    }
}

//! Which row a process belongs or belonged to.

use crate::MAX_AGENTS_OF_PROCESS;
use crate::session::identity::{AgentName, Process, RowKey};
use std::collections::HashMap;

/// Former processes of one row that are remembered, so that their late words make no new row. Hooks are late by
/// seconds; eight processes in that time would be a script's.
const MAX_FORMER: usize = 8;

/// The rows of each process: one for each agent that says it is its own, for a wrapper may report itself
/// under the process of the agent it runs.
#[derive(Debug, Clone, Default)]
pub(super) struct ProcessIndex(HashMap<Process, Vec<(AgentName, RowKey)>>);

impl ProcessIndex {
    /// The row of `agent` in that process.
    pub(super) fn of(&self, process: Process, agent: &AgentName) -> Option<&RowKey> {
        let rows = self.0.get(&process)?;
        rows.iter().find(|(own, _)| own == agent).map(|(_, row)| row)
    }

    /// The rows of all agents in that process.
    pub(super) fn all_of(&self, process: Process) -> impl Iterator<Item = &RowKey> {
        self.0.get(&process).into_iter().flatten().map(|(_, row)| row)
    }

    /// Returns whether `process` may have a row of `agent`: it has one, or has few enough of others.
    pub(super) fn may_own(&self, process: Process, agent: &AgentName) -> bool {
        let rows = self.0.get(&process).map_or(0, Vec::len);
        rows < MAX_AGENTS_OF_PROCESS || self.of(process, agent).is_some()
    }

    /// From now on `process` is `row`'s; false if it was known as some row's of that agent.
    pub(super) fn insert(&mut self, process: Process, agent: &AgentName, row: &RowKey) -> bool {
        let rows = self.0.entry(process).or_default();
        let known = rows.iter_mut().find(|(own, _)| own == agent);
        let is_new = known.is_none();
        match known {
            Some((_, known)) => *known = row.clone(),
            None => rows.push((agent.clone(), row.clone())),
        }
        let is_its = |rows: &Vec<(AgentName, RowKey)>| rows.iter().any(|(_, own)| own == row);
        let its = || self.0.iter().filter(|(_, rows)| is_its(rows)).map(|(process, _)| *process);
        if its().count() > MAX_FORMER + 1
            && let Some(oldest) = its()
                .filter(|other| *other != process)
                .min_by_key(|process| (process.start, process.pid))
        {
            self.let_go(oldest, row);
        }
        is_new
    }

    fn let_go(&mut self, process: Process, row: &RowKey) {
        if let Some(rows) = self.0.get_mut(&process) {
            rows.retain(|(_, own)| own != row);
            if rows.is_empty() {
                self.0.remove(&process);
            }
        }
    }

    /// A row is no more.
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
    fn a_row_remembers_its_last_processes_only() {
        let mut owners = ProcessIndex::default();
        let (agent, row) = (AgentName::new("claude"), RowKey::new("kaaaa"));
        let process = |number: u32| Process { pid: number, start: number.into() };
        for number in 1..=100 {
            assert!(owners.insert(process(number), &agent, &row));
        }
        assert_eq!(owners.0.len(), MAX_FORMER + 1);
        assert_eq!(owners.of(process(100), &agent), Some(&row));
        assert_eq!(owners.of(process(92), &agent), Some(&row));
        assert_eq!(owners.of(process(91), &agent), None);
        assert!(!owners.insert(process(100), &agent, &row));
        owners.remove(&row);
        assert!(owners.0.is_empty());
    }

    #[test]
    fn each_agent_has_its_own_row_in_a_process() {
        let mut owners = ProcessIndex::default();
        let process = Process { pid: 1, start: 1 };
        let [claude, mine] = ["claude", "mine"].map(AgentName::new);
        let [one, other] = ["kaaaa", "kbbbb"].map(RowKey::new);
        owners.insert(process, &claude, &one);
        owners.insert(process, &mine, &other);
        assert_eq!(owners.of(process, &claude), Some(&one));
        assert_eq!(owners.of(process, &mine), Some(&other));
        assert_eq!(owners.all_of(process).count(), 2);
    }
}

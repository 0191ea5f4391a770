//! Ties the program of `crewboard run` to the agent in it. A program may be a script that starts the agent: npm installs
//! some agents so. The agent's hooks report the agent's process, and the relay the script's.

use super::{Outcome, SessionStore};
use crate::Status;
use crate::evidence::event::{Event, Report};
use crate::session::identity::{Process, RowKey};
use crate::state::derive_session;
use crate::time::Now;

impl SessionStore {
    /// Gives an event of a tied program the process of the agent in it.
    pub(super) fn redirect_to_agent(&self, report: &mut Report) {
        let is_of_program = matches!(
            report.event,
            Event::ProgramStarted | Event::ProgramReported(_) | Event::ProgramExited(_)
        );
        let Some(process) = report.process.filter(|_| is_of_program) else { return };
        let agent = self.programs.get(&process).and_then(|key| self.rows.get(key));
        if let Some(process) = agent.and_then(|row| row.session.process()) {
            report.process = Some(process);
        }
    }

    /// Ties a process that is watched now to its program, or to the agent in it. The kernel reported that the agent
    /// descends from the program, and both have the same name: a shell in `crewboard run` is not the agents in it.
    pub(super) fn tie_program(
        &mut self,
        key: &RowKey,
        process: Process,
        now: Now,
        outcome: &mut Outcome,
    ) {
        if self.is_only_a_program(key) {
            // The agents that an agent starts descend from the program too, and are further from it.
            let distance = |agent: &&RowKey| {
                let ancestors = self.ancestors.get(*agent);
                ancestors.and_then(|all| all.iter().position(|ancestor| *ancestor == process))
            };
            let agents = self.ancestors.keys().filter(|agent| distance(agent).is_some());
            let agents = agents.filter(|agent| self.is_agent_of(agent, key));
            if let Some(agent) = agents.min_by_key(|agent| (distance(agent), *agent)).cloned() {
                self.tie(key, process, &agent, now, outcome);
            }
            return;
        }
        for ancestor in self.ancestors.get(key).cloned().unwrap_or_default() {
            let program = self
                .rows_of(ancestor)
                .into_iter()
                .find(|program| self.is_only_a_program(program) && self.is_agent_of(key, program));
            if let Some(program) = program {
                self.tie(&program, ancestor, key, now, outcome);
                return;
            }
            // A script may start the agent again after its end.
            let former = self.programs.get(&ancestor).and_then(|former| self.rows.get(former));
            let is_over = former.is_some_and(|row| row.session.status == Status::Closed);
            if is_over && self.programs.get(&ancestor).is_some_and(|it| self.is_agent_of(key, it)) {
                self.programs.insert(ancestor, key.clone());
                return;
            }
        }
    }

    /// Returns true if the session is an open one of an agent with the name of the program.
    fn is_agent_of(&self, agent: &RowKey, program: &RowKey) -> bool {
        let name = |key: &RowKey| self.rows.get(key).map(|row| &row.session.agent);
        agent != program
            && name(agent) == name(program)
            && !self.is_only_a_program(agent)
            && self.rows.get(agent).is_some_and(|row| row.session.status != Status::Closed)
    }

    /// Removes the program's session, and gives its evidence to the agent's.
    fn tie(
        &mut self,
        program: &RowKey,
        process: Process,
        agent: &RowKey,
        now: Now,
        outcome: &mut Outcome,
    ) {
        let Some(evidence) = self.rows.get(program).map(|row| row.state.program_evidence()) else {
            return;
        };
        if let Some(row) = self.rows.get_mut(agent) {
            row.state.set_program_evidence(evidence);
            let derived = derive_session(row, now, now.stamp, "process:watched");
            self.record_change(agent, derived.transition, now, outcome);
        }
        self.remove(program, outcome);
        self.programs.insert(process, agent.clone());
    }
}

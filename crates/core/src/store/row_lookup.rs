//! Finds the row of an event or an observation, or creates it.

use super::{Outcome, ProcessToWatch, SessionStore};
use crate::evidence::event::{Event, Report};
use crate::evidence::observation::{FileFinding, FileStatus, Observation};
use crate::session::Session;
use crate::session::identity::{AgentName, ConversationId, Process, RowKey};
use crate::state::metadata::apply_metadata;
use crate::state::row::Row;
use crate::time::Now;
use crate::{MAX_ROWS, Status};
use std::cmp::Reverse;

impl SessionStore {
    /// Finds the session of an event, or creates it.
    pub(super) fn find_or_create(
        &mut self,
        report: &Report,
        now: Now,
        outcome: &mut Outcome,
    ) -> Option<RowKey> {
        // A program in a container has no id, and its process number names another process here.
        if report.process.is_none() && report.session.is_empty() {
            return None;
        }
        let same =
            |row: &&Row| row.session.agent == report.agent && row.session.id == report.session;
        let is_final = report.event.is_final();
        if let Some(process) = report.process {
            if let Some(key) = self.process_index.get(process, &report.agent) {
                return Some(key.clone());
            }
            if !self.process_index.has_room(process, &report.agent) {
                return None;
            }
            let closed = self
                .rows
                .values()
                .map(Box::as_ref)
                .filter(|row| {
                    row.session.status == Status::Closed && !row.session.id.is_empty() && same(row)
                })
                .max_by(|one, other| {
                    (one.session.since, &one.session.key)
                        .cmp(&(other.session.since, &other.session.key))
                })
                .map(|row| row.session.key.clone());
            // The process of the session was not known when it began.
            let host = &report.place.host;
            let unbound = self.rows.values().map(Box::as_ref).filter(same).find(|row| {
                let session = &row.session;
                session.pid.is_none()
                    && session.status != Status::Closed
                    && !session.id.is_empty()
                    && session.place.host == *host
            });
            if let Some(key) = unbound.map(|row| row.session.key.clone()) {
                self.bind(&key, process);
                outcome.watch.push(ProcessToWatch { agent: report.agent.clone(), process });
                return Some(key);
            }
            if let Some(key) = closed.filter(|_| !is_final) {
                self.resume(&key, process, report.headless);
                outcome.watch.push(ProcessToWatch { agent: report.agent.clone(), process });
                return Some(key);
            }
        } else {
            // The session without a process, or else the latest one. The choice must not depend on the status, or a
            // duplicate event would change another session.
            let rank = |row: &&Row| {
                (row.session.pid.is_some(), Reverse(row.session.started), row.session.key.clone())
            };
            // An event from a container does not prove that it belongs to a process outside of it.
            let can_match = |row: &&Row| row.session.pid.is_none() || !report.elsewhere;
            if let Some(row) =
                self.rows.values().map(Box::as_ref).filter(same).filter(can_match).min_by_key(rank)
            {
                return Some(row.session.key.clone());
            }
        }
        if is_final || self.rows.len() >= MAX_ROWS && !self.make_room(outcome) {
            return None;
        }
        let key = self.free_key(&report.agent, &report.place.host, report.process, &report.session);
        let session = Session {
            key: key.clone(),
            agent: report.agent.clone(),
            id: report.session.clone(),
            headless: report.headless,
            pid: report.process.map(|process| process.pid),
            pid_start: report.process.map(|process| process.start),
            started: now.wall_of(report.stamp),
            epoch: self.epoch.clone(),
            ..Session::default()
        };
        let mut row = Row { session, ..Row::default() };
        apply_metadata(&mut row, report);
        if let Some(process) = report.process {
            self.process_index.insert_first(process, &report.agent, &key);
            outcome.watch.push(ProcessToWatch { agent: report.agent.clone(), process });
        }
        self.rows.insert(key.clone(), Box::new(row));
        Some(key)
    }

    /// Finds the session of an observation. A process without hook events gets a session once its file shows a status:
    /// its hooks are off, or it started before the daemon.
    pub(super) fn find_or_create_observed(
        &mut self,
        observation: &Observation,
        now: Now,
        outcome: &mut Outcome,
    ) -> Option<RowKey> {
        if let Some(key) = self.process_index.get(observation.process, &observation.agent) {
            return Some(key.clone());
        }
        let (FileFinding::FileStatus { status, since }
        | FileFinding::UnwatchedStatus { status, since }) = observation.finding
        else {
            return None;
        };
        if status == FileStatus::Unknown {
            return None;
        }
        let about = &observation.about;
        let report = Report {
            process: Some(observation.process),
            cwd: about.cwd.clone(),
            profile: about.profile.clone(),
            headless: about.headless,
            job: about.job.clone(),
            place: about.place.clone(),
            ..Report::new(
                observation.agent.as_str(),
                about.session.as_str(),
                &observation.source,
                since,
                Event::Unknown,
            )
        };
        self.find_or_create(&report, now, outcome)
    }

    /// Gives an open session without a process its process.
    fn bind(&mut self, key: &RowKey, process: Process) {
        let Some(row) = self.rows.get_mut(key) else { return };
        row.session.pid = Some(process.pid);
        row.session.pid_start = Some(process.start);
        self.process_index.insert(process, &row.session.agent, key);
    }

    /// Resumes a closed session with a new process.
    pub(super) fn resume(&mut self, key: &RowKey, process: Process, headless: bool) {
        let Some(row) = self.rows.get_mut(key) else { return };
        row.session.pid = Some(process.pid);
        row.session.pid_start = Some(process.start);
        row.session.origin = None;
        row.session.agent_version = None;
        row.session.parent = None;
        row.session.job = None;
        row.session.teammate = None;
        row.session.headless = headless;
        row.session.dismissed = false;
        row.state.change_process();
        // The old process stays in the index, so that its late events create no new session.
        self.process_index.insert(process, &row.session.agent, key);
        self.ancestors.remove(key);
    }

    /// Returns a key for a new session that no other session has as its key or name.
    pub(super) fn free_key(
        &self,
        agent: &AgentName,
        host: &str,
        process: Option<Process>,
        session: &ConversationId,
    ) -> RowKey {
        let process = process.map(|process| [process.pid.to_string(), process.start.to_string()]);
        let parts: Vec<&str> = match &process {
            Some([pid, start]) => vec![agent.as_str(), host, pid, start],
            None => vec![agent.as_str(), host, session.as_str()],
        };
        (0..=u32::MAX)
            .map(|attempt| RowKey::derive(&parts, attempt))
            .find(|key| self.is_free(key))
            .unwrap_or_default()
    }

    /// Returns true if no session has that key or name. Commands accept both and prefer the key.
    pub(super) fn is_free(&self, key: &RowKey) -> bool {
        !self.rows.contains_key(key)
            && self.rows.values().all(|row| row.session.name != key.as_str())
    }
}

/// Switches the session to the conversation of an event, unless the event belongs to a former conversation.
pub(super) fn switch_conversation(row: &mut Row, report: &Report) -> Result<(), &'static str> {
    let starts = matches!(report.event, Event::SessionStarted { .. });
    if !starts && row.session.lineage.contains(&report.session) {
        return Err("from a former conversation");
    }
    if report.stamp.is_before(row.state.latest) {
        return Err("from a conversation that was replaced");
    }
    if matches!(report.event, Event::SessionEnded { .. }) || report.subagent.is_some() {
        return Err("from a conversation that this process never had");
    }
    row.switch_conversation(&report.session, report.stamp);
    Ok(())
}

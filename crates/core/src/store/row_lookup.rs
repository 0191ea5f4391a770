//! Which row an event belongs to.

use super::{Outcome, ProcessToWatch, SessionStore};
use crate::evidence::event::{Event, Report};
use crate::evidence::observation::{FileFinding, FileStatus, Observation};
use crate::session::Session;
use crate::session::identity::{AgentName, ConversationId, Process, RowKey};
use crate::state::metadata::describe;
use crate::state::row::Row;
use crate::time::Now;
use crate::{MAX_ROWS, Status};
use std::cmp::Reverse;

impl SessionStore {
    /// The row an event belongs to, made if there is none.
    pub(super) fn row_for(
        &mut self,
        report: &Report,
        now: Now,
        outcome: &mut Outcome,
    ) -> Option<RowKey> {
        let same = |row: &&Row| row.agent == report.agent && row.id == report.session;
        let is_last_word = report.event.is_last_word();
        if let Some(process) = report.process {
            if let Some(key) = self.owners.of(process, &report.agent) {
                return Some(key.clone());
            }
            if !self.owners.may_own(process, &report.agent) {
                return None;
            }
            let closed = self
                .rows
                .values()
                .filter(|row| row.status == Status::Closed && !row.id.is_empty() && same(row))
                .max_by(|one, other| (one.since, &one.key).cmp(&(other.since, &other.key)))
                .map(|row| row.key.clone());
            if let Some(key) = closed.filter(|_| !is_last_word) {
                self.take_over(&key, process, report.headless);
                outcome.watch.push(ProcessToWatch { agent: report.agent.clone(), process });
                return Some(key);
            }
        } else {
            // Its own row, or the latest that has a process. What is chosen must not hang on the
            // status, or the same event told twice would be two rows' news.
            let rank = |row: &&Row| (row.pid.is_some(), Reverse(row.started), row.key.clone());
            // From a container the id alone proves nothing about a process of ours.
            let may_be = |row: &&Row| row.pid.is_none() || !report.elsewhere;
            if let Some(row) = self.rows.values().filter(same).filter(may_be).min_by_key(rank) {
                return Some(row.key.clone());
            }
        }
        if is_last_word || self.rows.len() >= MAX_ROWS && !self.make_room(outcome) {
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
        describe(&mut row, report);
        if let Some(process) = report.process {
            self.owners.insert(process, &report.agent, &key);
            outcome.watch.push(ProcessToWatch { agent: report.agent.clone(), process });
        }
        self.rows.insert(key.clone(), row);
        Some(key)
    }

    /// The row an observation belongs to. A process that no hook has told of gets one once its file
    /// says what it does: one whose hooks are off, or that ran before there was anybody to tell.
    pub(super) fn row_of(
        &mut self,
        observation: &Observation,
        now: Now,
        outcome: &mut Outcome,
    ) -> Option<RowKey> {
        if let Some(key) = self.owners.of(observation.process, &observation.agent) {
            return Some(key.clone());
        }
        let (FileFinding::FileStatus { condition, since }
        | FileFinding::Glimpse { condition, since }) = observation.finding
        else {
            return None;
        };
        if condition == FileStatus::Unknown {
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
        self.row_for(&report, now, outcome)
    }

    /// A new process goes on with a conversation whose row is closed.
    pub(super) fn take_over(&mut self, key: &RowKey, process: Process, headless: bool) {
        let Some(row) = self.rows.get_mut(key) else { return };
        row.pid = Some(process.pid);
        row.pid_start = Some(process.start);
        row.origin = None;
        row.agent_version = None;
        row.parent = None;
        row.job = None;
        row.teammate = None;
        row.headless = headless;
        row.dismissed = false;
        row.facts.change_process();
        // The old process stays known as this row's, so that its late words make no new row.
        self.owners.insert(process, &row.agent, key);
        self.ancestors.remove(key);
    }

    /// Returns a key for a new row: none that another row has, or is called by.
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

    /// Returns whether no row has that key or that name. Commands take either, and prefer the key.
    pub(super) fn is_free(&self, key: &RowKey) -> bool {
        !self.rows.contains_key(key) && self.rows.values().all(|row| row.name != key.as_str())
    }
}

/// Another conversation takes the place of the row's present one, unless the event is of a former.
pub(super) fn switch_conversation(row: &mut Row, report: &Report) -> Result<(), &'static str> {
    let starts = matches!(report.event, Event::SessionStarted { .. });
    if !starts && row.lineage.contains(&report.session) {
        return Err("of a former conversation");
    }
    if report.stamp.is_before(row.facts.latest) {
        return Err("of a conversation left since");
    }
    if matches!(report.event, Event::SessionEnded { .. }) || report.subagent.is_some() {
        return Err("of a conversation this process never showed");
    }
    row.switch_conversation(&report.session, report.stamp);
    Ok(())
}
